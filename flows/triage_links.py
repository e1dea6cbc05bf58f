"""Links that open the triage form of the Prefect UI, filled in for one finding.

`sereno serve` leaves the form's address in the workspace, so that reports of any night can name it. The link names the
newer of Prefect's two user interfaces, which people get by default and whose fields are labelled.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from flows.workspace import Workspace
from flows.writing import write_whole
from reports.contents import Night

_FILE = "triage-form.json"


def remember_form(workspace: Workspace, deployment: UUID, api_url: str) -> None:
    """Keep where the form is, for the reports to come."""
    content = {"deployment": str(deployment), "ui": api_url.rstrip("/").removesuffix("/api")}
    write_whole(_path(workspace), json.dumps(content))


def form_address(workspace: Workspace) -> str | None:
    """Where readers find the form; None where this workspace was never served."""
    try:
        content = json.loads(_path(workspace).read_text(encoding="utf-8"))
        deployment, ui = UUID(content["deployment"]), str(content["ui"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    base = (workspace.settings.prefect.ui_url or ui).rstrip("/")
    return f"{base}/v2/deployments/deployment/{deployment}/run"


def link(form: str, finding: str, by: str | None = None) -> str:
    """The form's address with a finding, and its reader where there is only one, filled in."""
    given = {"finding": finding} | ({"by": by} if by else {})
    return f"{form}?parameters={quote(json.dumps(given, separators=(',', ':')))}"


def with_links(night: Night, form: str | None, by: str | None = None) -> Night:
    """The night with a link to the form in each of its findings."""
    if form is None:
        return night
    parts = (
        part.model_copy(
            update={
                "findings": tuple(
                    each.model_copy(update={"triage_url": link(form, each.finding.id, by)}) for each in part.findings
                )
            }
        )
        for part in night.parts
    )
    return night.model_copy(update={"parts": tuple(parts)})


def _path(workspace: Workspace) -> Path:
    return workspace.prefect_home / _FILE
