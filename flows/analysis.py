"""One monitor's analysis: from the frames that `ingest` handed over to findings."""

from __future__ import annotations

from dataclasses import replace

from analyzers.analyze import analyze
from analyzers.settings import Material
from flows.plan import MonitorRun, Plan
from flows.warehouse import episodes


def analyze_run(plan: Plan, run: MonitorRun) -> int:
    """Analyze the run's batch against its history; the number of findings."""
    material = Material(
        columns=run.monitor.described(),
        history=plan.handover.read_frame(run.name, "history"),
        batch=plan.handover.read_frame(run.name, "batch"),
        settings=run.monitor.analysis_settings(),
        references=plan.handover.read_references(run.name),
        hash_key=plan.workspace.hash_key(),
    )
    analysis = analyze(material)
    dated = tuple(finding.model_copy(update={"data_date": run.data_date}) for finding in analysis.findings)
    with plan.warehouse.reading() as connection:
        known = episodes.inherit(connection, replace(analysis, findings=dated), run.data_date)
    plan.handover.write_analysis(run.name, known)
    return len(known.findings)
