"""A night without Prefect: the steps that its tasks call, one after the other, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from analyzers.results import Analysis
from flows import analysis, explanation, ingestion, publishing
from flows.handover import Handover
from flows.house_style import read_style
from flows.models import model_hash
from flows.outcomes import Outcome, Outcomes
from flows.plan import Plan, plan_runs
from flows.warehouse import Warehouse
from flows.workspace import Workspace, run_folder
from tests.flows.conftest import payments


@dataclass(frozen=True)
class HandedOver:
    """What `ingest` handed to the analysis, the order of rows apart."""

    history: list[str]
    batch: list[str]


def run_night(folder: Path, day: date, *, force: bool = False, mail: bool = True) -> tuple[Outcome, Analysis]:
    """What became of the workspace's only monitor on a date, and what was found."""
    outcome, found, _ = run_whole_night(folder, day, force=force, mail=mail)
    return outcome, found


def run_whole_night(
    folder: Path, day: date, *, force: bool = False, mail: bool = True, publications: int = 1
) -> tuple[Outcome, Analysis, HandedOver]:
    """The same, with the ids of the records of history and batch.

    publications : how often its results are published: again by a retry where the first was killed behind it.
    """
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
            model_hash=model_hash(workspace),
            style=read_style(workspace),
        )
        outcomes, names = Outcomes(runs), [run.name for run in runs]
        for run in runs:
            ingestion.pull(plan, run)
        outcomes.decide(ingestion.ingest(plan, list(runs)))
        for run in runs:
            analysis.analyze_run(plan, run)
        explanation.explain(plan, list(runs))
        before = dict(outcomes.of)
        for _ in range(publications):
            outcomes.of = before | publishing.publish(plan, Outcomes(runs), mail=mail)
        ids = [sorted(plan.handover.read_frame(names[0], kind)["record_id"]) for kind in ("history", "batch")]
        return outcomes.of[names[0]], plan.handover.read_analysis(names[0]), HandedOver(*ids)


def add_april(folder: Path) -> None:
    """Sixty payments of 8 April, like sixty of the first ones."""
    april = (
        payments()
        .head(60)
        .with_columns(
            payment=pl.format("A{}", "payment"),
            paid_at=pl.lit("2026-04-08 10:00:00"),
            invoice=pl.format("A{}", "payment"),
        )
    )
    april.write_csv(folder / "data" / "payments-april.csv")
