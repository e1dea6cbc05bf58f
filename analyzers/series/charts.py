"""Control charts: one a measure and one a measure adjusted for the others, each for level and for spread.

All charts speak one language, the deviation in a normal distribution's units, so one threshold serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from analyzers.series.numeric import Booleans, Floats, Integers, stretch_starts, trailing_mean, trailing_variance

SHORT = 5
"""Rows of the quick level chart."""
SPREAD = 61
"""Rows of the spread chart."""
SLOW = ((60, 2_400), (480, 19_200))
"""Rows of the slow level charts, and the baseline rows that each needs; they see what creeps."""
SPREAD_WEIGHT = 0.7
"""A logarithm of a variance has heavier tails than a mean."""
GATE = 3.5
"""Beyond so many deviations a chart's reference stops following."""
BLOCKS = 6
"""Stretches whose means tell how many independent readings the baseline is worth."""
LEAST_SCALE = 1e-3
"""Smallest usual deviation of a chart, as a share of its measure's own: differences below it are rounding."""


class Watch(StrEnum):
    """What a chart watches of its measure."""

    LEVEL = "level"
    SPREAD = "spread"


@dataclass(frozen=True)
class Chart:
    """One chart: which measure, whether adjusted for the others, level or spread, over how many rows."""

    measure: int
    adjusted: bool
    watch: Watch
    window: int


@dataclass(frozen=True)
class Calibration:
    """What is usual for some charts: their reference, deviation and how many independent readings that rests on."""

    reference: Floats
    scale: Floats
    independent: Floats

    @property
    def _factor(self) -> Floats:
        n = self.independent
        factor: Floats = np.sqrt((1 - 1 / n) / (1 + 1 / n)) / self.scale
        return factor

    def deviations(self, distance: Floats) -> Floats:
        """Distance from the reference as the normal deviate of equal probability.

        With n independent readings behind scale and reference, a distance over the scale times
        sqrt((1 - 1/n) / (1 + 1/n)) follows Student's t with n - 1 degrees of freedom; Wallace's approximation
        makes it normal.

        References
        ----------
        D. L. Wallace, "Bounds on normal approximations to Student's and the chi-square distributions", Annals of
        Mathematical Statistics 30 (1959).
        """
        freedom = self.independent - 1
        t = distance * self._factor
        shrink = (8 * freedom + 1) / (8 * freedom + 3)
        deviates: Floats = np.sign(t) * shrink * np.sqrt(freedom * np.log1p(t * t / freedom))
        return deviates

    def distance_at(self, deviation: float) -> Floats:
        """The distance from the reference that is worth a normal deviate; the inverse of `deviations`."""
        freedom = self.independent - 1
        shrink = (8 * freedom + 1) / (8 * freedom + 3)
        # Few readings make the exponent large: beyond 600 the distance is out of reach anyway.
        t = np.sqrt(freedom * np.expm1(np.minimum((deviation / shrink) ** 2 / freedom, 600)))
        distance: Floats = t / self._factor
        return distance


@dataclass(frozen=True)
class Charted:
    """Charts over time.

    charts : in the order of the columns. deviations : (n, charts), normal deviates, 0 where a chart has no value.
    references : (n, charts), the followed reference in units of the standardised measure.
    """

    charts: tuple[Chart, ...]
    deviations: Floats
    references: Floats


def draw_charts(
    levels: Floats, adjusted: Floats, charted: Booleans, baseline: Booleans, runs: Integers, *, robust: bool
) -> Charted:
    """Charts every measure.

    Parameters
    ----------
    levels : (n, measures), standardised readings. adjusted : the same less what the other measures predict.
    charted : (measures,) bool, which measures to chart. baseline : (n,) bool, rows to calibrate on.
    runs : (n,) int, stretches that short windows stay within.
    robust : whether calibration is by quartiles, for a baseline that may hold what is looked for.
    """
    starts = stretch_starts(runs)
    rate, stride = _pace(int(baseline.sum()))
    measures = np.flatnonzero(charted)
    charts: list[Chart] = []
    deviations: list[Floats] = []
    references: list[Floats] = []
    for is_adjusted, source in ((False, levels), (True, adjusted)):
        if is_adjusted and len(measures) < 2:
            continue
        chosen = source[:, measures]
        for watch, window, statistic in _statistics(chosen, starts, int(baseline.sum())):
            calibration = calibrate(statistic[baseline], window, robust=robust)
            reference = follow(statistic, calibration, rate, stride)
            deviation = np.nan_to_num(calibration.deviations(statistic - reference))
            charts.extend(Chart(int(measure), is_adjusted, watch, window) for measure in measures)
            deviations.append(deviation * (SPREAD_WEIGHT if watch is Watch.SPREAD else 1.0))
            references.append(reference)
    return Charted(tuple(charts), np.hstack(deviations), np.hstack(references))


