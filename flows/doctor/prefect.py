"""Prefect: the breakages that nothing else reports, and settings that would make it talk to others."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.doctor.software import meets
from flows.prefect_environment import ALWAYS, is_healthy, served_url
from flows.workspace import Workspace

SILENT = (
    ("fastapi", "<0.151", "newer ones stop the server and the ephemeral mode"),
    ("sqlalchemy", "<2.1", "newer ones leave the server healthy while its scheduler creates no run"),
)
"""Versions beyond which Prefect 3.8 breaks without saying so (docs/platform.md)."""
OURS = ("analyzers", "docker", "flows", "prefect", "reports")
"""Packages that a folder of the same name, with an `__init__.py` in it, would hide."""


def look_at_prefect(patient: Patient) -> Iterator[Line]:
    """Silent breakages, environment, and the server of the workspace."""
    yield from _versions()
    yield from _shadows([Path.cwd(), *([patient.workspace.folder] if patient.workspace else [])])
    yield from _environment()
    if patient.workspace is not None:
        yield _server(patient.workspace)


def _versions() -> Iterator[Line]:
    for name, bound, why in SILENT:
        version = metadata.version(name)
        if meets(version, bound):
            yield ok(name, f"{name} {version} works with Prefect {metadata.version('prefect')}")
        else:
            yield problem(name, f"{name} {version}: {why}", f"install {name}{bound}, or run `make setup`")


def _shadows(folders: list[Path]) -> Iterator[Line]:
    hiding = sorted({str(folder / name) for folder in folders for name in OURS if _hides(folder, name)})
    for path in hiding:
        yield problem("folders", f"{path} hides a package of the same name", "rename it, or remove its __init__.py")
    if not hiding:
        yield ok("folders", "no folder hides a package")


def _hides(folder: Path, name: str) -> bool:
    """Whether a folder would be imported instead of the package; our own sources are the package."""
    return (folder / name / "__init__.py").is_file() and folder.resolve() != Path(__file__).parents[2].resolve()


def _environment() -> Iterator[Line]:
    """Variables that contradict what Sereno sets, and an API address outside the house."""
    for name, value in ALWAYS.items():
        given = os.environ.get(name)
        if given is not None and given.lower() != value.lower():
            yield warning("environment", f"{name} is {given[:40]!r}; Sereno sets {value!r}", f"unset {name}")
    url = os.environ.get("PREFECT_API_URL")
    if url and (urlsplit(url).hostname or "").endswith("prefect.cloud"):
        yield problem(
            "environment", "PREFECT_API_URL names Prefect's cloud", "unset it: nothing may leave the premises"
        )


def _server(workspace: Workspace) -> Line:
    configured = workspace.settings.prefect.api_url
    if configured:
        if is_healthy(configured):
            return ok("server", f"{configured} answers")
        return problem("server", f"{configured} does not answer", "start that server, or remove prefect.api_url")
    if url := served_url(workspace):
        return ok("server", f"`sereno serve` runs at {url}")
    host, port = workspace.settings.prefect.host, workspace.settings.prefect.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return warning("server", f"port {port} is taken by something else", "set prefect.port in sereno.yaml")
    return warning("server", "`sereno serve` does not run: no night starts by itself", "start it, or call `sereno run`")
