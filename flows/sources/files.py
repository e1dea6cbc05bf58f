"""Files into one typed frame: what `sereno scan` and every monitor read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyzers.errors import SourceError
from flows.sources import native
from flows.sources.assembling import assemble
from flows.sources.column_types import TypedColumn
from flows.sources.holding_still import holding_still
from flows.sources.instants import ClockChanges
from flows.sources.kinds import ColumnKind, Kind
from flows.sources.paths import expand
from flows.sources.reading import RawFile, open_file

__all__ = ["QUARANTINE", "Kind", "Table", "read_files", "table_of"]

QUARANTINE = {"row": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Table:
    """What was read.

    frame : the rows that could be read, in input order; column types are those of `Kind`.
    rows : for each row of `frame` its number over all inputs in argument order, from 0 (Int64).
    total : number of input rows, quarantined ones included.
    quarantined : the cells for which a row was put aside: `row`, `column`, `value` (cut), `reason`.
    kinds : kind of each column and why.
    rules : how each column's cells are read; two tables with the same rules read the same cells alike.
    clock_changes : columns with times without a zone that fell into a change of clocks.
    notes : what a person should know: encodings, columns that some files lack, cells that were put aside.
    """

    frame: pl.DataFrame
    rows: pl.Series
    total: int
    quarantined: pl.DataFrame
    kinds: Mapping[str, ColumnKind]
    rules: Mapping[str, str]
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
    OperationError
        Where a file vanishes, gets shorter or is replaced while it is read.
    """
    paths = expand(patterns)
    if not paths:
        raise SourceError("no input; name at least one file")
    with holding_still(paths), tempfile.TemporaryDirectory(prefix="sereno-") as folder:
        files = [open_file(path, Path(folder) / str(number)) for number, path in enumerate(paths)]
        return table_of(files, kinds or {}, timezone)


def table_of(files: Sequence[RawFile], kinds: Mapping[str, Kind], timezone: str) -> Table:
    """What `read_files` gives, of files that are open already."""
    read = assemble if all(file.textual for file in files) else native.assemble
    columns, torn = read(files, kinds, timezone)
    return _table(files, _without_hollow(files, columns), torn)


def _without_hollow(files: Sequence[RawFile], columns: dict[str, TypedColumn]) -> dict[str, TypedColumn]:
    """Without the columns that no file names and that hold nothing, as a separator at the end of each line makes."""
    unnamed = frozenset.union(*(file.unnamed for file in files))
    kept = {
        name: column
        for name, column in columns.items()
        if name not in unnamed or column.values.null_count() < column.values.len()
    }
    if not kept:
        raise SourceError(f"{files[0].path}: has no named column; the first line must name the columns")
    return kept


def _table(files: Sequence[RawFile], columns: Mapping[str, TypedColumn], torn: pl.Series) -> Table:
    quarantined = _quarantine(columns, torn)
    frame = pl.DataFrame([column.values.alias(name) for name, column in columns.items()])
    total = frame.height
    rows = pl.int_range(total, dtype=pl.Int64, eager=True).alias("row")
    if quarantined.height:
        kept = ~rows.is_in(quarantined["row"].unique().implode())
        frame, rows = frame.filter(kept), rows.filter(kept)
    return Table(
        frame=frame,
        rows=rows,
        total=total,
        quarantined=quarantined,
        kinds={name: column.rule.kind for name, column in columns.items()},
        rules={name: _rule(column, textual=files[0].textual) for name, column in columns.items()},
        paths=tuple(file.path for file in files),
        clock_changes={
            name: column.clock_changes for name, column in columns.items() if column.clock_changes != ClockChanges()
        },
        notes=(*(note for file in files for note in file.notes), *_differences(files)),
    )


def _rule(column: TypedColumn, *, textual: bool) -> str:
    """The rule in one line; of a source with types of its own also the type, which decides how a number is written."""
    rule = column.rule
    formats = " ".join("".join(part or "" for part in each) for each in rule.formats)
    return f"{rule.kind.kind.value} {rule.decimal} {formats} {'' if textual else column.values.dtype}".strip()


def _quarantine(columns: Mapping[str, TypedColumn], torn: pl.Series) -> pl.DataFrame:
    """Every cell for which a row is put aside, by row."""
    nothing = pl.lit(None, dtype=pl.String)
    parts = [
        pl.DataFrame({"row": torn}, schema={"row": pl.Int64}).select(
            "row",
            column=nothing,
            value=nothing,
            reason=pl.lit("has more cells than the header, or the file ends within it"),
        )
    ]
    for name, column in columns.items():
        reason = pl.lit(f"is no {column.rule.kind.kind.value}")
        parts.append(column.bad.select("row", pl.lit(name).alias("column"), "value", reason.alias("reason")))
    return pl.concat(parts).sort("row", maintain_order=True)


def _differences(files: Sequence[RawFile]) -> list[str]:
    """Columns that some files have and others lack."""
    notes = []
    for name in dict.fromkeys(name for file in files for name in file.names):
        lacking = [file.path.name for file in files if name not in file.names]
        if lacking:
            notes.append(f"column {name!r} is absent in {len(lacking)} of {len(files)} files, first in {lacking[0]}")
    return notes
