"""The command `sereno audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say


def audit(
    action: Annotated[str, typer.Argument(metavar="verify")],
    anchor: Annotated[str | None, typer.Option(help="Head of the chain that a mail carried.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Verify the audit chain.

    `sereno audit verify --anchor HEAD` compares with the head that a mail carried.
    """
    from flows.warehouse import Warehouse
    from flows.warehouse.audit import head, verify
    from flows.warehouse.evidence import verify_evidence
    from flows.workspace import Workspace

    if action != "verify":
        raise UsageError(f"audit {action[:40]!r}: no such action; there is: verify")
    with Warehouse.of(Workspace.open(workspace)).reading() as connection:
        problems, last = [*verify(connection, anchor), *verify_evidence(connection)], head(connection)
    if json:
        print_object({"valid": not problems, "head": last, "problems": problems})
    else:
        for problem in problems:
            say(problem)
        say(f"the audit chain {'is broken' if problems else 'holds'}; head {last}")
    return 1 if problems else 0
