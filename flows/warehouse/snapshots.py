"""Reference tables as they were on each date, so that a changed bank account has a day on which it changed.

A row is kept once, with the date from which it was seen and the date from which it was gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from analyzers.columns import Column, Role
from analyzers.errors import SourceError
from flows.warehouse import hashing, sql, tables

_OWN = {"row_hash": "BLOB", "valid_from": "DATE", "valid_to": "DATE"}
_SOURCE = "sereno_reference"
_ARRIVALS = "sereno_reference_rows"


@dataclass(frozen=True)
class SnapshotCounts:
    """What a snapshot changed; a changed row counts as one removed and one added."""

    added: int
    removed: int
    rows: int


def take(connection: sql.Connection, monitor: str, reference: str, frame: pl.DataFrame, on: date) -> SnapshotCounts:
    """Keep a reference table as it is on a date; equal rows count once.

    A date that has a snapshot already is taken anew. One before the newest snapshot changes nothing: what stood in
    the table then is not known now.
    """
    newest = sql.scalar(
        connection,
        "SELECT max(taken_on) FROM reference_snapshots WHERE monitor = ? AND reference = ?",
        [monitor, reference],
    )
    if newest is not None and on < newest:
        return SnapshotCounts(0, 0, frame.height)
    if not frame.width:
        raise SourceError(f"monitor {monitor!r}: reference {reference!r} has no columns; check its files")
    table = _prepare(connection, monitor, reference, frame)
    _undo(connection, table, on)
    added = sql.run(
        connection,
        f"INSERT INTO {table} BY NAME SELECT *, $day AS valid_from FROM {_ARRIVALS} "
        f"WHERE row_hash NOT IN (SELECT row_hash FROM {table} WHERE valid_to IS NULL)",
        {"day": on},
    )
    removed = sql.run(
        connection,
        f"UPDATE {table} SET valid_to = $day WHERE valid_to IS NULL AND valid_from < $day "
        f"AND row_hash NOT IN (SELECT row_hash FROM {_ARRIVALS})",
        {"day": on},
    )
    counts = SnapshotCounts(added, removed, sql.scalar(connection, f"SELECT count(*) FROM {_ARRIVALS}"))
    sql.run(connection, f"DROP TABLE {_ARRIVALS}")
    _note(connection, monitor, reference, on, counts)
    return counts


def as_of(connection: sql.Connection, monitor: str, reference: str, on: date) -> pl.DataFrame:
    """The table as it was on a date; without columns where it was never taken."""
    return _select(connection, monitor, reference, "valid_from <= $day AND (valid_to IS NULL OR valid_to > $day)", on)


def history(connection: sql.Connection, monitor: str, reference: str, until: date) -> pl.DataFrame:
    """All rows that were ever in the table up to a date, with `valid_from` and `valid_to` (null while it stands).

    The first snapshot's rows carry its date as `valid_from`: they may be older.
    """
    return _select(connection, monitor, reference, "valid_from <= $day", until, dated=True)


def last_changes(
    connection: sql.Connection, monitor: str, reference: str, *, key: str, column: str, until: date
) -> pl.DataFrame:
    """When a column last changed for each key, such as the bank account of a vendor, as far as snapshots saw it.

    Frame with `key`, `changed_on` (Date), `previous` and `current` (String), sorted by key; a key whose value never
    changed, or that is new, has no row. Empty where the table or one of the columns was never taken.
    """
    dated = history(connection, monitor, reference, until)
    if not {key, column} <= set(dated.columns):
        return pl.DataFrame(
            schema={"key": pl.String, "changed_on": pl.Date, "previous": pl.String, "current": pl.String}
        )
    value = pl.col("current")
    return (
        dated.select(key=pl.col(key).cast(pl.String), changed_on="valid_from", current=pl.col(column).cast(pl.String))
        .drop_nulls("key")
        .sort("key", "changed_on", "current", maintain_order=True)
        .with_columns(previous=value.shift().over("key"), first=pl.int_range(pl.len()).over("key") == 0)
        .filter(value.ne_missing(pl.col("previous")) & ~pl.col("first"))
        .unique("key", keep="last", maintain_order=True)
        .select("key", "changed_on", "previous", "current")
    )


def first_taken(connection: sql.Connection, monitor: str, reference: str) -> date | None:
    """Date of the first snapshot; None where there is none."""
    query = "SELECT min(taken_on) FROM reference_snapshots WHERE monitor = ? AND reference = ?"
    found: date | None = sql.scalar(connection, query, [monitor, reference])
    return found


def _prepare(connection: sql.Connection, monitor: str, reference: str, frame: pl.DataFrame) -> str:
    """Bring table and arriving rows into place; the table's quoted name."""
    table = tables.table_name("reference", monitor, reference)
    columns = [Column(name=name, role=Role.IGNORE) for name in frame.columns]
    wanted = tables.wanted_types(columns, frame.schema)
    known = tables.stored_columns(connection, table)
    # A column that once was text stays text: what it held cannot be read as anything narrower for certain.
    wanted = {name: "VARCHAR" if name in known and known[name].type != kind else kind for name, kind in wanted.items()}
    stored, _ = tables.prepare(connection, table, wanted, _OWN)
    here = {name: stored[name] for name in wanted}
    casts = ", ".join(
        f"CAST(c{i} AS {here[name].type}) AS {sql.quoted(here[name].stored)}" for i, name in enumerate(frame.columns)
    )
    content = hashing.content(here.values())
    with sql.registered(connection, _SOURCE, frame.rename({name: f"c{i}" for i, name in enumerate(frame.columns)})):
        sql.run(
            connection,
            f"CREATE TEMP TABLE {_ARRIVALS} AS WITH typed AS (SELECT {casts} FROM {_SOURCE}) "
            f"SELECT DISTINCT *, {hashing.row_hash(content)} AS row_hash FROM typed",
        )
    return sql.quoted(table)


def _undo(connection: sql.Connection, table: str, on: date) -> None:
    """Take back what an earlier snapshot of the same date did."""
    sql.run(connection, f"DELETE FROM {table} WHERE valid_from = ?", [on])
    sql.run(connection, f"UPDATE {table} SET valid_to = NULL WHERE valid_to = ?", [on])


def _note(connection: sql.Connection, monitor: str, reference: str, on: date, counts: SnapshotCounts) -> None:
    sql.run(
        connection,
        "DELETE FROM reference_snapshots WHERE monitor = ? AND reference = ? AND taken_on = ?",
        [monitor, reference, on],
    )
    sql.insert(
        connection,
        "reference_snapshots",
        [{"monitor": monitor, "reference": reference, "taken_on": on, **vars(counts)}],
    )


def _select(
    connection: sql.Connection, monitor: str, reference: str, condition: str, on: date, *, dated: bool = False
) -> pl.DataFrame:
    table = tables.table_name("reference", monitor, reference)
    stored = tables.stored_columns(connection, table)
    if not stored:
        return pl.DataFrame()
    dates = ["valid_from", "CASE WHEN valid_to <= $day THEN valid_to END AS valid_to"] if dated else []
    listed = ", ".join([*(sql.quoted(column.stored) for column in stored.values()), *dates])
    query = f"SELECT {listed} FROM {sql.quoted(table)} WHERE {condition} ORDER BY valid_from, row_hash"
    frame = sql.frame(connection, query, {"day": on})
    frame.columns = [*stored, *(["valid_from", "valid_to"] if dated else [])]
    return frame
