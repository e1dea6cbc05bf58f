"""Records that are known by what they hold, once the monitor reads them otherwise.

Without a key a record is its content, or its time. Another time zone, role or column makes another record of every
row: all that a file still holds would stand twice in the warehouse.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from analyzers.columns import Columns, Role
from flows.warehouse import sql, tables

_SHIFT = timedelta(days=1)
"""How far another time zone moves an instant, at most."""


def replace_if_read_otherwise(
    connection: sql.Connection, monitor: str, columns: Columns, source: pl.DataFrame, basis: str
) -> int:
    """Remove what an earlier reading made of the rows that `source` holds again; how many records that were.

    basis : what decides how rows are read; it is kept for the next time. Under the same key nothing is removed: the
    records are updated. Records from more than a day before and after those of the source stay.
    """
    key = columns.one(Role.KEY) or ""
    basis = f"{basis}:{key}"
    before = sql.scalar(connection, "SELECT basis FROM readings WHERE monitor = ?", [monitor])
    if before == basis:
        return 0
    sql.run(connection, "DELETE FROM readings WHERE monitor = ?", [monitor])
    sql.insert(connection, "readings", [{"monitor": monitor, "basis": basis}])
    time, table = columns.one(Role.TIME), tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table).get(time or "")
    same_key = key and before is not None and before.partition(":")[2] == key
    if before is None or same_key or stored is None or time not in source.columns:
        return 0
    first, last = source[time].min(), source[time].max()
    if first is None or last is None or stored.type != "TIMESTAMPTZ":
        return 0
    name = sql.quoted(stored.stored)
    where = f"{name} IS NULL OR {name} BETWEEN $first AND $last"
    span: dict[str, sql.Cell] = {"first": first - _SHIFT, "last": last + _SHIFT}  # type: ignore[operator,dict-item]
    return sql.run(connection, f"DELETE FROM {sql.quoted(table)} WHERE {where}", span)
