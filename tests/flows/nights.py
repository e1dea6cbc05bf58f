"""A night without Prefect: the steps that its tasks call, one after the other, in this process."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from analyzers.results import Analysis
from flows import analysis, explanation, ingestion, publishing
from flows.handover import Handover
from flows.house_style import read_style
from flows.outcomes import Outcome, Outcomes
from flows.plan import Plan, plan_runs
from flows.warehouse import Warehouse
from flows.workspace import Workspace, run_folder


def run_night(folder: Path, day: date, *, force: bool = False, mail: bool = True) -> tuple[Outcome, Analysis]:
    """What became of the workspace's only monitor on a date, and what was found."""
    workspace = Workspace.open(folder)
    workspace.prepare()
    night, runs = plan_runs(workspace.monitors(), day, now=datetime.now(UTC))
    with run_folder(workspace, night) as work:
        plan = Plan(
            night=night,
            workspace=workspace,
            warehouse=Warehouse.of(workspace),
            handover=Handover(work),
            runs=runs,
            started_at=datetime.now(UTC),
            force=force,
            model_hash=None,
            style=read_style(workspace),
        )
        outcomes, names = Outcomes(runs), [run.name for run in runs]
        for run in runs:
            ingestion.pull(plan, run)
        outcomes.decide(ingestion.ingest(plan, list(runs)))
        for run in runs:
            analysis.analyze_run(plan, run)
        explanation.explain(plan, list(runs))
        outcomes.of.update(publishing.publish(plan, outcomes, mail=mail))
        return outcomes.of[names[0]], plan.handover.read_analysis(names[0])
