"""One file into one frame: text files as text alone, the other formats with the types that they carry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import fastexcel
import polars as pl
from polars.exceptions import PolarsError

from analyzers.errors import SourceError
from flows.sources import dialect
from flows.sources.dialect import Dialect
from flows.sources.paths import Format, recognise

_MOST_COLUMNS = 20_000
_LONGEST_NAME = 200


@dataclass(frozen=True)
class RawFile:
    """One file as it was read.

    frame : text columns for text files and workbooks, native types for Parquet and JSON.
    textual : whether types are still to be found.
    torn : positions of the rows that had more cells than the header names, or were cut off.
    """

    path: Path
    frame: pl.DataFrame
    textual: bool
    torn: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.UInt32))
    notes: tuple[str, ...] = ()


def read_file(path: Path) -> RawFile:
    """Read one file of any known format; SourceError where it cannot be read as records."""
    method = None if recognise(path) in (Format.PARQUET, Format.EXCEL) else dialect.compression(path)
    with tempfile.TemporaryDirectory(prefix="sereno-") as folder:
        inner = path
        if method:
            inner = Path(folder) / path.with_suffix("").name
            dialect.unpack(path, method, inner)
        kind = recognise(inner)
        try:
            if kind is Format.TEXT:
                return _read_text(path, inner, Path(folder))
            return RawFile(path, _named(path, _READERS[kind](inner)), textual=kind is Format.EXCEL)
        except (PolarsError, fastexcel.FastExcelError, OSError) as error:
            raise SourceError(f"{path}: cannot be read as {kind.value} ({_short(error)}); check the export") from None


def _read_text(path: Path, inner: Path, folder: Path) -> RawFile:
    encoding = dialect.find_encoding(inner)
    notes = []
    if not encoding.readable:
        plain = folder / "transcoded"
        dialect.transcode(inner, encoding, plain)
        inner = plain
        if encoding.name != "utf-8":
            notes.append(f"{path.name}: read as {encoding.name}")
        if encoding.damaged:
            notes.append(f"{path.name}: some bytes are no UTF-8 text; they are shown as U+FFFD")
    found = dialect.find_dialect(inner)
    if found.width > _MOST_COLUMNS:
        raise SourceError(f"{path}: has {found.width:,} columns, at most {_MOST_COLUMNS:,} can be read; name fewer")
    frame, torn = _scan(path, inner, found)
    if found.header is None:
        notes.append(f"{path.name}: has no header line; its columns are called column_1 to column_{found.width}")
    return RawFile(path, frame, textual=True, torn=torn, notes=tuple(notes))


def _scan(path: Path, inner: Path, found: Dialect) -> tuple[pl.DataFrame, pl.Series]:
    """All cells as text. One column more than the header has catches the rows that are too long."""
    width = found.width
    names = [f"c{i}" for i in range(width + 1)]
    frame = pl.read_csv(
        inner,
        has_header=False,
        skip_lines=found.skip,
        separator=found.separator,
        quote_char=found.quote,
        schema=dict.fromkeys(names, pl.String),
        extra_columns="ignore",
        missing_columns="insert",
        glob=False,
    )
    header = list(found.header or (f"column_{i + 1}" for i in range(width)))
    if frame.width == width + 1 and frame[names[-1]].null_count() == frame.height:
        frame = frame.drop(names[-1])
    empty = (
        frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        if frame.height
        else pl.Series([], dtype=pl.Boolean)
    )
    if empty.any():
        frame = frame.filter(~empty)
    torn = pl.Series([], dtype=pl.UInt32)
    if frame.width > width:
        torn = frame[names[-1]].is_not_null().arg_true()
        frame = frame.drop(names[-1])
    frame.columns = unique_names(header)
    unnamed = [name for name, written in zip(frame.columns, header, strict=True) if not written.strip()]
    hollow = [name for name in unnamed if frame[name].null_count() == frame.height]
    frame = frame.drop(hollow)
    if frame.width == 0:
        raise SourceError(f"{path}: has no named column; the first line must name the columns")
    return frame, torn


def unique_names(header: list[str]) -> list[str]:
    """Names without blanks around them, none empty and none twice; `record_id` is Sereno's own."""
    taken: set[str] = {"record_id"}
    names = []
    for number, written in enumerate(header, start=1):
        clean = "".join(letter if letter.isprintable() else " " for letter in written.strip().strip("\ufeff"))
        name = stem = " ".join(clean.split())[:_LONGEST_NAME] or f"column_{number}"
        again = 1
        while name in taken:
            again += 1
            name = f"{stem}_{again}"
        taken.add(name)
        names.append(name)
    return names


def _read_parquet(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, glob=False)


def _read_json_lines(path: Path) -> pl.DataFrame:
    return pl.read_ndjson(path, infer_schema_length=None)


def _read_json(path: Path) -> pl.DataFrame:
    return pl.read_json(path, infer_schema_length=None)


def _read_excel(path: Path) -> pl.DataFrame:
    """The first sheet, every cell as text: mixed cells would lose their text in a column of numbers."""
    sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string", header_row=0)
    frame = pl.DataFrame(sheet.to_polars())
    return frame.filter(~pl.all_horizontal(pl.all().is_null())) if frame.height else frame


_READERS = {
    Format.PARQUET: _read_parquet,
    Format.JSON_LINES: _read_json_lines,
    Format.JSON: _read_json,
    Format.EXCEL: _read_excel,
}


def _named(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    if frame.width == 0:
        raise SourceError(f"{path}: holds no columns; check the export that writes it")
    if frame.width > _MOST_COLUMNS:
        raise SourceError(f"{path}: has {frame.width:,} columns, at most {_MOST_COLUMNS:,} can be read; name fewer")
    return frame.rename(dict(zip(frame.columns, unique_names(frame.columns), strict=True)))


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:160] or type(error).__name__
