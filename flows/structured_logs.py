"""Logs as JSON, one object a line, for who collects them: `logging: json` in `sereno.yaml`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from flows.plan import MonitorRun
from flows.workspace import Workspace

FIELDS = ("monitor", "run", "data_date", "flow_run_name", "task_run_name")
"""What a line says beside its message, where it is known; Prefect names its runs."""
Say = Callable[[str], None]

ENVIRONMENT = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS": "flows.structured_logs.JsonHandler",
    "PREFECT_LOGGING_COLORS": "false",
}
"""By which Prefect writes its own console, and ours beside it, in the same form."""


def about(run: MonitorRun) -> dict[str, str]:
    """What lines about a run carry; for the `extra` of a log call."""
    return {"monitor": run.name, "run": run.run, "data_date": run.data_date.isoformat()}


def as_line(record: logging.LogRecord) -> str:
    """A record as one line of JSON; line breaks in a message are escaped, so that no message makes two."""
    said: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    said |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
    if record.exc_info and record.exc_info[0] is not None:
        said["error"] = record.exc_info[0].__name__
    return json.dumps(said, ensure_ascii=False, default=str)


def sayer(workspace: Workspace, say: Say) -> Say:
    """What a command says, in the form that the settings ask for."""
    if workspace.settings.logging == "text":
        return say

    def say_json(text: str) -> None:
        record = logging.LogRecord("sereno", logging.INFO, "", 0, text, None, None)
        say(as_line(record))

    return say_json


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes records to a stream; takes the parameters of the handler whose place it takes in Prefect's settings."""

    def __init__(self, stream: TextIO | None = None, styles: object = None) -> None:
        super().__init__(stream)

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        return as_line(record)
