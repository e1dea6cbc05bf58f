"""Files into one typed frame: what `sereno scan` and every monitor read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyzers.errors import SourceError
from flows.sources import column_types, native
from flows.sources.column_types import Reading, TypedColumn
from flows.sources.instants import ClockChanges
from flows.sources.kinds import ColumnKind, Kind
from flows.sources.paths import expand
from flows.sources.reading import RawFile, read_file

__all__ = ["Kind", "Table", "read_files"]

QUARANTINE = {"row": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}
_SHOWN = 200


@dataclass(frozen=True)
class Table:
    """What was read.

    frame : the rows that could be read, in input order; column types are those of `Kind`.
    rows : for each row of `frame` its number over all inputs in argument order, from 0 (Int64).
    total : number of input rows, quarantined ones included.
    quarantined : the cells for which a row was put aside: `row`, `column`, `value` (cut), `reason`.
    kinds : kind of each column and why.
    clock_changes : columns with times without a zone that fell into a change of clocks.
    notes : what a person should know: encodings, columns that some files lack, names that were changed.
    """

    frame: pl.DataFrame
    rows: pl.Series
    total: int
    quarantined: pl.DataFrame
    kinds: Mapping[str, ColumnKind]
    paths: tuple[Path, ...]
    clock_changes: Mapping[str, ClockChanges]
    notes: tuple[str, ...] = ()


def read_files(
    patterns: Sequence[str | Path], *, kinds: Mapping[str, Kind] | None = None, timezone: str = "UTC"
) -> Table:
    """Read CSV, Parquet, JSON lines and Excel files into one typed table.

    Parameters
    ----------
    patterns : paths and globs; CSV and JSON may be packed with gzip or zstd.
    kinds : kinds that a person stated, by column; the others are inferred, text that looks like a number included.
        Names that no file has are ignored here.
    timezone : zone in which times without one are read.

    Raises
    ------
    SourceError
        Where a file is missing, unreadable, empty, no table, or a stated kind does not fit most of a column.
    """
    files = [read_file(path) for path in expand(patterns)]
    if not files:
        raise SourceError("no input; name at least one file")
    frame, textual, torn = _join(files)
    reading = Reading(timezone, column_types.decimal_sign(frame))
    stated = kinds or {}
    columns = {}
    for name in frame.columns:
        columns[name] = _typed(frame.drop_in_place(name), stated.get(name), textual=name in textual, reading=reading)
    quarantined = _quarantine(columns, files, torn)
    return _table(files, columns, quarantined)


def _join(files: list[RawFile]) -> tuple[pl.DataFrame, set[str], pl.Series]:
    """One frame of all files with the union of their columns, the columns whose types are still to be found, and the
    rows that were torn.
    """
    frames = [file.frame for file in files]
    textual = {name for file in files if file.textual for name in file.frame.columns}
    if not all(file.textual for file in files):
        frames = native.harmonise([native.simplify(frame) for frame in frames])
        textual |= set(native.turned_to_text(files, frames))
    torn, offset = [], 0
    for file in files:
        torn.append(file.torn.cast(pl.Int64) + offset)
        offset += file.frame.height
    joined = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
    return joined, textual, pl.concat(torn)


def _typed(values: pl.Series, kind: Kind | None, *, textual: bool, reading: Reading) -> TypedColumn:
    if values.dtype != pl.String:
        return native.convert(values, kind, reading)
    if kind is not None:
        return column_types.state_column(values, kind, reading)
    return column_types.infer_column(values, reading) if textual else native.infer_text(values, reading)


def _quarantine(columns: Mapping[str, TypedColumn], files: list[RawFile], torn: pl.Series) -> pl.DataFrame:
    """Every cell for which a row is put aside."""
    parts = [
        pl.DataFrame(
            {
                "row": torn,
                "column": pl.Series([None], dtype=pl.String).new_from_index(0, torn.len()),
                "value": pl.Series([None], dtype=pl.String).new_from_index(0, torn.len()),
                "reason": pl.Series(["more cells than the header has columns"]).new_from_index(0, torn.len()),
            },
            schema=QUARANTINE,
        )
    ]
    for name, column in columns.items():
        if column.bad.len():
            parts.append(_bad_cells(name, column, files))
    return pl.concat(parts).sort("row", "column", maintain_order=True)


def _bad_cells(name: str, column: TypedColumn, files: list[RawFile]) -> pl.DataFrame:
    """The cells of one column that do not fit, with their text as the files have it."""
    parts, offset = [], 0
    for file in files:
        height = file.frame.height
        here = column.bad.filter((column.bad >= offset) & (column.bad < offset + height)).cast(pl.Int64)
        if here.len():
            text = file.frame[name].gather(here - offset).cast(pl.String).str.head(_SHOWN)
            parts.append(pl.DataFrame({"row": here, "value": text}))
        offset += height
    cells = pl.concat(parts)
    return cells.select(
        "row", pl.lit(name).alias("column"), "value", pl.lit(f"is no {column.kind.kind.value}").alias("reason")
    ).cast(dict(QUARANTINE))  # type: ignore[arg-type]


def _table(files: list[RawFile], columns: Mapping[str, TypedColumn], quarantined: pl.DataFrame) -> Table:
    frame = pl.DataFrame([column.values.alias(name) for name, column in columns.items()])
    total = frame.height
    rows = pl.Series("row", range(total), dtype=pl.Int64) if total < 1 else pl.int_range(total, eager=True).alias("row")
    if quarantined.height:
        kept = ~rows.is_in(quarantined["row"].unique().to_list())
        frame, rows = frame.filter(kept), rows.filter(kept)
    changes = {name: column.clock_changes for name, column in columns.items() if column.clock_changes != ClockChanges()}
    return Table(
        frame=frame,
        rows=rows,
        total=total,
        quarantined=quarantined,
        kinds={name: column.kind for name, column in columns.items()},
        paths=tuple(file.path for file in files),
        clock_changes=changes,
        notes=(*(note for file in files for note in file.notes), *_differences(files)),
    )


def _differences(files: list[RawFile]) -> list[str]:
    """Columns that some files have and others lack."""
    every = dict.fromkeys(name for file in files for name in file.frame.columns)
    notes = []
    for name in every:
        lacking = [file.path.name for file in files if name not in file.frame.columns]
        if lacking:
            notes.append(f"column {name!r} is absent in {len(lacking)} of {len(files)} files, first in {lacking[0]}")
    return notes
