"""One file into records: text files as lazy lines of text, the other formats with the types that they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError

from analyzers.errors import SourceError
from flows.sources import dialect
from flows.sources.dialect import Dialect
from flows.sources.paths import Format, recognise

BATCH = 200_000
"""Records read at a time; so many also decide what a column is, before the rest is read by that."""
MOST_COLUMNS = 20_000
MOST_ROWS = 500_000_000
"""Records of all files together; a hostile file of a kilobyte can state any number of them."""
_LONGEST_NAME = 200


@dataclass(frozen=True)
class RawFile:
    """One file, open for reading.

    lines : its records; columns are called by position, `c0`, `c1`, ..., since the names of a source are hostile
        (Polars reads some of them as patterns). Text files have one more, for cells beyond the header.
    names : what the columns are called.
    unnamed : those among them that the file gives no name.
    textual : whether types are still to be found.
    cut_off : whether the file ends within its last record.
    """

    path: Path
    lines: pl.LazyFrame
    names: tuple[str, ...]
    textual: bool
    cut_off: bool = False
    unnamed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def parts(self) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        """The records in parts of `BATCH`, and which of them are torn; at least one part.

        Lines without a value are no records.
        """
        try:
            held = self.lines.head(0).collect()
            for lines in self.lines.collect_batches(chunk_size=BATCH, maintain_order=True):
                filled = _filled(lines)
                if held.height and filled.height:
                    yield self._torn(held, last=False)
                held = filled if filled.height else held
        except (PolarsError, PanicException) as error:
            raise unreadable(self.path, error) from None
        yield self._torn(held, last=True)

    def _torn(self, lines: pl.DataFrame, *, last: bool) -> tuple[pl.DataFrame, pl.Series]:
        width = len(self.names)
        torn = pl.Series([False], dtype=pl.Boolean).new_from_index(0, lines.height)
        if lines.width > width:
            torn = lines.to_series(width).is_not_null()
        if last and self.cut_off and lines.height:
            torn = torn.scatter(lines.height - 1, True)
        return lines.select(pl.nth(range(width))), torn


def open_file(path: Path, folder: Path) -> RawFile:
    """Open one file of any known format; what must be unpacked or transcoded goes into the folder.

    Raises SourceError where it cannot be read as records.
    """
    found = recognise(path)
    if (size := path.stat().st_size) > dialect.LARGEST:
        raise SourceError(f"{path}: is {size >> 30:,} GiB, at most {dialect.LARGEST >> 30} can be read; split the file")
    inner = path
    if found is Format.TEXT and (method := dialect.compression(path)):
        folder.mkdir(parents=True)
        inner = folder / path.with_suffix("").name
        dialect.unpack(path, method, inner)
        found = recognise(inner, shown=path)
    if found is Format.TEXT:
        return _open_text(path, inner, folder)
    try:
        frame = _READERS[found](inner)
    except (PolarsError, PanicException, pa.ArrowException, fastexcel.FastExcelError, OSError, UnicodeError) as error:
        raise unreadable(path, error) from None
    names, _ = column_names(frame.columns)
    _check_width(path, len(names))
    frame.columns = [f"c{i}" for i in range(frame.width)]
    return RawFile(path, frame.lazy(), names, textual=found is Format.EXCEL)


def unreadable(path: Path, error: BaseException) -> SourceError:
    """The error for a file whose content is no table."""
    text = " ".join(str(error).split())[:160] or type(error).__name__
    if text.startswith('could not parse `"'):
        return SourceError(f"{path}: a quotation mark is opened and never closed; mend the export that writes it")
    return SourceError(f"{path}: cannot be read as a table ({text}); check the export that writes it")


def _open_text(path: Path, inner: Path, folder: Path) -> RawFile:
    encoding = dialect.find_encoding(inner, shown=path)
    notes = []
    if not encoding.readable:
        folder.mkdir(parents=True, exist_ok=True)
        plain = folder / "transcoded"
        dialect.transcode(inner, encoding, plain)
        inner = plain
        if encoding.name != "utf-8":
            notes.append(f"{path.name}: read as {encoding.name}")
        if encoding.damaged:
            notes.append(f"{path.name}: some bytes are no UTF-8 text; they are shown as U+FFFD")
    found = dialect.find_dialect(inner, shown=path)
    _check_width(path, found.width)
    names, unnamed = column_names(found.header or [f"column_{i + 1}" for i in range(found.width)])
    if found.header is None:
        notes.append(f"{path.name}: has no header line; its columns are called column_1 to column_{found.width}")
    cut_off = dialect.ends_within_record(inner, found)
    return RawFile(
        path, _lines(inner, found), names, textual=True, cut_off=cut_off, unnamed=unnamed, notes=tuple(notes)
    )


def _lines(inner: Path, found: Dialect) -> pl.LazyFrame:
    """All lines with every cell as text; one column more than the header has catches those that are too long."""
    names = [f"c{i}" for i in range(found.width + 1)]
    return pl.scan_csv(
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


def _filled(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that have a value; a quoted empty cell has none, as an empty one."""
    quoted = [column.name for column in lines.iter_columns() if column.dtype == pl.String and (column == "").any()]
    lines = lines.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in quoted)
    blank = pl.Series([True]).new_from_index(0, lines.height)
    for column in lines.iter_columns():
        if not blank.any():
            return lines
        blank &= column.is_null()
    return lines.filter(~blank)


