"""Logs as JSON: one object a line, whatever a message holds; Prefect's console writes them too."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from flows.cli import status
from flows.plan import MonitorRun
from flows.prefect_environment import environment
from flows.structured_logs import about, as_line, sayer
from flows.workspace import Workspace


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("sereno.night", logging.WARNING, "", 0, message, arguments, None)
    vars(made).update(extra)
    return made


def test_a_record_is_one_line_with_what_it_is_about(folder: Path) -> None:
    run = MonitorRun("payments-1", Workspace.open(folder).monitor("payments"), date(2026, 3, 31))
    line = as_line(record('%s: "two\nlines"', "payments", **about(run), secret="not told"))
    assert "\n" not in line
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {
        "level": "warning",
        "logger": "sereno.night",
        "message": 'payments: "two\nlines"',
        "monitor": "payments",
        "run": "payments-1",
        "data_date": "2026-03-31",
    }


def with_json(folder: Path) -> Workspace:
    path = folder / "sereno.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "logging: json\n", encoding="utf-8")
    return Workspace.open(folder)


def test_commands_say_it_in_the_form_that_is_asked_for(folder: Path) -> None:
    told: list[str] = []
    sayer(Workspace.open(folder), told.append)("plain")
    sayer(with_json(folder), told.append)("structured")
    assert told[0] == "plain"
    assert json.loads(told[1])["message"] == "structured"


def test_prefect_writes_its_console_in_the_same_form(folder: Path) -> None:
    workspace = with_json(folder)
    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS" in environment(workspace)
    code = (
        "import logging; from prefect.logging.configuration import setup_logging; setup_logging();"
        "logging.getLogger('sereno').setLevel('INFO');"
        "logging.getLogger('sereno.night').info('hello', extra={'monitor': 'm'});"
        "logging.getLogger('other').warning('there')"
    )
    variables = {**os.environ, **environment(workspace)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=120, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines if line["logger"] == "other"] == ["there"]
    assert [line["monitor"] for line in lines if line["logger"] == "sereno.night"] == ["m"]


@pytest.mark.parametrize("value", ["xml", "jsno"])
def test_another_form_is_refused(folder: Path, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "sereno.yaml"
    path.write_text(path.read_text(encoding="utf-8") + f"logging: {value}\n", encoding="utf-8")
    assert status(["check", "--workspace", str(folder)]) == 2
    assert "logging: Input should be 'text' or 'json'" in capsys.readouterr().err
