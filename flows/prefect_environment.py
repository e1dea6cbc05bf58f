"""Prefect's settings, which it reads from the environment when it is imported: call `prepare` before that.

Analytics, telemetry, version checks and promotional content are off whatever the user's own profile says
(docs/platform.md lists what was seen to dial out, and the switch).
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from flows import structured_logs
from flows.workspace import VARIABLE, Workspace

ALWAYS = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # What is told outside of a night goes to standard error only.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "false",
}
DIRECT = {"NO_PROXY": "*", "no_proxy": "*"}
"""Every address is the one that the settings name: no proxy stands between."""


def environment(workspace: Workspace) -> dict[str, str]:
    """Variables under which Prefect serves this workspace and talks to nobody else."""
    return {
        **ALWAYS,
        **DIRECT,
        **(structured_logs.ENVIRONMENT if workspace.settings.logging == "json" else {}),
        VARIABLE: str(workspace.folder),
        "PREFECT_HOME": str(workspace.prefect_home),
        "PREFECT_PROFILES_PATH": str(workspace.prefect_home / "profiles.toml"),
        "PREFECT_SERVER_API_HOST": workspace.settings.prefect.host,
        "PREFECT_SERVER_API_PORT": str(workspace.settings.prefect.port),
        **_login(workspace),
    }


def _login(workspace: Workspace) -> dict[str, str]:
    """What server and clients know each other by, where a login is set. An environment is its owner's only to read."""
    login = workspace.settings.prefect.login
    if login is None:
        return {}
    return dict.fromkeys(("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"), login.get_secret_value())


def prepare(workspace: Workspace) -> None:
    """Point Prefect at this workspace: a configured server, the one that `sereno serve` runs, or one of our own."""
    os.environ.update(environment(workspace))
    # Prefect prints stack traces of failed steps; what the command says about them is one line each.
    level = "WARNING" if os.environ.get("SERENO_DEBUG") == "1" else "CRITICAL"
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", level)
    # Its server prints those of a disk that is full. Both write to our standard error.
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", level)
    url = os.environ.get("PREFECT_API_URL") or workspace.settings.prefect.api_url or served_url(workspace)
    if url:
        os.environ["PREFECT_API_URL"] = url
    else:
        os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "true"


def serving_file(workspace: Workspace) -> Path:
    """Where `sereno serve` writes the address of its server."""
    return workspace.prefect_home / "serving.json"


def served_url(workspace: Workspace) -> str | None:
    """API address of the server that `sereno serve` runs for this workspace; None where none answers."""
    try:
        url = str(json.loads(serving_file(workspace).read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if url == f"{workspace.settings.prefect.own_url}/api" and is_healthy(url) else None


def is_healthy(url: str) -> bool:
    """Whether a Prefect API answers there."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=3) as answer:  # noqa: S310 (loopback or configured)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False
