"""Ids of records: the same in every process, version and order of the source.

An id is `r1:` and 128 bits of a SHA-256 over the monitor and the record's key; over its content where it has no key;
for samples of a series over time, tag and entities. The warehouse gives the same records the same ids, by the same
expressions; a repeated record gets its number hashed in, by order of content and not of rows.
"""

from __future__ import annotations

import duckdb
import polars as pl

from analyzers.columns import Columns
from flows.warehouse import arrivals, hashing, sql, tables
from flows.warehouse.tables import StoredColumn

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "enable_external_access": False,
    "memory_limit": "2GB",
}
_ROWS_AT_A_TIME = 1_000_000


def with_record_ids(frame: pl.DataFrame, columns: Columns, monitor: str) -> pl.DataFrame:
    """The frame with a column `record_id` (String) at its end."""
    return frame.with_columns(record_ids(frame, columns, monitor))


def record_ids(frame: pl.DataFrame, columns: Columns, monitor: str) -> pl.Series:
    """Ids of the records of a conformed frame, in its order; named `record_id`."""
    types = tables.wanted_types((column for column in columns.columns if column.name in frame.columns), frame.schema)
    stored = {name: StoredColumn(name, f"c{i}", kind) for i, (name, kind) in enumerate(types.items())}
    casts = ", ".join(f"CAST({one.stored} AS {one.type}) AS {one.stored}" for one in stored.values())
    content = hashing.content(stored.values())
    key = arrivals.natural_key(columns)
    identity = arrivals.identity(monitor, key, stored)
    by_key = bool(key) and all(name in stored for name in key) and not any(frame[name].null_count() for name in key)
    needed = "''" if by_key else content
    query = (
        f"SELECT {hashing.record_id(identity)} AS record_id FROM "
        f"(SELECT *, {needed} AS row_content FROM (SELECT {casts} FROM sereno_frame))"
    )
    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        # Only names of our own enter the relation: the source's may differ by case alone.
        named = frame.select(pl.col(one.name).alias(one.stored) for one in stored.values())
        ids = _asked(connection, named, query)
        if ids.n_unique() < ids.len():
            hashes = f"SELECT {hashing.row_hash(content)} FROM (SELECT {casts} FROM sereno_frame)"
            ids = _numbered(connection, ids, _asked(connection, named, hashes))
    finally:
        connection.close()
    return ids.alias("record_id")


def _asked(connection: sql.Connection, frame: pl.DataFrame, query: str) -> pl.Series:
    """What the query says of each row of `sereno_frame`, some rows at a time: texts of all at once take gigabytes."""
    parts = []
    for start in range(0, max(frame.height, 1), _ROWS_AT_A_TIME):
        connection.register("sereno_frame", frame.slice(start, _ROWS_AT_A_TIME))
        parts.append(sql.frame(connection, query).to_series())
    return pl.concat(parts)


def _numbered(connection: sql.Connection, ids: pl.Series, hashes: pl.Series) -> pl.Series:
    """Repeated ids, from the second on in order of their content, with their number hashed in."""
    frame = pl.DataFrame({"id": ids, "hash": hashes}).with_row_index("line")
    frame = frame.filter(pl.col("id").is_duplicated()).sort("id", "hash", "line")
    frame = frame.with_columns(occurrence=pl.int_range(1, pl.len() + 1).over("id")).filter(pl.col("occurrence") > 1)
    connection.register("sereno_repeated", frame.select("line", id="id", occurrence="occurrence"))
    again = hashing.record_id("id || '#' || occurrence")
    renamed = sql.frame(connection, f"SELECT line, {again} AS id FROM sereno_repeated")
    return ids.scatter(renamed["line"], renamed["id"])
