"""The readings of one asset as arrays in time order: history first, then the batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from analyzers.columns import Columns, Role
from analyzers.errors import MonitorError
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.settings import EarlierEpisode, Material

GAP = 10
"""An interval so many times the usual one is a gap: windows of short charts do not reach across it."""
LARGEST = 1e100
"""No reading is as large as this: it counts as missing, like an infinite one."""
HOLD = 30
"""Samples for which an operating state is taken to last while its measure is missing."""
EVERY_ASSET = "*"
"""The key of `new_normal` that stands for all assets."""
_ROW = "__row"
_RUNNING = "__running"
_STATE = "__state"
_TIME = "__time"
_ASSET = "__asset"
_REPEATS = "__repeats"
REJECTED = "__rejected "
"""Before a measure's name: the column that says why the source rejected its readings."""
BAD_QUALITY = 1
OTHER_UNIT = 2
_RESERVED = (_REPEATS, _ROW, _RUNNING, _STATE, _TIME, _ASSET)


@dataclass(frozen=True)
class Presence:
    """When an asset was heard, in microseconds since 1970 UTC.

    last : its last telegram. batch_start : its first one of the batch, None where there is none. interval : usual
    seconds between telegrams. longest : the longest silence in the history.
    """

    asset: str
    last: int
    batch_start: int | None
    interval: float
    longest: int


@dataclass(frozen=True)
class Samples:
    """One asset's readings.

    times : (n,) int64, microseconds since 1970 UTC; rising within the history and within the batch.
    values : (n, measures) float, NaN where there is no reading.
    running : (n,) bool, the operating rule; states : (n,) int, code of the state column's text (0 where there is none).
    first_batch : number of history samples, which come first.
    left_out : (n,) bool, samples of earlier episodes and before a new normal: nothing is learnt from them.
    segments : (n,) int, numbered anew after every gap.
    interval : the usual seconds between samples.
    rejected : (n, measures) int, why a reading does not count: 0 where nothing was said against it.
    repeats : (n,) int, rows that share the sample's time.
    other_units : the unit of readings rejected for it, by measure.
    batch_rows, sample_of_row : the asset's rows of the batch frame, and the sample that each went into.
    """

    asset: str
    measures: tuple[str, ...]
    times: Integers
    values: Floats
    running: Booleans
    states: Integers
    state_names: tuple[str, ...]
    first_batch: int
    left_out: Booleans
    segments: Integers
    interval: float
    rejected: Integers
    repeats: Integers
    other_units: dict[str, str]
    batch_rows: Integers
    sample_of_row: Integers

    def __len__(self) -> int:
        return len(self.times)

    @property
    def baseline(self) -> Booleans:
        """Which samples the baseline may be learnt from: the history, or all where there is none."""
        known = np.arange(len(self)) < self.first_batch
        usable = ~self.left_out
        return usable & known if self.first_batch else usable

    @property
    def ranking(self) -> bool:
        """Whether the batch is its own baseline."""
        return self.first_batch == 0

    def instant(self, sample: int) -> datetime:
        """When a sample was taken."""
        return instant(int(self.times[sample]))

    def rows_of(self, chosen: Booleans) -> tuple[int, ...]:
        """Rows of the batch frame whose sample is chosen."""
        return tuple(int(row) for row in self.batch_rows[chosen[self.sample_of_row]])


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970 as an instant in UTC."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def presences(material: Material) -> list[Presence]:
    """When each asset of history and batch was heard."""
    columns = material.columns
    batch, history = (_prepared(frame, columns, None) for frame in (material.batch, material.history))
    both = pl.concat([history.select(_ASSET, _TIME), batch.select(_ASSET, _TIME)]).sort(_TIME)
    starts = dict(batch.group_by(_ASSET).agg(pl.col(_TIME).min()).iter_rows())
    steps = pl.col(_TIME).diff()
    told = both.group_by(_ASSET, maintain_order=True).agg(
        pl.col(_TIME).max().alias("last"), steps.filter(steps > 0).median().alias("usual")
    )
    longest = dict(history.sort(_TIME).group_by(_ASSET).agg(steps.max()).iter_rows())
    return [
        Presence(asset, last, starts.get(asset), (usual or 1e6) / 1e6, longest.get(asset) or 0)
        for asset, last, usual in told.sort(_ASSET).iter_rows()
    ]


