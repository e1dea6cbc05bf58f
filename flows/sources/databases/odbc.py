"""Any other database by its ODBC driver, as Arrow batches; the extra `sereno[odbc]` brings what is needed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import polars as pl

from analyzers.errors import DatabaseError, SourceError
from flows.database_settings import OdbcSettings
from flows.sources.databases.connection import BATCH, Wanted, as_relation, quoted, select
from flows.sources.databases.watermark import Form, Watermark

_PATIENCE = 15
_PASSING = ("08001", "08S01", "HYT00", "HYT01", "57P03")
"""SQLSTATE of connections that fail, break or time out."""
_REFUSED = ("28000", "28P01")


class OdbcConnection:
    """One transaction, where driver and database know them; reading only is also up to the account."""

    def __init__(self, name: str, settings: OdbcSettings, password: str | None) -> None:
        self._where = f"database {name} ({settings.place})"
        self._settings, self._password = settings, password
        odbc = _arrow_odbc(self._where)
        self._failure: type[Exception] = odbc.Error
        try:
            self._connection: Any = odbc.connect(
                _address(settings, password), login_timeout_sec=_PATIENCE, autocommit=False
            )
        except odbc.Error as error:
            raise self._error(error) from None

    def relation(self, *, table: str | None, query: str | None) -> str:
        """A table's name, quoted, or a query in parentheses."""
        return as_relation(table, query).replace(") AS sereno_source", ") sereno_source")

    def columns(self, relation: str) -> list[str]:
        """Names of the relation's columns."""
        return list(self._read(f"SELECT * FROM {relation} WHERE 1 = 0", 1).schema.names)

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The rows, streamed; there is no word for a limit that all databases know, so reading stops early."""
        condition = ""
        if wanted.since is not None:
            column, mark = wanted.since
            condition = f"{quoted(column)} >= {_literal(mark)}"
        statement = select(wanted, [quoted(name) for name in wanted.names], condition, limit=False)
        size, read = min(BATCH, wanted.most or BATCH), 0
        try:
            for batch in self._read(statement, size):
                frame = pl.DataFrame(pl.from_arrow(batch))
                frame.columns = list(wanted.names)
                yield frame
                read += frame.height
                if wanted.most is not None and read >= wanted.most:
                    return
        except self._failure as error:
            raise self._error(error) from None

    def close(self) -> None:
        """End the transaction and the connection."""
        try:
            self._connection.rollback()
        except self._failure:
            pass  # the server is gone, and the transaction with it
        finally:
            del self._connection

    def _read(self, statement: str, size: int) -> Any:
        try:
            return self._connection.read_arrow_batches(
                statement,
                batch_size=size,
                max_text_size=self._settings.longest_text,
                max_binary_size=self._settings.longest_text,
                query_timeout_sec=self._settings.timeout,
            )
        except self._failure as error:
            raise self._error(error) from None

    def _error(self, error: Exception) -> SourceError | DatabaseError:
        said = " ".join(str(error).split())
        if self._password:
            said = said.replace(self._password, "***")
        if "too large to be written" in said:
            return SourceError(
                f"{self._where}: a value is longer than {self._settings.longest_text} bytes or than its column says; "
                "raise `longest_text`, or cast the column in the monitor's query"
            )
        said = said[:300]
        if "authentication failed" in said or any(state in said for state in _REFUSED):
            return SourceError(f"{self._where}: {said}; check user and password of this database in sereno.yaml")
        if any(f"State: {state}" in said for state in _PASSING):
            return DatabaseError(f"{self._where}: {said}; check that it runs and can be reached from here")
        return SourceError(f"{self._where}: {said}; check driver and options in sereno.yaml, and the monitor's names")


def _arrow_odbc(where: str) -> Any:
    try:
        return importlib.import_module("arrow_odbc")
    except ImportError:
        raise SourceError(f"{where}: ODBC is not installed; `pip install 'sereno[odbc]'`") from None
    except OSError:
        raise SourceError(f"{where}: the system has no unixODBC; install it (Debian: unixodbc)") from None


def _address(settings: OdbcSettings, password: str | None) -> str:
    """The connection string; a value with other than plain letters stands in braces, so that none can add a keyword."""
    parts: dict[str, str | int] = {}
    if settings.driver is not None:
        parts["Driver"] = settings.driver
    parts |= settings.options
    if settings.user is not None:
        parts["UID"] = settings.user
    if password is not None:
        parts["PWD"] = password
    return ";".join(f"{name}={_braced(str(value))}" for name, value in parts.items()) + ";"


def _braced(value: str) -> str:
    if re.fullmatch(r"[\w.:/\\-]+", value):
        return value
    return "{" + value.replace("}", "}}") + "}"


def _literal(mark: Watermark) -> str:
    """In ODBC's own notation, which drivers translate."""
    if mark.form is Form.NUMBER:
        return mark.value
    if mark.form is Form.DATE:
        return f"{{d '{date.fromisoformat(mark.value).isoformat()}'}}"
    if mark.form is Form.WRITTEN:
        return f"'{mark.value}'"
    moment = datetime.fromisoformat(mark.value)
    return f"{{ts '{moment.replace(tzinfo=None).isoformat(sep=' ', timespec='milliseconds')}'}}"
