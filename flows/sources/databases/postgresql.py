"""PostgreSQL by its ADBC driver: Arrow batches over COPY, types as the server has them.

Amounts of type `numeric` arrive as exact text. Types that Arrow has no equal for become text on the server, and
`money` becomes `numeric`, since the driver would give it in hundredths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import adbc_driver_postgresql.dbapi
import polars as pl
import pyarrow as pa
from adbc_driver_manager import dbapi

from analyzers.errors import DatabaseError, SourceError
from flows.database_settings import PostgresqlSettings
from flows.sources.databases.connection import Wanted, as_relation, quoted, select
from flows.sources.databases.watermark import Watermark
from flows.sources.kinds import Kind

_AS_IS = frozenset(
    ("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "name", "timestamp",
     "timestamptz", "date", "time", "bytea")
)  # fmt: skip
_BATCH_BYTES = str(16 << 20)
_MOST_DIGITS = 38
_PATIENCE = 15
# Messages of the server that a second try may outlive; every other is the user's to mend.
_PASSING = re.compile(
    r"connection refused|timeout|timed out|could not receive|server closed|terminating connection|starting up|"
    r"shutting down|too many clients|remaining connection slots|no route|unreachable|could not translate host name",
    re.IGNORECASE,
)


class PostgresqlConnection:
    """One transaction, read only and repeatable: all that is read was true at one moment."""

    def __init__(self, name: str, settings: PostgresqlSettings, password: str | None, certificate: str | None) -> None:
        self._where = f"database {name} ({settings.place})"
        self._password = password
        self._types: dict[tuple[str, str], tuple[str, int]] = {}
        try:
            self._connection: Any = adbc_driver_postgresql.dbapi.connect(_address(settings, password, certificate))
        except dbapi.Error as error:
            raise self._error(error) from None
        try:
            self._run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._run(f"SET LOCAL statement_timeout = '{settings.timeout}s'")
        except BaseException:
            self.close()
            raise

    def relation(self, *, table: str | None, query: str | None) -> str:
        """A table's name, quoted, or a query in parentheses."""
        return as_relation(table, query)

    def columns(self, relation: str) -> list[str]:
        """Names of the relation's columns; their types are kept for reading."""
        with self._cursor() as cursor:
            try:
                schema = cursor.adbc_execute_schema(f"SELECT * FROM {relation}")
            except dbapi.Error as error:
                raise self._error(error) from None
        for field in schema:
            about = field.metadata or {}
            modifier = int(about.get(b"POSTGRESQL:typmod", b"-1"))
            self._types[relation, field.name] = (about.get(b"POSTGRESQL:type", b"?").decode(), modifier)
        return list(schema.names)

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The rows, streamed."""
        types = {name: self._types[wanted.relation, name] for name in wanted.names}
        condition = ""
        if wanted.since is not None:
            column, mark = wanted.since
            condition = f"{quoted(column)} >= {_literal(mark, self._types[wanted.relation, column][0])}"
        statement = select(wanted, [_expression(name, types[name][0]) for name in wanted.names], condition)
        with self._cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
            try:
                cursor.execute(statement)
                for batch in cursor.fetch_record_batch():
                    yield _frame(batch, wanted, types)
            except dbapi.Error as error:
                raise self._error(error) from None
            except (OSError, pa.ArrowException) as error:
                raise self._error(error) from None

    def close(self) -> None:
        """End the transaction and the connection."""
        try:
            self._connection.rollback()
        except dbapi.Error:
            pass  # the server is gone, and the transaction with it
        finally:
            self._connection.close()

    def _cursor(self) -> Any:
        return self._connection.cursor()

    def _run(self, statement: str) -> None:
        with self._cursor() as cursor:
            try:
                cursor.execute(statement)
            except dbapi.Error as error:
                raise self._error(error) from None

    def _error(self, error: Exception) -> SourceError | DatabaseError:
        said = str(error).split("Query was:")[0].removeprefix("IO: ").removeprefix("[libpq] ")
        said = re.sub(r"\s+", " ", said.replace("ERROR: ", "").replace("Failed to prepare query: ", "")).strip(" .")
        if self._password:
            said = said.replace(self._password, "***")
        if _PASSING.search(said):
            return DatabaseError(f"{self._where}: {said[:300]}; check that it runs and can be reached from here")
        return SourceError(f"{self._where}: {said[:300]}; {_remedy(said)}")


def _address(settings: PostgresqlSettings, password: str | None, certificate: str | None) -> str:
    """The connection string. `hostaddr` is stated, so that no variable of the environment leads elsewhere."""
    parts: dict[str, str | int] = {
        "host": settings.host,
        "hostaddr": "",
        "port": settings.port,
        "dbname": settings.database,
        "user": settings.user,
        "sslmode": settings.encryption,
        "gssencmode": "disable",
        "connect_timeout": _PATIENCE,
        "application_name": "sereno",
        "target_session_attrs": "any",
    }
    if password is not None:
        parts["password"] = password
    if certificate is not None:
        parts["sslrootcert"] = certificate
    return " ".join(f"{name}='{_escaped(str(value))}'" for name, value in parts.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _expression(name: str, kind: str) -> str:
    column = quoted(name)
    if kind in _AS_IS:
        return column
    return f"CAST({column} AS {'numeric' if kind == 'money' else 'text'}) AS {column}"


def _literal(mark: Watermark, kind: str) -> str:
    """The value as the column's own type; a type that is read as text compares as text."""
    kind = kind if kind in _AS_IS else "text"
    return f"CAST('{mark.value}' AS {kind})"


def _frame(batch: pa.RecordBatch, wanted: Wanted, types: Mapping[str, tuple[str, int]]) -> pl.DataFrame:
    columns = []
    for name, array in zip(wanted.names, batch.columns, strict=True):
        plain = array.storage if isinstance(array, pa.ExtensionArray) else array
        series = pl.Series(name, pl.from_arrow(plain))
        kind, modifier = types[name]
        if kind in {"numeric", "money"}:
            scale = 2 if kind == "money" else _scale(modifier)
            series = _numeric(series, scale, wanted.kinds.get(name))
        columns.append(series)
    return pl.DataFrame(columns)


def _scale(modifier: int) -> int | None:
    """Digits after the point that the column's type states; None where it states none."""
    return None if modifier < 4 else (modifier - 4) & 0x7FF


def _numeric(text: pl.Series, scale: int | None, kind: Kind | None) -> pl.Series:
    """Exact where the column states its digits or money is wanted, as written where text is, else floating."""
    if kind is Kind.TEXT:
        return text
    digits = 4 if scale is None and kind is Kind.MONEY else scale
    if digits is not None and digits <= 4:
        exact = text.cast(pl.Decimal(_MOST_DIGITS, digits), strict=False)
        if exact.null_count() == text.null_count():
            return exact
    return text.cast(pl.Float64, strict=False)


def _remedy(said: str) -> str:
    if "password" in said or "authentication" in said or "role" in said:
        return "check user and password of this database in sereno.yaml"
    if "SSL" in said or "certificate" in said:
        return "check `tls` of this database in sereno.yaml"
    if "does not exist" in said:
        return "check the names that the monitor uses, and their letters' case"
    if "permission denied" in said:
        return "let this account read it"
    return "mend the monitor's table or query"
