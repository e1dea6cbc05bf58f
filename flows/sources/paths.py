"""Paths and globs to the files they name, and what kind of file each is."""

from __future__ import annotations

import glob
import os
import zipfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from analyzers.errors import SourceError

_MOST_FILES = 100_000
_LARGEST_SHEETS = 4 << 30
_MAGIC = ((b"PAR1", "parquet"), (b"PK\x03\x04", "excel"), (b"\xd0\xcf\x11\xe0", "excel"))


class Format(StrEnum):
    """How a file holds its records."""

    TEXT = "text"
    PARQUET = "parquet"
    JSON_LINES = "json lines"
    JSON = "json"
    EXCEL = "excel"


def expand(patterns: Sequence[str | Path]) -> list[Path]:
    """Files of paths and globs, in argument order and by name within a glob; a file named twice is read once.

    Raises SourceError where a path does not exist, is no file, or a glob matches nothing.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        text = os.fspath(pattern)
        if "\0" in text or not text:
            raise SourceError(f"{text!r} is not the name of a file")
        for path in _matches(text):
            found.setdefault(path)
            if len(found) > _MOST_FILES:
                raise SourceError(f"{text}: matches more than {_MOST_FILES:,} files; name fewer")
    return list(found)


def _matches(text: str) -> list[Path]:
    path = Path(text)
    try:
        if path.is_file():
            return [path]
        if path.is_dir():
            raise SourceError(f"{text}: is a folder; name its files, such as '{text.rstrip('/')}/*.csv'")
        if path.exists():
            raise SourceError(f"{text}: is neither a file nor a folder of files; name a file")
    except OSError as error:
        raise SourceError(f"{text}: {_why(error)}") from None
    if not glob.has_magic(text):
        raise SourceError(f"{text}: there is no such file; check the path, which starts from {Path.cwd()}")
    matches = sorted(Path(name) for name in glob.glob(text, recursive=True) if Path(name).is_file())  # noqa: PTH207 - pathlib's glob takes no absolute patterns
    if not matches:
        raise SourceError(f"{text}: no file matches; check the folder and the pattern")
    return matches


def recognise(path: Path, *, shown: Path | None = None) -> Format:
    """The format by the first bytes, by the name only among the formats made of text.

    `shown` is the name that a SourceError gives, where the file is another one's content.
    """
    shown = shown or path
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
    except OSError as error:
        raise SourceError(f"{shown}: {_why(error)}") from None
    if not head:
        raise SourceError(f"{shown}: is empty (0 bytes); check the export that writes it")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            if name == "excel" and head.startswith(b"PK"):
                _check_zip(path)
            return Format(name)
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    named = "".join(path.suffixes).lower()
    if first == b"[" and ".json" in named:
        return Format.JSON
    if first == b"{" and not any(suffix in named for suffix in (".csv", ".tsv", ".txt")):
        return Format.JSON_LINES
    return Format.TEXT


def _check_zip(path: Path) -> None:
    """A workbook is a zip: refuse one that is no workbook, or that unpacks to far more than it is."""
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, OSError):
        raise SourceError(f"{path}: is a damaged zip or workbook; fetch the file again") from None
    names = {entry.filename for entry in entries}
    if not names & {"[Content_Types].xml", "content.xml", "mimetype"}:
        raise SourceError(f"{path}: is a zip archive; unpack it and name the files in it")
    size, packed_size = (sum(sizes) for sizes in zip(*((e.file_size, e.compress_size) for e in entries), strict=True))
    if size > _LARGEST_SHEETS or (size > 100 << 20 and size > 200 * packed_size):
        raise SourceError(f"{path}: unpacks to {size >> 20:,} MiB, which looks like a decompression bomb")


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it; let the user that runs Sereno read the file"
    return f"cannot be read ({error.strerror or type(error).__name__}); check the path"
