"""Failed and missed nights are told of by mail, once, also where the warehouse is what fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prefect.states import Crashed

from flows.crash_notice import tell_crashed
from flows.notices import failed_notice, tell, tell_missed
from flows.warehouse import Warehouse, audit, deliveries, runs
from flows.warehouse.runs import RunRecord, RunStatus
from flows.workspace import VARIABLE, Workspace
from tests.flows.mail_sink import Sink, plain_sink

SERVED = datetime(2026, 3, 1, tzinfo=UTC)
BACK = datetime(2026, 3, 12, 8, tzinfo=UTC)


@pytest.fixture
def sink(folder: Path) -> Iterator[Sink]:
    with plain_sink() as (taking, settings):
        path = folder / "sereno.yaml"
        path.write_text(path.read_text(encoding="utf-8") + settings, encoding="utf-8")
        yield taking


@pytest.fixture
def workspace(folder: Path, sink: Sink) -> Workspace:
    del sink
    opened = Workspace.open(folder)
    opened.prepare()
    return opened


def decide(workspace: Workspace, day: int) -> None:
    at = datetime(2026, 3, day + 1, 1, 30, tzinfo=UTC)
    run = RunRecord(f"payments-{day}", "payments", date(2026, 3, day), RunStatus.DONE, at, finished_at=at)
    with Warehouse.of(workspace).writing() as connection:
        runs.record_run(connection, run)


def test_missed_nights_are_told_of_once_and_offered_as_a_backfill(workspace: Workspace, sink: Sink) -> None:
    decide(workspace, 4)
    monitors = workspace.monitors()
    # Before the schedule was served nobody could miss a night.
    assert tell_missed(workspace, monitors, BACK) == {}
    workspace.note_serving(SERVED)
    workspace.note_serving(BACK)
    with Warehouse.of(workspace).writing() as connection:
        at = datetime(2026, 3, 8, tzinfo=UTC)
        failed = RunRecord("payments-7", "payments", date(2026, 3, 7), RunStatus.FAILED, at, finished_at=at)
        runs.record_run(connection, failed)
    for _ in range(2):
        missed = tell_missed(workspace, monitors, BACK)
        assert missed == {"payments": tuple(date(2026, 3, day) for day in (5, 6, 8, 9, 10))}
    (mail,) = sink.messages()
    assert mail["To"] == "controller@example.com"
    assert mail["Subject"] == "Payments: missed nights (5)"
    text = mail.get_content()
    assert "  2026-03-05 - 2026-03-06\n  2026-03-08 - 2026-03-10\n" in text.replace("\r\n", "\n")
    assert "sereno backfill payments --from 2026-03-05 --to 2026-03-10" in text
    decide(workspace, 11)
    assert tell_missed(workspace, monitors, BACK) == {}
    with Warehouse.of(workspace).reading() as connection:
        assert audit.verify(connection) == []


def test_a_failed_night_is_told_of_once(workspace: Workspace, sink: Sink) -> None:
    (monitor,) = workspace.monitors()
    notice = failed_notice(workspace, "abc", [monitor], date(2026, 3, 31), "disk full\nSubject: spoofed")
    for _ in range(2):
        tell(workspace, notice)
    (mail,) = sink.messages()
    assert mail["Subject"] == "2026-03-31: the night failed"
    assert "disk full Subject: spoofed" in mail.get_content()
    with Warehouse.of(workspace).reading() as connection:
        assert [each.state for each in deliveries.list_deliveries(connection)] == ["sent"]


def test_a_notice_goes_past_a_damaged_warehouse_once(workspace: Workspace, sink: Sink) -> None:
    workspace.warehouse.write_bytes(b"not a warehouse" * 1000)
    (monitor,) = workspace.monitors()
    for _ in range(2):
        tell(workspace, failed_notice(workspace, "abc", [monitor], date(2026, 3, 31), "the file is damaged"))
    (mail,) = sink.messages()
    assert "the file is damaged" in mail.get_content()


def test_a_killed_night_is_told_of(workspace: Workspace, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(workspace.folder))
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    run: Any = SimpleNamespace(id="f" * 32, parameters={"monitors": ["payments"]}, expected_start_time=start)
    state = cast("Any", Crashed(message="Process exited with status code: -9"))
    tell_crashed(None, run, state)
    silent = SimpleNamespace(id="e" * 32, parameters={"mail": False}, expected_start_time=start)
    tell_crashed(None, cast("Any", silent), state)
    (mail,) = sink.messages()
    assert mail["Subject"] == "2026-03-28: the night failed"
    assert "status code: -9" in mail.get_content()
