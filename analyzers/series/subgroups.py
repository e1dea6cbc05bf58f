"""CUSUM, EWMA and run charts of rational subgroups: they see what is small and lasts.

A subgroup is so many consecutive samples that neighbouring subgroups' means hardly depend on each other in the
baseline. The textbook's limits (h = 5, L = 3, zones of 1 to 3 deviations) are only where these charts begin: like all
others they are widened to the asset's one budget of false alarms by `limits.score_charts`.

References
----------
E. S. Page, Biometrika 41 (1954); S. W. Roberts, Technometrics 1 (1959); Western Electric, Statistical Quality Control
Handbook (1956); D. C. Montgomery, Introduction to Statistical Quality Control, chapter 9 (k = 0.5, lambda = 0.2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.signal import lfilter
from scipy.special import log_ndtr, ndtri_exp

from analyzers.series.charts import Against, Aspect, Chart, Charted, calibrate, follow, joined
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Booleans, Floats, Integers, trailing_mean

LENGTHS = (5, 15, 60, 240)
"""Rows of a subgroup, of which the first is taken that makes neighbours independent."""
DEPENDENT = 0.25
"""Largest correlation of neighbouring subgroups in the baseline."""
LEAST_SUBGROUPS = 300
"""Subgroups that the baseline needs."""
SLACK = 0.5
"""CUSUM's k: half the shift that it is tuned to, in deviations of a subgroup's mean."""
DECISION = 5.0
"""CUSUM's textbook limit h."""
MOST_SUM = 6 * DECISION
"""A sum stops here, so that a chart comes back in a bounded time after a fault has ended."""
WEIGHT = 0.2
"""EWMA's lambda."""
SIGMAS = 3.0
"""Textbook limit of the EWMA and of the Western Electric rules."""
FORGETS = 400
"""Subgroups after which the reference has followed a lasting change."""
CLIPPED = 4.0
"""Deviations of a subgroup beyond this count as this: what is large is for the quick charts."""
LATEST = {2: (3, 2), 3: (5, 4)}
"""Western Electric rules 2 and 3: of so many latest subgroups so many beyond a line."""


def subgroup_charts(
    views: Mapping[Against, tuple[Floats, Booleans]], baseline: Booleans, rules: tuple[int, ...], *, robust: bool
) -> Charted:
    """CUSUM, EWMA and, where rules are chosen, a run chart of each measure; none where the baseline is too short.

    Parameters
    ----------
    views : (n, measures) as in `draw_charts`; missing values count as usual ones.
    rules : the Western Electric rules that the run chart combines, of 1 to 4.
    """
    empty = np.empty((len(baseline), 0))
    drawn = [Charted((), empty, empty)]
    for against, (view, charted) in views.items():
        lengths = {int(measure): _length(view[:, measure], baseline) for measure in np.flatnonzero(charted)}
        for length in LENGTHS:
            measures = [measure for measure, own in lengths.items() if own == length]
            if measures:
                drawn += _drawn(view[:, measures], measures, against, length, baseline, rules, robust=robust)
    return joined(drawn)


def _length(values: Floats, baseline: Booleans) -> int | None:
    """The shortest length whose subgroups are independent, None where there is none."""
    for length in LENGTHS:
        known = subgroup_means(values[baseline][:, None], length)[:, 0]
        first, second = known[:-1], known[1:]
        both = np.isfinite(first) & np.isfinite(second)
        if int(both.sum()) < LEAST_SUBGROUPS:
            return None
        first, second = first[both], second[both]
        if first.std() > 0 and second.std() > 0 and float(np.corrcoef(first, second)[0, 1]) <= DEPENDENT:
            return length
    return None


def subgroup_means(values: Floats, length: int) -> Floats:
    """Means of consecutive subgroups, (n // length, columns), NaN where too few of one's readings are known."""
    return trailing_mean(values, length, np.zeros(len(values), dtype=np.int64))[length - 1 :: length]


