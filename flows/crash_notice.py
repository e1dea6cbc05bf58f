"""A night whose process was killed cannot tell of it: the service does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun, State

from flows.notices import failed_notice, tell
from flows.present_run import token_of
from flows.schedule import data_date_of
from flows.workspace import Workspace


def tell_crashed(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Mail the owners about a night whose process died, unless it was to send no mail."""
    del flow
    parameters = flow_run.parameters or {}
    if not parameters.get("mail", True):
        return
    workspace = Workspace.open()
    chosen = workspace.monitors(tuple(parameters.get("monitors") or ()))
    stated = parameters.get("data_date")
    start = flow_run.expected_start_time or datetime.now(UTC)
    day = date.fromisoformat(stated) if stated else data_date_of(start, chosen[0].timezone)
    why = state.message or "its process ended"
    tell(workspace, failed_notice(workspace, token_of(flow_run.id), chosen, day, why))
