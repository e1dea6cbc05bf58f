"""`sereno serve`: a Prefect server, the schedules of all monitors, and runs from its UI.

The server listens on loopback unless the settings say otherwise and name a login.

One deployment serves the schedule and the runs that people ask for, since Prefect counts its concurrency limit per
deployment; a second run waits (`ENQUEUE`): `CANCEL_NEW` would drop the nightly for minutes after a killed runner.
Schedules stay active at shutdown, so that a night that was missed is still seen at the next start. No work pools:
creating one dials out.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from analyzers.errors import SerenoError
from flows.notices import tell_missed
from flows.own_server import own_server
from flows.prefect_environment import environment
from flows.triage_links import remember_form
from flows.workspace import Workspace
from reports.locale import texts

log = logging.getLogger("sereno.night")
DEPLOYMENT = "sereno"
_AT_ONCE = 3
"""Runs carried out at the same time: a verdict does not wait for the night."""


def serve(workspace: Workspace) -> None:
    """Serve until SIGINT or SIGTERM; against a configured server only the deployments are served."""
    workspace.prepare()
    # What the flow logs is shown in the UI.
    os.environ.update(environment(workspace) | {"PREFECT_LOGGING_EXTRA_LOGGERS": "sereno"})
    url = os.environ.get("PREFECT_API_URL") or workspace.settings.prefect.api_url
    with contextlib.ExitStack() as stack:
        if alone := url is None:
            url = stack.enter_context(own_server(workspace))
        os.environ["PREFECT_API_URL"] = url
        _serve_deployments(workspace, url, alone=alone)


def schedules(workspace: Workspace) -> dict[tuple[str, str], list[str]]:
    """Monitors by (cron expression, time zone): each group is one night."""
    groups: dict[tuple[str, str], list[str]] = {}
    for monitor in workspace.monitors():
        groups.setdefault((monitor.schedule, monitor.timezone), []).append(monitor.name)
    return groups


def _serve_deployments(workspace: Workspace, url: str, *, alone: bool) -> None:
    """Serve both deployments, once what is left undone is put in order.

    alone : whether the server is ours, so that none of its runs can be alive yet.
    """
    import asyncio

    from prefect.exceptions import TerminationSignal

    runner = _runner(workspace)
    nights = runner.add_deployment(_night_deployment(workspace))
    verdicts = runner.add_deployment(_triage_deployment(workspace))
    others = [runner.add_deployment(deployment) for deployment in _further_triage(workspace)]
    remember_form(workspace, verdicts, url)
    _put_in_order(workspace, nights, [nights, verdicts, *others] if alone else [])
    with contextlib.suppress(KeyboardInterrupt, TerminationSignal):
        asyncio.run(runner.start())


def _runner(workspace: Workspace) -> Any:
    """Prefect's runner, with its files in the workspace.

    By itself it keeps them in one folder of /tmp, which is whoever's served first: no other user could serve then.
    """
    from prefect.runner import Runner

    before, tempfile.tempdir = tempfile.tempdir, str(workspace.prefect_home)
    try:
        return Runner(pause_on_shutdown=False, limit=_AT_ONCE)
    finally:
        tempfile.tempdir = before


def _put_in_order(workspace: Workspace, nights: UUID, ours: list[UUID]) -> None:
    """End the runs of ours that a kill left behind, tell of missed nights, and ask for the newest of each schedule."""
    from flows.catching_up import end_orphans, run_newest

    now = datetime.now(UTC)
    try:
        workspace.note_serving(now)
        if ours:
            end_orphans(ours)
        tell_missed(workspace, workspace.monitors(), now)
        run_newest(workspace, nights, schedules(workspace).values(), now)
    except SerenoError as error:
        # The nights to come are to be served all the same; they tell of it by mail.
        log.error("%s", error)  # noqa: TRY400 - one line is what people read


def _night_deployment(workspace: Workspace) -> Any:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron

    from flows.forms import night_form
    from flows.nightly import night

    return _deployment(
        night,
        night_form(workspace),
        schedules=[
            Cron(cron, timezone=zone, parameters={"monitors": names}, slug="-".join(names)[:100])
            for (cron, zone), names in schedules(workspace).items()
        ],
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        description=_description(workspace, "night"),
    )


def _triage_deployment(workspace: Workspace) -> Any:
    from flows.forms import triage_form
    from flows.triage_run import triage

    return _deployment(triage, triage_form(workspace), description=_description(workspace, "triage"))


def _further_triage(workspace: Workspace) -> list[Any]:
    """Verdicts on many findings, and muting."""
    from flows.forms import snooze_form, triage_all_form
    from flows.snooze_run import snooze
    from flows.triage_all_run import decide_all

    return [
        _deployment(decide_all, triage_all_form(workspace), description=_description(workspace, "triage_all")),
        _deployment(snooze, snooze_form(workspace), description=_description(workspace, "snooze")),
    ]


def _deployment(flow: Any, form: Any, **settings: Any) -> Any:
    """A deployment of a flow, named by its module path, whose parameters are held against a form of ours."""
    from prefect.types.entrypoint import EntrypointType

    made = flow.to_deployment(DEPLOYMENT, entrypoint_type=EntrypointType.MODULE_PATH, **settings)
    # Prefect takes a schema from nowhere but the signature.
    made._parameter_openapi_schema = form
    return made


def _description(workspace: Workspace, form: str) -> str:
    return str(texts(workspace.settings.language)["forms"][form]["description"])
