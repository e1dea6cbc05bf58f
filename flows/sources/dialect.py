"""How a text file is written: encoding, compression, separator, where its header is and what it says."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from charset_normalizer import from_bytes

from analyzers.errors import SourceError

SAMPLE = 1 << 20
_CHUNK = 1 << 22
_SEPARATORS = (",", ";", "\t", "|")
_ENCODINGS = ["cp1252", "cp850", "mac_roman", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5"]
_WESTERN = frozenset("áéíóúüñçàèìòùâêîôûäëïöÿæœøåßãõÁÉÍÓÚÜÑÇÀÈÌÒÙÂÊÎÔÛÄËÏÖÆŒØÅÃÕ€£§°ºª¿¡·«»–—‘’“”…\u00a0´")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LARGEST = 32 << 30
"""Bytes of a file that can be read, unpacked where it is packed."""
_BOMB_SIZE = 256 << 20
_BOMB_RATIO = 200


@dataclass(frozen=True)
class Dialect:
    """How one text file is written.

    skip : lines before the first record (title lines and the header).
    header : names of the columns as written; None where the file has no header.
    width : cells of a record.
    """

    separator: str
    quote: str | None
    skip: int
    header: tuple[str, ...] | None
    width: int


@dataclass(frozen=True)
class Encoding:
    """The encoding of a text file, and whether some of its bytes are no text in it."""

    name: str
    damaged: bool = False
    old_line_ends: bool = False

    @property
    def readable(self) -> bool:
        """Whether the file can be read as UTF-8 as it is."""
        return self.name == "utf-8" and not self.damaged and not self.old_line_ends


def compression(path: Path) -> str | None:
    """`gzip` or `zstd` by the first bytes of a file, else None."""
    with path.open("rb") as file:
        first = file.read(4)
    return "gzip" if first[:2] == b"\x1f\x8b" else "zstd" if first == b"\x28\xb5\x2f\xfd" else None


def unpack(path: Path, method: str, into: Path) -> None:
    """Unpack a compressed file; SourceError where it is damaged or grows like a decompression bomb."""
    packed, written = path.stat().st_size, 0
    try:
        with pa.input_stream(str(path), compression=method) as source, into.open("wb") as target:
            while block := source.read(_CHUNK):
                written += len(block)
                if written > LARGEST or (written > _BOMB_SIZE and written > _BOMB_RATIO * packed):
                    raise SourceError(
                        f"{path}: unpacks to more than {written >> 20:,} MiB from {max(packed >> 10, 1):,} KiB, "
                        "which looks like a decompression bomb; unpack it yourself if it is meant"
                    )
                target.write(block)
    except (OSError, pa.ArrowException):
        raise SourceError(f"{path}: the {method} data is damaged or cut off; fetch the file again") from None


def find_encoding(path: Path, *, shown: Path) -> Encoding:
    """The encoding of a text file, read once from end to end; SourceError where it is no text."""
    with path.open("rb") as file:
        head = file.read(SAMPLE)
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _unmarked_utf16(head)
        old = b"\n" not in head and b"\r" in head
        if marked:
            return Encoding("utf-8" if marked == "utf-8-sig" and not old else marked, old_line_ends=old)
        _refuse_binary(shown, head)
        file.seek(0)
        broken = _first_broken(shown, file)
    if broken is None:
        return Encoding("utf-8", old_line_ends=old)
    lossy = broken.decode("utf-8", "replace")
    others = sum(letter > "\x7f" and letter != "\ufffd" for letter in lossy)
    if lossy.count("\ufffd") <= 0.1 * others:
        return Encoding("utf-8", damaged=True, old_line_ends=old)
    return Encoding(_guess(_around(broken)), old_line_ends=old)


def _guess(lines: bytes) -> str:
    """Windows' Western encoding where it gives the letters of Western languages, else what looks most like a text."""
    foreign = [letter for letter in lines.decode("cp1252", "replace") if letter > "\x7f"]
    if sum(letter in _WESTERN for letter in foreign) >= 0.95 * len(foreign):
        return "cp1252"
    best = from_bytes(lines, cp_isolation=_ENCODINGS).best()
    return best.encoding if best else "cp1252"


def transcode(path: Path, encoding: Encoding, into: Path) -> None:
    """Write a text file as UTF-8 with one kind of line end; bytes that are no text become U+FFFD."""
    with (
        path.open(
            "r", encoding=encoding.name, errors="replace", newline=None if encoding.old_line_ends else ""
        ) as source,
        into.open("w", encoding="utf-8", newline="") as target,
    ):
        while block := source.read(_CHUNK):
            target.write(block)


