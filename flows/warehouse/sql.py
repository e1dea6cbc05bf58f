"""SQL in one place: quoting of identifiers, statements run to their end, and typed rows.

Names of columns and tables are hostile (they come from files), so they enter SQL through `quoted` only. Values enter
as parameters; where DuckDB takes none (settings, literals inside a generated expression) they pass through `text`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import duckdb
import polars as pl

Connection = duckdb.DuckDBPyConnection
Row = tuple[Any, ...]
Cell = str | int | float | bool | Decimal | date | datetime | list[str] | list[int] | None
Parameters = Sequence[Cell] | Mapping[str, Cell]

_INCOMING = "sereno_incoming"


def quoted(name: str) -> str:
    """`name` as an SQL identifier, whatever it holds; ValueError for an empty name or a NUL character."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a column or table")
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """`value` as an SQL text literal; ValueError for a NUL character."""
    if "\0" in value:
        raise ValueError("a text literal cannot hold a NUL character")
    return "'" + value.replace("'", "''") + "'"


def rows(connection: Connection, query: str, parameters: Parameters = ()) -> list[Row]:
    """Run a statement to its end and give all its rows (DuckDB 2.0 streams: nothing may be left unread)."""
    return connection.execute(query, _plain(parameters)).fetchall()


def run(connection: Connection, query: str, parameters: Parameters = ()) -> int:
    """Run a statement to its end; how many rows it changed, where it changed any."""
    connection.execute(query, _plain(parameters)).fetchall()
    return max(connection.rowcount, 0)


def first(connection: Connection, query: str, parameters: Parameters = ()) -> Row | None:
    """The first row of a query, or None."""
    return next(iter(rows(connection, query, parameters)), None)


def scalar(connection: Connection, query: str, parameters: Parameters = ()) -> Any:
    """First value of the first row of a query; None where there is no row."""
    row = first(connection, query, parameters)
    return None if row is None else row[0]


def frame(connection: Connection, query: str, parameters: Parameters = ()) -> pl.DataFrame:
    """The rows of a query as a Polars frame, through Arrow."""
    result: pl.DataFrame = connection.sql(query, params=_plain(parameters)).pl()
    return result


@contextlib.contextmanager
def registered(connection: Connection, name: str, content: pl.DataFrame) -> Iterator[None]:
    """A frame that statements may read under a name."""
    connection.register(name, content)
    try:
        yield
    finally:
        # In a transaction that failed nothing can be unregistered; it is rolled back and the connection closed.
        with contextlib.suppress(duckdb.TransactionException):
            connection.unregister(name)


def insert(connection: Connection, table: str, values: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows that share their keys into a table of the schema; how many.

    Everything travels as text and is cast to the column's own type, so that money stays exact and a column of nulls
    needs no type. Models and enums must be turned into text before.
    """
    entries = list(values)
    if not entries:
        return 0
    names = list(entries[0])
    types = {name: kind for name, kind, *_ in rows(connection, f"DESCRIBE {quoted(table)}")}
    columns = {name: pl.Series(name, [_as_text(entry[name]) for entry in entries], dtype=pl.String) for name in names}
    casts = ", ".join(f"CAST({quoted(name)} AS {types[name]})" for name in names)
    listed = ", ".join(quoted(name) for name in names)
    with registered(connection, _INCOMING, pl.DataFrame(columns)):
        return run(connection, f"INSERT INTO {quoted(table)} ({listed}) SELECT {casts} FROM {_INCOMING}")


def conditions(wanted: Mapping[str, Any]) -> tuple[str, list[Cell]]:
    """A WHERE clause of the conditions whose value is not None, with a leading blank, and its parameters."""
    chosen = {condition: value for condition, value in wanted.items() if value is not None}
    where = " WHERE " + " AND ".join(chosen) if chosen else ""
    return where, [value.value if isinstance(value, Enum) else value for value in chosen.values()]


def _plain(parameters: Parameters) -> dict[str, Cell] | list[Cell] | None:
    """What DuckDB takes; None where there are no parameters."""
    return (dict(parameters) if isinstance(parameters, Mapping) else list(parameters)) or None


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return repr(float(value))
    return value.isoformat() if isinstance(value, date) else str(value)
