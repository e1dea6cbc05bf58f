"""Running a night from the command line, in this process, with its progress on standard error."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from analyzers.errors import OperationError
from flows.prefect_environment import prepare
from flows.spreading.deciding import check_installed
from flows.structured_logs import as_line, sayer
from flows.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class RunLine:
    """What became of one monitor in a night."""

    run: str
    monitor: str
    data_date: date
    status: str
    records: int = 0
    flags: int = 0
    findings: int = 0
    report: str | None = None
    mail: str | None = None
    seconds: float = 0.0
    message: str = ""
    exit_status: int = 0

    def contract(self) -> dict[str, Any]:
        """The line of `sereno run --json`."""
        return {
            "run": self.run,
            "monitor": self.monitor,
            "data_date": self.data_date.isoformat(),
            "status": self.status,
            "records": self.records,
            "flags": self.flags,
            "findings": self.findings,
            "report": self.report,
            "mail": self.mail,
            "seconds": round(self.seconds, 1),
            **({"message": self.message} if self.message else {}),
        }

    def sentence(self) -> str:
        """The line as a person reads it."""
        if self.status != "done":
            return f"{self.monitor} {self.data_date}: {self.status}: {self.message}"
        return (
            f"{self.monitor} {self.data_date}: {self.findings} findings in {self.records:,} records"
            f" ({self.seconds:.0f} s); report: {self.report}"
        )


def run_night(
    workspace: Workspace,
    monitors: tuple[str, ...] = (),
    *,
    data_date: date | None = None,
    mail: bool = True,
    force: bool = False,
    say: Say,
) -> list[RunLine]:
    """Run the nightly flow in this process; a line a monitor.

    Raises UsageError or MonitorError before anything starts where a monitor cannot be read or a package is missing.
    """
    names = [monitor.name for monitor in workspace.monitors(monitors)]
    check_installed(workspace.settings.dask)
    workspace.prepare()
    prepare(workspace)
    as_json = workspace.settings.logging == "json"
    sayer(workspace, say)("starting Prefect")
    from flows.nightly import night

    with _progress(say, as_json=as_json):
        state: Any = night(monitors=names, data_date=data_date, mail=mail, force=force, return_state=True)
    lines = getattr(state.data, "result", state.data)
    if not isinstance(lines, list):
        raise OperationError(f"the night ended early: {' '.join(str(state.message).split())[:300]}")
    return [RunLine(**{**line, "data_date": date.fromisoformat(line["data_date"])}) for line in lines]


class _progress:  # noqa: N801 (used as a function: `with _progress(say)`)
    """Hands what the flow logs to `say`, with the seconds since the start."""

    def __init__(self, say: Say, *, as_json: bool) -> None:
        self._logger = logging.getLogger("sereno")
        self._handler = _Saying(say, as_json=as_json)

    def __enter__(self) -> None:
        self._before = (self._logger.level, self._logger.propagate)
        self._logger.setLevel(logging.INFO)
        # Prefect prints what reaches the root logger; once is enough.
        self._logger.propagate = False
        self._logger.addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)


class _Saying(logging.Handler):
    def __init__(self, say: Say, *, as_json: bool) -> None:
        super().__init__()
        self._say, self._as_json = say, as_json
        self._started = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        if self._as_json:
            self._say(as_line(record))
            return
        self._say(f"[{time.monotonic() - self._started:4.0f} s] {record.getMessage()}")
