"""Letting the local model narrate the findings of a night.

A model that cannot be used never costs a report: the texts are templates then, and the report says why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from analyzers.errors import ModelError
from flows.models import chosen_model, open_engine, open_server
from flows.narration_cost import Meter
from flows.plan import MonitorRun, Plan
from flows.warehouse import narratives as stored
from flows.workspace import Workspace
from reports.contents import ModelNote
from reports.narrator import narrate
from reports.narrator.engines import Engine
from reports.narrator.skeleton import Skeleton

log = logging.getLogger("sereno.night")


def explain(plan: Plan, runs: Sequence[MonitorRun]) -> int:
    """Narrate every finding of these runs; the number of narratives."""
    engine, note = engine_or_template(plan.workspace)
    lang = plan.workspace.settings.language
    with plan.warehouse.reading() as connection:
        kept = stored.load_skeletons(connection)
    skeletons = {key: Skeleton.model_validate_json(text) for key, text in kept.items()}
    total, cost = 0, None
    for run in runs:
        meter = Meter(engine, plan.workspace.settings.watts) if engine is not None else None
        findings = plan.handover.read_analysis(run.name).findings
        narration = narrate(
            findings,
            lang=lang,
            timezone=run.monitor.timezone,
            engine=engine,
            mode=note.mode,
            playbooks=run.monitor.playbooks,
            skeletons=skeletons,
            prefixes=plan.workspace.prefixes(),
            progress=_progress(run.name),
        )
        skeletons = {**skeletons, **narration.skeletons}
        plan.handover.write_narratives(run.name, narration.narratives)
        plan.handover.write_skeletons(run.name, narration.skeletons)
        if meter is not None:
            own = meter.read(len(narration.skeletons))
            plan.handover.write_cost(run.name, own)
            cost = own if cost is None else cost + own
        total += len(narration.narratives)
    plan.handover.write_model(note.model_copy(update={"cost": cost}))
    return total


def engine_or_template(workspace: Workspace) -> tuple[Engine | None, ModelNote]:
    """What narrates the workspace's nights; nothing, and why, where it cannot be used."""
    if not workspace.settings.narration:
        return None, ModelNote(reason="narration is switched off in sereno.yaml")
    try:
        if (server := workspace.settings.model_server) is not None:
            return open_server(server)
        return open_engine(chosen_model(workspace), workspace)
    except ModelError as error:
        log.warning("%s; the texts are templates", error)
        return None, ModelNote(reason=str(error))


def _progress(name: str) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            log.info("%s: %d of %d findings explained", name, done, total)

    return report
