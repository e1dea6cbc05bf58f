"""From sources into the warehouse, and from the warehouse into the frames that the analyzers take."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from analyzers.columns import Columns, Role
from analyzers.errors import SourceError
from flows.forgotten import Forgotten
from flows.known_files import Files, goes_on, repeats
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.outcomes import Decision
from flows.plan import MonitorRun, Plan
from flows.sources.conforming import conform, kind_of
from flows.sources.databases.reading import Databases, Extract, databases
from flows.sources.databases.watermark import Form, Watermark
from flows.sources.files import QUARANTINE, Kind, Table, read_files
from flows.sources.paths import expand
from flows.structured_logs import about
from flows.version import code_version
from flows.warehouse import file_readings, quarantine, records, runs, snapshots, sql, watermarks
from flows.warehouse.file_readings import FileReading
from flows.warehouse.readings import replace_if_read_otherwise
from flows.warehouse.runs import RunRecord, RunStatus
from flows.workspace import Workspace

log = logging.getLogger("sereno.night")


@dataclass(frozen=True)
class Source:
    """What was read of a monitor's records."""

    records: pl.DataFrame
    quarantined: pl.DataFrame
    place: str
    """Where they come from, as a person is told: so many files, or a database and its table."""
    notes: tuple[str, ...] = ()
    """What a person should know: columns that some files lack, names that were changed."""
    undescribed: int = 0
    """Columns of the source that the monitor does not describe; they are not read."""
    watermark: Watermark | None = None
    """How far a database was read, where the monitor names a watermark."""
    total: int = 0
    """Rows, those included that could not be read."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """By column of the source, how its cells were read."""


@dataclass(frozen=True)
class Reach:
    """How much of a database is read: from a watermark on, and how many rows at most; files are read whole."""

    since: Watermark | None = None
    most: int | None = None


def read_source(
    workspace: Workspace,
    monitor: Monitor,
    opened: Databases | None = None,
    reach: Reach = Reach(),
    paths: Sequence[Path] | None = None,
) -> Source:
    """Read and type a monitor's records; SourceError where a described column is missing.

    opened : databases that are connected already, so that references are read in the same transaction.
    paths : which of its files to read; all where None.
    """
    columns = monitor.described()
    table, names, place, mark = _read(workspace, monitor, opened, reach, paths)
    _check_columns(monitor, columns, names)
    frame, quarantined = conform(table, columns, timezone=monitor.timezone, monitor=monitor.name)
    undescribed = len(set(names) - {column.name for column in columns.columns})
    return Source(frame, quarantined, place, table.notes, undescribed, mark, table.total, table.rules)


def read_reference(
    workspace: Workspace, monitor: Monitor, name: str, opened: Databases | None = None, most: int | None = None
) -> pl.DataFrame:
    """Read one of a monitor's reference tables, whole."""
    source = monitor.references[name]
    if source.database is None:
        patterns = [workspace.folder / pattern for pattern in source.files]
        return read_files(patterns, timezone=monitor.timezone).frame
    with _connected(workspace, opened) as connected:
        extract = Extract(source.database, source.table, source.query, most=most)
        return connected.read(extract, timezone=monitor.timezone, now=datetime.now(UTC)).table.frame


def stated_kinds(columns: Columns) -> dict[str, Kind]:
    """What the described columns hold, by role and field; the rest is inferred."""
    return {column.name: kind for column in columns.columns if (kind := kind_of(column))}