def _statistics(values: Floats, starts: Integers, baseline: int) -> list[tuple[Watch, int, Floats]]:
    """The charted statistics: trailing means, and half the logarithm of the trailing variance."""
    whole = np.zeros_like(starts)
    spread = 0.5 * np.log(trailing_variance(values, SPREAD, starts) + LEAST_SCALE**2)
    slow = [
        # What creeps does so across stops: the slow charts look beyond a stretch's start.
        (Watch.LEVEL, window, trailing_mean(values, window, whole))
        for window, needed in SLOW
        if baseline >= needed
    ]
    return [(Watch.LEVEL, SHORT, trailing_mean(values, SHORT, starts)), (Watch.SPREAD, SPREAD, spread), *slow]


def calibrate(statistic: Floats, window: int, *, robust: bool) -> Calibration:
    """Learns what is usual from the baseline rows of some charts, (n, charts), NaN where there is no value.

    The number of independent readings is six times the variance over the variance of six stretches' means, as the
    mean of n / 6 independent readings varies by 6 / n of their variance; it lies between 2 and n / window.
    """
    count = np.isfinite(statistic).sum(axis=0)
    usable = count >= 2 * BLOCKS
    reference, scale = np.full(statistic.shape[1], np.nan), np.full(statistic.shape[1], np.nan)
    independent = np.full(statistic.shape[1], 2.0)
    if usable.any():
        known = statistic[:, usable]
        low, middle, high = np.nanquantile(known, [0.25, 0.5, 0.75], axis=0) if robust else (0, 0, 0)
        deviation = np.nanstd(known, axis=0)
        quartiles = (high - low) / 1.349
        reference[usable] = middle if robust else np.nanmean(known, axis=0)
        scale[usable] = np.where(quartiles > 0, quartiles, deviation) if robust else deviation
        independent[usable] = _independent(known, scale[usable] ** 2)
    scale = np.maximum(scale, LEAST_SCALE)
    most = np.maximum(count / window, 2.0)
    return Calibration(reference, scale, np.clip(independent, 2.0, most))


def _independent(statistic: Floats, variance: Floats) -> Floats:
    edges = np.linspace(0, len(statistic), BLOCKS + 1).astype(int)
    means = np.array([_mean(statistic[first:last]) for first, last in pairwise(edges.tolist())])
    counted = np.maximum(np.isfinite(means).sum(axis=0), 2)
    center = _mean(means)
    between = np.nansum((means - center) ** 2, axis=0) / (counted - 1)
    independent: Floats = BLOCKS * variance / np.maximum(between, 1e-300)
    return independent


def _mean(values: Floats) -> Floats:
    """Mean of each column's readings, NaN where there are none."""
    count = np.isfinite(values).sum(axis=0)
    mean: Floats = np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)
    return mean


def _pace(baseline: int) -> tuple[float, int]:
    """Share of its distance that the reference moves per row, and rows between two moves.

    A reference forgets at the pace at which it was learnt, 1 / rows; where that is slow it moves in strides that
    come to at most 2 % of the distance.
    """
    rate = 1 / max(baseline, 1)
    return rate, int(np.clip(0.02 / rate, 1, 60))


def follow(statistic: Floats, calibration: Calibration, rate: float, stride: int) -> Floats:
    """The reference that each row is compared with: it follows the chart slowly, while the chart is inside its gate.

    So slow change of no interest (wear, weather) is learnt, and an episode is not.
    """
    reference = calibration.reference.copy()
    gate = calibration.distance_at(GATE)
    out = np.empty_like(statistic)
    for first in range(0, len(statistic), stride):
        distance = statistic[first : first + stride] - reference
        out[first : first + stride] = reference
        inside = np.abs(distance) < gate
        reference = reference + rate * np.where(inside, distance, 0.0).sum(axis=0)
    return out
