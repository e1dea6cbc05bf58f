"""The local day of an instant, and of a date as it stands."""

from __future__ import annotations

import polars as pl


def local_days(frame: pl.DataFrame, name: str, timezone: str) -> pl.Expr:
    """The column's days (Date) in a time zone; texts are read as ISO dates, what is none is null."""
    dtype, value = frame.schema[name], pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return (value.dt.convert_time_zone(timezone) if dtype.time_zone else value).dt.date()
    if dtype == pl.Date:
        return value
    return value.cast(pl.String).str.strip_chars().str.to_date(strict=False)
