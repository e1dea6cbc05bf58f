"""One monitor's analysis: from the frames that `ingest` handed over to findings."""

from __future__ import annotations

from dataclasses import replace

from analyzers.analyze import analyze
from analyzers.results import Check, CheckStatus, Scalar
from analyzers.risk import TrackRecord
from analyzers.settings import Material
from flows.plan import MonitorRun, Plan
from flows.reference_material import VENDORS, account_changes, masked_references
from flows.warehouse import episodes, triage


def analyze_run(plan: Plan, run: MonitorRun) -> int:
    """Analyze the run's batch against its history; the number of findings."""
    analysis = analyze(_material(plan, run))
    analysis = replace(analysis, checks=(*_source_checks(plan, run), *analysis.checks))
    dated = tuple(finding.model_copy(update={"data_date": run.data_date}) for finding in analysis.findings)
    with plan.warehouse.reading() as connection:
        known = episodes.inherit(connection, replace(analysis, findings=dated), run.data_date)
    plan.handover.write_analysis(run.name, known)
    return len(known.findings)


def _material(plan: Plan, run: MonitorRun) -> Material:
    """What was handed over, with what the warehouse knows of earlier episodes, reviewers and changed bank accounts."""
    monitor, key = run.monitor, plan.workspace.hash_key()
    batch, references = plan.handover.read_frame(run.name, "batch"), plan.handover.read_references(run.name)
    with plan.warehouse.reading() as connection:
        records = triage.track_records(connection, run.name)
        earlier = episodes.outside_the_baseline(connection, run.name, run.data_date)
        changes = account_changes(connection, monitor, references.get(VENDORS), batch, until=run.data_date, key=key)
    return Material(
        columns=monitor.described(),
        history=plan.handover.read_frame(run.name, "history"),
        batch=batch,
        settings=monitor.analysis_settings(),
        references=masked_references(monitor, references, key),
        earlier_episodes=earlier,
        hash_key=key,
        days=monitor.batch_days(run.data_date),
        account_changes=changes,
        track_records={
            kind: TrackRecord(confirmed=record.confirmed + record.accepted, dismissed=record.false_positive)
            for kind, record in records.items()
        },
    )


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