def samples_by_asset(material: Material, running: pl.Expr | None) -> list[Samples]:
    """One `Samples` per asset of the batch, in the assets' order; rows without a time are left out.

    `running` is the operating rule as an expression over the source's columns.

    Raises
    ------
    MonitorError
        There is no time column, or a column has a reserved name.
    """
    columns = material.columns
    if columns.one(Role.TIME) is None:
        raise MonitorError("no column has the role 'time': a series needs one; name it in the monitor or with --time")
    if taken := [column.name for column in columns.columns if column.name in _RESERVED]:
        raise MonitorError(f"column {taken[0]!r} has a name that is reserved: rename it in the source")
    batch = _prepared(material.batch, columns, running)
    history = _prepared(material.history, columns, running)
    names = tuple(sorted({*batch[_STATE].unique(), *history[_STATE].unique()}))
    earlier = {str(key[0]): part for key, part in history.partition_by(_ASSET, as_dict=True).items()}
    current = {str(key[0]): part for key, part in batch.partition_by(_ASSET, as_dict=True).items()}
    measures = tuple(columns.names(Role.MEASURE))
    return [
        _without_abnormal(
            _samples(asset, measures, names, earlier.get(asset, history.clear()), current[asset]), material
        )
        for asset in sorted(current)
    ]


def new_normal_of(asset: str, measures: Iterable[str], material: Material) -> date | None:
    """The date from which on what an asset does is its new normal: the latest of what is stated and was accepted."""
    stated = material.settings.series.new_normal
    subjects = {asset, *(series_id(asset, measure) for measure in measures)}
    accepted = [each.since for each in material.new_normals if each.subject in subjects]
    return max([*accepted, *filter(None, [stated.get(asset, stated.get(EVERY_ASSET))])], default=None)


def _without_abnormal(samples: Samples, material: Material) -> Samples:
    """Leaves out history that was not normal: earlier episodes of the asset, and what precedes its new normal."""
    left_out = np.zeros(len(samples), dtype=bool)
    subjects = {series_id(samples.asset, measure) for measure in samples.measures}
    since = new_normal_of(samples.asset, samples.measures, material)
    for episode in material.earlier_episodes:
        # An episode that holds on the first day of the new normal is the new normal.
        if episode.subject in subjects and not _holds_on(episode, since, material):
            begun = samples.times >= _microseconds(episode.time_from)
            left_out |= begun if episode.time_to is None else begun & (samples.times <= _microseconds(episode.time_to))
    if since is not None:
        left_out |= samples.times < _microseconds(_midnight(since, material))
    left_out &= (np.arange(len(samples)) < samples.first_batch) | (since is not None)
    return replace(samples, left_out=left_out, other_units=material.other_units)


def _holds_on(episode: EarlierEpisode, day: date | None, material: Material) -> bool:
    if day is None:
        return False
    start, end = _midnight(day, material), _midnight(day + timedelta(days=1), material)
    return episode.time_from < end and (episode.time_to is None or episode.time_to >= start)


def _midnight(day: date, material: Material) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(material.settings.timezone))


def series_id(asset: str, measure: str) -> str:
    """The id of a measure of an asset as the subject of a finding."""
    return f"{asset}/{measure}" if asset else measure


def _microseconds(when: datetime) -> int:
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _prepared(frame: pl.DataFrame, columns: Columns, running: pl.Expr | None) -> pl.DataFrame:
    """Time, asset, state, running and measures under known names; infinite readings count as missing."""
    entities = [pl.col(name).cast(pl.String).fill_null("") for name in columns.names(Role.ENTITY)]
    states = [pl.col(name).cast(pl.String).fill_null("") for name in columns.names(Role.STATE)]
    measures = [
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(pl.Float64, strict=False).alias(name)
        for name in columns.names(Role.MEASURE)
    ]
    return (
        frame.with_row_index(_ROW)
        .select(
            pl.col(_ROW).cast(pl.Int64),
            pl.col(columns.one(Role.TIME) or "").cast(pl.Datetime("us")).dt.epoch("us").alias(_TIME),
            (pl.concat_str(entities, separator=" / ") if entities else pl.lit("")).alias(_ASSET),
            (pl.concat_str(states, separator=" / ") if states else pl.lit("")).alias(_STATE),
            (pl.lit(value=True) if running is None else running).alias(_RUNNING),
            *(_rejection(name, frame).alias(REJECTED + name) for name in _rejecting(columns, frame)),
            *(pl.when(measure.abs() < LARGEST).then(measure).alias(measure.meta.output_name()) for measure in measures),
        )
        .filter(pl.col(_TIME).is_not_null())
    )


