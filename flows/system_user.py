"""Who runs the program, as the system knows them."""

from __future__ import annotations

import getpass

from analyzers.errors import UsageError

UNKNOWN = "unknown user"


def stated_user() -> str:
    """The user who runs the program; UsageError where the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise UsageError("the system does not say who you are; add --by with your name") from None


def system_user() -> str:
    """The same for what happens by itself: `UNKNOWN` where the system does not say, as in some containers."""
    try:
        return stated_user()
    except UsageError:
        return UNKNOWN
