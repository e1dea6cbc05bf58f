"""Letting the local model narrate the findings of a night.

A model that cannot be used never costs a report: the texts are templates then, and the report says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from flows.narrating import Narrated, Narrating
from flows.plan import MonitorRun, Plan


def explain(plan: Plan, runs: Sequence[MonitorRun], narrating: Narrating | None = None) -> int:
    """Narrate every finding of these runs and hand the texts over; the number of narratives.

    narrating : what has narrated them since they were analyzed; where it was not given all of them, a new one does.
    """
    if narrating is not None and narrating.runs == {run.name for run in runs}:
        return _hand_over(plan, narrating.finish())
    with contextlib.closing(Narrating(plan, at_once=False)) as own:
        for place, run in enumerate(runs, start=1):
            own.give(run, to_come=len(runs) - place)
        return _hand_over(plan, own.finish())


def _hand_over(plan: Plan, narrated: Narrated) -> int:
    total = None
    for name, (narration, cost) in narrated.of.items():
        plan.handover.write_narratives(name, narration.narratives)
        plan.handover.write_skeletons(name, narration.skeletons)
        if cost is not None:
            plan.handover.write_cost(name, cost)
            total = cost if total is None else total + cost
    # Last: it says that everything is explained.
    plan.handover.write_model(narrated.note.model_copy(update={"cost": total}))
    return sum(len(narration.narratives) for narration, _ in narrated.of.values())
