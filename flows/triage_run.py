"""A verdict from the Prefect UI: the flow behind the triage form."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import triaging
from flows.egress import guard
from flows.failures import failure
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace


def _run_name() -> str:
    parameters = flow_run.parameters or {}
    return f"{parameters.get('verdict')}: {parameters.get('finding')}"


@flow(name="triage", flow_run_name=_run_name, persist_result=False)
def triage(
    finding: str, verdict: Verdict, reason: str, by: str, until: date | None = None, normal_from: date | None = None
) -> Any:
    """Record what a person decided about a finding.

    Args:
        finding: The finding's id, as the report prints it.
        verdict: What was decided.
        reason: Why; kept in the audit log.
        by: Who decides; Prefect's own server knows no users.
        until: Last day of an acceptance.
        normal_from: First day of what is accepted as the new normal.
    """
    os.umask(0o077)
    guard.install()
    try:
        decided = triaging.triage(
            Workspace.open(),
            finding,
            verdict,
            why=reason.strip(),
            who=by.strip(),
            at=datetime.now(UTC),
            until=until,
            normal_from=normal_from,
        )
    except Exception as error:
        return Failed(message=failure(error)[0])
    return Completed(message=triaging.sentence(decided), data=decided.contract())
