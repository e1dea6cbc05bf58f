"""The command `sereno check`."""

from __future__ import annotations

from typing import Annotated

import typer

from analyzers.errors import SerenoError, UsageError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say

SAMPLE = 1_000
"""Records of a database's table that are tried."""


def check(
    schema: Annotated[
        str | None, typer.Option(metavar="monitor|sereno", help="Print the JSON schema of such a file, for editors.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Validate settings, monitors and sources.

    Changes nothing.

    Example: sereno check --workspace ./acme
    """
    if schema is not None:
        return _print_schema(schema)
    from flows.house_style import read_style
    from flows.ingestion import Reach, read_reference, read_source
    from flows.sources.databases.reading import databases
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    read_style(opened)
    opened.prefixes()
    names = opened.monitor_names()
    worst = 0
    for name in names:
        try:
            monitor = opened.monitor(name)
            reach = Reach(most=SAMPLE)
            with databases(opened) as connected:
                source = read_source(opened, monitor, connected, reach)
                for reference in monitor.references:
                    read_reference(opened, monitor, reference, connected, most=SAMPLE)
            status, text = "ok", f"{source.records.height:,} records in {source.place}"
            if monitor.records.database is not None and source.records.height >= SAMPLE:
                text = f"the first {source.records.height:,} records of {source.place}"
        except SerenoError as error:
            worst = max(worst, error.exit_status)
            status, text = "failed", str(error)
        if json:
            print_object({"monitor": name, "status": status, "text": text})
        else:
            say(f"{name}: {status}: {text}")
    if not names:
        opened.monitors()
    return worst


def _print_schema(name: str) -> int:
    from flows.configuration.editor_schema import SCHEMAS

    if name not in SCHEMAS:
        raise UsageError(f"--schema {name[:40]!r}: no such file; there are: {', '.join(SCHEMAS)}")
    print_object(SCHEMAS[name]())
    return 0
