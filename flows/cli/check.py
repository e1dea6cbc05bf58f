"""The command `sereno check`."""

from __future__ import annotations

from analyzers.errors import SerenoError
from flows.cli.options import JsonOption, WorkspaceOption, print_object, say


def check(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Validate settings, monitors and sources.

    Changes nothing.

    Example: sereno check --workspace ./acme
    """
    from flows.house_style import read_style
    from flows.ingestion import read_source
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    read_style(opened)
    opened.prefixes()
    names = opened.monitor_names()
    worst = 0
    for name in names:
        try:
            monitor = opened.monitor(name)
            source = read_source(opened, monitor)
            status, text = "ok", f"{source.records.height:,} records in {source.files} files"
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
