"""What Prefect knows of the night that is running: who asked for it, when it was to start, and what it is called."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from analyzers.errors import SerenoError
from flows.schedule import data_date_of
from flows.workspace import Workspace

_LONGEST_NAMES = 150


def asked_at() -> datetime:
    """When this run was to start; the same when it waited, or is tried again."""
    return datetime.fromtimestamp((flow_run.scheduled_start_time or datetime.now(UTC)).timestamp(), UTC)


def by_schedule() -> bool:
    """Whether the schedule asked for this run, and not a person: a retry is asked for by one."""
    run = _present()
    return bool(run and run.auto_scheduled and run.run_count <= 1)


def can_be_retried() -> bool:
    """Whether the UI has a Retry for this run; what was started on the command line has none."""
    run = _present()
    return bool(run and run.deployment_id)


def token() -> str:
    """Ends the night's ids; the same when it is tried again."""
    return token_of(flow_run.id or uuid.uuid4())


def token_of(run: object) -> str:
    """The token of a run of this id."""
    return str(run).replace("-", "")[-12:]


def _present() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context else None


def run_name() -> str:
    """The night's date and its monitors, such as `night 2026-03-31: ledger, plant`."""
    parameters = flow_run.parameters or {}
    names = ", ".join(parameters.get("monitors") or ()) or "all monitors"
    return f"night {parameters.get('data_date') or _date(parameters)}: {names[:_LONGEST_NAMES]}"


def _date(parameters: dict[str, Any]) -> date | str:
    try:
        chosen = Workspace.open().monitors(tuple(parameters.get("monitors") or ()))
    except SerenoError:
        return "of yesterday"
    return data_date_of(asked_at(), chosen[0].timezone)
