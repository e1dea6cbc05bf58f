"""Array types, and trailing windows that stop at the start of a stretch and pass over missing readings."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Booleans: TypeAlias = NDArray[np.bool_]

FILLED = 0.6
"""Share of a window that must have readings."""


def stretch_starts(labels: Integers) -> Integers:
    """For each row the first row of its stretch of equal labels.

    >>> stretch_starts(np.array([4, 4, 7, 7, 7])).tolist()
    [0, 0, 2, 2, 2]
    """
    if len(labels) == 0:
        return np.empty(0, dtype=np.int64)
    first = np.r_[True, labels[1:] != labels[:-1]]
    return np.maximum.accumulate(np.where(first, np.arange(len(labels)), 0)).astype(np.int64)


def runs(chosen: Booleans) -> list[tuple[int, int]]:
    """First and one past the last row of every run of true values.

    >>> runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.r_[0, chosen.astype(np.int8), 0]))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def filled_forward(values: Floats) -> Floats:
    """Each column with its last reading in place of missing ones, and its first reading before that; else 0.

    >>> filled_forward(np.array([[np.nan], [2.0], [np.nan]])).ravel().tolist()
    [2.0, 2.0, 2.0]
    """
    known = np.isfinite(values)
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    last = np.where(last < 0, known.argmax(axis=0), last)
    return np.nan_to_num(np.take_along_axis(values, last, axis=0))


def trailing_mean(values: Floats, window: int, starts: Integers) -> Floats:
    """Mean over the last `window` rows of the same stretch, for each column.

    values : (n, columns), NaN where there is no reading. starts : (n,), the first row of each row's stretch.
    NaN where the stretch is younger than the window or fewer than `FILLED` of its rows have readings.
    """
    totals, counts = _trailing_sums(values, window, starts)
    young = np.arange(len(values)) - starts < window - 1
    enough = (counts >= FILLED * window) & ~young[:, None]
    return np.where(enough, totals / np.maximum(counts, 1), np.nan)


def trailing_variance(values: Floats, window: int, starts: Integers) -> Floats:
    """Variance over the last `window` rows of the same stretch; as `trailing_mean` in all else."""
    mean = trailing_mean(values, window, starts)
    return np.maximum(trailing_mean(values * values, window, starts) - mean * mean, 0.0)


def trailing_share(values: Floats, window: int, starts: Integers) -> Floats:
    """Sum over the last `window` rows of the same stretch divided by `window`: (n,) to (n,), NaN counting as 0.

    A stretch younger than the window is taken as preceded by zeros, so that its first rows are not judged by few.
    """
    totals, _ = _trailing_sums(values[:, None], window, starts)
    return np.maximum(totals[:, 0], 0.0) / window


def _trailing_sums(values: Floats, window: int, starts: Integers) -> tuple[Floats, Floats]:
    known = np.isfinite(values)
    sums = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(np.where(known, values, 0.0), axis=0)])
    counts = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(known, axis=0)])
    rows = np.arange(len(values))
    first = np.maximum(starts, rows - window + 1)
    return sums[rows + 1] - sums[first], counts[rows + 1] - counts[first]
