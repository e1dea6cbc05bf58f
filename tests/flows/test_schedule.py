"""Which nights a schedule asks for, also around the change of the clocks and after an absence."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pendulum
import pytest
from prefect.server.schemas.schedules import CronSchedule

from analyzers.errors import MonitorError
from flows.monitors import Monitor
from flows.schedule import data_date_of, is_superseded, missed_nights, newest_undecided, starts
from flows.warehouse import Warehouse, runs, sql
from flows.warehouse.runs import RunRecord, RunStatus
from flows.workspace import Workspace

MADRID = ZoneInfo("Europe/Madrid")


def monitor_at(folder: Path, schedule: str) -> Monitor:
    path = folder / "monitors" / "payments.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("30 2 * * *", schedule), encoding="utf-8")
    return Workspace.open(folder).monitor("payments")


@pytest.fixture
def monitor(folder: Path) -> Monitor:
    return Workspace.open(folder).monitor("payments")


@pytest.mark.parametrize("schedule", ["30 2 * * *", "0 2 * * *", "0 3 * * *", "30 0 * * *", "15 2,3 * * *"])
@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_night_of_23_or_25_hours_is_one_night(folder: Path, schedule: str, change: date) -> None:
    monitor = monitor_at(folder, schedule)
    after = datetime.combine(change - timedelta(days=2), datetime.min.time(), MADRID) + timedelta(hours=12)
    until = after + timedelta(days=4)
    wanted = [change - timedelta(days=2) + timedelta(days=day) for day in range(4)]
    assert sorted({data_date_of(start, monitor.timezone) for start in starts(monitor, after, until)}) == wanted
    # What Prefect will really start must decide the same dates.
    cron = CronSchedule(cron=schedule, timezone=monitor.timezone)
    theirs = Counter(data_date_of(start, monitor.timezone) for start in asyncio.run(cron.get_dates(None, after, until)))
    assert sorted(theirs) == wanted
    day = monitor.batch_bounds(change)
    one = monitor.model_copy(update={"batch": 1}).batch_bounds(change)
    assert day[1] == one[1]
    assert one[1].astimezone(UTC) - one[0].astimezone(UTC) == timedelta(hours=23 if change.month == 3 else 25)


def test_a_late_start_decides_the_date_that_it_was_to_decide(monitor: Monitor) -> None:
    scheduled = datetime(2026, 3, 31, 0, 30, tzinfo=UTC)
    assert data_date_of(scheduled, monitor.timezone) == date(2026, 3, 30)
    assert type(data_date_of(pendulum.instance(scheduled), monitor.timezone)) is date
    assert not is_superseded(monitor, scheduled, scheduled + timedelta(hours=23))
    assert is_superseded(monitor, scheduled, scheduled + timedelta(hours=24))


def test_only_the_newest_of_the_missed_nights_runs(folder: Path, monitor: Monitor) -> None:
    warehouse = Warehouse.of(Workspace.open(folder))
    served = datetime(2026, 3, 1, tzinfo=UTC)
    back = datetime(2026, 3, 12, 8, tzinfo=UTC)
    with warehouse.writing() as connection:
        assert missed_nights(connection, monitor, served, back) == ()
        assert newest_undecided(connection, monitor, served, back) is None
        record(connection, 7, RunStatus.DONE)
        # Due while the machine was off: the nights of 8, 9 and 10; that of 11 is the newest.
        assert missed_nights(connection, monitor, served, back) == tuple(date(2026, 3, day) for day in (8, 9, 10))
        assert newest_undecided(connection, monitor, served, back) == date(2026, 3, 11)
        # One that failed was told of when it did.
        record(connection, 9, RunStatus.FAILED)
        assert missed_nights(connection, monitor, served, back) == (date(2026, 3, 8), date(2026, 3, 10))
        # Nobody promised what was due before the schedule was served.
        later = datetime(2026, 3, 10, 12, tzinfo=UTC)
        assert missed_nights(connection, monitor, later, back) == (date(2026, 3, 10),)
        assert newest_undecided(connection, monitor, back, back) is None
        record(connection, 11, RunStatus.DONE)
        assert missed_nights(connection, monitor, served, back) == ()
        assert newest_undecided(connection, monitor, served, back) is None


def test_a_night_that_is_about_to_start_is_not_missed(folder: Path, monitor: Monitor) -> None:
    due = datetime(2026, 3, 12, 2, 30, tzinfo=MADRID)
    with Warehouse.of(Workspace.open(folder)).writing() as connection:
        record(connection, 10, RunStatus.DONE)
        assert missed_nights(connection, monitor, datetime(2026, 3, 1, tzinfo=UTC), due + timedelta(minutes=5)) == ()


@pytest.mark.parametrize("schedule", ["every night", "30 2 * *", "61 2 * * *", "@daily", "0 30 2 * * *", "0 0 30 2 *"])
def test_what_is_no_cron_expression_is_refused_by_file_line_and_key(folder: Path, schedule: str) -> None:
    with pytest.raises(MonitorError, match=r"payments\.yaml:4: schedule: .* is no cron expression; write minute, hour"):
        monitor_at(folder, schedule)


def record(connection: sql.Connection, day: int, status: RunStatus) -> None:
    at = datetime(2026, 3, day + 1, 1, 30, tzinfo=UTC)
    run = RunRecord(f"payments-{day}", "payments", date(2026, 3, day), status, at, finished_at=at)
    runs.record_run(connection, run)
