"""All records of all entities in the order of entity and time, and what was known of each at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.behaviour.clock import DAY, Clock, Floats, Integers
from analyzers.columns import Role
from analyzers.settings import Material

LEAST_PEERS = 20
"""Entities that a segment needs to have a clock and a usual of its own; smaller ones count as one."""
MOST_SEGMENTS = 50


@dataclass(frozen=True)
class Population:
    """Records of the watched entities, sorted by entity and time; all arrays run along the records (n,).

    frame : the sorted records, columns as in the source.
    labels : label of each entity (N,).
    codes : entity of each record, from 0.
    seconds : since `origin`, the midnight at or before the first record.
    batch_row : row in the batch frame, -1 for history.
    end : seconds from `origin` to the end of the batch.
    groups : segment of each entity (N,), from 0.
    """

    frame: pl.DataFrame
    labels: tuple[str, ...]
    codes: Integers
    seconds: Integers
    batch_row: Integers
    origin: datetime
    end: int
    groups: Integers

    @classmethod
    def of(cls, material: Material, entity: str, peers: str | None) -> Population:
        """The records of history and batch that name an entity and a time."""
        name = material.columns.one(Role.TIME) or ""
        batch = material.batch.with_row_index("row of batch").cast({"row of batch": pl.Int64})
        parts = [batch]
        if material.history.height:
            history = material.history.select(material.batch.columns)
            parts.insert(0, history.with_columns(pl.lit(-1, pl.Int64).alias("row of batch")).select(batch.columns))
        frame = pl.concat(parts, how="vertical_relaxed").filter(
            pl.col(entity).is_not_null() & pl.col(name).is_not_null()
        )
        instants = pl.col(name).cast(pl.Datetime("us")).dt.epoch("s")
        content = [one for one in material.batch.columns if one != "record_id"]
        frame = frame.with_columns(pl.col(entity).cast(pl.String), instants.alias("epoch")).sort(
            entity, "epoch", pl.struct(content).hash(7)
        )
        zone = ZoneInfo(material.settings.timezone)
        last_day = material.last_day
        newest = int(frame["epoch"].max() or 0)  # type: ignore[arg-type]
        first = datetime.fromtimestamp(int(frame["epoch"].min() or 0), zone)  # type: ignore[arg-type]
        origin = datetime.combine(first.date(), time(), zone)
        if last_day is None:
            stop = newest + 1
        else:
            stop = int(datetime.combine(last_day + timedelta(days=1), time(), zone).timestamp())
        zero = int(origin.timestamp())
        names = frame[entity].unique(maintain_order=True)
        codes = frame[entity].rle_id().to_numpy().astype(np.int64)
        return cls(
            frame=frame,
            labels=tuple(names.to_list()),
            codes=codes,
            seconds=frame["epoch"].to_numpy().astype(np.int64) - zero,
            batch_row=frame["row of batch"].to_numpy().astype(np.int64),
            origin=origin,
            end=max(stop, newest + 1) - zero,
            groups=_segments(frame, codes, len(names), peers),
        )

    @cached_property
    def starts(self) -> Integers:
        """Place of each entity's first record, (N,)."""
        return np.searchsorted(self.codes, np.arange(len(self.labels)))

    @cached_property
    def clock(self) -> Clock:
        """The crowd's clock."""
        return Clock.of(self.seconds, self.codes, self.groups)

    @cached_property
    def crowd_times(self) -> Floats:
        """Crowd time of each record (n,)."""
        return self.clock.at(self.seconds, self.groups[self.codes])

    @cached_property
    def _span(self) -> int:
        return self.end + 10_000 * DAY

    @cached_property
    def _keys(self) -> Integers:
        return self.codes * self._span + self.seconds

    def places(self, moment: int) -> Integers:
        """Place after each entity's last record before `moment`, (N,)."""
        whole = np.arange(len(self.labels)) * self._span
        return np.searchsorted(self._keys, whole + max(moment, 0), side="left")

    def instant(self, seconds: float) -> datetime:
        """The instant of so many seconds since the first midnight."""
        return datetime.fromtimestamp(self.origin.timestamp() + float(seconds), self.origin.tzinfo)

    def numbers(self, column: str) -> Floats:
        """A column of numbers (n,); what is null or not finite is NaN."""
        values = self.frame[column].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        values[~np.isfinite(values)] = np.nan
        return values


@dataclass(frozen=True)
class View:
    """What is known at one moment; all arrays are (N,).

    before : place of the first record of the trailing window; recent : of its later half; after : behind its last.
    """

    population: Population
    moment: int
    window: int
    """Seconds."""
    before: Integers
    recent: Integers
    after: Integers

    @classmethod
    def at(cls, population: Population, moment: int, window: int) -> View:
        """The view at `moment`, with a trailing window of so many seconds."""
        edges = (moment - window, moment - window // 2, moment)
        before, recent, after = (population.places(edge) for edge in edges)
        return cls(population, moment, window, before, recent, after)

    @cached_property
    def past(self) -> Integers:
        """Records before the window."""
        return self.before - self.population.starts

    @cached_property
    def within(self) -> Integers:
        """Records in the window."""
        return self.after - self.before

    def crowd_span(self, start: int, end: int) -> Floats:
        """Crowd time between two moments for each entity."""
        groups = self.population.groups
        clock = self.population.clock
        return clock.at(np.asarray(end), groups) - clock.at(np.asarray(start), groups)


def _segments(frame: pl.DataFrame, codes: Integers, n: int, peers: str | None) -> Integers:
    """Segment of each entity: the value that most of its records have; small segments are one, with the number 0."""
    if peers is None:
        return np.zeros(n, dtype=np.int64)
    values = frame[peers].cast(pl.String).fill_null("")
    counted = pl.DataFrame({"entity": codes, "value": values}).group_by("entity", "value").len()
    ordered = counted.sort("entity", "len", "value", descending=[False, True, False])
    usual = ordered.unique("entity", keep="first", maintain_order=True)
    sizes = usual["value"].value_counts().sort("count", "value", descending=[True, False])
    large = sizes.filter(pl.col("count") >= LEAST_PEERS)["value"].to_list()[:MOST_SEGMENTS]
    numbers = {value: number for number, value in enumerate(large, start=1)}
    return usual["value"].replace_strict(numbers, default=0, return_dtype=pl.Int64).to_numpy().astype(np.int64)


def medians(values: Floats, groups: NDArray[np.int64], least: int) -> Floats:
    """For each entity the median of its group's finite values, of the shape of `values`; 0 for groups under `least`."""
    frame = pl.DataFrame({"group": groups, "value": values}).with_columns(
        pl.when(pl.col("value").is_finite()).then("value")
    )
    known = pl.when(pl.col("value").count() >= least).then(pl.col("value").median()).otherwise(0.0)
    return frame.select(known.over("group").alias("usual"))["usual"].fill_null(0.0).to_numpy().astype(np.float64)


def records_of(start: Integers, end: Integers) -> tuple[Integers, Integers]:
    """Entity and place of all records from `start` to before `end` of each entity."""
    size = np.maximum(end - start, 0)
    entity = np.repeat(np.arange(len(size)), size)
    first = np.cumsum(size) - size
    return entity, np.arange(len(entity)) - first[entity] + start[entity]
