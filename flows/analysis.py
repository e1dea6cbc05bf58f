"""One monitor's analysis: from the frames that `ingest` handed over to findings."""

from __future__ import annotations

from dataclasses import replace

from analyzers.analyze import analyze
from analyzers.risk import TrackRecord
from analyzers.settings import Material
from flows.plan import MonitorRun, Plan
from flows.warehouse import episodes, triage


def analyze_run(plan: Plan, run: MonitorRun) -> int:
    """Analyze the run's batch against its history; the number of findings."""
    start, end = run.monitor.batch_days(run.data_date)
    with plan.warehouse.reading() as connection:
        records = triage.track_records(connection, run.name)
    material = Material(
        columns=run.monitor.described(),
        history=plan.handover.read_frame(run.name, "history"),
        batch=plan.handover.read_frame(run.name, "batch"),
        settings=run.monitor.analysis_settings(),
        references=plan.handover.read_references(run.name),
        hash_key=plan.workspace.hash_key(),
        days=(start, end),
        track_records={
            kind: TrackRecord(confirmed=record.confirmed + record.accepted, dismissed=record.false_positive)
            for kind, record in records.items()
        },
    )
    analysis = analyze(material)
    dated = tuple(finding.model_copy(update={"data_date": run.data_date}) for finding in analysis.findings)
    with plan.warehouse.reading() as connection:
        known = episodes.inherit(connection, replace(analysis, findings=dated), run.data_date)
    plan.handover.write_analysis(run.name, known)
    return len(known.findings)
