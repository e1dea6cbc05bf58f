"""Hotelling's T2 and Q (SPE) on windowed features: what all measures did together, each too little to show alone.

References
----------
H. Hotelling, "Multivariate quality control" (1947); J. E. Jackson and G. S. Mudholkar, "Control procedures for
residuals associated with principal component analysis", Technometrics 21 (1979); E. B. Wilson and M. M. Hilferty, "The
distribution of chi-square", PNAS 17 (1931), for the cube root that makes a sum of squares nearly normal.
"""

from __future__ import annotations

import numpy as np

from analyzers.series.charts import JOINT, Against, Aspect, Chart, Charted, Statistic, deviations_of
from analyzers.series.numeric import Booleans, Floats, Integers, stretch_starts, trailing_mean

WINDOW = 15
"""Rows of the features' trailing means."""
EXPLAINED = 0.9
"""Share of the variance that the principal components keep."""
LEAST_MEASURES = 3
ROWS_A_MEASURE = 60
"""Baseline rows for each measure: with fewer the components are chance."""
MOST_ROWS = 20_000
FOLDS = 4


def joint_charts(
    view: Floats, charted: Booleans, baseline: Booleans, stretches: Integers, *, robust: bool, held: Booleans | None
) -> Charted:
    """T2 and Q of an asset; no chart where it has few measures or a short baseline.

    Parameters
    ----------
    view : (n, measures), standardised readings less their season. Other parameters as in `draw_charts`.
    """
    chosen = np.flatnonzero(charted)
    nothing = np.empty((len(view), 0))
    if len(chosen) < LEAST_MEASURES or int(baseline.sum()) < ROWS_A_MEASURE * len(chosen):
        return Charted((), nothing, nothing)
    features = trailing_mean(view[:, chosen], WINDOW, stretch_starts(stretches))
    distances = distances_of(features, baseline)
    kind = Statistic(Aspect.T2, WINDOW)
    deviations, references = deviations_of(distances, kind, baseline, robust=robust, held=held)
    charts = tuple(Chart(JOINT, Against.ITSELF, aspect, WINDOW) for aspect in (Aspect.T2, Aspect.Q))
    # Closer to the centre than usual is nothing to report.
    return Charted(charts, np.maximum(deviations, 0.0), references)


def distances_of(features: Floats, baseline: Booleans) -> Floats:
    """Cube roots of T2 and Q of each row, (n, 2), NaN where a feature is missing.

    Within the baseline each stretch is judged by components of the others, as a plane lies closest to the rows that it
    was fitted through.
    """
    whole = np.isfinite(features).all(axis=1)
    out = np.full((len(features), 2), np.nan)
    known = np.flatnonzero(baseline & whole)
    if len(known) < 2 * features.shape[1]:
        return out
    out[whole] = _squares(features[whole], features[known])
    for fold in np.array_split(known, FOLDS):
        rest = np.setdiff1d(known, fold, assume_unique=True)
        out[fold] = _squares(features[fold], features[rest])
    return np.asarray(np.cbrt(out))


def _squares(rows: Floats, learnt: Floats) -> Floats:
    """T2 within the components of `learnt`, and the squared distance from them."""
    learnt = learnt[:: max(1, len(learnt) // MOST_ROWS)]
    center, scale = learnt.mean(axis=0), np.maximum(learnt.std(axis=0), 1e-9)
    variances, vectors = np.linalg.eigh(np.cov((learnt - center) / scale, rowvar=False))
    variances, vectors = np.maximum(variances[::-1], 1e-9), vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), EXPLAINED)) + 1
    z = (rows - center) / scale
    scores = z @ vectors[:, :kept]
    rest = z - scores @ vectors[:, :kept].T
    return np.column_stack([(scores**2 / variances[:kept]).sum(axis=1), (rest**2).sum(axis=1)])