def _check_width(path: Path, width: int) -> None:
    if width == 0:
        raise SourceError(f"{path}: holds no columns; check the export that writes it")
    if width > MOST_COLUMNS:
        raise SourceError(f"{path}: has {width:,} columns, at most {MOST_COLUMNS:,} can be read; name fewer")


def column_names(header: list[str] | tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Names that are printable, not empty, not twice the same, and no pattern to Polars; and those made up.

    `record_id` is Sereno's own, so a source's gets a number.
    """
    taken: set[str] = {"record_id"}
    names, made_up = [], []
    for number, written in enumerate(header, start=1):
        printable = "".join(letter if letter.isprintable() else " " for letter in written.strip("\ufeff"))
        clean = " ".join(printable.split())[:_LONGEST_NAME]
        if clean == "*" or (clean.startswith("^") and clean.endswith("$")):
            clean = clean.strip("*^$")
        name = stem = clean or f"column_{number}"
        again = 1
        while name in taken:
            again += 1
            name = f"{stem}_{again}"
        taken.add(name)
        names.append(name)
        if not clean:
            made_up.append(name)
    return tuple(names), frozenset(made_up)


def check_rows(path: Path | str, count: int) -> None:
    """SourceError where these are more records than can be read."""
    if count > MOST_ROWS:
        raise SourceError(f"{path}: has more than {MOST_ROWS:,} records; read it in parts, or from a database")


def _read_parquet(path: Path) -> pl.DataFrame:
    # Polars would overflow its stack over a schema nested hundreds of levels deep; pyarrow has a limit. It is opened
    # for its head only.
    with pq.ParquetFile(path) as head:
        check_rows(path, head.metadata.num_rows)
    return pl.read_parquet(path, glob=False)


def _read_json_lines(path: Path) -> pl.DataFrame:
    return pl.read_ndjson(path, infer_schema_length=None)


def _read_json(path: Path) -> pl.DataFrame:
    return pl.read_json(path, infer_schema_length=None)


def _read_excel(path: Path) -> pl.DataFrame:
    """The first sheet, every cell as text: mixed cells would lose their text in a column of numbers."""
    sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string", header_row=0)
    return pl.DataFrame(sheet.to_polars())


_READERS = {
    Format.PARQUET: _read_parquet,
    Format.JSON_LINES: _read_json_lines,
    Format.JSON: _read_json,
    Format.EXCEL: _read_excel,
}
