"""From sources into the warehouse, and from the warehouse into the frames that the analyzers take."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

import polars as pl

from analyzers.columns import Columns
from analyzers.errors import SourceError
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.outcomes import Decision
from flows.plan import MonitorRun, Plan
from flows.sources.conforming import conform, kind_of
from flows.sources.files import Kind, read_files
from flows.version import code_version
from flows.warehouse import quarantine, records, runs, snapshots, sql
from flows.warehouse.runs import RunRecord, RunStatus
from flows.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """What was read from a monitor's files."""

    records: pl.DataFrame
    quarantined: pl.DataFrame
    files: int
    notes: tuple[str, ...] = ()
    """What a person should know: columns that some files lack, names that were changed."""
    undescribed: int = 0
    """Columns of the source that the monitor does not describe; they are not read."""


def read_source(workspace: Workspace, monitor: Monitor) -> Source:
    """Read and type a monitor's records; SourceError where a described column is missing."""
    columns = monitor.described()
    patterns = [workspace.folder / pattern for pattern in monitor.records.files]
    table = read_files(patterns, kinds=stated_kinds(columns), timezone=monitor.timezone)
    _check_columns(monitor, columns, table.frame.columns)
    frame, quarantined = conform(table, columns, timezone=monitor.timezone, monitor=monitor.name)
    described = {column.name for column in columns.columns}
    undescribed = len(set(table.frame.columns) - described)
    return Source(frame, quarantined, len(table.paths), table.notes, undescribed)


def stated_kinds(columns: Columns) -> dict[str, Kind]:
    """What the described columns hold, by role and field; the rest is inferred."""
    return {column.name: kind for column in columns.columns if (kind := kind_of(column))}


def pull(plan: Plan, run: MonitorRun) -> int:
    """Read one monitor's source and reference tables into the run's folder; the number of records."""
    source = read_source(plan.workspace, run.monitor)
    plan.handover.write_frame(run.name, "records", source.records)
    plan.handover.write_frame(run.name, "quarantined", source.quarantined)
    notes = {
        "quarantined": source.quarantined["row"].n_unique(),
        "files": source.files,
        "records": source.records.height,
        "undescribed": source.undescribed,
    }
    plan.handover.write_notes(run.name, notes)
    for name, reference in run.monitor.references.items():
        patterns = [plan.workspace.folder / pattern for pattern in reference.files]
        frame = read_files(patterns, timezone=run.monitor.timezone).frame
        plan.handover.write_frame(run.name, f"reference-{name}", frame)
    return source.records.height


def ingest(plan: Plan, chosen: Sequence[MonitorRun]) -> dict[str, tuple[Decision, str]]:
    """Store what was pulled in one transaction; what is to become of each monitor's date, and why."""
    with plan.warehouse.writing() as connection:
        for run in chosen:
            _store(connection, plan, run)
    decisions = {}
    with plan.warehouse.reading() as connection:
        for run in chosen:
            decisions[run.name] = _decide(connection, plan, run)
            if decisions[run.name][0] is Decision.ANALYZE:
                _hand_over(connection, plan, run)
    return decisions


def run_record(plan: Plan, run: MonitorRun, fingerprint: str | None) -> RunRecord:
    """The run as it stands: what went in, and by which configuration, code and model it is judged."""
    return RunRecord(
        run=run.run,
        monitor=run.name,
        data_date=run.data_date,
        status=RunStatus.DONE,
        started_at=plan.started_at,
        input_fingerprint=fingerprint,
        config_hash=run.monitor.config_hash(),
        code_version=code_version(),
        model_hash=plan.model_hash,
    )