def _drawn(
    values: Floats,
    measures: list[int],
    against: Against,
    length: int,
    baseline: Booleans,
    rules: tuple[int, ...],
    *,
    robust: bool,
) -> list[Charted]:
    means = subgroup_means(values, length)
    learnt = baseline[length - 1 :: length]
    calibration = calibrate(means[learnt], 1, robust=robust)
    reference = follow(means, calibration, 1 / max(min(int(learnt.sum()), FORGETS), 1), 1)
    # The deviation of subgroups among each other: what wanders slowly is the reference's.
    scale = calibrate((means - reference)[learnt], 1, robust=robust).scale
    apart = np.clip(np.nan_to_num((means - reference) / scale), -CLIPPED, CLIPPED)
    statistics = {Aspect.CUSUM: cusum(apart) / DECISION, Aspect.EWMA: ewma(apart) / SIGMAS}
    if rules:
        statistics[Aspect.RUNS] = run_deviates(apart, rules) / SIGMAS
    return [
        Charted(
            tuple(Chart(measure, against, aspect, length) for measure in measures),
            _held(statistic * np.sqrt(ALARM), length, len(values)),
            _held(reference, length, len(values)),
        )
        for aspect, statistic in statistics.items()
    ]


def _held(statistic: Floats, length: int, rows: int) -> Floats:
    """Each subgroup's value from its last row until the next one's; 0 before the first."""
    place = (np.arange(rows) + 1) // length - 1
    return np.where(place[:, None] >= 0, statistic[np.maximum(place, 0)], 0.0)


def cusum(apart: Floats) -> Floats:
    """The larger of the two one-sided sums of each column, signed; (n, columns) deviations to sums up to `MOST_SUM`.

    >>> cusum(np.array([[1.5], [1.5], [-3.0], [-3.0]])).ravel().tolist()
    [1.0, 2.0, -2.5, -5.0]
    """
    out = np.empty_like(apart)
    high = low = np.zeros(apart.shape[1])
    for subgroup, now in enumerate(apart):
        high = np.clip(high + now - SLACK, 0.0, MOST_SUM)
        low = np.clip(low - now - SLACK, 0.0, MOST_SUM)
        out[subgroup] = np.where(high >= low, high, -low)
    return out


def ewma(apart: Floats) -> Floats:
    """The exponentially weighted mean of each column in deviations of its own, sqrt(lambda / (2 - lambda)).

    >>> ewma(np.array([[3.0], [0.0]])).ravel().round(2).tolist()
    [1.8, 1.44]
    """
    mean = lfilter([WEIGHT], [1.0, WEIGHT - 1.0], apart, axis=0)
    return np.asarray(mean / np.sqrt(WEIGHT / (2 - WEIGHT)))


def run_deviates(apart: Floats, rules: tuple[int, ...]) -> Floats:
    """How unlikely the most striking of the chosen rules' patterns is, as a signed normal deviate.

    Rule 1: one subgroup beyond 3 deviations; 2: two of three beyond 2; 3: four of five beyond 1; 4: eight in a row on
    one side. Instead of fixed lines the lines are laid through the subgroups themselves, and the pattern's probability
    under independence is told: so the rules have a scale, and with it limits that share the budget.
    """
    up, down = (_surprise(side, rules) for side in (apart, -apart))
    surprise = np.maximum(up, down)
    deviate = -ndtri_exp(np.minimum(-surprise, -np.log(2)))
    return np.asarray(np.where(up >= down, deviate, -deviate))


def _surprise(apart: Floats, rules: tuple[int, ...]) -> Floats:
    """Negative logarithm of the smallest probability of the chosen patterns above the centre line."""
    tail = np.minimum(log_ndtr(-apart), 0.0)
    found = np.zeros_like(apart)
    if 1 in rules:
        found = np.maximum(found, -tail)
    for rule, (latest, beyond) in LATEST.items():
        if rule in rules and len(apart) >= latest:
            windows = np.lib.stride_tricks.sliding_window_view(tail, latest, axis=0)
            line = np.sort(windows, axis=-1)[..., beyond - 1]
            # `beyond` of `latest` beyond the line: at most as many choices times the tail to that power.
            surprise = -(beyond * line + np.log(latest))
            found[latest - 1 :] = np.maximum(found[latest - 1 :], surprise)
    if 4 in rules:
        found = np.maximum(found, _run_lengths(apart > 0) * np.log(2))
    return found


def _run_lengths(above: Booleans) -> Integers:
    """How many rows in a row each column has been true, up to each row."""
    rows = np.arange(1, len(above) + 1)[:, None]
    last = np.maximum.accumulate(np.where(above, 0, rows), axis=0)
    return np.where(above, rows - last, 0)
