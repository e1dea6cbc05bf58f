"""What a check raises."""

from __future__ import annotations


class UnbackedError(Exception):
    """Something in a text that its fact does not hold."""
