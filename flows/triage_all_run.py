"""One verdict on many findings from the Prefect UI: the flow behind that form."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.bulk_triage import Filter, triage_all
from flows.egress import guard
from flows.failures import failure
from flows.warehouse.triage import Statement, Verdict
from flows.workspace import Workspace


def _run_name() -> str:
    parameters = flow_run.parameters or {}
    return f"{'decide' if parameters.get('carry_out') else 'count'}: {parameters.get('verdict')}"


@flow(name="triage-all", flow_run_name=_run_name, persist_result=False)
def decide_all(
    verdict: Verdict,
    reason: str,
    by: str,
    monitor: str | None = None,
    types: list[str] | None = None,
    entity: str | None = None,
    first_date: date | None = None,
    last_date: date | None = None,
    below_priority: float | None = None,
    below_exposure: float | None = None,
    until: date | None = None,
    normal_from: date | None = None,
    carry_out: bool = False,
) -> Any:
    """Record one verdict on all open findings that fit; without `carry_out` only say how many there are.

    Args:
        verdict: What was decided.
        reason: Why; kept in the audit log with each.
        by: Who decides; Prefect's own server knows no users.
        monitor: Only this monitor's.
        types: Only of these types.
        entity: Only about this entity.
        first_date: Only what was last seen from this date on.
        last_date: Only what was last seen up to this date.
        below_priority: Only below this priority.
        below_exposure: Only below this money, in whatever currency.
        until: Last day of an acceptance.
        normal_from: First day of what is accepted as the new normal.
        carry_out: Whether they are decided, or only counted.
    """
    os.umask(0o077)
    guard.install()
    wanted = Filter(
        monitor=monitor or None,
        types=tuple(types or ()),
        entity=(entity or "").strip() or None,
        first_date=first_date,
        last_date=last_date,
        below_priority=below_priority,
        below_exposure=None if below_exposure is None else Decimal(str(below_exposure)),
    )
    statement = Statement(
        verdict, who=by.strip(), why=reason.strip(), at=datetime.now(UTC), until=until, normal_from=normal_from
    )
    try:
        made = triage_all(Workspace.open(), wanted, statement, carry_out=carry_out)
    except Exception as error:
        return Failed(message=failure(error)[0])
    message = "; ".join(" ".join(sentence.split()) for sentence in made.sentences())
    return Completed(message=message, data=[each.contract(statement) for each in made.all])
