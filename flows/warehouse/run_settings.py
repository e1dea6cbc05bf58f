"""What each run was decided with: the settings in force, without secrets, and the versions of what ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.warehouse import sql


@dataclass(frozen=True)
class RunSettings:
    """Settings as plain values, and versions by name of the program."""

    monitor: Mapping[str, Any]
    workspace: Mapping[str, Any]
    versions: Mapping[str, str]


def store(connection: sql.Connection, run: str, settings: RunSettings) -> None:
    """Keep what a run was decided with; a repeat of this very step changes nothing."""
    sql.run(connection, "DELETE FROM run_settings WHERE run = ?", [run])
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in vars(settings).items()}
    sql.insert(connection, "run_settings", [{"run": run, **written}])


def of_run(connection: sql.Connection, run: str) -> RunSettings | None:
    """What a run was decided with; None for one that an earlier Sereno wrote."""
    row = sql.first(connection, "SELECT monitor, workspace, versions FROM run_settings WHERE run = ?", [run])
    return None if row is None else RunSettings(*(json.loads(text) for text in row))
