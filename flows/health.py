"""Whether a workspace is served: a Prefect server answers, and somebody asks it for the runs of this workspace.

    python -m flows.health

Exits 0 where it is, 1 where it is not, with a line that says why: what a container's health check, or any monitoring,
calls. Prefect holds a deployment for ready as long as its runner asked within the last minute.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request

from analyzers.errors import SerenoError
from flows.prefect_environment import served_url
from flows.workspace import Workspace

NIGHT = ("night", "sereno")
"""Flow and deployment that a served workspace has."""
_SECONDS = 10


def trouble(workspace: Workspace) -> str | None:
    """Why the workspace is not served; None where it is."""
    url = os.environ.get("PREFECT_API_URL") or workspace.settings.prefect.api_url or served_url(workspace)
    if not url:
        return "`sereno serve` does not run"
    flow, name = NIGHT
    try:
        with urllib.request.urlopen(_asking(url, workspace, flow, name), timeout=_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read())
        states = {str(each["status"]) for each in found}
    except urllib.error.HTTPError as error:
        return f"{url} answers with status {error.code}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{url} does not answer: {' '.join(str(error).split())[:200]}"
    if not states:
        return f"{url} knows no deployment {flow}/{name}: `sereno serve` has not started yet"
    return None if "READY" in states else f"nobody asks {url} for the runs of {flow}/{name}: `sereno serve` has ended"


def _asking(url: str, workspace: Workspace, flow: str, name: str) -> urllib.request.Request:
    wanted = {"flows": {"name": {"any_": [flow]}}, "deployments": {"name": {"any_": [name]}}}
    headers = {"Content-Type": "application/json"}
    login = workspace.settings.prefect.login
    stated = login.get_secret_value() if login else os.environ.get("PREFECT_API_AUTH_STRING")
    if stated:
        headers["Authorization"] = f"Basic {base64.b64encode(stated.encode()).decode()}"
    return urllib.request.Request(f"{url}/deployments/filter", json.dumps(wanted).encode(), headers)  # noqa: S310


def main() -> int:
    """Say what is wrong, if anything; 0 or 1."""
    try:
        wrong = trouble(Workspace.open())
    except SerenoError as error:
        wrong = str(error)
    if wrong:
        print(f"sereno: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
