"""What is usual for an asset: level and spread of each measure in each state, and how measures follow each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter
from sklearn.covariance import ledoit_wolf

from analyzers.series.numeric import Booleans, Floats, Integers, filled_forward, stretch_starts

MOST_ROWS = 20_000
"""Rows that the relations are learnt from, evenly taken."""
ROWS_A_PREDICTOR = 100
"""Baseline rows that each of the rich predictors must have."""
MEMORIES = (15, 60, 240)
"""Samples that the slow predictors remember."""
CLIPPED = 10.0
"""Deviations beyond this are learnt from as if they were this."""
SQUARED = 4.0
"""Deviations beyond this are squared as if they were this, so that a square does not run away."""
LEAST_SPREAD = 1e-9
"""A measure whose deviation is below this share of its level is constant."""


@dataclass(frozen=True)
class Levels:
    """Usual levels.

    center, scale : (states, measures), in the measures' units; NaN for a state that the baseline does not know and
        for a measure that does not vary in it. charted : (measures,) bool, measures that vary in some state.
    """

    center: Floats
    scale: Floats
    charted: Booleans

    def standardised(self, values: Floats, state: Integers) -> Floats:
        """Readings as deviations from their state's level, in its usual deviations."""
        z: Floats = (values - self.center[state]) / self.scale[state]
        return z


@dataclass(frozen=True)
class Relations:
    """How measures follow each other.

    weights : (blocks x measures, measures), what each standardised measure owes to each predictor; 0 for its own.
    explained : (measures,), share of each measure's variance that the others explain.
    """

    weights: Floats
    explained: Floats

    def predicted(self, z: Floats, stretches: Integers, slow: Floats | None) -> Floats:
        """What the other measures say each standardised measure should be; arguments as in `predictors`.

        A missing reading is first replaced by what the others say of it, and by its usual level where they are
        missing too.
        """
        first = predictors(np.nan_to_num(z), stretches, slow) @ self.weights
        filled = np.where(np.isfinite(z), z, first)
        prediction: Floats = predictors(filled, stretches, slow) @ self.weights
        return prediction


def fit_levels(values: Floats, state: Integers, states: int, *, robust: bool) -> Levels:
    """Learns each measure's level and spread in each state.

    Parameters
    ----------
    values : (n, measures), NaN where there is no reading. state : (n,) int below `states`.
    robust : whether they are median and quartile range, for rows that may hold what is looked for; else mean and
        standard deviation, which few rows give better.
    """
    center, scale = np.full((states, values.shape[1]), np.nan), np.full((states, values.shape[1]), np.nan)
    for code in np.unique(state):
        center[code], scale[code] = _level_and_spread(values[state == code], robust=robust)
    varies = scale > LEAST_SPREAD * np.maximum(np.abs(center), LEAST_SPREAD)
    return Levels(center, np.where(varies, scale, np.nan), varies.any(axis=0))


def _level_and_spread(values: Floats, *, robust: bool) -> tuple[Floats, Floats]:
    """Level and spread of each column, NaN for a column with fewer than two readings."""
    center, scale = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    known = np.isfinite(values).sum(axis=0) >= 2
    if not known.any():
        return center, scale
    chosen = values[:, known]
    center[known], scale[known] = np.nanmean(chosen, axis=0), np.nanstd(chosen, axis=0)
    if robust:
        low, middle, high = np.nanquantile(chosen, [0.25, 0.5, 0.75], axis=0)
        quartiles = (high - low) / 1.349
        center[known] = middle
        # A measure that mostly rests at one value has no quartile range; its deviation is all there is.
        scale[known] = np.where(quartiles > 0, quartiles, scale[known])
    return center, scale


def predictors(z: Floats, stretches: Integers, slow: Floats | None) -> Floats:
    """What a measure is predicted from: (n, blocks x measures).

    The measures now and one sample before in the same stretch; where `slow` is given also their squares now, as few
    machines are linear over their whole range, and `slow` itself, (n, k x measures), their longer past.
    """
    previous = np.maximum(np.arange(len(z)) - 1, stretch_starts(stretches))
    blocks = [z, z[previous]]
    if slow is not None:
        blocks += [np.clip(z, -SQUARED, SQUARED) ** 2, slow]
    return np.hstack(blocks)


def slow_means(values: Floats, rows: Integers, normal: Booleans) -> Floats | None:
    """Exponentially weighted means of the measures' past, as heat and stores follow with a lag.

    Parameters
    ----------
    values : (n, measures), all readings, those of stopped and transient time too, as a machine cools while it
        stands. rows : (m,) the scored samples. normal : (m,) bool, the baseline among them.

    Returns
    -------
    (m, memories x measures), standardised on the baseline; None where the baseline is too short for so many
    predictors.
    """
    if int(normal.sum()) < ROWS_A_PREDICTOR * (3 + len(MEMORIES)) * values.shape[1]:
        return None
    filled = filled_forward(values)
    blocks = []
    for memory in MEMORIES:
        keep = float(np.exp(-1 / memory))
        followed = lfilter([1 - keep], [1.0, -keep], filled - filled[0], axis=0)[rows]
        center, scale = followed[normal].mean(axis=0), np.maximum(followed[normal].std(axis=0), 1e-12)
        z = (followed - center) / scale
        # A past that the baseline never saw, such as its first stop, predicts nothing.
        unseen = (z < z[normal].min(axis=0) - 1) | (z > z[normal].max(axis=0) + 1)
        blocks.append(np.clip(np.where(unseen, 0.0, z), -CLIPPED, CLIPPED))
    return np.hstack(blocks)


def fit_relations(
    z: Floats, stretches: Integers, charted: Booleans, slow: Floats | None, sources: Booleans | None = None
) -> Relations:
    """Learns what each measure owes to the others, never to its own past.

    Parameters
    ----------
    z : (n, measures), standardised. slow : as in `predictors`. charted : (measures,) bool.
    sources : (measures,) bool, the measures to predict from; all where not given.

    Notes
    -----
    The weights are those of the Ledoit-Wolf covariance, so that many measures over few rows, or measures that repeat
    each other, give no wild ones.

    References
    ----------
    D. M. Hawkins, "Regression adjustment for variables in multivariate quality control", J. Quality Technology 25
    (1993); O. Ledoit and M. Wolf, J. Multivariate Analysis 88 (2004).
    """
    measures = z.shape[1]
    table = predictors(np.nan_to_num(np.clip(z, -CLIPPED, CLIPPED)), stretches, slow)
    weights, explained = np.zeros((table.shape[1], measures)), np.zeros(measures)
    if int(charted.sum()) < 2:
        return Relations(weights, explained)
    of_measure = np.arange(table.shape[1]) % measures
    table = table[:: max(1, len(table) // MOST_ROWS)]
    used = np.flatnonzero(charted[of_measure] & (table.std(axis=0) > 0))
    covariance, _ = ledoit_wolf(table[:, used])
    covariance[np.diag_indices_from(covariance)] += 1e-6
    for measure in np.flatnonzero(charted & np.isin(np.arange(measures), used)):
        others, own = of_measure[used] != measure, int(np.flatnonzero(used == measure)[0])
        others &= True if sources is None else sources[of_measure[used]]
        of_other = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, own])
        weights[used[others], measure] = of_other
        explained[measure] = float(covariance[others, own] @ of_other) / float(covariance[own, own])
    return Relations(weights, np.clip(explained, 0, 1))
