"""Columns of typed sources (Parquet, JSON): simple types, one type over all files, and the kinds they stand for."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from analyzers.errors import SourceError
from flows.sources import column_types, instants, numbers
from flows.sources.column_types import Reading, TypedColumn
from flows.sources.instants import ClockChanges
from flows.sources.kinds import INSTANT, ColumnKind, Kind, blanked
from flows.sources.reading import RawFile


def simplify(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested, binary, categorical and duration columns as text or numbers; NaN and infinity as null."""
    return frame.select(_simple(name, dtype) for name, dtype in frame.schema.items())


def _simple(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_float():
        wide = column.cast(pl.Float64)
        return pl.when(wide.is_finite()).then(wide).alias(name)
    if dtype.is_nested():
        return pl.when(column.is_not_null()).then(pl.struct(column).struct.json_encode()).alias(name)
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex")
    if isinstance(dtype, pl.Duration):
        return column.dt.total_microseconds() / 1e6
    if isinstance(dtype, pl.Datetime):
        return column.cast(pl.Datetime("us", dtype.time_zone))
    if isinstance(dtype, (pl.UInt64, pl.Int128)):
        return column.cast(pl.Int64, strict=False) if dtype != pl.UInt64 else column.cast(pl.Float64)
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if isinstance(dtype, (pl.Categorical, pl.Enum, pl.Time, pl.Null)):
        return column.cast(pl.String)
    return column


def harmonise(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames with one type for each column: numbers meet as Float64, anything else as text."""
    types: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            types.setdefault(name, set()).add(dtype)
    mixed = {name: found for name, found in types.items() if len(found) > 1}
    common = {
        name: pl.Float64() if all(dtype.is_numeric() for dtype in found) else pl.String()
        for name, found in mixed.items()
    }
    return [
        frame.with_columns(pl.col(name).cast(dtype) for name, dtype in common.items() if name in frame.columns)
        for frame in frames
    ]


def turned_to_text(files: Sequence[RawFile], frames: Sequence[pl.DataFrame]) -> list[str]:
    """Columns that are text only because the files disagree about their type."""
    return [
        name
        for file, frame in zip(files, frames, strict=True)
        for name in frame.columns
        if frame.schema[name] == pl.String and file.frame.schema[name] != pl.String
    ]


def infer_text(text: pl.Series, reading: Reading) -> TypedColumn:
    """Text of a typed source was meant as text; only instants are looked for, since JSON has no type for them."""
    inferred = column_types.infer_column(text, reading)
    if inferred.kind.kind is Kind.INSTANT:
        return inferred
    return TypedColumn(text, ColumnKind(Kind.TEXT, "text in the source"), pl.Series([], dtype=pl.UInt32))


def convert(values: pl.Series, kind: Kind | None, reading: Reading) -> TypedColumn:
    """A typed column as its own kind, or as the stated one."""
    own = column_types.native_kind(values)
    wanted = kind or own
    typed, changes = _as_kind(values, wanted, reading)
    bad = (typed.is_null() & values.is_not_null()).arg_true()
    if kind is not None and bad.len() * 2 > values.count():
        raise SourceError(
            f"column {values.name!r} is stated as {kind.value}, but the source holds "
            f"{own.value}; give the column another role"
        )
    reason = "stated" if kind else f"{own.value} in the source"
    return TypedColumn(typed, ColumnKind(wanted, reason, stated=kind is not None), bad, changes)


def _as_kind(values: pl.Series, kind: Kind, reading: Reading) -> tuple[pl.Series, ClockChanges]:
    if kind is Kind.INSTANT:
        return _as_instant(values, reading.timezone)
    if kind is Kind.TEXT:
        return as_text(values), ClockChanges()
    if values.dtype.is_temporal():
        return pl.Series(values.name, [None], dtype=pl.Float64).new_from_index(0, values.len()), ClockChanges()
    if kind is Kind.MONEY:
        return numbers.money_from_numbers(values), ClockChanges()
    if kind is Kind.BOOLEAN:
        zero_or_one = values.cast(pl.Float64).is_in([0.0, 1.0])
        return blanked(values.cast(pl.Float64) == 1, ~zero_or_one.fill_null(False)), ClockChanges()
    whole = values.dtype.is_integer()
    return (values if whole or values.dtype == pl.Float64 else values.cast(pl.Float64)), ClockChanges()


def _as_instant(values: pl.Series, timezone: str) -> tuple[pl.Series, ClockChanges]:
    if values.dtype.is_numeric():
        return instants.from_epoch(values), ClockChanges()
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        return values.dt.convert_time_zone("UTC").cast(INSTANT), ClockChanges()
    if values.dtype.is_temporal():
        return instants.localize(values.cast(pl.Datetime("us")), timezone)
    return pl.Series(values.name, [None], dtype=INSTANT).new_from_index(0, values.len()), ClockChanges()


def as_text(values: pl.Series) -> pl.Series:
    """Any column as text: whole floats without a fraction, instants in ISO 8601, true and false in lower case."""
    if values.dtype == pl.Float64 and values.count():
        whole = values.cast(pl.Int64, strict=False)
        same = (whole.cast(pl.Float64) == values).fill_null(False)
        return (
            pl.select(pl.when(same).then(whole.cast(pl.String)).otherwise(values.cast(pl.String)))
            .to_series()
            .alias(values.name)
        )
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if values.dtype.time_zone else ""))
    return values.cast(pl.String)
