"""The command `sereno serve`."""

from __future__ import annotations

import os

from flows.cli.options import JsonOption, WorkspaceOption, print_object, say


def serve(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Serve schedules and the Prefect UI.

    Starts the Prefect server and the schedules of all monitors; runs until Ctrl-C.
    """
    from flows import serving
    from flows.structured_logs import sayer
    from flows.workspace import Workspace

    opened = Workspace.open(workspace)
    opened.monitors()
    server = os.environ.get("PREFECT_API_URL") or opened.settings.prefect.api_url
    address = server or opened.settings.prefect.own_url
    if json:
        print_object({"ui": address, "workspace": str(opened.folder)})
    tell = sayer(opened, say)
    tell(f"serving {opened.folder} at {address} (Ctrl-C stops)")
    for (cron, zone), names in serving.schedules(opened).items():
        tell(f"  {', '.join(names)}: {cron} ({zone})")
    serving.serve(opened)
    return 0
