"""The points of a series chart: an episode with some context, downsampled so that extremes stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from analyzers.results import SeriesChart
from analyzers.series.numeric import Floats, Integers
from analyzers.series.samples import Samples

MOST_POINTS = 400
LEAST_CONTEXT = 60
"""Samples before the episode that are shown at least."""


def plot_points(
    samples: Samples,
    measure: int,
    low: Floats,
    high: Floats,
    first: int,
    last: int,
    *,
    unit: str | None = None,
    still: bool = False,
) -> SeriesChart:
    """The chart of one measure around an episode.

    Parameters
    ----------
    low, high : (n,), the band in the measure's units, NaN where there is none.
    first, last : the episode's first and last sample. still : whether it is open.
    """
    begin, finish = shown_around(first, last, len(samples))
    kept = begin + thinned(samples.values[begin:finish, measure], MOST_POINTS)
    return SeriesChart(
        feature=samples.measures[measure],
        unit=unit,
        times=tuple(samples.instant(int(sample)) for sample in kept),
        actual=_numbers(samples.values[kept, measure]),
        low=_numbers(low[kept]),
        high=_numbers(high[kept]),
        start=samples.instant(first),
        end=None if still else samples.instant(last),
    )


def shown_around(first: int, last: int, count: int, *, context: int = LEAST_CONTEXT) -> tuple[int, int]:
    """First row, and one past the last, that a chart shows around an episode of the rows `first` to `last`."""
    length = last - first + 1
    return max(first - max(length, context), 0), min(last + 1 + max(length // 2, context), count)


def thinned(values: Floats, most: int) -> Integers:
    """Positions of at most `most` values: the ends, and the lowest and highest of equal stretches.

    A stretch without readings keeps one position, so that the gap shows.
    """
    if len(values) <= most:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    edges = np.linspace(0, len(values), most // 2).astype(int)
    for start, end in pairwise(edges):
        stretch = values[start:end]
        if np.isfinite(stretch).any():
            kept.update((int(start + np.nanargmin(stretch)), int(start + np.nanargmax(stretch))))
        else:
            kept.add(int(start))
    return np.array(sorted(kept), dtype=np.int64)


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)
