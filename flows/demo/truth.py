"""What a simulator knows about its own data: what was planted, and what only looks odd."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Planted:
    """An anomaly that a professional would want to see.

    `keys` are the records to be pointed at; `related` belong to the same matter (the first of two payments) and are
    no false alarm. Records of a plant have no key: there `entity`, `measures`, `start` and `end` say what and when.
    """

    kind: str
    rule_like: bool
    """Whether a plain rule finds it (a duplicate, a silent sensor) rather than a comparison with what is usual."""
    entity: str
    start: datetime
    """Time zone aware, UTC, like `end`."""
    end: datetime
    keys: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decoy:
    """Something that looks odd and is normal; the same kind also occurs before the batch, in its natural rhythm."""

    kind: str
    entity: str
    start: datetime
    end: datetime
    keys: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
