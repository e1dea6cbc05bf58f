"""The command `sereno backfill`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object, say


def backfill(
    monitor: Annotated[str, typer.Argument(help="The monitor's name.")],
    first: Annotated[str, typer.Option("--from", help="First date to decide.")],
    last: Annotated[str, typer.Option("--to", help="Last date to decide.")],
    mail: Annotated[bool, typer.Option("--mail", help="Send each date's mail too.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Decide past dates that no night decided.

    Oldest first, a report each; no mail unless asked for. It can be stopped and repeated: decided dates stay as they
    are.

    Example: sereno backfill ledger --from 2026-05-01 --to 2026-05-07
    """
    from flows import backfilling
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    start, end = parse_date(first, "--from"), parse_date(last, "--to")
    if start is None or end is None:
        raise UsageError("name the first date with --from and the last with --to")
    status = 0
    for line in backfilling.backfill(opened, monitor, start, end, mail=mail, say=say, now=datetime.now(UTC)):
        if json:
            print_object(line.contract())
        else:
            say(line.sentence())
        status = max(status, line.exit_status)
    return status
