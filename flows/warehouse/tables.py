"""Tables whose columns come from a source: records and reference snapshots.

A source's column names are hostile and may differ by case only, which DuckDB takes for the same name. So each gets a
stored name of its own, kept in `stored_columns`; nobody else needs to know it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from analyzers.columns import Column, Columns, Role
from analyzers.errors import SourceError
from flows.warehouse import sql

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LONGEST = 100

_BY_ROLE = {
    Role.TIME: "TIMESTAMPTZ",
    Role.EXPOSURE: "DECIMAL(18,4)",
    Role.MEASURE: "DOUBLE",
    Role.KEY: "VARCHAR",
    Role.ENTITY: "VARCHAR",
    Role.CATEGORY: "VARCHAR",
    Role.TEXT: "VARCHAR",
    Role.PERSON: "VARCHAR",
}
_OWN_NAMES = frozenset(
    ("record_id", "row_hash", "ingest_id", "first_seen_at", "valid_from", "valid_to", "row_content", "rowid")
)


@dataclass(frozen=True)
class StoredColumn:
    """A source's column as it is stored."""

    name: str
    """In the source."""
    stored: str
    """In the table; quoted wherever it enters SQL."""
    type: str
    """One of DuckDB's types."""


@dataclass(frozen=True)
class Drift:
    """How an arriving source differs from what is stored already; empty where it does not."""

    added: tuple[str, ...] = ()
    """Stored for the first time, although there are records already."""
    missing: tuple[str, ...] = ()
    """Expected, but not in the source; null in the records that arrived."""
    undeclared: tuple[str, ...] = ()
    """In the source, but not described by the monitor; not stored."""
    retyped: tuple[str, ...] = ()
    """Stored with another type than before."""

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.missing or self.undeclared or self.retyped)


NO_DRIFT = Drift()


def table_name(prefix: str, *names: str) -> str:
    """Name of the table for a monitor (and reference): readable where the names are plain, a hash otherwise."""
    if all(_PLAIN.fullmatch(name) for name in names):
        return f"{prefix}_{'.'.join(names)}"
    return f"{prefix}_{sha256(repr(names).encode()).hexdigest()[:32]}"


def stored_columns(connection: sql.Connection, table: str) -> dict[str, StoredColumn]:
    """The stored columns of a table by their name in the source; empty where there is no such table."""
    query = "SELECT name, stored_name, type FROM stored_columns WHERE table_name = ? ORDER BY position"
    return {row[0]: StoredColumn(*row) for row in sql.rows(connection, query, [table])}


def wanted_types(columns: Iterable[Column], schema: Mapping[str, pl.DataType]) -> dict[str, str]:
    """The type each described column that arrives is stored with: by its role, else by how it arrives."""
    return {
        column.name: _BY_ROLE.get(column.role) or _type_of(schema[column.name])
        for column in columns
        if column.name in schema
    }


def type_by_role(columns: Columns, name: str) -> str | None:
    """The type that the column's role asks for; None where the role leaves it to the source."""
    return _BY_ROLE.get(columns.get(name).role)


def never_narrower(
    connection: sql.Connection, table: str, columns: Columns, wanted: Mapping[str, str], empty: Collection[str]
) -> dict[str, str]:
    """The wanted types, but where the role leaves the type to the source none that what is stored would not fit.

    A night that reads a part of a source sees whole numbers where others had fractions, or no value at all (`empty`).
    """
    known = stored_columns(connection, table)
    result = dict(wanted)
    for name, kind in wanted.items():
        if name in known and type_by_role(columns, name) is None:
            result[name] = known[name].type if name in empty else _wider(known[name].type, kind)
    return result


_NUMBERS = ("BIGINT", "DECIMAL(18,4)", "DOUBLE")


def _wider(stored: str, arriving: str) -> str:
    if stored == arriving:
        return stored
    if stored in _NUMBERS and arriving in _NUMBERS:
        return max(stored, arriving, key=_NUMBERS.index)
    return "VARCHAR"


def prepare(
    connection: sql.Connection, table: str, wanted: Mapping[str, str], own: Mapping[str, str]
) -> tuple[dict[str, StoredColumn], Drift]:
    """Make the table, or alter it, so that it holds the wanted columns; the stored columns and what drifted.

    wanted : source column -> type. own : Sereno's own columns -> type.
    """
    known = stored_columns(connection, table)
    exists = bool(sql.scalar(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]))
    if not exists:
        defined = ", ".join(f"{sql.quoted(name)} {kind}" for name, kind in own.items())
        sql.run(connection, f"CREATE TABLE {sql.quoted(table)} ({defined})")
    added = [name for name in wanted if name not in known]
    _add_columns(connection, table, {name: wanted[name] for name in added}, known)
    retyped = [name for name in wanted if name in known and known[name].type != wanted[name]]
    for name in retyped:
        _retype(connection, table, known[name], wanted[name])
    drift = Drift(added=tuple(added) if exists else (), retyped=tuple(retyped))
    return stored_columns(connection, table), drift


def _add_columns(
    connection: sql.Connection, table: str, added: Mapping[str, str], known: Mapping[str, StoredColumn]
) -> None:
    taken = set(_OWN_NAMES) | {column.stored.casefold() for column in known.values()}
    entries = []
    for position, (name, kind) in enumerate(added.items(), start=len(known)):
        stored = _free_name(name, taken)
        taken.add(stored.casefold())
        sql.run(connection, f"ALTER TABLE {sql.quoted(table)} ADD COLUMN {sql.quoted(stored)} {kind}")
        entries.append(
            {"table_name": table, "name": name, "stored_name": stored, "type": kind, "position": str(position)}
        )
    sql.insert(connection, "stored_columns", entries)


def _free_name(name: str, taken: set[str]) -> str:
    """The source's own name where it can be had, else the nearest that is free."""
    plain = "".join(character for character in name if character.isprintable())[:_LONGEST].strip() or "column"
    candidate, number = plain, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{plain}_{number}"
    return candidate


def _retype(connection: sql.Connection, table: str, column: StoredColumn, kind: str) -> None:
    stored = sql.quoted(column.stored)
    unfit = f"{stored} IS NOT NULL AND try_cast({stored} AS {kind}) IS NULL"
    count = sql.scalar(connection, f"SELECT count(*) FROM {sql.quoted(table)} WHERE {unfit}")
    if count:
        raise SourceError(
            f"column {column.name[:80]!r}: {count} stored values are {column.type} and cannot become {kind}; "
            "restore the column's role, or give the monitor a new name"
        )
    sql.run(connection, f"ALTER TABLE {sql.quoted(table)} ALTER COLUMN {stored} SET DATA TYPE {kind}")
    sql.run(
        connection,
        "UPDATE stored_columns SET type = ? WHERE table_name = ? AND name = ?",
        [kind, table, column.name],
    )


def _type_of(dtype: pl.DataType) -> str:
    """The stored type of a column whose role leaves it to the source."""
    if dtype == pl.Boolean:
        return "BOOLEAN"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMPTZ"
    if dtype == pl.Date:
        return "DATE"
    if dtype.is_decimal():
        return "DECIMAL(18,4)"
    if dtype.is_float():
        return "DOUBLE"
    return "BIGINT" if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128) else "VARCHAR"
