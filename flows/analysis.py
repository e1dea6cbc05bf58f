"""One monitor's analysis: from the frames that `ingest` handed over to findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

import polars as pl

from analyzers.analyze import analyze
from analyzers.columns import Role
from analyzers.results import Check, CheckStatus, Scalar
from analyzers.risk import TrackRecord
from analyzers.sampling import draw
from analyzers.settings import Material
from flows.monitors import Monitor
from flows.plan import MonitorRun, Plan
from flows.quieting import settle
from flows.reference_material import VENDORS, account_changes, masked_references
from flows.remembering import remember
from flows.warehouse import episodes, sql, triage
from flows.warehouse.new_normals import new_normals

K = TypeVar("K")


def analyze_run(plan: Plan, run: MonitorRun) -> int:
    """Analyze the run's batch against its history; the number of findings."""
    frames = Frames(
        history=plan.handover.read_frame(run.name, "history"),
        batch=plan.handover.read_frame(run.name, "batch"),
        references=plan.handover.read_references(run.name),
    )
    with plan.warehouse.reading() as connection:
        material = build_material(connection, run.monitor, run.data_date, frames, key=plan.workspace.hash_key())
    analysis = analyze(replace(material, spread=plan.spread))
    analysis = replace(analysis, checks=(*_source_checks(plan, run), *analysis.checks))
    dated = tuple(finding.model_copy(update={"data_date": run.data_date}) for finding in analysis.findings)
    with plan.warehouse.reading() as connection:
        known = episodes.inherit(connection, replace(analysis, findings=dated), run.data_date)
        people = plan.workspace.settings.people
        told = settle(connection, material, known, run, at=plan.started_at, people=people)
        persons = bool(material.columns.names(Role.PERSON))
        remembered = remember(connection, run.name, told.findings, run.data_date, reasons=not persons)
        told = replace(told, findings=remembered)
    drawn, below_line = draw(material, told.findings)
    plan.handover.write_analysis(run.name, replace(told, drawn=drawn, below_line=below_line))
    return len(told.findings)


@dataclass(frozen=True)
class Frames:
    """A night's records, persons masked, and the reference tables as they were read."""

    history: pl.DataFrame
    batch: pl.DataFrame
    references: dict[str, pl.DataFrame]


def build_material(
    connection: sql.Connection,
    monitor: Monitor,
    data_date: date,
    frames: Frames,
    *,
    key: bytes,
    judged_before: datetime | None = None,
) -> Material:
    """The frames with what the warehouse knows of earlier episodes, reviewers and changed bank accounts.

    key : the workspace's own. judged_before : only verdicts given before that instant make a type's record, or a new
    normal.
    """
    references = frames.references
    changes = account_changes(connection, monitor, references.get(VENDORS), frames.batch, until=data_date, key=key)
    return Material(
        columns=monitor.described(),
        history=frames.history,
        batch=frames.batch,
        settings=monitor.analysis_settings(),
        references=masked_references(monitor, references, key),
        earlier_episodes=episodes.outside_the_baseline(connection, monitor.name, data_date),
        hash_key=key,
        days=monitor.batch_days(data_date),
        account_changes=changes,
        track_records=_counted(triage.track_records(connection, monitor.name, before=judged_before)),
        track_records_of_like=_counted(triage.track_records_of_like(connection, monitor.name, before=judged_before)),
        new_normals=new_normals(connection, monitor.name, data_date, before=judged_before),
        confirmed=triage.confirmed_records(connection, monitor.name),
    )


def _counted(records: Mapping[K, triage.TrackRecord]) -> dict[K, TrackRecord]:
    """What is tolerated is true."""
    return {
        kind: TrackRecord(confirmed=record.confirmed + record.accepted, dismissed=record.false_positive)
        for kind, record in records.items()
    }


def _source_checks(plan: Plan, run: MonitorRun) -> tuple[Check, ...]:
    """Whether the source still has the columns that it had, and how many of its rows could not be read."""
    notes = plan.handover.read_notes(run.name)
    added, retyped = (", ".join(notes.get(name, ())) for name in ("added", "retyped"))
    columns, undescribed = len(run.monitor.columns), int(notes.get("undescribed", 0))
    values: dict[str, Scalar] = {"columns": columns, "undescribed": undescribed}
    schema = Check(name="schema", status=CheckStatus.DONE, code="schema_usual", values=values)
    if added or retyped:
        changed: dict[str, Scalar] = {"added": added or "-", "retyped": retyped or "-"}
        schema = Check(name="schema", status=CheckStatus.WARNING, code="schema_changed", values=changed)
    bad = int(notes.get("quarantined", 0))
    if not bad:
        return (schema,)
    total = bad + int(notes.get("records", 0))
    left_out: dict[str, Scalar] = {"count": bad, "total": total}
    return schema, Check(name="rows", status=CheckStatus.WARNING, code="quarantined_rows", values=left_out)
