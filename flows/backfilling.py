"""`sereno backfill`: the nights of past dates, oldest first. What is decided already is left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from analyzers.errors import UsageError
from flows.night_run import RunLine, Say, run_night
from flows.warehouse import Warehouse, runs
from flows.workspace import Workspace

MOST_DATES = 1000


def backfill(
    workspace: Workspace, name: str, first: date, last: date, *, mail: bool, say: Say, now: datetime
) -> Iterator[RunLine]:
    """Decide the dates from first to last that no run has decided; a line a date, in their order.

    Stopped at any point and started again, it goes on with the first undecided date. UsageError where the dates are
    reversed, too many or not over yet.
    """
    monitor = workspace.monitor(name)
    yesterday = now.astimezone(ZoneInfo(monitor.timezone)).date() - timedelta(days=1)
    if last < first:
        raise UsageError(f"--to {last} lies before --from {first}; swap them")
    if last > yesterday:
        raise UsageError(f"--to {last} is not over yet; the last date that can be decided is {yesterday}")
    count = (last - first).days + 1
    if count > MOST_DATES:
        raise UsageError(f"{count:,} dates are too many at once; ask for at most {MOST_DATES:,}")
    for day in (first + timedelta(days=past) for past in range(count)):
        with Warehouse.of(workspace).reading() as connection:
            decided = runs.finished_run(connection, name, day)
        if decided is not None:
            yield RunLine(decided.run, name, day, "unchanged", message=f"already decided by run {decided.run}")
        else:
            yield from run_night(workspace, (name,), data_date=day, mail=mail, say=say)
