"""A clock that is set back, between nights and within one: everything is there once, and the log holds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import flows.nightly  # noqa: F401 - so that every module that a night uses is there to be given the clock
from analyzers.results import Review
from flows import catching_up
from flows.delivery import deliver_outbox
from flows.notices import tell_missed
from flows.reproducing import reproduce
from flows.schedule import newest_undecided
from flows.triaging import triage
from flows.warehouse import Warehouse, audit, deliveries, runs, sql
from flows.warehouse.evidence import verify_evidence
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, payments
from tests.flows.mail_sink import plain_sink
from tests.flows.nights import add_april, run_night

NIGHT = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
BACK = timedelta(days=40)


class Clock:
    """What stands for the present in every module of ours; each look at it takes a second of its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, start: datetime) -> None:
        self.at, self.looks = start, 0
        self.jumps_at: int | None = None
        clock = self

        class Datetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                clock.looks += 1
                clock.at += -BACK if clock.looks == clock.jumps_at else timedelta(seconds=1)
                return clock.at.astimezone(tz)

        for name, module in list(sys.modules.items()):
            if name.startswith(("flows.", "tests.flows.nights")) and getattr(module, "datetime", None) is datetime:
                monkeypatch.setattr(module, "datetime", Datetime)
        monkeypatch.setattr(time, "time_ns", lambda: int(self.at.timestamp() * 1e9))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch, NIGHT)


def night(folder: Path, day: date) -> None:
    assert run_night(folder, day)[0].status == "done"
    workspace = Workspace.open(folder)
    deliver_outbox(workspace, Warehouse.of(workspace), lambda _: None)


def look(folder: Path, question: Callable[[sql.Connection], Any]) -> Any:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        return question(connection)


def check_once(folder: Path, days: list[date], records: int) -> None:
    def check(connection: sql.Connection) -> None:
        assert [*audit.verify(connection), *verify_evidence(connection)] == []
        stored = sql.rows(connection, "SELECT count(*), count(DISTINCT record_id) FROM records_payments")
        assert stored == [(records, records)]
        decided = [run.data_date for run in runs.list_runs(connection)]
        assert sorted(decided) == days
        said = sql.rows(connection, "SELECT run, fingerprint FROM run_findings")
        assert said
        assert len(said) == len(set(said))
        assert {mail.state for mail in deliveries.list_deliveries(connection)} == {"sent"}

    look(folder, check)


def test_nights_after_the_clock_was_set_back(folder: Path, clock: Clock) -> None:
    add_april(folder)
    days = [DATA_DATE + timedelta(days=past) for past in (0, 1, 8)]
    with plain_sink() as (sink, settings):
        path = folder / "sereno.yaml"
        path.write_text(path.read_text(encoding="utf-8") + settings, encoding="utf-8")
        night(folder, days[0])
        seen = look(folder, lambda connection: sql.rows(connection, "SELECT fingerprint, first_seen FROM findings"))
        clock.at -= BACK
        night(folder, days[1])
        night(folder, days[2])
        check_once(folder, days, payments().height + 60)
        again = look(folder, lambda connection: sql.rows(connection, "SELECT fingerprint, first_seen FROM findings"))
        assert set(seen) <= set(again), "what was first seen then stays so"
        assert len(sink.messages()) == len({message["Message-ID"] for message in sink.messages()}) == len(days)


@pytest.mark.long
def test_a_night_within_which_the_clock_is_set_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each look at the clock that a night takes, one after the other: how many those are is counted first."""
    with plain_sink() as (sink, settings):
        path = folder / "sereno.yaml"
        path.write_text(path.read_text(encoding="utf-8") + settings, encoding="utf-8")
        clock = Clock(monkeypatch, NIGHT)
        night(folder, DATA_DATE)
        looks, days = clock.looks, [DATA_DATE]
        assert looks >= 5
        for number in range(2, looks + 1):
            clock.jumps_at = clock.looks + number
            days.append(DATA_DATE + timedelta(days=number))
            night(folder, days[-1])
        check_once(folder, days, payments().height)
        assert len(sink.messages()) == len(days)


def test_a_verdict_given_after_the_clock_was_set_back_is_the_last_word(folder: Path, clock: Clock) -> None:
    run_night(folder, DATA_DATE)
    workspace = Workspace.open(folder)
    query = "SELECT id, fingerprint FROM run_findings WHERE mailed ORDER BY position LIMIT 1"
    ((found, fingerprint),) = look(folder, lambda connection: sql.rows(connection, query))
    given: dict[str, Any] = {"why": "seen", "who": "Ana"}
    triage(workspace, found, Verdict.FALSE_POSITIVE, at=clock.at, **given)
    triage(workspace, found, Verdict.INCONCLUSIVE, at=clock.at - BACK, **given)
    _, analysis = run_night(folder, DATA_DATE + timedelta(days=1))
    told = {finding.fingerprint: finding.review for finding in analysis.findings}
    assert told[fingerprint] is Review.IN_REVIEW


def test_a_run_is_reproduced_though_later_records_bear_earlier_times(folder: Path, clock: Clock) -> None:
    run_night(folder, DATA_DATE)
    late = payments().tail(1).with_columns(payment=pl.lit("P00950"), invoice=pl.lit("01/9950"))
    late.write_csv(folder / "data" / "payments-late.csv")
    clock.at -= BACK
    night(folder, DATA_DATE + timedelta(days=1))
    (first,) = look(folder, lambda connection: runs.list_runs(connection, data_date=DATA_DATE))
    again = reproduce(Workspace.open(folder), first.run, say=lambda _: None)
    assert (again.differences, again.findings) == ((), first.findings)


def test_no_night_is_told_missed_nor_asked_for_by_a_clock_that_was_set_back(folder: Path) -> None:
    run_night(folder, DATA_DATE)
    workspace = Workspace.open(folder)
    workspace.note_serving(NIGHT - timedelta(days=100))
    monitors = workspace.monitors()
    for back in (timedelta(hours=2), timedelta(days=2), BACK):
        assert tell_missed(workspace, monitors, NIGHT + timedelta(minutes=1) - back) == {}
        assert catching_up._undecided(workspace, monitors, NIGHT - back) == {}
        with Warehouse.of(workspace).reading() as connection:
            assert newest_undecided(connection, monitors[0], NIGHT - BACK, NIGHT - back) is None
