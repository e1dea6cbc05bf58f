"""The command `sereno doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, print_object, tell


def doctor(
    connect: Annotated[
        bool, typer.Option("--connect", help="Contact the configured databases, mail and model servers, too.")
    ] = False,
    egress: Annotated[
        bool, typer.Option("--egress", help="List what may be talked to, what is switched off, what was refused.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Look for what would disturb a night: software, model, machine, workspace, egress, sources, mail.

    Changes nothing. Each line is ok, warning or problem, with what to do. Exits 1 where there is a problem.

    Example: sereno doctor --workspace ./acme
    """
    if egress:
        return _list_egress(workspace, json=json)
    from flows.doctor.line import Patient, Status
    from flows.doctor.sections import examine
    from flows.workspace import Workspace

    patient = Patient(Workspace.open_if_any(workspace), connect=connect)
    worst = 0
    for section, line in examine(patient):
        worst = max(worst, int(line.status is Status.PROBLEM))
        if json:
            print_object(
                {"section": section, "name": line.name, "status": line.status.value, "text": line.text,
                 "remedy": line.remedy}
            )  # fmt: skip
        else:
            tell(f"{line.status.value:8} {section:10} {line.name:12} {line.text}")
            if line.remedy:
                tell(f"{'':8} {'':10} {'':12} -> {line.remedy}")
    return worst


def _list_egress(workspace: Path | None, *, json: bool) -> int:
    from flows.doctor.egress import auditors_list
    from flows.workspace import Workspace

    for item in auditors_list(Workspace.open(workspace)):
        if json:
            print_object({"kind": item.kind, "what": item.what, "by": item.by})
        else:
            tell(f"{item.kind:8} {item.what:56} {item.by}")
    return 0
