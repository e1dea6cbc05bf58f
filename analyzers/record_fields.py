"""A record's own columns as text, to be shown beside its finding."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from analyzers.columns import Column, Field, Role
from analyzers.settings import Material

LONGEST = 300
"""Characters of one value; more is cut."""
MOST_FIELDS = 60


def fields_of(material: Material, rows: Sequence[int]) -> dict[int, dict[str, str]]:
    """Text of the columns of the given batch rows, by row; empty values are left out.

    Instants are in the monitor's time zone, money has two decimals and its currency.
    """
    wanted = sorted(set(rows))
    if not wanted:
        return {}
    shown = [column for column in material.columns.columns if column.name in material.batch.columns][:MOST_FIELDS]
    picked = material.batch[wanted]
    texts = [_text(material, picked, column).str.slice(0, LONGEST).to_list() for column in shown]
    names = [column.name for column in shown]
    return {
        row: {name: value for name, value in zip(names, values, strict=True) if value is not None and value != ""}
        for row, values in zip(wanted, zip(*texts, strict=True), strict=True)
    }


def _text(material: Material, frame: pl.DataFrame, column: Column) -> pl.Series:
    """One column as text."""
    dtype, value = frame.schema[column.name], pl.col(column.name)
    if isinstance(dtype, pl.Datetime):
        local = value.dt.convert_time_zone(material.settings.timezone) if dtype.time_zone else value
        return frame.select(local.dt.strftime("%Y-%m-%d %H:%M:%S").alias("text"))["text"]
    if column.role is Role.EXPOSURE or dtype.is_decimal():
        return frame.select(_money(material, value, column).alias("text"))["text"]
    return frame.select(value.cast(pl.String, strict=False).alias("text"))["text"]


def _money(material: Material, value: pl.Expr, column: Column) -> pl.Expr:
    amount = value.cast(pl.Decimal(38, 4), strict=False).round(2).cast(pl.Decimal(38, 2), strict=False).cast(pl.String)
    if column.role is not Role.EXPOSURE:
        return amount
    name = material.columns.field(Field.CURRENCY)
    stated = pl.lit(material.settings.currency, pl.String)
    unit = pl.coalesce(pl.col(name), stated) if name else stated
    return pl.concat_str(amount, unit, separator=" ", ignore_nulls=True)
