"""The command `sereno doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, print_object


def doctor(
    connect: Annotated[
        bool, typer.Option("--connect", help="Contact the configured databases, mail and model servers, too.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Look for what would disturb a night: software, model, machine, workspace, sources, mail.

    Changes nothing. Each line is ok, warning or problem, with what to do. Exits 1 where there is a problem.

    Example: sereno doctor --workspace ./acme
    """
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
            print(f"{line.status.value:8} {section:10} {line.name:12} {line.text}")
            if line.remedy:
                print(f"{'':8} {'':10} {'':12} -> {line.remedy}")
    return worst
