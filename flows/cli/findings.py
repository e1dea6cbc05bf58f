"""The command `sereno findings`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object


def findings(
    monitor: Annotated[str | None, typer.Option(help="Only this monitor's.")] = None,
    data_date: Annotated[str | None, typer.Option(help="Only this date's.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """List the findings, the newest date first.

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
            print(
                f"{finding.data_date}  {finding.id}  {finding.monitor:12}  {finding.type:20}"
                f"  {finding.priority:5.1f}  {money:>18}  {finding.subject.label}"
            )
    return 0
