"""What a night is going to do: which monitors, which dates; and what all its steps share."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime

from analyzers.spreading import Cores, Spread
from flows.handover import Handover
from flows.monitors import Monitor
from flows.schedule import data_date_of
from flows.warehouse import Warehouse
from flows.workspace import Workspace
from reports.house_style import HouseStyle


@dataclass(frozen=True)
class MonitorRun:
    """One monitor and one data date."""

    run: str
    monitor: Monitor
    data_date: date

    @property
    def name(self) -> str:
        """The monitor's name."""
        return self.monitor.name


@dataclass(frozen=True)
class Plan:
    """All runs of one night, and what its steps share."""

    night: str
    workspace: Workspace
    warehouse: Warehouse
    handover: Handover
    runs: tuple[MonitorRun, ...]
    started_at: datetime
    force: bool
    model_hash: str | None
    """Hash of the model that will narrate; None where none will."""
    style: HouseStyle
    """The house's own look and wording."""
    spread: Spread = field(default_factory=Cores)
    """Who computes the parts of an analysis."""

    @property
    def data_date(self) -> date:
        """The night's date: the latest of its runs'."""
        return max(run.data_date for run in self.runs)

    def run(self, name: str) -> MonitorRun:
        """The run of the monitor of this name."""
        return next(run for run in self.runs if run.name == name)


def plan_runs(
    monitors: list[Monitor], data_date: date | None, *, now: datetime, token: str | None = None
) -> tuple[str, tuple[MonitorRun, ...]]:
    """The night's id, and a run a monitor: of the stated date, else of yesterday in the monitor's time zone.

    token : ends every id, and is the same when a night is tried again; a new one where None.
    """
    token = token or uuid.uuid4().hex[:8]
    runs = []
    for monitor in monitors:
        day = data_date or data_date_of(now, monitor.timezone)
        runs.append(MonitorRun(f"{monitor.name}-{day}-{token}", monitor, day))
    return f"night-{max(run.data_date for run in runs)}-{token}", tuple(runs)
