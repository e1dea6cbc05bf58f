"""Records on their way in: a source as a temporary table, typed, hashed and with ids, before it is merged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from analyzers.columns import Columns, Field, Role, Shape
from analyzers.errors import SourceError
from flows.warehouse import hashing, sql
from flows.warehouse.tables import StoredColumn

ARRIVALS = "sereno_arrivals"
"""The temporary table: the stored columns that arrive, `row_hash` and `record_id`."""

_SOURCE = "sereno_source"


@dataclass(frozen=True)
class Incoming:
    """A source as an SQL relation whose columns are `c0`, `c1`, ... in its own order."""

    relation: str
    parameters: tuple[str, ...]
    schema: Mapping[str, pl.DataType]

    def alias(self, name: str) -> str:
        """What the relation calls a column of the source."""
        return f"c{list(self.schema).index(name)}"

    @property
    def aliased(self) -> str:
        """The relation with its column names replaced, so that no name of the source enters SQL."""
        return f"{self.relation} AS incoming({', '.join(f'c{i}' for i in range(len(self.schema)))})"


@contextlib.contextmanager
def opened(connection: sql.Connection, source: pl.DataFrame | Path) -> Iterator[Incoming]:
    """A frame, or a Parquet file in the work folder, as a relation."""
    if isinstance(source, Path):
        yield Incoming("read_parquet(?)", (str(source),), pl.read_parquet_schema(source))
        return
    plain = source.rename({name: f"c{i}" for i, name in enumerate(source.columns)})
    with sql.registered(connection, _SOURCE, plain):
        yield Incoming(_SOURCE, (), source.schema)


def natural_key(columns: Columns) -> tuple[str, ...]:
    """Columns that identify a record: the key; without one, time, tag and entities of a series; else none."""
    if key := columns.one(Role.KEY):
        return (key,)
    if columns.shape is Shape.EVENTS:
        return ()
    names = (columns.one(Role.TIME), columns.field(Field.TAG), *columns.names(Role.ENTITY))
    return tuple(dict.fromkeys(name for name in names if name is not None))


def stage(
    connection: sql.Connection, monitor: str, key: tuple[str, ...], incoming: Incoming, here: Mapping[str, StoredColumn]
) -> None:
    """Put the arriving rows, cast to their stored types and hashed, into the table of arrivals.

    here : the stored columns that arrive. Raises SourceError where a value does not fit its column.
    """
    casts = [f"CAST({incoming.alias(name)} AS {c.type}) AS {sql.quoted(c.stored)}" for name, c in here.items()]
    chosen = hashing.record_id(identity(monitor, key, here))
    if "record_id" in incoming.schema:
        casts.append(f"CAST({incoming.alias('record_id')} AS VARCHAR) AS record_id")
        chosen = f"coalesce(record_id, {chosen})"
    stored = ", ".join(sql.quoted(column.stored) for column in here.values())
    query = (
        f"CREATE TEMP TABLE {ARRIVALS} AS WITH typed AS (SELECT {', '.join(casts)} FROM {incoming.aliased}), "
        f"hashed AS (SELECT *, {hashing.content(here.values())} AS row_content FROM typed) "
        f"SELECT {stored}, {hashing.row_hash('row_content')} AS row_hash, {chosen} AS record_id FROM hashed"
    )
    try:
        sql.run(connection, query, incoming.parameters)
    except duckdb.ConversionException:
        raise SourceError(
            f"monitor {monitor!r}: a value does not fit the type of its column; "
            "the reading of the source must cast it or quarantine the record"
        ) from None


def number_repeated(connection: sql.Connection) -> int:
    """Give records that share an id with an earlier arrival ids of their own; how many there were.

    They are numbered by their content, not by their place in the source. Identical ones are interchangeable.
    """
    total, distinct = sql.rows(connection, f"SELECT count(*), count(DISTINCT record_id) FROM {ARRIVALS}")[0]
    if total == distinct:
        return 0
    shared = f"SELECT record_id FROM {ARRIVALS} GROUP BY record_id HAVING count(*) > 1"
    numbered = (
        "SELECT rowid AS line, row_number() OVER (PARTITION BY record_id ORDER BY row_hash) AS occurrence "
        f"FROM {ARRIVALS} WHERE record_id IN ({shared})"
    )
    again = hashing.record_id("record_id || '#' || occurrence")
    return sql.run(
        connection,
        f"UPDATE {ARRIVALS} SET record_id = {again} FROM ({numbered}) AS repeated "
        f"WHERE {ARRIVALS}.rowid = repeated.line AND occurrence > 1",
    )


def identity(monitor: str, key: tuple[str, ...], here: Mapping[str, StoredColumn]) -> str:
    """SQL expression for what makes a record that record; its content where part of the key is absent or null.

    It reads the stored columns of `here` and, for the content, a column `row_content`.
    """
    prefix = f"{len(monitor)}:{monitor}|"
    by_content = f"{sql.text(prefix + 'content|')} || row_content"
    parts = [here[name] for name in key if name in here]
    if not parts or len(parts) < len(key):
        return by_content
    present = " AND ".join(f"{sql.quoted(part.stored)} IS NOT NULL" for part in parts)
    return f"CASE WHEN {present} THEN {sql.text(prefix + 'key|')} || {hashing.content(parts)} ELSE {by_content} END"
