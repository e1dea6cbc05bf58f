"""What a night as a whole has to say, as typed facts: the summary renders them, the check reads it against them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from analyzers.results import Frozen


class NightFactKind(StrEnum):
    """What a fact of the night is about."""

    NEEDS = "needs"
    """count: findings within the budget; title and subject: of the first of them."""
    STAKE = "stake"
    """money: the money at risk in them, per currency."""
    CHANGED = "changed"
    """counts: `new`, `open` (`unseen` of them not seen tonight) and `ended` since the last night, without those that
    are 0; since: the oldest one's day. Not told where everything is new."""
    FAILED = "failed"
    """names: monitors whose run failed."""
    BROKEN = "broken"
    """names: monitors whose data is broken, so that statistics did not run."""
    LEFT_OUT = "left_out"
    """counts: `skipped` checks and `unread` rows, without those that are 0."""


class NightFact(Frozen):
    """One fact of a night; `NightFactKind` says what each slot holds."""

    kind: NightFactKind
    count: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
    money: tuple[tuple[Decimal, str | None], ...] = ()
    names: tuple[str, ...] = ()
    title: str = ""
    subject: str = ""
    since: date | None = None
