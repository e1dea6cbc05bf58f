"""How far a source was read: the highest value of one column, as text with the form that it has there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import polars as pl

from analyzers.errors import SourceError


class Form(StrEnum):
    """What the column holds."""

    INSTANT = "instant"
    """A time with its zone; kept in UTC."""
    LOCAL = "local"
    """A time without a zone, as the source writes it."""
    DATE = "date"
    NUMBER = "number"
    WRITTEN = "written"
    """A time as ISO text, such as SQLite's."""


@dataclass(frozen=True)
class Watermark:
    """The highest value that was read."""

    form: Form
    value: str

    def less(self, look_back: float) -> Watermark:
        """The value from which rows are read again: so many days, or units of a number, before."""
        if self.form is Form.NUMBER:
            return Watermark(self.form, format(Decimal(self.value) - Decimal(str(look_back)), "f"))
        back = timedelta(days=look_back)
        if self.form is Form.DATE:
            return Watermark(self.form, (date.fromisoformat(self.value) - back).isoformat())
        moment = datetime.fromisoformat(self.value) - back
        between = "T" if "T" in self.value else " "
        if self.form is Form.WRITTEN and len(self.value) == 10:
            return Watermark(self.form, moment.date().isoformat())
        return Watermark(self.form, moment.isoformat(sep=between))

    def above(self, other: Watermark | None) -> Watermark:
        """The higher of both; of two forms this one, since the column has changed its type."""
        if other is None or other.form is not self.form:
            return self
        if self.form is Form.NUMBER:
            return self if Decimal(self.value) >= Decimal(other.value) else other
        return self if self.value >= other.value else other


def highest(column: pl.Series, *, now: datetime) -> Watermark | None:
    """The highest value of a part of the column; None where it has none.

    Times beyond tomorrow do not count: one mistyped year would hide every record that follows.
    Raises SourceError where the column holds neither times nor numbers.
    """
    present = column.drop_nulls()
    if present.is_empty():
        return None
    dtype, latest = present.dtype, now.astimezone(UTC) + timedelta(days=1)
    if isinstance(dtype, pl.Datetime):
        form = Form.INSTANT if dtype.time_zone else Form.LOCAL
        plain = present.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else present
        top = plain.filter(plain <= latest.replace(tzinfo=None)).max()
        return Watermark(form, _moment(top, form)) if isinstance(top, datetime) else None
    if dtype == pl.Date:
        day = present.filter(present <= latest.date()).max()
        return Watermark(Form.DATE, day.isoformat()) if isinstance(day, date) else None
    if dtype.is_numeric():
        return Watermark(Form.NUMBER, str(present.max()))
    if dtype == pl.String:
        return _written(present, latest)
    raise SourceError(f"column {column.name!r} holds {dtype}, which cannot be a watermark; name a time or a number")


def _moment(top: datetime, form: Form) -> str:
    return (top.replace(tzinfo=UTC) if form is Form.INSTANT else top).isoformat(sep=" ")


def _written(present: pl.Series, latest: datetime) -> Watermark | None:
    """ISO texts sort like the times that they stand for, as long as none has an offset."""
    iso = r"^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?$"
    if not present.str.contains(iso).all():
        example = present.filter(~present.str.contains(iso)).first()
        raise SourceError(
            f"column {present.name!r}: {str(example)[:40]!r} cannot be a watermark; "
            "name a column of numbers or of times written as 2026-05-31 10:00:00"
        )
    top = present.filter(present <= latest.replace(tzinfo=None).isoformat(sep=" ")).max()
    return Watermark(Form.WRITTEN, top) if isinstance(top, str) else None
