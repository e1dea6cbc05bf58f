"""SQLite by Python's own module: cells have types of their own there, whatever their column declares."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from analyzers.errors import DatabaseError, SourceError
from flows.database_settings import SqliteSettings
from flows.sources.databases.connection import BATCH, Wanted, as_relation, quoted, select
from flows.sources.databases.watermark import Form, Watermark

PATIENCE = 30.0
"""Seconds to wait for who writes to the file."""
_STEPS = 100_000
"""Instructions of SQLite's machine between two looks at the clock."""


class SqliteConnection:
    """One read transaction on a file that is opened for reading only."""

    def __init__(self, name: str, settings: SqliteSettings, path: Path) -> None:
        self._where = f"database {name} ({path})"
        if not path.is_file():
            raise SourceError(f"{self._where}: there is no such file; check `file` in sereno.yaml")
        self._deadline = time.monotonic() + settings.timeout
        try:
            self._connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=PATIENCE
            )
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            self._connection.set_progress_handler(self._too_late, _STEPS)
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("PRAGMA trusted_schema = OFF")
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from None

    def relation(self, *, table: str | None, query: str | None) -> str:
        """A table's name, quoted, or a query in parentheses."""
        return as_relation(table, query)

    def columns(self, relation: str) -> list[str]:
        """Names of the relation's columns."""
        cursor = self._run(f"SELECT * FROM {relation} LIMIT 0")
        return [column[0] for column in cursor.description]

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The rows, streamed; a column whose cells differ in type is text in that batch."""
        condition = ""
        if wanted.since is not None:
            column, mark = wanted.since
            condition = f"{quoted(column)} >= {_literal(mark)}"
        cursor = self._run(select(wanted, [quoted(name) for name in wanted.names], condition))
        try:
            while rows := cursor.fetchmany(BATCH):
                cells = zip(*rows, strict=True)
                yield pl.DataFrame([_series(name, list(of)) for name, of in zip(wanted.names, cells, strict=True)])
        except (sqlite3.Error, OverflowError) as error:
            raise self._error(error) from None

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    def _too_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _run(self, statement: str) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._error(error) from None

    def _error(self, error: Exception) -> SourceError | DatabaseError:
        said = " ".join(str(error).split())[:200]
        if any(word in said for word in ("locked", "busy", "interrupted")):
            return DatabaseError(f"{self._where}: {said}; another program holds it, or the query takes too long")
        return SourceError(f"{self._where}: {said}; check the file and the names that the monitor uses")


def _literal(mark: Watermark) -> str:
    return mark.value if mark.form is Form.NUMBER else f"'{mark.value}'"


def _series(name: str, cells: list[Any]) -> pl.Series:
    """The cells with the one type that they have; otherwise, as text."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    if not kinds:
        return pl.Series(name, cells, dtype=pl.String)
    if kinds == {int}:
        return pl.Series(name, cells, dtype=pl.Int64)
    if kinds <= {int, float}:
        return pl.Series(name, cells, dtype=pl.Float64, strict=False)
    if kinds == {bytes}:
        return pl.Series(name, cells, dtype=pl.Binary)
    return pl.Series(name, [_text(cell) for cell in cells], dtype=pl.String)


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return cell.hex() if isinstance(cell, bytes) else str(cell)
