"""Control charts of each measure as it is and adjusted for others, each for level and for spread.

All charts speak one language, the deviation in a normal distribution's units, so one threshold serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np

from analyzers.series.numeric import Booleans, Floats, Integers, stretch_starts, trailing_mean, trailing_variance

SHORT = 5
"""Rows of the quick level chart."""
SPREAD = 61
"""Rows of the spread chart."""
SPREAD_WEIGHT = 0.7
"""A logarithm of a variance has heavier tails than a mean."""
FORGETS = 50
"""Windows after which a chart's reference has followed a lasting change."""
GATE = 3.5
"""Beyond so many deviations a chart's reference stops following."""
BLOCKS = 6
"""Stretches whose means tell how many independent readings the baseline is worth."""
RECALIBRATED = 2_000
"""Baseline rows from which on the deviation is learnt around the followed reference, not around the baseline's mean."""
LEAST_SCALE = 1e-3
"""Smallest usual deviation of a chart, as a share of its measure's own: differences below it are rounding."""


class Against(StrEnum):
    """What a measure is compared with."""

    ITSELF = "itself"
    """Its own usual level."""
    OTHERS = "others"
    """What all other measures predict."""
    LOAD = "load"
    """What the measures that define the operating state predict: a fault that moves several measures along a line
    that they also move along in normal life shows here and not against the others."""


class Aspect(StrEnum):
    """What a chart watches."""

    LEVEL = "level"
    SPREAD = "spread"
    CUSUM = "cusum"
    """Small differences to one side, summed up over subgroups."""
    EWMA = "ewma"
    """Small differences of the latest subgroups, the newest weighing most."""
    RUNS = "runs"
    """Subgroups that stay on one side: the Western Electric rules."""
    T2 = "t2"
    """All measures at once: how far they went where they usually go (Hotelling)."""
    Q = "q"
    """All measures at once: how far they left the plane in which they usually move (SPE)."""


SUBGROUPED = (Aspect.CUSUM, Aspect.EWMA, Aspect.RUNS)
"""Charts of a measure's subgroup means."""
JOINT = -1
"""The measure of a chart that is about all of them."""


@dataclass(frozen=True)
class Statistic:
    """A charted statistic: of which aspect, over how many rows, and the baseline rows that it needs."""

    aspect: Aspect
    window: int
    needs: int = 0


QUICK = (Statistic(Aspect.LEVEL, SHORT), Statistic(Aspect.SPREAD, SPREAD), Statistic(Aspect.LEVEL, 60, 2_400))
SLOW = (Statistic(Aspect.LEVEL, 480, 19_200),)
"""Charts that see what creeps."""


@dataclass(frozen=True)
class Chart:
    """One chart: which measure, against what, which aspect, over how many rows."""

    measure: int
    against: Against
    aspect: Aspect
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
    views: Mapping[Against, tuple[Floats, Booleans]],
    statistics: tuple[Statistic, ...],
    baseline: Booleans,
    stretches: Integers,
    *,
    robust: bool,
    held: Booleans | None = None,
) -> Charted:
    """Charts every measure.

    Parameters
    ----------
    views : (n, measures) standardised readings less what they are compared with, and which measures to chart.
    baseline : (n,) bool, rows to calibrate on. stretches : (n,) int, which quick windows stay within.
    robust : whether calibration is by quartiles, for a baseline that may hold what is looked for.
    held : (n,) bool, rows that no reference follows.
    """
    starts, count = stretch_starts(stretches), int(baseline.sum())
    drawn = [Charted((), np.empty((len(starts), 0)), np.empty((len(starts), 0)))]
    for against, (view, charted) in views.items():
        measures = np.flatnonzero(charted)
        for kind in statistics:
            if count >= kind.needs and len(measures):
                charts = tuple(Chart(int(measure), against, kind.aspect, kind.window) for measure in measures)
                statistic = _statistic(view[:, measures], kind, starts)
                drawn.append(Charted(charts, *deviations_of(statistic, kind, baseline, robust=robust, held=held)))
    return joined(drawn)


def joined(parts: Sequence[Charted]) -> Charted:
    """All the charts side by side."""
    return Charted(
        tuple(chart for part in parts for chart in part.charts),
        np.hstack([part.deviations for part in parts]),
        np.hstack([part.references for part in parts]),
    )


def _statistic(values: Floats, kind: Statistic, starts: Integers) -> Floats:
    """Trailing means, or half the logarithm of the trailing variance."""
    if kind.aspect is Aspect.SPREAD:
        return np.asarray(0.5 * np.log(trailing_variance(values, kind.window, starts) + LEAST_SCALE**2))
    # What creeps does so across stops: slow windows look beyond a stretch's start.
    return trailing_mean(values, kind.window, np.zeros_like(starts) if kind in SLOW else starts)


def deviations_of(
    statistic: Floats, kind: Statistic, baseline: Booleans, *, robust: bool, held: Booleans | None = None
) -> tuple[Floats, Floats]:
    """Normal deviates and followed references of some charts, (n, charts) both."""
    count = int(baseline.sum())
    pace = _pace(count, kind.window)
    calibration = calibrate(statistic[baseline], kind.window, robust=robust)
    reference = follow(statistic, calibration, *pace, held)
    if count >= RECALIBRATED:
        # The distance that a held reference keeps in an episode is no usual one.
        learnt = baseline if held is None else baseline & ~held
        around = calibrate((statistic - reference)[learnt], kind.window, robust=robust)
        calibration = replace(around, reference=calibration.reference)
        reference = follow(statistic, calibration, *pace, held)
    deviation = np.nan_to_num(calibration.deviations(statistic - reference))
    return deviation * (SPREAD_WEIGHT if kind.aspect is Aspect.SPREAD else 1.0), reference


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


def _pace(baseline: int, window: int) -> tuple[float, int]:
    """Share of its distance that the reference moves per row, and rows between two moves.

    A reference forgets at the pace at which it was learnt, one over the rows, and a quick chart within 50 of its
    windows; where that is slow it moves in strides that come to at most 2 % of the distance.
    """
    rate = 1 / max(min(baseline, FORGETS * window), 1)
    return rate, int(np.clip(0.02 / rate, 1, 60))


def follow(
    statistic: Floats, calibration: Calibration, rate: float, stride: int, held: Booleans | None = None
) -> Floats:
    """The reference that each row is compared with: it follows the chart slowly, while the chart is inside its gate.

    So slow change of no interest (wear, weather) is learnt, and an episode is not: on `held` rows it stays.
    """
    reference = calibration.reference.copy()
    gate = calibration.distance_at(GATE)
    out = np.empty_like(statistic)
    for first in range(0, len(statistic), stride):
        distance = statistic[first : first + stride] - reference
        out[first : first + stride] = reference
        inside = np.abs(distance) < gate
        if held is not None:
            inside &= ~held[first : first + stride, None]
        reference = reference + rate * np.where(inside, distance, 0.0).sum(axis=0)
    return out
