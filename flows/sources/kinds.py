"""What the cells of a column hold, and what stands for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

MONEY = pl.Decimal(18, 4)
INSTANT = pl.Datetime("us", "UTC")

# Lower-case texts that mean "no value" in a column of numbers, instants or booleans. Text columns keep them.
MISSING = (
    "", "na", "n/a", "#n/a", "#na", "nan", "null", "none", "nil", "-", "--", "?", "inf", "-inf", "+inf", "infinity",
    "-infinity", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "n.a.", "s/d", "\\n",
)  # fmt: skip


class Kind(StrEnum):
    """What the cells of a column hold.

    text: String. number: Int64 where all are whole, else Float64. money: Decimal(18, 4). instant: Datetime in UTC.
    boolean: Boolean.
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    INSTANT = "instant"
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class ColumnKind:
    """The kind of one column, and why."""

    kind: Kind
    reason: str
    stated: bool = False


def is_missing(text: pl.Series) -> pl.Series:
    """Where a text means that there is no value; null counts too."""
    return text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(list(MISSING))


def sample(text: pl.Series, size: int = 2_000) -> list[str]:
    """Texts spread over the column, without blanks around them, that stand for something."""
    present = text.drop_nulls()
    spread = pl.concat([present.head(200), present.gather_every(max(1, present.len() // size)), present.tail(50)])
    return spread.filter(~is_missing(spread)).str.strip_chars().to_list()


def blanked(series: pl.Series, where: pl.Series) -> pl.Series:
    """The series with nulls where the mask is true."""
    return pl.select(pl.when(where.fill_null(False)).then(None).otherwise(series).alias(series.name)).to_series()
