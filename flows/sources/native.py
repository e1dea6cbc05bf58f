"""Columns of typed sources (Parquet, JSON): simple types, one type over all files, and the kinds they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from analyzers.errors import SourceError
from flows.sources import column_types, instants, numbers
from flows.sources.column_types import Reading, Rule, TypedColumn, no_bad_cells
from flows.sources.instants import ClockChanges
from flows.sources.kinds import INSTANT, ColumnKind, Kind, blanked
from flows.sources.reading import RawFile, check_rows


def assemble(
    files: Sequence[RawFile], stated: Mapping[str, Kind], timezone: str
) -> tuple[dict[str, TypedColumn], pl.Series]:
    """All columns of files of which some are typed, in order of first appearance, and the rows that are torn."""
    frames, torn, rows = [], [], 0
    for file in files:
        parts, hits = zip(*file.parts(), strict=True)
        torn.append(pl.concat(hits).arg_true().cast(pl.Int64) + rows)
        frames.append(_simplified(pl.concat(parts)))
        rows += frames[-1].height
        check_rows(file.path, rows)
    columns = {}
    for name in dict.fromkeys(name for file in files for name in file.names):
        found = [
            frame[f"c{file.names.index(name)}"] if name in file.names else None
            for file, frame in zip(files, frames, strict=True)
        ]
        heights = [frame.height for frame in frames]
        values, mixed = _united(found, heights)
        written = any(file.textual and name in file.names for file in files) or mixed
        columns[name] = _typed(values.alias(name), stated.get(name), written=written, timezone=timezone)
    return columns, pl.concat(torn)


def _simplified(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested, binary, categorical and duration columns as text or numbers; NaN and infinity as null."""
    return frame.select(_simple(name, dtype).alias(name) for name, dtype in frame.schema.items())


def _simple(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_float():
        wide = column.cast(pl.Float64)
        return pl.when(wide.is_finite()).then(wide)
    if dtype.is_nested():
        return pl.when(column.is_not_null()).then(pl.struct(value=column).struct.json_encode())
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex")
    if isinstance(dtype, pl.Duration):
        return column.dt.total_microseconds() / 1e6
    if isinstance(dtype, pl.Datetime):
        return column.cast(pl.Datetime("us", dtype.time_zone))
    if isinstance(dtype, (pl.UInt64, pl.Int128)):
        return column.cast(pl.Float64)
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if isinstance(dtype, (pl.Categorical, pl.Enum, pl.Time, pl.Null)):
        return column.cast(pl.String)
    return column


def _united(parts: Sequence[pl.Series | None], heights: Sequence[int]) -> tuple[pl.Series, bool]:
    """One series of one type; whether it is text only because the files disagree about the type."""
    dtypes = {part.dtype for part in parts if part is not None and part.null_count() < part.len()}
    common: pl.DataType
    if len(dtypes) > 1:
        common = pl.Float64() if all(dtype.is_numeric() for dtype in dtypes) else pl.String()
    else:
        common = next(iter(dtypes), pl.String())
    filled = []
    for part, height in zip(parts, heights, strict=True):
        if part is None or (part.dtype != common and part.null_count() == part.len()):
            filled.append(pl.Series([None], dtype=common).new_from_index(0, height))
        elif part.dtype == common:
            filled.append(part.alias(""))
        else:
            filled.append((as_text(part) if common == pl.String else part.cast(common)).alias(""))
    return pl.concat(filled), common == pl.String and len(dtypes) > 1


def _typed(values: pl.Series, kind: Kind | None, *, written: bool, timezone: str) -> TypedColumn:
    """A column as the stated kind, as its own, or as what its text shows."""
    reading = Reading(timezone)
    if values.dtype != pl.String:
        return convert(values, kind, timezone)
    if kind is not None:
        column = column_types.state_column(values, kind, reading)
        column_types.check_stated(column, values.count())
        return column
    inferred = column_types.infer_column(values, reading)
    # Text of a typed source was meant as text, save instants, for which JSON has no type.
    if written or inferred.rule.kind.kind is Kind.INSTANT:
        return inferred
    return TypedColumn(values, Rule(ColumnKind(Kind.TEXT, "text in the source")), no_bad_cells())


def convert(values: pl.Series, kind: Kind | None, timezone: str) -> TypedColumn:
    """A column that is no text as its own kind, or as the stated one; SourceError where most cells do not fit."""
    own = column_types.native_kind(values.dtype)
    wanted = kind or own
    typed, changes = _as_kind(values, wanted, timezone)
    bad = (typed.is_null() & values.is_not_null()).arg_true()
    if kind is not None and bad.len() * 2 > values.count():
        raise SourceError(
            f"column {values.name!r} is stated as {kind.value}, but the source holds {own.value}; "
            "give the column another role"
        )
    reason = "stated" if kind else f"{own.value} in the source"
    cells = pl.DataFrame({"row": bad, "value": as_text(values.gather(bad))}, schema_overrides=column_types.BAD_CELLS)
    rule = Rule(ColumnKind(wanted, reason, stated=kind is not None))
    return TypedColumn(typed.alias(values.name), rule, cells, changes)


def _as_kind(values: pl.Series, kind: Kind, timezone: str) -> tuple[pl.Series, ClockChanges]:
    if kind is Kind.INSTANT:
        return _as_instant(values, timezone)
    if kind is Kind.TEXT:
        return as_text(values), ClockChanges()
    if values.dtype.is_temporal():
        return _nothing(values, pl.Float64()), ClockChanges()
    if kind is Kind.MONEY:
        return numbers.money_from_numbers(values), ClockChanges()
    if kind is Kind.BOOLEAN:
        number = values.cast(pl.Float64)
        return blanked(number == 1, ~number.is_in([0.0, 1.0])), ClockChanges()
    kept = values.dtype.is_integer() or values.dtype == pl.Float64
    return (values if kept else values.cast(pl.Float64)), ClockChanges()


def _as_instant(values: pl.Series, timezone: str) -> tuple[pl.Series, ClockChanges]:
    if values.dtype.is_numeric():
        return instants.from_epoch(values), ClockChanges()
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone:
        return values.dt.convert_time_zone("UTC").cast(INSTANT), ClockChanges()
    if values.dtype.is_temporal():
        return instants.localize(values.cast(pl.Datetime("us")), timezone)
    return _nothing(values, INSTANT), ClockChanges()


def _nothing(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, values.len())


def as_text(values: pl.Series) -> pl.Series:
    """Any column as text: whole floats without a fraction, instants in ISO 8601, true and false in lower case."""
    if values.dtype == pl.Float64:
        whole = values.cast(pl.Int64, strict=False)
        same = (whole.cast(pl.Float64) == values).fill_null(False)
        shown = pl.when(same).then(whole.cast(pl.String)).otherwise(values.cast(pl.String))
        return pl.select(shown.alias(values.name)).to_series()
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if values.dtype.time_zone else ""))
    return values.cast(pl.String)
