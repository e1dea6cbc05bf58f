"""The command `sereno init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, print_object, say


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The workspace's folder.")] = Path(),
    source: Annotated[
        str | None, typer.Option("--from", help="File, quoted glob, or database:table to profile.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The monitor's name (default: from the file's).")] = None,
    workspace: Annotated[Path | None, typer.Option("--workspace", help="Same as DIR.")] = None,
    json: JsonOption = False,
) -> int:
    """Make a workspace, and a monitor from a file or table.

    The roles of the columns are inferred; read the monitor and correct them. A table's database is one that the
    workspace's sereno.yaml names.

    Example: sereno init acme --from "exports/payments-*.csv"
    """
    from flows.scaffold import scaffold

    made = scaffold(workspace or folder, source=source, name=name)
    if json:
        print_object({"workspace": str(made.folder), "monitor": str(made.monitor) if made.monitor else None})
        return 0
    say(f"workspace {made.folder}")
    for line in made.notes:
        say(f"  {line}")
    if made.monitor:
        say(f"monitor {made.monitor}: read it, correct the roles, then `sereno check --workspace {made.folder}`")
    return 0