def _rejecting(columns: Columns, frame: pl.DataFrame) -> list[str]:
    """Measures of which the source rejected readings."""
    return [name for name in columns.names(Role.MEASURE) if REJECTED + name in frame.columns]


def _rejection(name: str, frame: pl.DataFrame) -> pl.Expr:
    return pl.col(REJECTED + name).cast(pl.Int64, strict=False).fill_null(0)


def _samples(
    asset: str, measures: tuple[str, ...], states: tuple[str, ...], history: pl.DataFrame, batch: pl.DataFrame
) -> Samples:
    old, _ = _in_order(history, measures)
    new, sample_of_row = _in_order(batch, measures)
    joined = pl.concat([old, new], how="diagonal")
    rejected = np.zeros((len(joined), len(measures)), dtype=np.int64)
    for place, measure in enumerate(measures):
        if REJECTED + measure in joined.columns:
            rejected[:, place] = joined[REJECTED + measure].fill_null(0).to_numpy()
    times = joined[_TIME].to_numpy()
    interval = _usual_interval(times)
    codes = pl.Series(joined[_STATE]).replace_strict(list(states), list(range(len(states))), return_dtype=pl.Int64)
    return Samples(
        asset=asset,
        measures=measures,
        times=times,
        values=joined.select(measures).to_numpy().astype(float) if measures else np.empty((len(joined), 0)),
        running=joined[_RUNNING].to_numpy(),
        states=codes.to_numpy(),
        state_names=states,
        first_batch=len(old),
        left_out=np.zeros(len(times), dtype=bool),
        segments=_segments(times, interval),
        interval=interval,
        rejected=rejected,
        repeats=joined[_REPEATS].to_numpy().astype(np.int64),
        other_units={},
        batch_rows=batch[_ROW].to_numpy(),
        sample_of_row=sample_of_row + len(old),
    )


def _in_order(frame: pl.DataFrame, measures: tuple[str, ...]) -> tuple[pl.DataFrame, Integers]:
    """The frame sorted by time with equal times averaged, and the position that each of its rows went to."""
    times = frame[_TIME].to_numpy()
    unique, position = np.unique(times, return_inverse=True)
    ordered = frame.drop(_ROW).sort(_TIME, maintain_order=True).with_columns(pl.lit(1, pl.Int64).alias(_REPEATS))
    if len(unique) < len(times):
        rejected = [name for name in ordered.columns if name.startswith(REJECTED)]
        ordered = (
            ordered.group_by(_TIME, maintain_order=True)
            .agg(
                pl.col(_ASSET, _STATE).first(),
                pl.col(_RUNNING).min(),
                pl.col(measures).mean(),
                pl.col(rejected).max(),
                pl.col(_REPEATS).sum(),
            )
            .select(ordered.columns)
        )
    # A lost telegram says nothing of the state: the last one known holds for a while.
    held = pl.col(_RUNNING).forward_fill(limit=HOLD).fill_null(value=False)
    return ordered.with_columns(held), position.astype(np.int64)


def _usual_interval(times: Integers) -> float:
    """Median of the seconds between samples; 1 where that cannot be told."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    return float(np.median(steps)) / 1e6 if len(steps) else 1.0


def _segments(times: Integers, interval: float) -> Integers:
    """Numbers the stretches without a gap and without time going backwards."""
    steps = np.diff(times, prepend=times[:1])
    broken = (steps > GAP * interval * 1e6) | (steps < 0)
    return np.cumsum(broken).astype(np.int64)