def pull(plan: Plan, run: MonitorRun) -> int:
    """Read one monitor's source and reference tables into the run's folder; the number of records.

    Of files only those are read that are new, where that comes to the same as reading all.
    """
    forgotten = Forgotten.of(plan.workspace, plan.warehouse)
    files = None if run.monitor.records.database else Files.of(_paths(plan.workspace, run.monitor))
    with databases(plan.workspace) as opened:
        if files is None:
            source, earlier = read_source(plan.workspace, run.monitor, opened, Reach(_read_from(plan, run))), None
        else:
            source, earlier = _read_files(plan, run, files)
        for name in run.monitor.references:
            frame = read_reference(plan.workspace, run.monitor, name, opened)
            plan.handover.write_frame(run.name, f"reference-{name}", forgotten.reference(run.monitor, name, frame))
    found = source.records
    if found.width:
        found = forgotten.records(run.monitor, _kept(plan, run, found))
    plan.handover.write_frame(run.name, "records", found)
    plan.handover.write_frame(run.name, "quarantined", forgotten.quarantined(run.monitor, source.quarantined))
    counted = {
        "quarantined": source.quarantined["row"].n_unique() + (earlier.quarantined if earlier else 0),
        "records": found.height + (earlier.records if earlier else 0),
    }
    notes: dict[str, Any] = {
        **counted,
        "source": source.place,
        "undescribed": source.undescribed,
        "watermark": None if source.watermark is None else [source.watermark.form, source.watermark.value],
    }
    if files is not None:
        reading = FileReading(
            basis=_files_basis(run.monitor),
            files=files.unchanged(),
            rules=earlier.rules if earlier else dict(source.rules),
            rows=source.total + (earlier.rows if earlier else 0),
            repeated=earlier is None and repeats(source.records, run.monitor.described()),
            ingest=earlier.ingest if earlier else run.run,
            **counted,
        )
        notes["reading"] = reading.model_dump(mode="json")
    plan.handover.write_notes(run.name, notes)
    return int(counted["records"])


def _read_files(plan: Plan, run: MonitorRun, files: Files) -> tuple[Source, FileReading | None]:
    """All that a monitor's files hold; or what the new ones hold, and the earlier reading that they add to."""
    monitor, columns = run.monitor, run.monitor.described()
    with plan.warehouse.reading() as connection:
        known = None if plan.force else file_readings.known(connection, run.name)
    if known is None or known.basis != _files_basis(monitor) or known.repeated:
        return read_source(plan.workspace, monitor), None
    new = files.unread(known)
    if new is None:
        return read_source(plan.workspace, monitor), None
    place, rest = f"{len(files.stamps)} files", len(files.stamps) - len(new)
    log.info("%s: %s of %s files are new", run.name, len(new), rest + len(new), extra=about(run))
    if not new:
        undescribed = len(set(known.rules) - {column.name for column in columns.columns})
        return Source(pl.DataFrame(), pl.DataFrame(schema=QUARANTINE), place, undescribed=undescribed), known
    source = read_source(plan.workspace, monitor, paths=new)
    if goes_on(known, source.rules, columns) and not repeats(source.records, columns):
        with plan.warehouse.reading() as connection:
            if not records.holds_any(connection, run.name, source.records["record_id"]):
                further = source.quarantined.with_columns(pl.col("row") + known.rows)
                return replace(source, place=place, quarantined=further), known
    return read_source(plan.workspace, monitor), None


def _files_basis(monitor: Monitor) -> str:
    """What decides how files are read and what is kept of them: the monitor and the code."""
    said = (_basis(monitor), monitor.records.files, monitor.retention.records, monitor.retention.hold, code_version())
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _paths(workspace: Workspace, monitor: Monitor) -> list[Path]:
    return expand([workspace.folder / pattern for pattern in monitor.records.files])


def _read(
    workspace: Workspace,
    monitor: Monitor,
    opened: Databases | None,
    reach: Reach,
    paths: Sequence[Path] | None,
) -> tuple[Table, Sequence[str], str, Watermark | None]:
    """The table, names of all columns that the source has, where it is, and how far a database was read."""
    columns, source = monitor.described(), monitor.records
    kinds = stated_kinds(columns)
    if source.database is None:
        table = read_files(paths or _paths(workspace, monitor), kinds=kinds, timezone=monitor.timezone)
        return table, table.frame.columns, f"{len(table.paths)} files", None
    extract = Extract(
        database=source.database,
        table=source.table,
        query=source.query,
        columns=[column.name for column in columns.columns],
        watermark=source.watermark,
        since=reach.since,
        most=reach.most,
    )
    with _connected(workspace, opened) as connected:
        read = connected.read(extract, kinds=kinds, timezone=monitor.timezone, now=datetime.now(UTC))
    return read.table, read.names, extract.place, read.watermark


@contextlib.contextmanager
def _connected(workspace: Workspace, opened: Databases | None) -> Iterator[Databases]:
    with contextlib.ExitStack() as stack:
        yield opened or stack.enter_context(databases(workspace))


