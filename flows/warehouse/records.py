"""The records of each monitor: stored once, updated where the source changed them, loaded by their time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from analyzers.columns import Columns, Role
from analyzers.errors import SourceError
from flows.warehouse import arrivals, hashing, sql, tables
from flows.warehouse.arrivals import ARRIVALS
from flows.warehouse.tables import NO_DRIFT, Drift, StoredColumn

ARRIVED = "sereno: first seen at"
"""Column of the instant at which a record was first stored."""

_OWN = {"record_id": "VARCHAR", "row_hash": "BLOB", "ingest_id": "VARCHAR", "first_seen_at": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class IngestCounts:
    """What an ingest did with the records of a source."""

    new: int
    changed: int
    unchanged: int
    repeated: int = 0
    """Records whose key (or, without one, whose content) stood in the source already; each keeps an id of its own."""
    drift: Drift = NO_DRIFT

    @property
    def total(self) -> int:
        """All records of the source."""
        return self.new + self.changed + self.unchanged


NOTHING_NEW = IngestCounts(0, 0, 0)
"""Of a source that brought nothing."""


def ingest(
    connection: sql.Connection,
    monitor: str,
    columns: Columns,
    source: pl.DataFrame | Path,
    ingest_id: str,
    *,
    at: datetime,
) -> IngestCounts:
    """Store the records of a frame, or of a Parquet file in the work folder; those stored already change nothing.

    A record's id is a hash of the monitor and its key; for samples of a series without a key, of time, tag and
    entities; else of its content. A repeated one gets its number hashed in, by order of content and not of rows.
    A source with a `record_id` of its own keeps it. `at` is the instant that new records were first seen.

    Raises SourceError where a value does not fit its column, or a change of role cannot be applied to what is stored.
    """
    table = tables.table_name("records", monitor)
    with arrivals.opened(connection, source) as incoming:
        arriving = _arriving(columns, incoming.schema)
        wanted = tables.wanted_types((columns.get(name) for name in arriving), incoming.schema)
        wanted = tables.never_narrower(connection, table, columns, wanted, _empty(source))
        stored, drift = tables.prepare(connection, table, wanted, _OWN)
        here = {name: stored[name] for name in wanted}
        arrivals.stage(connection, monitor, arrivals.natural_key(columns), incoming, here)
    repeated = arrivals.number_repeated(connection)
    new, changed, total = _merge(connection, table, stored, set(here), {"ingest": ingest_id, "at": at})
    sql.run(connection, f"DROP TABLE {ARRIVALS}")
    missing, undeclared = _differences(columns, incoming.schema)
    drift = replace(drift, missing=missing, undeclared=undeclared)
    return IngestCounts(new, changed, total - new - changed, repeated, drift)


def load(
    connection: sql.Connection,
    monitor: str,
    columns: Columns,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    arrived_after: datetime | None = None,
    with_arrival: bool = False,
) -> pl.DataFrame:
    """Records with `start <= time < end` (UTC instants; all where there is no time column), as analyzers take them.

    The described columns in source order, then `record_id`; sorted by time, then id. `arrived_after` keeps only
    records first seen after that instant: late ones under a look-back. `with_arrival` adds that instant as the
    column `ARRIVED`.
    """
    table = tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table)
    listed = [_loaded(columns, name, stored.get(name)) for name in _described(columns)]
    own = ["first_seen_at"] if with_arrival else []
    if stored:
        where, parameters = _within(columns, stored, start, end, arrived_after)
        time = stored.get(columns.one(Role.TIME) or "")
        order = f"{sql.quoted(time.stored)} NULLS LAST, record_id" if time else "record_id"
        query = f"SELECT {', '.join([*listed, 'record_id', *own])} FROM {sql.quoted(table)}{where} ORDER BY {order}"
    else:
        parameters = []
        nothing = ["CAST(NULL AS VARCHAR)", *(["CAST(NULL AS TIMESTAMPTZ)"] if with_arrival else [])]
        query = f"SELECT {', '.join([*listed, *nothing])} LIMIT 0"
    frame = sql.frame(connection, query, parameters)
    frame.columns = [*_described(columns), "record_id", *([ARRIVED] if with_arrival else [])]
    return frame


def fingerprint(
    connection: sql.Connection,
    monitor: str,
    columns: Columns,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> str:
    """`i1:` and a hash of the records with `start <= time < end`, whatever the order in which they came."""
    table = tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table)
    if not stored:
        return f"{hashing.INPUT_VERSION}:none"
    where, parameters = _within(columns, stored, start, end, None)
    relation = f"(SELECT row_hash FROM {sql.quoted(table)}{where})"
    digest, number = sql.rows(connection, hashing.multiset(relation), parameters)[0]
    return f"{hashing.INPUT_VERSION}:{digest[:32]}:{number}"


def holds_any(connection: sql.Connection, monitor: str, ids: pl.Series) -> bool:
    """Whether one of these records is stored."""
    table = tables.table_name("records", monitor)
    if not tables.stored_columns(connection, table):
        return False
    with sql.registered(connection, "sereno_ids", pl.DataFrame({"record_id": ids})):
        query = f"SELECT 1 FROM {sql.quoted(table)} WHERE record_id IN (SELECT record_id FROM sereno_ids) LIMIT 1"
        return sql.first(connection, query) is not None


def newest_time(connection: sql.Connection, monitor: str, columns: Columns) -> datetime | None:
    """The latest instant among the stored records; None where there is none."""
    table, time = tables.table_name("records", monitor), columns.one(Role.TIME)
    stored = tables.stored_columns(connection, table)
    if time is None or time not in stored:
        return None
    found: datetime | None = sql.scalar(
        connection, f"SELECT max({sql.quoted(stored[time].stored)}) FROM {sql.quoted(table)}"
    )
    return found


def _described(columns: Columns) -> list[str]:
    return [column.name for column in columns.columns if column.name != "record_id"]


def _arriving(columns: Columns, schema: Mapping[str, pl.DataType]) -> list[str]:
    arriving = [name for name in _described(columns) if name in schema]
    if not arriving:
        raise SourceError("none of the monitor's columns is in the source; compare their names")
    return arriving


def _empty(source: pl.DataFrame | Path) -> set[str]:
    """Columns without one value, whose type says nothing."""
    frame = source if isinstance(source, pl.DataFrame) else None
    return set() if frame is None else {c.name for c in frame.iter_columns() if c.null_count() == c.len()}


def _differences(columns: Columns, schema: Mapping[str, pl.DataType]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    described = _described(columns)
    missing = tuple(name for name in described if name not in schema)
    return missing, tuple(name for name in schema if name not in described and name != "record_id")


def _merge(
    connection: sql.Connection,
    table: str,
    stored: Mapping[str, StoredColumn],
    here: set[str],
    stamp: Mapping[str, sql.Cell],
) -> tuple[int, int, int]:
    """Upsert the arrivals, stamped with `ingest` and `at`; how many are new, changed, and how many there were."""
    name = sql.quoted(table)
    present = [sql.quoted(column.stored) for source, column in stored.items() if source in here]
    absent = [sql.quoted(column.stored) for source, column in stored.items() if source not in here]
    updates = [f"{c} = a.{c}" for c in [*present, "row_hash"]] + [f"{c} = NULL" for c in absent]
    listed = ", ".join([*present, "row_hash", "record_id"])
    values = ", ".join(f"a.{c}" for c in [*present, "row_hash", "record_id"])
    before = sql.scalar(connection, f"SELECT count(*) FROM {name}")
    touched = sql.run(
        connection,
        f"MERGE INTO {name} AS stored USING {ARRIVALS} AS a ON stored.record_id = a.record_id "
        f"WHEN MATCHED AND stored.row_hash IS DISTINCT FROM a.row_hash "
        f"THEN UPDATE SET {', '.join(updates)}, ingest_id = $ingest "
        f"WHEN NOT MATCHED THEN INSERT ({listed}, ingest_id, first_seen_at) VALUES ({values}, $ingest, $at)",
        stamp,
    )
    new = sql.scalar(connection, f"SELECT count(*) FROM {name}") - before
    return new, touched - new, sql.scalar(connection, f"SELECT count(*) FROM {ARRIVALS}")


def _loaded(columns: Columns, name: str, stored: StoredColumn | None) -> str:
    """Select one described column with the type its role asks for; null where it never arrived."""
    kind = tables.type_by_role(columns, name) or (stored.type if stored else "VARCHAR")
    if stored is None:
        return f"CAST(NULL AS {kind})"
    column = sql.quoted(stored.stored)
    return column if stored.type == kind else f"TRY_CAST({column} AS {kind})"


def _within(
    columns: Columns,
    stored: Mapping[str, StoredColumn],
    start: datetime | None,
    end: datetime | None,
    arrived_after: datetime | None,
) -> tuple[str, list[sql.Cell]]:
    time = columns.one(Role.TIME)
    conditions: list[tuple[str, datetime | None]] = [("first_seen_at > ?", arrived_after)]
    if time is not None and time in stored:
        column = sql.quoted(stored[time].stored)
        conditions += [(f"{column} >= ?", start), (f"{column} < ?", end)]
    chosen = [(condition, value) for condition, value in conditions if value is not None]
    where = " WHERE " + " AND ".join(condition for condition, _ in chosen) if chosen else ""
    return where, [value for _, value in chosen]
