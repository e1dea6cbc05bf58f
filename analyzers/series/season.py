"""Daily and weekly season, where the baseline is long enough to support one."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from analyzers.series.numeric import Booleans, Floats, Integers

MOST_BINS = 144
"""Parts of the day: ten minutes, or as long as the sampling interval where that is longer."""
LEAST_DAYS = 5
LEAST_WEEKENDS = 3
GAIN = 0.1
"""Share of the variation between parts of the day that the season must explain on days it was not learnt from."""
FOLDS = 4


@dataclass(frozen=True)
class Clock:
    """Local time of samples.

    day : (n,) int, days since 1970. bin : (n,) float, parts of the day since midnight. weekend : (n,) bool.
    bins : parts in a day. fine : whether several samples fall into a part.
    """

    day: Integers
    bin: Floats
    weekend: Booleans
    bins: int
    fine: bool


def local_clock(times: Integers, timezone: str, interval: float) -> Clock:
    """Local day, part of the day and weekend of instants that are `interval` seconds apart.

    Local, so that a season keeps its hour when clocks change.
    """
    zone = ZoneInfo(timezone)
    local = pl.Series(times).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone.key).dt.replace_time_zone(None)
    microseconds = local.dt.epoch("us").to_numpy()
    day = microseconds // 86_400_000_000
    bins = int(np.clip(round(86_400 / max(interval, 1e-6)), 1, MOST_BINS))
    part = (microseconds % 86_400_000_000) / (86_400_000_000 / bins)
    weekend = np.isin((day + 3) % 7, (5, 6))
    return Clock(day.astype(np.int64), part, weekend, bins, interval < 86_400 / bins)


def season_of(values: Floats, clock: Clock, baseline: Booleans) -> Floats:
    """The seasonal part of each column, (n, columns), zero where the baseline does not support one.

    A season is the median over days of each part of the day's mean, joined by lines; weekends have their own where the
    baseline has three. It is kept for a column only if it explains a tenth of the variation between parts of the day on
    days that it was not learnt from, and the same is asked of the weekends' own profile.
    """
    days, position = np.unique(clock.day[baseline], return_inverse=True)
    if len(days) < LEAST_DAYS:
        return np.zeros_like(values)
    means = _means_by_part(values[baseline], position, clock.bin[baseline].astype(np.int64), (len(days), clock.bins))
    weekend = np.isin((days + 3) % 7, (5, 6))
    everyday = np.zeros(len(days), dtype=bool)
    season = np.zeros_like(values)
    daily = _gain(means, everyday)
    weekly = _gain(means, weekend) if weekend.sum() >= 2 * LEAST_WEEKENDS else np.full_like(daily, -np.inf)
    own_weekend = (weekly > GAIN) & (weekly > daily + 0.5 * GAIN)
    for kinds, chosen in ((weekend, own_weekend), (everyday, (daily > GAIN) & ~own_weekend)):
        if not chosen.any():
            continue
        profiles = _profiles(means[..., chosen], kinds)
        kind = clock.weekend if kinds is weekend else np.zeros(len(values), dtype=bool)
        season[:, chosen] = _joined(profiles, clock, kind)
    return season


def _means_by_part(values: Floats, day: Integers, part: Integers, shape: tuple[int, int]) -> Floats:
    """Mean of each part of each day: (days, bins, columns)."""
    cells = shape[0] * shape[1]
    cell = day * shape[1] + part
    means = np.full((cells, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = np.isfinite(values[:, column])
        count = np.bincount(cell[known], minlength=cells)
        total = np.bincount(cell[known], weights=values[known, column], minlength=cells)
        means[count > 0, column] = total[count > 0] / count[count > 0]
    return means.reshape(*shape, -1)


def _profiles(means: Floats, kind: Booleans) -> Floats:
    """Median over days of each part of the day, (2, bins, columns) for the days not of and of the kind, with mean 0.

    A part without days takes the level 0, the column's usual one.
    """
    level = _median(means.reshape(-1, means.shape[2]))
    out = np.zeros((2, *means.shape[1:]))
    for code in (0, 1):
        days = means[kind == bool(code)]
        if len(days):
            out[code] = np.nan_to_num(_median(days) - level)
    return out


def _median(values: Floats) -> Floats:
    """Median over the first axis, NaN where there is no reading."""
    out = np.full(values.shape[1:], np.nan)
    known = np.isfinite(values).any(axis=0)
    if known.any():
        out[known] = np.nanmedian(values[:, known], axis=0)
    return out


def _gain(means: Floats, kind: Booleans) -> Floats:
    """Share of the variation that profiles learnt from other days explain, for each column; folds are whole days."""
    fold = np.arange(len(means)) * FOLDS // len(means)
    level = _median(means.reshape(-1, means.shape[2]))
    before = np.zeros(means.shape[2])
    after = np.zeros(means.shape[2])
    for number in range(FOLDS):
        left_out = fold == number
        profiles = _profiles(means[~left_out], kind[~left_out])
        deviation = means[left_out] - level
        rest = deviation - profiles[kind[left_out].astype(np.int64)]
        before += np.nansum(np.minimum(deviation**2, _cap(deviation)), axis=(0, 1))
        after += np.nansum(np.minimum(rest**2, _cap(deviation)), axis=(0, 1))
    return 1 - after / np.maximum(before, 1e-300)


def _cap(deviation: Floats) -> Floats:
    """Squares beyond 3 robust deviations count as those, so that one bad day does not decide."""
    spread = _median(np.abs(deviation).reshape(-1, deviation.shape[2])) * 1.4826
    return np.nan_to_num((3 * spread) ** 2, nan=np.inf)


def _joined(profiles: Floats, clock: Clock, kind: Booleans) -> Floats:
    """Value of the profiles at each sample, joined by lines between the middles of the parts where these are fine."""
    code = kind.astype(np.int64)
    if not clock.fine:
        return np.asarray(profiles[code, clock.bin.astype(np.int64) % clock.bins])
    shifted = clock.bin - 0.5
    left = np.floor(shifted).astype(np.int64)
    weight = (shifted - left)[:, None]
    joined: Floats = (1 - weight) * profiles[code, left % clock.bins] + weight * profiles[code, (left + 1) % clock.bins]
    return joined
