"""The command `sereno evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, parse_date, print_object


def evidence(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A finding's id, or enough of its start.")],
    data_date: Annotated[
        str | None, typer.Option(help="As this date told it (default: the latest that saw it).")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The zip to write (default: beside the report).")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Write a finding's evidence pack: records, queries, thresholds, settings, hashes and audit log.

    Its README.txt says how an auditor reproduces the finding from it.

    Example: sereno evidence 3f09ac21b7 --to finding.zip
    """
    from flows.evidence_pack import write_evidence
    from flows.workspace import Workspace

    written = write_evidence(
        Workspace.open(workspace), identifier, data_date=parse_date(data_date, "--data-date"), to=to
    )
    if json:
        print_object(vars(written))
    else:
        print(written.path)
    return 0
