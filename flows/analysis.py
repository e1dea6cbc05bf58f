"""One monitor's analysis: from the frames that `ingest` handed over to findings."""

from __future__ import annotations

from dataclasses import replace

from analyzers.analyze import analyze
from analyzers.results import Check, CheckStatus, Scalar
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
    analysis = replace(analysis, checks=(*_source_checks(plan, run), *analysis.checks))
    dated = tuple(finding.model_copy(update={"data_date": run.data_date}) for finding in analysis.findings)
    with plan.warehouse.reading() as connection:
        known = episodes.inherit(connection, replace(analysis, findings=dated), run.data_date)
    plan.handover.write_analysis(run.name, known)
    return len(known.findings)


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
