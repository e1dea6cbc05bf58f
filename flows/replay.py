"""The nights of a monitor as they were: of all its records, read once, those that were there on each date.

Where a date was decided, what had arrived by then is known; where it was not, a record counts from its own time on.
A record that changed since is seen as it is now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from analyzers.columns import Role
from analyzers.errors import SourceError
from flows.analysis import Frames
from flows.ingestion import read_reference, read_source
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.warehouse import Warehouse, records, runs, snapshots, sql
from flows.warehouse.records import ARRIVED
from flows.workspace import Workspace


@dataclass(frozen=True)
class Past:
    """A monitor's records with the instant of their arrival, persons masked, and when each date was decided."""

    monitor: Monitor
    frame: pl.DataFrame
    decided: dict[date, datetime]
    """When the run of a date began to read."""
    references: dict[str, dict[date, pl.DataFrame]]
    """Each reference table as it was from a date on; the earliest stands for all before."""

    def frames(self, day: date) -> Frames:
        """History, batch and reference tables as the night of a date had them."""
        time, monitor = pl.col(self.monitor.described().one(Role.TIME) or ""), self.monitor
        start, end = (bound.astimezone(UTC) for bound in monitor.batch_bounds(day))
        first, as_of = monitor.history_start(day).astimezone(UTC), self.decided.get(day)
        known = self.frame if as_of is None else self.frame.filter(pl.col(ARRIVED) <= as_of)
        batch = (time >= start) & (time < end)
        before = max((earlier for earlier in self.decided if earlier < day), default=None)
        late = pl.lit(value=False)
        if as_of is not None and before is not None and monitor.look_back:
            arrived = pl.col(ARRIVED) > self.decided[before]
            late = arrived & (time >= start - timedelta(days=monitor.look_back)) & (time < start)
        plain = known.with_columns(late=late, now=batch, past=(time >= first) & (time < start) & ~late)
        own = ("late", "now", "past", ARRIVED)
        judged = [plain.filter(pl.col(name)).drop(own) for name in ("late", "now")]
        return Frames(
            history=plain.filter("past").drop(own),
            batch=pl.concat(judged),
            references={name: _as_of(versions, day) for name, versions in self.references.items()},
        )

    def whole(self, until: date) -> pl.DataFrame:
        """All records that are history to the day after a date."""
        time = pl.col(self.monitor.described().one(Role.TIME) or "")
        first = self.monitor.history_start(until).astimezone(UTC)
        end = self.monitor.batch_bounds(until)[1].astimezone(UTC)
        return self.frame.filter((time >= first) & (time < end)).drop(ARRIVED)


def last_date(newest: datetime | None, monitor: Monitor, *, now: datetime) -> date:
    """The date of the newest record, yesterday at the latest; SourceError where there is no record."""
    if newest is None:
        raise SourceError(f"monitor {monitor.name}: there are no records with a time; nothing can be replayed")
    zone = ZoneInfo(monitor.timezone)
    return min(newest.astimezone(zone).date(), now.astimezone(zone).date() - timedelta(days=1))


def read_past(
    workspace: Workspace, monitor: Monitor, scratch: Warehouse, *, nights: int, data_date: date | None, now: datetime
) -> tuple[Past, tuple[date, ...]]:
    """The past of the last nights up to a date, and those dates.

    The warehouse is only read. Before it knows the monitor, the source itself is read, through a warehouse of its own
    in `scratch`.
    """
    stored = Warehouse.of(workspace)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(stored.reading()) if workspace.warehouse.is_file() else None
        columns = monitor.described()
        if connection is None or records.newest_time(connection, monitor.name, columns) is None:
            connection = stack.enter_context(_from_source(workspace, monitor, scratch, now))
        last = data_date or last_date(records.newest_time(connection, monitor.name, columns), monitor, now=now)
        dates = tuple(last - timedelta(days=back) for back in reversed(range(nights)))
        frame = records.load(
            connection,
            monitor.name,
            columns,
            start=monitor.history_start(dates[0]).astimezone(UTC),
            end=monitor.batch_bounds(last)[1].astimezone(UTC),
            with_arrival=True,
        )
        finished = runs.list_runs(connection, monitor=monitor.name, status=runs.RunStatus.DONE)
        references = {name: _versions(connection, workspace, monitor, name, dates) for name in monitor.references}
    shown = frame if monitor.unmask else mask_persons(frame, columns, workspace.hash_key())
    return Past(monitor, shown, {run.data_date: run.started_at for run in finished}, references), dates


@contextlib.contextmanager
def _from_source(workspace: Workspace, monitor: Monitor, scratch: Warehouse, now: datetime) -> Iterator[sql.Connection]:
    source = read_source(workspace, monitor)
    with scratch.writing() as connection:
        records.ingest(connection, monitor.name, monitor.described(), source.records, "backtest", at=now)
    with scratch.reading() as connection:
        yield connection


def _versions(
    connection: sql.Connection, workspace: Workspace, monitor: Monitor, name: str, dates: tuple[date, ...]
) -> dict[date, pl.DataFrame]:
    """The table as the snapshots had it on each date; as it is now where there is none."""
    first = snapshots.first_taken(connection, monitor.name, name)
    if first is None:
        return {dates[0]: read_reference(workspace, monitor, name)}
    return {day: snapshots.as_of(connection, monitor.name, name, max(day, first)) for day in dates}


def _as_of(versions: dict[date, pl.DataFrame], day: date) -> pl.DataFrame:
    return versions[max((known for known in versions if known <= day), default=min(versions))]


def scratch_in(folder: Path) -> Warehouse:
    """A warehouse in a run's folder, gone with it."""
    return Warehouse(folder / "replay.duckdb", work=folder)
