"""Which values of a column say yes, in the languages that exports come in."""

from __future__ import annotations

import polars as pl

_YES = ("true", "1", "yes", "y", "x", "manual", "m", "si", "sí", "s", "ja", "j", "wahr", "verdadero")


def says_yes(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Whether the column says yes: true, a number that is not zero, or a word such as `yes`, `x`, `ja`."""
    dtype, value = frame.schema[name], pl.col(name)
    if dtype == pl.Boolean:
        return value
    if dtype.is_numeric():
        return value != 0
    return value.cast(pl.String).str.strip_chars().str.to_lowercase().is_in(_YES)
