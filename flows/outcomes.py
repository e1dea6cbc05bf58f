"""What becomes of each monitor in a night, step by step, and the lines that the command prints at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from flows.plan import MonitorRun


class Decision(StrEnum):
    """What `ingest` decides about a monitor's date."""

    ANALYZE = "analyze"
    UNCHANGED = "unchanged"
    """The date was decided already, with the same input, config, code and model."""
    CHANGED = "changed"
    """The date was decided already, and something changed since; only `--force` decides it again."""


@dataclass
class Outcome:
    """One monitor's."""

    status: str = "going"
    message: str = ""
    exit_status: int = 0
    records: int = 0
    flags: int = 0
    findings: int = 0
    report: str | None = None
    mail: str | None = None


@dataclass
class Outcomes:
    """All monitors' of one night."""

    runs: Sequence[MonitorRun]
    of: dict[str, Outcome] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.of = {run.name: Outcome() for run in self.runs}

    def going(self) -> list[MonitorRun]:
        """Runs that have neither ended nor failed."""
        return [run for run in self.runs if self.of[run.name].status == "going"]

    def to_report(self) -> bool:
        """Whether there is anything that the night has to tell: a finished analysis, or a failure."""
        return any(outcome.status in {"going", "failed"} for outcome in self.of.values())

    def fail(self, names: Sequence[str], message: str, exit_status: int) -> None:
        """These monitors failed, and why; what they came to before stays."""
        for name in names:
            self.of[name] = replace(self.of[name], status="failed", message=message, exit_status=exit_status)

    def undelivered(self, message: str, exit_status: int) -> None:
        """What was decided before stays so, and its mail could not be handed over now."""
        for name, outcome in self.of.items():
            told = f"{outcome.message}; {message}" if outcome.message else message
            self.of[name] = replace(outcome, message=told, exit_status=exit_status)

    def decide(self, decisions: Mapping[str, tuple[Decision, str]]) -> None:
        """End the runs whose date is decided already; the sentence says by which run."""
        for name, (decision, sentence) in decisions.items():
            if decision is Decision.UNCHANGED:
                self.of[name] = Outcome(status="unchanged", message=sentence)
            elif decision is Decision.CHANGED:
                self.of[name] = Outcome(status="skipped", message=sentence)

    def lines(self) -> list[dict[str, Any]]:
        """A line a monitor, as `flows.night_run.RunLine` takes it."""
        seconds = round(time.monotonic() - self.started, 1)
        return [
            {"run": run.run, "monitor": run.name, "data_date": run.data_date.isoformat(), "seconds": seconds}
            | vars(self.of[run.name])
            for run in self.runs
        ]
