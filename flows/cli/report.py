"""The command `sereno report`."""

from __future__ import annotations

from typing import Annotated

import typer

from analyzers.errors import UsageError
from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object


def report(
    data_date: Annotated[str | None, typer.Argument(metavar="[DATE]")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Say where a night's report is.

    The newest one where no date is given.
    """
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    wanted = parse_date(data_date, "DATE")
    found = sorted(opened.archive.glob(f"{wanted or '????-??-??'}*.html"))
    if not found:
        which = f"for {wanted}" if wanted else "yet"
        raise UsageError(f"{opened.archive}: no report {which}; `sereno run` makes one")
    if json:
        print_object({"report": str(found[-1])})
    else:
        print(found[-1])
    return 0