def _check_columns(monitor: Monitor, columns: Columns, present: Sequence[str]) -> None:
    for column in columns.columns:
        if column.name not in present:
            near = difflib.get_close_matches(column.name, present, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the source has: {', '.join(present[:12])}"
            raise SourceError(f"monitor {monitor.name}: the source has no column {column.name!r}; {hint}")


def _store(connection: sql.Connection, plan: Plan, run: MonitorRun) -> None:
    columns = run.monitor.described()
    frame = plan.handover.read_frame(run.name, "records")
    counts = records.ingest(connection, run.name, columns, frame, run.run, at=plan.started_at)
    quarantined = plan.handover.read_frame(run.name, "quarantined")
    quarantine.store(connection, run.run, run.name, quarantined)
    tables = plan.handover.read_references(run.name)
    for name, table in tables.items():
        snapshots.take(connection, run.name, name, table, run.data_date)
    notes = plan.handover.read_notes(run.name)
    drift = {"added": counts.drift.added, "retyped": counts.drift.retyped}
    plan.handover.write_notes(run.name, {**notes, **drift, "new": counts.new, "changed": counts.changed})


def _decide(connection: sql.Connection, plan: Plan, run: MonitorRun) -> tuple[Decision, str]:
    fingerprint = _fingerprint(connection, plan, run)
    notes = plan.handover.read_notes(run.name)
    plan.handover.write_notes(run.name, {**notes, "input_fingerprint": fingerprint})
    before = runs.finished_run(connection, run.name, run.data_date)
    if before is None or plan.force:
        return Decision.ANALYZE, ""
    now = run_record(plan, run, fingerprint)
    if before.same_work(now):
        return Decision.UNCHANGED, f"already decided by run {before.run} with the same input, settings and code"
    changed = _what_changed(before, now)
    return Decision.CHANGED, f"{changed} changed since run {before.run} decided this date; --force decides it again"


def _what_changed(before: RunRecord, now: RunRecord) -> str:
    parts: Mapping[str, str] = {
        "input_fingerprint": "the input",
        "config_hash": "the monitor",
        "code_version": "the code",
        "model_hash": "the model",
    }
    changed = [text for name, text in parts.items() if getattr(before, name) != getattr(now, name)]
    return " and ".join(changed)


def _fingerprint(connection: sql.Connection, plan: Plan, run: MonitorRun) -> str:
    """Of history, batch and reference tables: what precedes a batch decides what is abnormal in it."""
    start, end = run.monitor.history_start(run.data_date), run.monitor.batch_bounds(run.data_date)[1]
    stored = records.fingerprint(
        connection, run.name, run.monitor.described(), start=start.astimezone(UTC), end=end.astimezone(UTC)
    )
    digest = hashlib.blake2b(digest_size=8)
    for name, table in sorted(plan.handover.read_references(run.name).items()):
        rows = sorted(
            table.select(pl.concat_str(pl.all().cast(pl.String), separator="\x1f", ignore_nulls=True)).to_series()
        )
        digest.update("\x1e".join([name, *table.columns, *rows]).encode())
    return f"{stored}:{digest.hexdigest()}"


def _hand_over(connection: sql.Connection, plan: Plan, run: MonitorRun) -> None:
    """Write history and batch as Parquet; late records under the look-back are judged with the batch."""
    monitor, columns = run.monitor, run.monitor.described()
    start, end = (bound.astimezone(UTC) for bound in monitor.batch_bounds(run.data_date))
    first = monitor.history_start(run.data_date).astimezone(UTC)
    history = records.load(connection, run.name, columns, start=first, end=start)
    batch = records.load(connection, run.name, columns, start=start, end=end)
    before = runs.previous_run(connection, run.name, run.data_date)
    if before is not None and monitor.look_back:
        late_from = start - timedelta(days=monitor.look_back)
        late = records.load(connection, run.name, columns, start=late_from, end=start, arrived_since=before.started_at)
        batch = pl.concat([late, batch])
        history = history.join(late.select("record_id"), on="record_id", how="anti", maintain_order="left")
    key = plan.workspace.hash_key()
    for kind, frame in (("history", history), ("batch", batch)):
        shown = frame if monitor.unmask else mask_persons(frame, columns, key)
        plan.handover.write_frame(run.name, kind, shown)
