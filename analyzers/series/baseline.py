"""What is usual for an asset: level and spread of each measure in each state, and how measures follow each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf

from analyzers.series.numeric import Booleans, Floats, Integers, stretch_starts

MOST_ROWS = 20_000
"""Rows that the relations are learnt from, evenly taken."""
LEAST_SPREAD = 1e-9
"""A measure whose deviation is below this share of its level is constant."""


@dataclass(frozen=True)
class Baseline:
    """Usual levels and relations.

    center, scale : (states, measures), in the measures' units; NaN for a state that the baseline does not know.
    weights : (2 measures, measures), what each standardised measure owes to the others now and one sample before;
        its own rows are 0.
    charted : (measures,) bool, measures that vary in the baseline.
    explained : (measures,), share of each measure's variance that the others explain.
    """

    center: Floats
    scale: Floats
    weights: Floats
    charted: Booleans
    explained: Floats

    def standardised(self, values: Floats, state: Integers) -> Floats:
        """Readings as deviations from their state's level, in its usual deviations."""
        z: Floats = (values - self.center[state]) / self.scale[state]
        return z

    def predicted(self, z: Floats, segments: Integers) -> Floats:
        """What the other measures, now and one sample before, say each standardised measure should be.

        A missing reading is first replaced by what the others say of it, and by its usual level where they are
        missing too.
        """
        first = with_previous(np.nan_to_num(z), segments) @ self.weights
        filled = np.where(np.isfinite(z), z, first)
        prediction: Floats = with_previous(filled, segments) @ self.weights
        return prediction


def with_previous(z: Floats, segments: Integers) -> Floats:
    """Each row beside the one before it of the same segment: (n, measures) to (n, 2 measures)."""
    rows = np.arange(len(z))
    previous = np.maximum(rows - 1, stretch_starts(segments))
    return np.hstack([z, z[previous]])


def fit_baseline(values: Floats, state: Integers, states: int, segments: Integers, *, robust: bool) -> Baseline:
    """Learns the baseline from rows that are taken for normal.

    Parameters
    ----------
    values : (n, measures), NaN where there is no reading. state : (n,) int below `states`.
    robust : whether level and spread are median and quartile range, for rows that may hold what is looked for;
        else mean and standard deviation, which few rows give better.

    Notes
    -----
    Relations are those of the Ledoit-Wolf covariance of the standardised readings now and one sample before, so
    that many measures over few rows, or measures that repeat each other, give no wild weights.

    References
    ----------
    D. M. Hawkins, "Regression adjustment for variables in multivariate quality control", J. Quality Technology 25
    (1993); O. Ledoit and M. Wolf, J. Multivariate Analysis 88 (2004).
    """
    measures = values.shape[1]
    center, scale = np.full((states, measures), np.nan), np.full((states, measures), np.nan)
    for code in np.unique(state):
        center[code], scale[code] = _level_and_spread(values[state == code], robust=robust)
    varies = scale > LEAST_SPREAD * np.maximum(np.abs(center), LEAST_SPREAD)
    charted = varies.any(axis=0)
    scale = np.where(varies, scale, np.nan)
    z = (values - center[state]) / scale[state]
    weights, explained = _relations(np.clip(z, -10, 10), segments, charted)
    return Baseline(center, scale, weights, charted, explained)


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


def _relations(z: Floats, segments: Integers, charted: Booleans) -> tuple[Floats, Floats]:
    measures = z.shape[1]
    weights, explained = np.zeros((2 * measures, measures)), np.zeros(measures)
    used = np.flatnonzero(charted)
    if len(used) < 2:
        return weights, explained
    pairs = with_previous(np.nan_to_num(z[:, used]), segments)
    pairs = pairs[:: max(1, len(pairs) // MOST_ROWS)]
    covariance, _ = ledoit_wolf(pairs)
    covariance[np.diag_indices_from(covariance)] += 1e-6
    for place, measure in enumerate(used):
        others = [column for column in range(2 * len(used)) if column % len(used) != place]
        of_other = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, place])
        columns = np.array([used[column % len(used)] + measures * (column // len(used)) for column in others])
        weights[columns, measure] = of_other
        explained[measure] = float(covariance[others, place] @ of_other) / float(covariance[place, place])
    return weights, np.clip(explained, 0, 1)
