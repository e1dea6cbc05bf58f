"""The workspace: rights, monitors, warehouse."""

from __future__ import annotations

from collections.abc import Iterator

from analyzers.errors import SerenoError
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.house_style import read_style
from flows.rights import too_open
from flows.warehouse import Warehouse, schema
from flows.workspace import Workspace

PATIENCE = 5.0
"""Seconds to wait for a night that holds the warehouse."""


def look_at_workspace(patient: Patient) -> Iterator[Line]:
    """Nothing is created or changed: sources are `sereno check`'s."""
    workspace = patient.workspace
    if workspace is None:
        yield warning(
            "workspace", "this folder is none, so only the machine was looked at", "name one: --workspace DIR"
        )
        return
    yield ok("settings", str(workspace.folder / "sereno.yaml"))
    read_style(workspace)
    yield from _rights(workspace)
    yield from _monitors(workspace)
    yield _warehouse(workspace)


def _rights(workspace: Workspace) -> Iterator[Line]:
    """What holds data, keys or reports is its owner's only; the folder itself may be seen by others."""
    found = list(too_open(workspace.folder, workspace.settings))
    for each in found:
        yield problem("rights", f"{each.path}: {each.what}; no night starts", each.remedy)
    if not found:
        yield ok("rights", "what holds records, keys or reports is its owner's only")


def _monitors(workspace: Workspace) -> Iterator[Line]:
    names = workspace.monitor_names()
    sound = 0
    for name in names:
        try:
            workspace.monitor(name)
        except SerenoError as error:
            what, _, remedy = str(error).rpartition("; ")
            yield problem("monitors", what or str(error), remedy)
        else:
            sound += 1
    if not names:
        yield warning("monitors", "there is none yet", "`sereno init --from FILE` writes one")
    elif sound == len(names):
        yield ok("monitors", f"{sound} of {sound} can be read; `sereno check` reads their sources too")


def _warehouse(workspace: Workspace) -> Line:
    warehouse = Warehouse(workspace.warehouse, patience=PATIENCE, work=workspace.work)
    version = warehouse.present_version()
    if version is None:
        return ok("warehouse", "there is none yet; the first night makes it")
    if version > schema.newest():
        text = f"its tables are of version {version}, this Sereno knows {schema.newest()}"
        return problem("warehouse", text, "update Sereno, or restore a backup")
    if version < schema.newest():
        text = f"its tables are of version {version}; the next night brings them to {schema.newest()}"
        return warning("warehouse", text, "back it up before: a migration has no way back")
    return ok("warehouse", f"opens, its tables are of version {version}")
