"""The command `sereno run`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, say


def run(
    monitors: Annotated[list[str] | None, typer.Argument(metavar="[MONITOR]...", help="Default: all.")] = None,
    data_date: Annotated[str | None, typer.Option(help="Last day of the batch (default: yesterday).")] = None,
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Make the report, send nothing.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Decide a date again, mailed as a numbered correction.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Run one night of the monitors.

    Ingest, analyze, explain, report, deliver. A date is decided once.

    Example: sereno run ledger --data-date 2026-05-31
    """
    from flows.night_run import run_night
    from flows.structured_logs import sayer
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    tell = sayer(opened, say)
    lines = run_night(
        opened,
        tuple(monitors or ()),
        data_date=parse_date(data_date, "--data-date"),
        mail=not no_mail,
        force=force,
        say=say,
    )
    for line in lines:
        if json:
            print_object(line.contract())
        else:
            tell(line.sentence())
    return max((line.exit_status for line in lines), default=0)
