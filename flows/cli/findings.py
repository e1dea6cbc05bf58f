"""The command `sereno findings`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, tell

if TYPE_CHECKING:
    from flows.workspace import Workspace


def findings(
    monitor: Annotated[str | None, typer.Option(help="Only this monitor's.")] = None,
    data_date: Annotated[str | None, typer.Option(help="Only this date's.")] = None,
    entities: Annotated[
        bool, typer.Option("--entities", help="Risk of the entities that they are about instead, with its trend.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """List the findings, the newest date first; or the entities at risk.

    Example: sereno findings --monitor ledger --data-date 2026-05-31 --json
    """
    from flows.publishing import reported
    from flows.warehouse import Warehouse
    from flows.warehouse.findings import list_findings
    from flows.workspace import Workspace
    from reports.exports import finding_object

    opened = Workspace.open(workspace)
    if monitor is not None:
        opened.monitor(monitor)
    day = parse_date(data_date, "--data-date")
    if entities:
        return _entities(opened, monitor, day, json=json)
    with Warehouse(opened.warehouse, work=opened.work).reading() as connection:
        listed = list_findings(connection, monitor=monitor, data_date=day)
    for item in map(reported, listed):
        if json:
            print_object(finding_object(item, lang=opened.settings.language))
        else:
            finding = item.finding
            money = (
                f"{finding.exposure:,.2f} {finding.currency or ''}".rstrip() if finding.exposure is not None else "-"
            )
            tell(
                f"{finding.data_date}  {finding.id}  {finding.monitor:12}  {finding.type:20}"
                f"  {finding.priority:5.1f}  {money:>18}  {finding.subject.label}"
            )
    return 0


def _entities(workspace: Workspace, monitor: str | None, day: date | None, *, json: bool) -> int:
    """The entities at risk on a date, or on each monitor's latest."""
    from flows.warehouse import Warehouse, entity_risk

    with Warehouse.of(workspace).reading() as connection:
        listed = entity_risk.listed(connection, monitor=monitor, data_date=day)
    for name, on, risk in listed:
        if json:
            trend = [{"data_date": night.day, "risk": night.risk} for night in risk.nights]
            print_object(
                {"monitor": name, "data_date": on, **risk.model_dump(mode="json", exclude={"nights"}), "trend": trend}
            )
        else:
            money = ", ".join(f"{amount:,.2f} {currency}".rstrip() for currency, amount in risk.exposure.items())
            shown = " ".join(f"{night.risk:.0f}" for night in risk.nights)
            tell(
                f"{on}  {name:12}  {risk.entity:24}  {risk.risk:5.1f}  {risk.open_findings:3} open"
                f"  {money or '-':>18}  {shown}"
            )
    return 0
