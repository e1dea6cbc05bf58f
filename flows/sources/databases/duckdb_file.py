"""A DuckDB file of somebody else's, opened read only and cut off from everything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from analyzers.errors import DatabaseError, SourceError
from flows.database_settings import DuckdbSettings
from flows.sources.databases.connection import BATCH, Wanted, as_relation, quoted, select
from flows.sources.databases.watermark import Form, Watermark

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "memory_limit": "1GB",
}
_TYPES = {
    Form.INSTANT: "TIMESTAMPTZ", Form.LOCAL: "TIMESTAMP", Form.DATE: "DATE", Form.NUMBER: "DECIMAL(38, 6)",
    Form.WRITTEN: "VARCHAR",
}  # fmt: skip


class DuckdbConnection:
    """One transaction on a file that is opened for reading only."""

    def __init__(self, name: str, settings: DuckdbSettings, path: Path) -> None:
        self._where = f"database {name} ({path})"
        self._timeout = settings.timeout
        if not path.is_file():
            raise SourceError(f"{self._where}: there is no such file; check `file` in sereno.yaml")
        try:
            self._connection = duckdb.connect(str(path), read_only=True, config=_CONFIG)
            for setting in ("TimeZone = 'UTC'", "enable_external_access = false", "lock_configuration = true"):
                self._connection.execute(f"SET {setting}")
            self._connection.begin()
        except duckdb.Error as error:
            raise self._error(error) from None

    def relation(self, *, table: str | None, query: str | None) -> str:
        """A table's name, quoted, or a query in parentheses."""
        return as_relation(table, query)

    def columns(self, relation: str) -> list[str]:
        """Names of the relation's columns."""
        try:
            found = self._connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        except duckdb.Error as error:
            raise self._error(error) from None
        return [str(row[0]) for row in found]

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The rows, streamed."""
        condition = ""
        if wanted.since is not None:
            column, mark = wanted.since
            condition = f"{quoted(column)} >= {_literal(mark)}"
        statement = select(wanted, [quoted(name) for name in wanted.names], condition)
        watch = threading.Timer(self._timeout, self._connection.interrupt)
        watch.daemon = True
        watch.start()
        try:
            for batch in self._connection.sql(statement).to_arrow_reader(BATCH):
                frame = pl.DataFrame(pl.from_arrow(batch))
                frame.columns = list(wanted.names)
                yield frame
        except (duckdb.Error, OSError, RuntimeError) as error:
            raise self._error(error) from None
        finally:
            watch.cancel()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    def _error(self, error: Exception) -> SourceError | DatabaseError:
        said = " ".join(str(error).splitlines()[0].split())[:300]
        if "lock" in said.lower():
            return DatabaseError(
                f"{self._where}: another program has it open for writing; read a copy, or at another time"
            )
        if "interrupted" in said.lower():
            return DatabaseError(f"{self._where}: the query took more than {self._timeout} s; raise `timeout`")
        return SourceError(f"{self._where}: {said}; check the file and the names that the monitor uses")


def _literal(mark: Watermark) -> str:
    return f"CAST('{mark.value}' AS {_TYPES[mark.form]})"