def _first_broken(path: Path, file: BinaryIO) -> bytes | None:
    """The first block that is no UTF-8, from a little before the break on; None where all is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := file.read(_CHUNK):
        if b"\0" in block:
            raise SourceError(f"{path}: is binary (it holds NUL bytes); name a CSV, Parquet, JSON lines or Excel file")
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            start = max(error.start - 2_000, 0)
            return block[start : start + (1 << 18)]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return b"\xff"
    return None


def _around(block: bytes) -> bytes:
    """The lines of a block that are not plain ASCII: they decide the encoding."""
    lines = [line for line in block.split(b"\n") if not line.isascii()]
    return b"\n".join(lines)[: 1 << 16]


def _unmarked_utf16(head: bytes) -> str | None:
    even, odd = head[0:4_000:2].count(0), head[1:4_000:2].count(0)
    half = max(len(head[:4_000]) // 2, 1)
    if odd > 0.6 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.6 * half and odd < 0.05 * half else None


def _refuse_binary(path: Path, head: bytes) -> None:
    control = sum(head[:8_192].count(byte) for byte in (*range(9), *range(14, 27), *range(28, 32)))
    if b"\0" in head or control > 0.02 * max(len(head[:8_192]), 1):
        raise SourceError(f"{path}: is binary; name a CSV, Parquet, JSON lines or Excel file")


def find_dialect(path: Path, *, shown: Path) -> Dialect:
    """Separator, header and width of a UTF-8 text file; SourceError where no line has anything."""
    with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as file:
        text = file.read(SAMPLE)
        whole = len(text) < SAMPLE
    stated = text[4:5] if text[:4].lower() == "sep=" else None
    candidates = (stated,) if stated else _SEPARATORS
    readings = {separator: list(_records(text, separator, whole=whole)) for separator in candidates}
    separator, records = max(readings.items(), key=lambda reading: _regularity([cells for _, cells in reading[1]]))
    records = [(line, cells) for line, cells in records if any(cells)][bool(stated) :]
    if text[:200].lstrip().lower().startswith(("<!doctype", "<html", "<?xml")):
        raise SourceError(f"{shown}: is a web page or XML, perhaps of a login; export the records as CSV")
    if not records:
        raise SourceError(f"{shown}: has no header line; the first line must name the columns")
    widths = Counter(len(cells) for _, cells in records[:2_000])
    usual = max(widths, key=lambda width: (widths[width], width))
    # Above the header there may be lines of title; a header may lack the separator with which each record ends.
    least = max(usual - 1, min(usual, 2))
    at = next((i for i, (_, cells) in enumerate(records[:20]) if len(cells) >= least), 0) if len(records) > 2 else 0
    line, header = records[at]
    quote = '"' if _quotes_cells(text, separator) else None
    if _looks_like_data(header):
        before = records[at - 1][0] if at else (1 if stated else 0)
        return Dialect(separator, quote, before, None, max(len(header), usual))
    return Dialect(separator, quote, line, tuple(header), len(header))


def _quotes_cells(text: str, separator: str) -> bool:
    """Whether quotation marks enclose cells here; where they only stand within them they are inches or the like."""
    return '"' not in text or re.search(rf'(?:^|{re.escape(separator)})[ ]*"', text, re.MULTILINE) is not None


def ends_within_record(path: Path, found: Dialect) -> bool:
    """Whether a UTF-8 text file was cut off: its last line has no end and too few cells."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - SAMPLE, 0))
        last = file.read().rpartition(b"\n")[2]
    return bool(last) and b'"' not in last and last.count(found.separator.encode()) < found.width - 1


def _records(text: str, separator: str, *, whole: bool) -> Iterator[tuple[int, list[str]]]:
    """Records of a sample with the line on which each ends; the last one, perhaps cut, is left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    held: tuple[int, list[str]] | None = None
    try:
        for cells in reader:
            if held is not None:
                yield held
            held = (reader.line_num, cells)
    except csv.Error:
        # A cell that is longer than the module allows: the lines before it tell enough.
        whole = True
    if held is not None and (whole or reader.line_num <= 1):
        yield held


def _regularity(records: list[list[str]]) -> tuple[float, int]:
    """How alike the records are in width, for wide ones; a separator that splits nothing comes last."""
    widths = Counter(len(cells) for cells in records[:2_000] if any(cells))
    if not widths:
        return 0.0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    share = count / widths.total()
    return (share if width > 1 else 0.05, width)


def _looks_like_data(cells: list[str]) -> bool:
    """Whether a first line is a record: it holds numbers or dates and not one letter."""
    filled = [cell for cell in cells if cell.strip()]
    digits = sum(any(map(str.isdigit, cell)) for cell in filled)
    return digits > 0 and digits == len(filled) and not any(letter.isalpha() for cell in filled for letter in cell)
