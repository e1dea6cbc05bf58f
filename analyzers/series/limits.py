"""The alarm limit: an absolute one, raised where a long baseline shows that its noise reaches further."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.series.charts import SUBGROUPED, Charted
from analyzers.series.numeric import Booleans, Floats, Integers, stretch_starts, trailing_share

ALARM = 20.0
"""Score from which on there is an alarm: the smoothed square of a normal deviate of 4.5."""
QUIET = 5.0
"""Score below which nothing is going on: an episode starts where the score left it."""
SMOOTHING = 25
"""Rows over which the squared deviates are averaged."""
LEAST_BASELINE = 2_000
LEAST_BLOCKS = 24
BLOCK = 120
"""Rows of a block, about two of the longest short windows: maxima of neighbouring blocks hardly depend."""
SETTLED_BASELINE = max(LEAST_BASELINE, LEAST_BLOCKS * BLOCK)
"""Baseline rows from which on limits follow from the baseline."""
BEYOND = 1.3
"""A normal tail goes a quarter further in a hundred times the time."""
BEYOND_SUMS = 2.0
"""The same for a CUSUM, whose tail is exponential."""
RESAMPLES = 200
YEAR = 365.25 * 86_400


@dataclass(frozen=True)
class Scored:
    """The score of each row.

    score : (n,), smoothed largest squared deviate, in units in which `ALARM` is the limit.
    deviations : (n, charts), the deviates behind it, each chart brought to the common limit.
    calibrated : whether the limit follows from `false_alarms_per_year`; else it is the absolute one.
    """

    score: Floats
    deviations: Floats
    calibrated: bool


def score_charts(
    charted: Charted, baseline: Booleans, runs: Integers, *, interval: float, per_year: float, clean: bool, seed: int
) -> Scored:
    """Joins the charts into one score.

    Where the baseline is long enough each chart's deviates are first divided by how far its own noise reaches at
    `per_year` false alarms, and so is the score; a chart that stays within the absolute limit is left as it is.

    Parameters
    ----------
    baseline : (n,) bool, rows taken for normal. runs : (n,) int, stretches that the smoothing stays within.
    interval : seconds between rows. per_year : alarms a year that noise may raise.
    clean : whether the baseline is a history; false where the batch is its own.
    """
    starts = stretch_starts(runs)
    deviations = charted.deviations
    count = int(baseline.sum())
    if count < SETTLED_BASELINE:
        return Scored(_smoothed(deviations, starts), deviations, calibrated=False)
    # A batch that is its own baseline is ranked: one alarm by chance in all of it is what to expect.
    rate = per_year * BLOCK * interval / YEAR if clean else BLOCK / count
    rng = np.random.default_rng(seed)
    reach = np.ones(deviations.shape[1])
    summing = np.array([chart.aspect in SUBGROUPED for chart in charted.charts])
    for chart in range(deviations.shape[1]):
        smooth = np.sqrt(trailing_share(deviations[:, chart] ** 2, SMOOTHING, starts))
        maxima, own, beyond = _block_maxima(smooth[baseline]), rate, BEYOND
        if summing[chart]:
            # Sums of what is small have longer tails; together they get the part of the budget of one other chart.
            own, beyond = rate / int(summing.sum()), BEYOND_SUMS
        reach[chart] = return_level(maxima, own, rng, clean=clean, beyond=beyond) / np.sqrt(ALARM)
    deviations = deviations / np.maximum(reach, 1.0)
    score = _smoothed(deviations, starts)
    whole = return_level(_block_maxima(np.sqrt(score)[baseline]), rate, rng, clean=clean) / np.sqrt(ALARM)
    widened = max(whole, 1.0)
    return Scored(score / widened**2, deviations / widened, calibrated=True)


def _smoothed(deviations: Floats, starts: Integers) -> Floats:
    return trailing_share(np.max(deviations**2, axis=1), SMOOTHING, starts)


def _block_maxima(values: Floats) -> Floats:
    blocks = len(values) // BLOCK
    maxima: Floats = values[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
    return maxima


def return_level(
    maxima: Floats, rate: float, rng: np.random.Generator, *, clean: bool = True, beyond: float = BEYOND
) -> float:
    """The level that a block's maximum exceeds with probability `rate`, beyond what the blocks themselves reach.

    Median over resampled blocks of the level of a Gumbel distribution fitted through quantiles, which a few blocks
    with something in them do not move; at most `beyond` times the largest maximum, as a measure that wanders between
    limits has a lighter tail than Gumbel's. Where the blocks are not known to be `clean`, their lower half alone tells,
    as the rest may be what is looked for.

    References
    ----------
    E. J. Gumbel, Statistics of Extremes (1958); block resampling after H. R. Künsch, Annals of Statistics 17 (1989).
    """
    samples = rng.choice(maxima, size=(RESAMPLES, len(maxima)))
    low, middle, high = np.quantile(samples, [0.25, 0.5, 0.9], axis=1)
    # Reduced variates of the quantiles: -log(-log(q)).
    lower, upper = (middle - low) / (0.3665 + 0.3266), (high - middle) / (2.2504 - 0.3665)
    slope = np.maximum(lower, upper) if clean else lower
    probability = min(max(rate, 1e-9), 0.5)
    levels = middle + slope * (-np.log(-np.log1p(-probability)) - 0.3665)
    level = float(np.median(levels))
    return min(level, beyond * float(maxima.max())) if clean else level
