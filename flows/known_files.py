"""Files that were read before and have not changed since: a night reads only those that are new.

What comes out must be what reading all files again gives. So all are read again where that could differ: a known file
changed, records repeat a key (which one is the first depends on all of them), a new file has other columns, its cells
are read by another rule (a decimal comma, another order of day and month), or a record of it is known already.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analyzers.columns import Columns
from flows.warehouse import arrivals
from flows.warehouse.file_readings import FileReading, Stamp

_TOO_FRESH = 2_000_000_000
"""Nanoseconds within which a further change of a file may not show in its times."""


@dataclass(frozen=True)
class Files:
    """The files that a monitor's patterns name now, as they were just before they are read."""

    stamps: dict[str, Stamp | None]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Files:
        """Look at the files."""
        return cls({str(path): _stamp(path) for path in paths})

    def unread(self, known: FileReading) -> list[Path] | None:
        """Those that are new since that reading; None where one that it knows has changed."""
        for name, stamp in self.stamps.items():
            if name in known.files and (stamp is None or known.files[name] != stamp):
                return None
        return [Path(name) for name in self.stamps if name not in known.files]

    def unchanged(self) -> dict[str, Stamp | None]:
        """What tells each file from a changed one; None for those that were written since."""
        return {name: stamp if stamp == _stamp(Path(name)) else None for name, stamp in self.stamps.items()}


def _stamp(path: Path) -> Stamp | None:
    """Size, times and place of a file; None where it is gone, was written just now, or has times ahead of the clock.

    The time of its last change of any kind cannot be set by those who write it.
    """
    try:
        found = path.stat()
    except OSError:
        return None  # who reads it says so
    if max(found.st_mtime_ns, found.st_ctime_ns) > time.time_ns() - _TOO_FRESH:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def goes_on(known: FileReading, rules: Mapping[str, str], columns: Columns) -> bool:
    """Whether new files have the columns of the known ones, and those that the monitor describes by the same rules."""
    described = [column.name for column in columns.columns if column.name in known.rules]
    return set(rules) == set(known.rules) and all(rules[name] == known.rules[name] for name in described)


def repeats(frame: pl.DataFrame, columns: Columns) -> bool:
    """Whether records of a conformed frame share their key or, without one, their content."""
    key = [name for name in arrivals.natural_key(columns) if name in frame.columns]
    by_key = key and not any(frame[name].null_count() for name in key)
    told = frame.select(key) if by_key else frame.drop("record_id")
    if not told.height:
        return False
    return bool((told.to_series() if told.width == 1 else told.hash_rows()).n_unique() < told.height)
