"""`sereno serve`: a Prefect server, the schedules of all monitors, and runs from its UI.

The server listens on loopback unless the settings say otherwise and name a login.

One deployment serves the schedule and the runs that people ask for, since Prefect counts its concurrency limit per
deployment; a second run waits (`ENQUEUE`): `CANCEL_NEW` would drop the nightly for minutes after a killed runner.
Schedules stay active at shutdown, so that a night that was missed is still seen at the next start. No work pools:
creating one dials out.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from analyzers.errors import OperationError, SerenoError, UsageError
from flows.notices import tell_missed
from flows.prefect_environment import environment, is_healthy, served_url, serving_file
from flows.triage_links import remember_form
from flows.workspace import Workspace
from reports.locale import texts

log = logging.getLogger("sereno.night")
DEPLOYMENT = "sereno"
_AT_ONCE = 3
"""Runs carried out at the same time: a verdict does not wait for the night."""
_STARTUP_SECONDS = 180


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


@contextlib.contextmanager
def own_server(workspace: Workspace) -> Iterator[str]:
    """A Prefect server for this workspace; its API address. UsageError where the port is taken."""
    settings = workspace.settings.prefect
    host, port = settings.host, settings.port
    url = f"{settings.own_url}/api"
    if served_url(workspace):
        raise UsageError(f"{workspace.folder}: already served at {url}; stop the other `sereno serve` first")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be listened at ({error.strerror}); choose another with "
                "`prefect: {port: N}` in sereno.yaml"
            ) from None
    log_path = workspace.prefect_home / "server.log"
    with log_path.open("ab") as log:
        # Its own session: a Ctrl-C reaches this process first, which then ends the server in order.
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.prefect_server"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment(workspace), "PREFECT_API_URL": url},
            start_new_session=True,
        )
    try:
        _wait_until_healthy(process, url, str(log_path))
        serving_file(workspace).write_text(json.dumps({"url": url, "pid": process.pid}), encoding="utf-8")
        yield url
    finally:
        serving_file(workspace).unlink(missing_ok=True)
        process.send_signal(signal.SIGTERM)
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: str) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not is_healthy(url):
        if process.poll() is not None:
            raise OperationError(f"the Prefect server ended while starting (status {process.returncode}); see {log}")
        if time.monotonic() > deadline:
            raise OperationError(f"the Prefect server did not answer within {_STARTUP_SECONDS} s; see {log}")
        time.sleep(0.5)
