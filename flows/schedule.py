"""Which nights a schedule asks for: the date that each decides, and those that were due and never ran.

A night decides the day before it starts, in the schedule's time zone; a day of 23 or 25 hours is one day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from flows.monitors import Monitor
from flows.warehouse import runs, sql

GRACE = timedelta(minutes=30)
"""A night that was due so shortly ago is still about to start."""
_MOST = 366


def data_date_of(start: datetime, timezone: str) -> date:
    """The date that a night decides which starts at an instant."""
    local = start.astimezone(ZoneInfo(timezone))
    # A plain date, also of an instant of Prefect's, whose dates are of a type that no formatter knows.
    return date(local.year, local.month, local.day) - timedelta(days=1)


def starts(monitor: Monitor, after: datetime, until: datetime) -> Iterator[datetime]:
    """Instants after one and up to another at which the monitor's schedule starts a night, at most a year of them."""
    due = CronSim(monitor.schedule, after.astimezone(ZoneInfo(monitor.timezone)))
    for _, start in zip(range(_MOST), due, strict=False):
        if start > until:
            return
        yield start.astimezone(UTC)


def is_superseded(monitor: Monitor, scheduled: datetime, now: datetime) -> bool:
    """Whether a newer night of the same schedule has been due since, so that this one is not to run by itself."""
    mine = data_date_of(scheduled, monitor.timezone)
    return any(data_date_of(start, monitor.timezone) > mine for start in starts(monitor, scheduled, now))


def newest_start(monitor: Monitor, until: datetime) -> datetime | None:
    """The latest instant up to another at which a night was due; None where none ever was."""
    after = (until + timedelta(seconds=1)).astimezone(ZoneInfo(monitor.timezone))
    start = next(CronSim(monitor.schedule, after, reverse=True), None)
    return None if start is None else start.astimezone(UTC)


def missed_nights(connection: sql.Connection, monitor: Monitor, since: datetime, now: datetime) -> tuple[date, ...]:
    """Dates of nights that were due since the newest decided one and left no run behind, oldest first.

    The newest night of the schedule is left out: it runs, or is told of, by itself. None before the first decision.

    since : when the schedule was served first; what it would have asked for before was promised to nobody.
    """
    decided = runs.watermark(connection, monitor.name)
    if decided is None:
        return ()
    # A night that starts on the second day after a date decides a later one.
    first = datetime.combine(decided + timedelta(days=2), datetime.min.time(), ZoneInfo(monitor.timezone))
    due = starts(monitor, max(first - timedelta(seconds=1), since), now - GRACE)
    days = {data_date_of(start, monitor.timezone) for start in due}
    days -= {run.data_date for run in runs.list_runs(connection, monitor=monitor.name)}
    newest = newest_start(monitor, now)
    return tuple(sorted(days if newest is None else days - {data_date_of(newest, monitor.timezone)}))


def newest_undecided(connection: sql.Connection, monitor: Monitor, since: datetime, now: datetime) -> date | None:
    """The date of the schedule's newest night, where it was due and left no run behind; None before any decision.

    since : when the schedule was served first.
    """
    decided, start = runs.watermark(connection, monitor.name), newest_start(monitor, now)
    if decided is None or start is None or start <= since:
        return None
    day = data_date_of(start, monitor.timezone)
    return day if day > decided and not runs.list_runs(connection, monitor=monitor.name, data_date=day) else None
