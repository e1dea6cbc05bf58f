"""What a start of the service finds undone: runs that died with the last one, and each schedule's newest night.

Prefect keeps the runs that were due while nothing served them and carries them out, late. It does not know of a night
that was cut off by a shutdown or a power failure, nor of those that were due before it was set up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed, Scheduled

from flows.monitors import Monitor
from flows.schedule import data_date_of, newest_undecided
from flows.warehouse import Warehouse
from flows.workspace import Workspace

log = logging.getLogger("sereno.night")
_ALIVE = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)


def end_orphans(deployments: Sequence[UUID]) -> int:
    """Let runs that a killed service left running end as crashed, so that nothing waits for them; their number.

    Only for a server that nobody else uses: at its start none of its runs can be alive.
    """
    with get_client(sync_client=True) as client:
        orphans = _runs(client, deployments, _ALIVE)
        for run in orphans:
            state: State[Any] = Crashed(message="the service was killed while this ran")
            client.set_flow_run_state(run.id, state, force=True)
    return len(orphans)


def run_newest(workspace: Workspace, deployment: UUID, nights: Iterable[Sequence[str]], now: datetime) -> list[date]:
    """Ask for the newest night of each schedule that was due and left no trace; the dates that were asked for.

    nights : names of the monitors on each schedule. One that Prefect is about to run anyhow is left to it.
    """
    asked: list[date] = []
    with get_client(sync_client=True) as client:
        waiting = _runs(client, [deployment], (StateType.SCHEDULED,))
        for names in nights:
            undecided = _undecided(workspace, workspace.monitors(tuple(names)), now)
            for day in sorted(set(undecided.values())):
                chosen = [name for name, missing in undecided.items() if missing == day]
                if any(_covers(workspace, run, chosen, day) for run in waiting):
                    continue
                log.info("%s: the night of %s is due and did not run; it starts now", ", ".join(chosen), day)
                client.create_flow_run_from_deployment(
                    deployment, parameters={"monitors": chosen, "data_date": str(day)}, state=Scheduled()
                )
                asked.append(day)
    return asked


def _undecided(workspace: Workspace, monitors: Sequence[Monitor], now: datetime) -> dict[str, date]:
    since = workspace.served_since() or now
    with Warehouse.of(workspace).reading() as connection:
        newest = {monitor.name: newest_undecided(connection, monitor, since, now) for monitor in monitors}
    return {name: day for name, day in newest.items() if day is not None}


def _covers(workspace: Workspace, run: FlowRun, names: Sequence[str], day: date) -> bool:
    """Whether a waiting run decides this date of these monitors."""
    parameters: dict[str, Any] = run.parameters or {}
    if not set(names) <= set(parameters.get("monitors") or workspace.monitor_names()):
        return False
    stated = parameters.get("data_date")
    if stated or run.expected_start_time is None:
        return str(stated) == str(day)
    return data_date_of(run.expected_start_time, workspace.monitor(names[0]).timezone) == day


def _runs(client: SyncPrefectClient, deployments: Sequence[UUID], states: Sequence[StateType]) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))),
    )
