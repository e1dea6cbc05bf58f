"""A copy of the warehouse wound back to what a run knew, so that the run can be done again from its record.

The audit log tells the order of things: what was published or decided behind the run's own entry goes, and so do
records that arrived after it began. What was changed or deleted since cannot come back; `changed_since` says what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analyzers.columns import Columns, Role
from analyzers.errors import UsageError, WarehouseError
from flows.warehouse import audit, hashing, publish, runs, sql, tables
from flows.warehouse.runs import RunRecord

_CHANGING = {
    "erasure": "a person was erased",
    "retention": "retention deleted what was too old",
    "restored": "a backup was put in the warehouse's place",
}
"""Kinds of entries after which the warehouse may lack what a run knew."""


@dataclass(frozen=True)
class Publication:
    """The entry of the log by which a run was published."""

    seq: int
    run: str
    content: dict[str, Any] | None
    """None where it was erased."""


def find_run(connection: sql.Connection, identifier: str) -> RunRecord:
    """A run that decided its date, by its id or enough of its start.

    UsageError where none or several fit, or it was decided again since.
    """
    plain = identifier.strip()
    decided = runs.list_runs(connection, status=runs.RunStatus.DONE)
    found = [run for run in decided if run.run == plain] or [
        run for run in decided if plain and run.run.startswith(plain)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"more than one run starts with {plain[:80]!r}: {', '.join(run.run for run in found[:5])}")
    by = {entry.subject: content["by"] for entry, content in _logged(connection, "replaced") if content}
    if plain in by:
        raise UsageError(f"run {plain} was decided again by {by[plain]}, which took its place; name that one")
    newest = ", ".join(run.run for run in decided[:5]) or "none yet"
    raise UsageError(f"no run {plain[:80]!r} decided a date; the newest are: {newest}")


def publication_of(connection: sql.Connection, run: str) -> Publication:
    """The log's entry of a run; WarehouseError where the log has none."""
    found = [each for each in _publications(connection) if each.run == run]
    if not found:
        raise WarehouseError(f"run {run} is not in the log: it was inserted; `sereno audit verify` says more")
    return found[-1]


def rewind(connection: sql.Connection, run: RunRecord, until: Publication) -> None:
    """Leave in a copy of the warehouse what the run knew when it was decided.

    A run of another date that was decided again since stands in for the one it replaced.
    """
    published = [each for each in _publications(connection) if each.seq >= until.seq]
    later = {each.run for each in published}
    stand_ins = _stand_ins(connection, run, until)
    for name in sorted(later - stand_ins.keys()):
        publish.delete_run(connection, name)
        for table in ("sightings", "candidates"):
            sql.run(connection, f"DELETE FROM {table} WHERE run = ?", [name])
    for name, started_at in stand_ins.items():
        sql.run(connection, "UPDATE runs SET started_at = ? WHERE run = ?", [started_at, name])
    for table in ("dispositions", "snoozes"):
        sql.run(connection, f"DELETE FROM {table} WHERE audit_seq > ?", [until.seq])
    records = sql.quoted(tables.table_name("records", run.monitor))
    # By the log's order too: a clock that was set back gives later records earlier times.
    of_monitor = [each.content for each in published if each.content and each.content["monitor"] == run.monitor]
    began = {datetime.fromisoformat(content["started_at"]) for content in of_monitor} - {run.started_at}
    sql.run(
        connection,
        f"DELETE FROM {records} WHERE first_seen_at > $started "
        "OR first_seen_at IN (SELECT CAST(unnest($began) AS TIMESTAMPTZ))",
        {"started": run.started_at, "began": sorted(each.isoformat() for each in began)},
    )


def changed_since(connection: sql.Connection, run: RunRecord, until: Publication) -> list[str]:
    """What was done to the warehouse since that a run may miss, a sentence each. To be asked before it is rewound."""
    entries = [entry for entry in audit.entries(connection) if entry.seq > until.seq and entry.kind in _CHANGING]
    about = [entry for entry in entries if entry.kind != "retention" or entry.subject == run.monitor]
    told = [f"{_CHANGING[entry.kind]} since, on {entry.logged_at:%Y-%m-%d} (entry {entry.seq})" for entry in about]
    again = sorted(_stand_ins(connection, run, until))
    told += [f"another date that it built on was decided again since, by run {name}" for name in again]
    given = sum(
        entry.kind in {"disposition", "snooze", "snooze_ended"} and run.started_at < entry.logged_at
        for entry in audit.entries(connection)
        if entry.seq < until.seq
    )
    if given:
        told.append(f"{given} verdicts or snoozes were given while it was under way: it may not have known them")
    return told


def record_changes(
    connection: sql.Connection, run: RunRecord, columns: Columns, start: datetime, end: datetime
) -> list[str]:
    """What is otherwise with the records that a run read, where it can be told, a sentence each.

    To be asked of a copy that was rewound. start, end : instants of its history's start and its batch's end.
    """
    table = tables.table_name("records", run.monitor)
    stored = tables.stored_columns(connection, table)
    time = stored.get(columns.one(Role.TIME) or "")
    if time is None:
        return []
    name, within = sql.quoted(table), f"{sql.quoted(time.stored)} >= $start AND {sql.quoted(time.stored)} < $end"
    span: dict[str, sql.Cell] = {"start": start, "end": end}
    own_hash = hashing.row_hash(hashing.content(stored.values()))
    query = f"SELECT record_id FROM {name} WHERE {within} AND row_hash <> {own_hash} ORDER BY record_id"
    edited = [record for (record,) in sql.rows(connection, query, span)]
    told = []
    if edited:
        shown = ", ".join(edited[:3]) + (", ..." if len(edited) > 3 else "")
        told.append(f"{len(edited)} records do not say what was read: they were edited in the warehouse ({shown})")
    # What a later night read for the first time is gone here: what still bears a later night's mark was changed by it.
    query = f"SELECT ingest_id, count(*) FROM {name} WHERE {within} GROUP BY ingest_id ORDER BY ingest_id"
    began = {each.run: each.content["started_at"] for each in _publications(connection) if each.content}
    for ingest, count in sql.rows(connection, query, span):
        if ingest in began and datetime.fromisoformat(began[ingest]) > run.started_at:
            told.append(f"{count} records were changed since, by what run {ingest} read")
    return told


def _stand_ins(connection: sql.Connection, run: RunRecord, until: Publication) -> dict[str, datetime]:
    """Runs behind an entry that replaced one before it, of another date; and when the replaced one began to read."""
    began: dict[str, str] = {}
    result: dict[str, datetime] = {}
    for each in _publications(connection):
        if each.content is None or each.content["monitor"] != run.monitor:
            continue
        day = each.content["data_date"]
        if each.seq < until.seq:
            began[day] = each.content["started_at"]
        elif day in began and day != run.data_date.isoformat():
            result[each.run] = datetime.fromisoformat(began[day])
    present = {name for (name,) in sql.rows(connection, "SELECT run FROM runs")}
    return {name: at for name, at in result.items() if name in present}


def _publications(connection: sql.Connection) -> list[Publication]:
    return [Publication(entry.seq, entry.subject, content) for entry, content in _logged(connection, "publish")]


def _logged(connection: sql.Connection, kind: str) -> Iterator[tuple[audit.Entry, dict[str, Any] | None]]:
    contents: dict[int, str] = dict(
        sql.rows(connection, "SELECT seq, content FROM audit_contents JOIN audit USING (seq) WHERE kind = ?", [kind])
    )
    for entry in audit.entries(connection):
        if entry.kind == kind:
            yield entry, json.loads(contents[entry.seq]) if entry.seq in contents else None
