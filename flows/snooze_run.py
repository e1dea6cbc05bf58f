"""Muting a finding or an entity from the Prefect UI: the flow behind that form."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import triaging
from flows.egress import guard
from flows.failures import failure
from flows.stated_times import parse_instant, parse_start
from flows.warehouse.snoozes import sentence
from flows.workspace import Workspace


def _run_name() -> str:
    parameters = flow_run.parameters or {}
    return f"{parameters.get('target')} until {parameters.get('until')}"


@flow(name="snooze", flow_run_name=_run_name, persist_result=False)
def snooze(target: str, until: str, reason: str, by: str, start: str | None = None, monitor: str | None = None) -> Any:
    """Mute a finding, or all findings about an entity, for a while.

    Args:
        target: A finding's id, or an entity such as a supplier or asset.
        until: A date, an instant, or a span such as 12h, 7d or 2w.
        reason: Why; kept in the audit log.
        by: Who decides; Prefect's own server knows no users.
        start: When it begins; now where nothing is said.
        monitor: Only in this monitor.
    """
    os.umask(0o077)
    guard.install()
    try:
        workspace, now = Workspace.open(), datetime.now(UTC)
        zone = workspace.settings.timezone
        made = triaging.snooze(
            workspace,
            target.strip(),
            until=parse_instant(until, "until", now=now, timezone=zone),
            starts_at=parse_start(start, "start", now=now, timezone=zone) if start else None,
            why=reason.strip(),
            who=by.strip(),
            at=now,
            monitor=monitor or None,
        )
    except Exception as error:
        return Failed(message=failure(error)[0])
    return Completed(message="; ".join(map(sentence, made)), data=[each.audit_seq for each in made])
