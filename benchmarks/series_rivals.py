"""Textbook monitors for multivariate series: a score for each row, learned on a normal baseline.

References: Jackson and Mudholkar, "Control Procedures for Residuals Associated with Principal Component Analysis",
Technometrics 1979; Liu, Ting and Zhou, "Isolation Forest", ICDM 2008.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

Floats = NDArray[np.float64]
Monitor = Callable[[Floats, Floats], Floats]
"""Baseline and rows, of shapes (n_baseline, n_sensors) and (n_rows, n_sensors), to scores of shape (n_rows,)."""

WINDOW = 15
"""Rows of a trailing mean."""
_EXPLAINED = 0.9


def forest(baseline: Floats, rows: Floats) -> Floats:
    """Isolation forest on single rows."""
    return np.asarray(-IsolationForest(random_state=0).fit(baseline).score_samples(rows))


def hotelling(baseline: Floats, rows: Floats) -> Floats:
    """Hotelling's T2 on the principal components that explain nine tenths of the variance."""
    centre, spread = _moments(baseline)
    variances, vectors = _components((baseline - centre) / spread)
    projected = ((rows - centre) / spread) @ vectors
    return np.asarray((projected**2 / variances).sum(axis=1))


def hotelling_and_residual(baseline: Floats, rows: Floats) -> Floats:
    """The larger of T2 and Q (SPE), each over its 99 % quantile in the baseline."""
    centre, spread = _moments(baseline)
    learned, seen = (baseline - centre) / spread, (rows - centre) / spread
    variances, vectors = _components(learned)

    def both(values: Floats) -> tuple[Floats, Floats]:
        projected = values @ vectors
        residual = values - projected @ vectors.T
        return (projected**2 / variances).sum(axis=1), (residual**2).sum(axis=1)

    limits = [max(float(np.quantile(part, 0.99)), 1e-12) for part in both(learned)]
    return np.asarray(np.maximum(*(part / limit for part, limit in zip(both(seen), limits, strict=True))))


def mahalanobis(baseline: Floats, rows: Floats) -> Floats:
    """Squared Mahalanobis distance on all sensors."""
    centre, spread = _moments(baseline)
    learned, seen = (baseline - centre) / spread, (rows - centre) / spread
    covariance = np.cov(learned, rowvar=False) + 1e-6 * np.eye(learned.shape[1])
    return np.asarray(np.einsum("ij,jk,ik->i", seen, np.linalg.inv(covariance), seen))


def on_trailing_means(monitor: Monitor) -> Monitor:
    """The same monitor on trailing means over `WINDOW` rows."""

    def smoothed(baseline: Floats, rows: Floats) -> Floats:
        return monitor(trailing_mean(baseline)[WINDOW - 1 :], trailing_mean(rows))

    return smoothed


def trailing_mean(values: Floats) -> Floats:
    """Mean over up to `WINDOW` rows that end with each row."""
    sums = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - WINDOW, 0)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts)[:, None])


def _moments(baseline: Floats) -> tuple[Floats, Floats]:
    spread = baseline.std(axis=0)
    return baseline.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _components(learned: Floats) -> tuple[Floats, Floats]:
    variances, vectors = np.linalg.eigh(np.cov(learned, rowvar=False))
    variances, vectors = variances[::-1], vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), _EXPLAINED)) + 1
    return variances[:kept], vectors[:, :kept]
