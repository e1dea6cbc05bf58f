"""Egress, for an auditor: what may be talked to and which setting says so, what is switched off, what was refused."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.doctor.line import Line, Patient, ok, warning
from flows.egress import guard
from flows.egress.destinations import destinations_of
from flows.prefect_environment import ALWAYS, DIRECT, prepare
from flows.prefect_server import HEADERS
from flows.warehouse import Warehouse
from flows.workspace import Workspace

_OFF: Mapping[str, str] = {
    "DO_NOT_TRACK": "analytics of Prefect's client",
    "HF_HUB_OFFLINE": "look-ups at the Hugging Face hub",
    "HF_HUB_DISABLE_TELEMETRY": "telemetry of the Hugging Face library",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "telemetry of Prefect's server",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "promotional content of Prefect's pages",
    "PREFECT_RUNNER_AUTO_INSTALL_DEPENDENCIES": "installing packages for a flow",
}
_SHOWN = 20


@dataclass(frozen=True)
class Item:
    """One line of the auditor's list."""

    kind: str
    """`allowed`, `off` or `refused`."""
    what: str
    by: str
    """The setting or switch; of a refusal, the code that tried and when."""


def look_at_egress(patient: Patient) -> Iterator[Line]:
    """One line: how many addresses of other machines are allowed, and whether something else was tried."""
    if patient.workspace is None:
        return
    hosts = list(destinations_of(patient.workspace.settings))
    networks = patient.workspace.settings.networks
    named = ", ".join([*map(str, hosts), *networks]) or "no other machine"
    yield ok("allowed", f"loopback and {named} (`sereno doctor --egress` says why)")
    tried = list(_refused(patient.workspace))
    if tried:
        text = f"{len(tried)} attempts to reach something else were refused, the last at {tried[-1]['at']}"
        yield warning(
            "refused", text, f"see who tried with `sereno doctor --egress`, or {patient.workspace.egress_log}"
        )
    else:
        yield ok("refused", "nothing else was tried")


def auditors_list(workspace: Workspace) -> Iterator[Item]:
    """All that may be talked to, all that is switched off, and what was tried nevertheless, the most frequent first."""
    yield Item("allowed", "this machine (loopback, local sockets)", "always")
    for destination in destinations_of(workspace.settings):
        yield Item("allowed", str(destination), destination.setting)
    for network in workspace.settings.networks:
        yield Item("allowed", network, "networks")
    yield from _switches(workspace)
    counted = Counter((str(each["where"]), str(each["by"])) for each in _refused(workspace))
    last = {(str(each["where"]), str(each["by"])): str(each["at"]) for each in _refused(workspace)}
    for (where, by), count in counted.most_common(_SHOWN):
        yield Item("refused", where, f"{by}, {count} times, last {last[where, by]}")
    if len(counted) > _SHOWN:
        yield Item("refused", f"{len(counted) - _SHOWN} more", str(workspace.egress_log))


def _switches(workspace: Workspace) -> Iterator[Item]:
    """As they are in force, asked of what they switch, not as they should be."""
    prepare(workspace)
    from prefect.settings import get_current_settings

    server = get_current_settings().server
    in_force = {
        **{name: os.environ.get(name, "") for name in (*ALWAYS, *DIRECT)},
        "PREFECT_SERVER_ANALYTICS_ENABLED": str(server.analytics_enabled).lower(),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": str(server.ui.show_promotional_content).lower(),
    }
    for name, what in _OFF.items():
        yield Item("off", what, f"{name}={in_force[name]}")
    yield Item("off", "proxies", f"NO_PROXY={in_force['NO_PROXY']}")
    for name, value in Warehouse.of(workspace).fetching().items():
        yield Item("off", "extensions that DuckDB fetches", f"{name}={value}")
    policy = dict(HEADERS)[b"content-security-policy"].decode()
    yield Item("off", "whatever Prefect's pages load from elsewhere", f"Content-Security-Policy: {policy}")
    state = "in force" if guard.is_installed() else "not in force in this process"
    yield Item("off", "every other connection and name lookup of Python code", f"egress guard, {state}")


def _refused(workspace: Workspace) -> Iterator[dict[str, Any]]:
    log = workspace.egress_log
    for path in (log.with_name(log.name + ".1"), log):
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue  # a line that a kill cut off
            if isinstance(said, dict) and {"at", "where", "by"} <= said.keys():
                yield said
