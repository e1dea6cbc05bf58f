"""Ids of records: the same in every process, version and order of the source.

An id is `r1:` and 128 bits of a SHA-256 over the monitor and the record's key; over its content where it has no key;
for samples of a series over time, tag and entities. The warehouse gives the same records the same ids, by the same
expressions; a repeated record gets its number hashed in, by order of content and not of rows.
"""

from __future__ import annotations

import duckdb
import polars as pl

from analyzers.columns import Columns, Field, Role, Shape
from flows.warehouse import hashing, sql, tables
from flows.warehouse.tables import StoredColumn

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "enable_external_access": False,
    "memory_limit": "2GB",
}


def with_record_ids(frame: pl.DataFrame, columns: Columns, monitor: str) -> pl.DataFrame:
    """The frame with a column `record_id` (String) at its end."""
    return frame.with_columns(record_ids(frame, columns, monitor))


def record_ids(frame: pl.DataFrame, columns: Columns, monitor: str) -> pl.Series:
    """Ids of the records of a conformed frame, in its order; named `record_id`."""
    types = tables.wanted_types((column for column in columns.columns if column.name in frame.columns), frame.schema)
    stored = {name: StoredColumn(name, f"c{i}", kind) for i, (name, kind) in enumerate(types.items())}
    casts = ", ".join(f"CAST({one.stored} AS {one.type}) AS {one.stored}" for one in stored.values())
    content = hashing.content(stored.values())
    identity, parts = _identity(monitor, columns, stored)
    needed = content if not parts or _has_nulls(frame, parts) else "''"
    query = (
        f"SELECT {hashing.record_id(identity)} AS record_id FROM "
        f"(SELECT *, {needed} AS row_content FROM (SELECT {casts} FROM sereno_frame))"
    )
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        # Only names of our own enter the relation: the source's may differ by case alone.
        connection.register("sereno_frame", frame.select(pl.col(one.name).alias(one.stored) for one in stored.values()))
        ids = sql.frame(connection, query).to_series()
        if ids.n_unique() < ids.len():
            ids = _numbered(
                connection, ids, f"SELECT {hashing.row_hash(content)} FROM (SELECT {casts} FROM sereno_frame)"
            )
    finally:
        connection.close()
    return ids.alias("record_id")


def _identity(monitor: str, columns: Columns, stored: dict[str, StoredColumn]) -> tuple[str, list[StoredColumn]]:
    """Expression for what makes a record that record, and the columns of its key; none where it is its content."""
    prefix = f"{len(monitor)}:{monitor}|"
    key = columns.one(Role.KEY)
    names = (key,) if key else () if columns.shape is Shape.EVENTS else _natural_key(columns)
    parts = [stored[name] for name in names if name in stored]
    by_content = f"{sql.text(prefix + 'content|')} || row_content"
    if not parts or len(parts) < len(names):
        return by_content, []
    present = " AND ".join(f"{part.stored} IS NOT NULL" for part in parts)
    by_key = f"{sql.text(prefix + 'key|')} || {hashing.content(parts)}"
    return f"CASE WHEN {present} THEN {by_key} ELSE {by_content} END", parts


def _natural_key(columns: Columns) -> tuple[str, ...]:
    """What tells samples of a series apart: time, tag and entities."""
    names = (columns.one(Role.TIME), columns.field(Field.TAG), *columns.names(Role.ENTITY))
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _has_nulls(frame: pl.DataFrame, parts: list[StoredColumn]) -> bool:
    return any(frame[part.name].null_count() for part in parts)


def _numbered(connection: sql.Connection, ids: pl.Series, row_hashes: str) -> pl.Series:
    """Repeated ids, from the second on in order of their content, with their number hashed in."""
    frame = pl.DataFrame({"id": ids, "hash": sql.frame(connection, row_hashes).to_series()}).with_row_index("line")
    frame = frame.filter(pl.col("id").is_duplicated()).sort("id", "hash", "line")
    frame = frame.with_columns(occurrence=pl.int_range(1, pl.len() + 1).over("id")).filter(pl.col("occurrence") > 1)
    connection.register("sereno_repeated", frame.select("line", id="id", occurrence="occurrence"))
    again = hashing.record_id("id || '#' || occurrence")
    renamed = sql.frame(connection, f"SELECT line, {again} AS id FROM sereno_repeated")
    return ids.scatter(renamed["line"], renamed["id"])