def _read_from(plan: Plan, run: MonitorRun) -> Watermark | None:
    """From where a database is read; None for all: the first time, after a change of the monitor, by `--force`."""
    source = run.monitor.records
    if source.watermark is None or plan.force:
        return None
    with plan.warehouse.reading() as connection:
        mark = watermarks.known(connection, run.name, _basis(run.monitor))
    return None if mark is None else mark.less(source.look_back)


def _kept(plan: Plan, run: MonitorRun, frame: pl.DataFrame) -> pl.DataFrame:
    """The records without those that retention would delete again at the end of this night."""
    column = run.monitor.described().one(Role.TIME)
    if run.monitor.retention.records is None or column is None:
        return frame
    with plan.warehouse.reading() as connection:
        newest = max(run.data_date, runs.watermark(connection, run.name) or run.data_date)
    first = run.monitor.records_kept_from(newest)
    return frame if first is None else frame.filter(pl.col(column).is_null() | (pl.col(column) >= first))


def _basis(monitor: Monitor) -> str:
    """What of a monitor decides which rows and columns are read, and as what."""
    source = monitor.records
    columns = sorted((name, spec.role, spec.field or "") for name, spec in monitor.columns.items())
    said = (source.database, source.table, source.query, source.watermark, monitor.timezone, columns)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


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
                hand_over(connection, plan, run)
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
    if frame.width:
        if replaced := replace_if_read_otherwise(connection, run.name, columns, frame, _basis(run.monitor)):
            log.info("%s: the monitor reads its records otherwise; %s of them were replaced", run.name, replaced)
        counts = records.ingest(connection, run.name, columns, frame, run.run, at=plan.started_at)
    else:
        counts = records.NOTHING_NEW
    quarantined = plan.handover.read_frame(run.name, "quarantined")
    quarantine.store(connection, run.run, run.name, quarantined)
    tables = plan.handover.read_references(run.name)
    for name, table in tables.items():
        snapshots.take(connection, run.name, name, table, run.data_date)
    notes = plan.handover.read_notes(run.name)
    if (said := notes.pop("reading", None)) is not None:
        reading = FileReading.model_validate(said)
        quarantine.carry_over(connection, reading.ingest, run.run, run.name)
        file_readings.keep(connection, run.name, reading.model_copy(update={"ingest": run.run}))
    if mark := notes.get("watermark"):
        watermarks.keep(
            connection, run.name, _basis(run.monitor), Watermark(Form(mark[0]), mark[1]), at=plan.started_at
        )
    drift = {"added": counts.drift.added, "retyped": counts.drift.retyped}
    plan.handover.write_notes(run.name, {**notes, **drift, "new": counts.new, "changed": counts.changed})


def _decide(connection: sql.Connection, plan: Plan, run: MonitorRun) -> tuple[Decision, str]:
    fingerprint = fingerprint_of(connection, plan, run)
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


def fingerprint_of(connection: sql.Connection, plan: Plan, run: MonitorRun) -> str:
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


def hand_over(connection: sql.Connection, plan: Plan, run: MonitorRun) -> None:
    """Write history and batch as Parquet; late records under the look-back are judged with the batch."""
    monitor, columns = run.monitor, run.monitor.described()
    start, end = (bound.astimezone(UTC) for bound in monitor.batch_bounds(run.data_date))
    first = monitor.history_start(run.data_date).astimezone(UTC)
    history = records.load(connection, run.name, columns, start=first, end=start)
    batch = records.load(connection, run.name, columns, start=start, end=end)
    before = runs.previous_run(connection, run.name, run.data_date)
    if before is not None and monitor.look_back:
        late_from = start - timedelta(days=monitor.look_back)
        late = records.load(connection, run.name, columns, start=late_from, end=start, arrived_after=before.started_at)
        batch = pl.concat([late, batch])
        history = history.join(late.select("record_id"), on="record_id", how="anti", maintain_order="left")
    key = plan.workspace.hash_key()
    for kind, frame in (("history", history), ("batch", batch)):
        shown = frame if monitor.unmask else mask_persons(frame, columns, key)
        plan.handover.write_frame(run.name, kind, shown)
