"""Values far outside all that a column's bulk makes expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector

_HALVINGS = 0.5 ** np.arange(1, 6)
_LEAST_ROWS = 40
_LEAST_SPACING = 1e-6
"""Quantiles closer than this share of the column's extent are ties, but for rounding."""


class ColumnExtremes(OutlierDetector):
    """Decades by which a row's most extreme value is rarer than chance makes expect among the training rows.

    Below 0 is what a training row may show by chance.

    Each side of each column has a generalised Pareto tail whose shape (at least exponential) and scale come from
    quantiles between the median and the outermost 3 %, so that anomalies do not touch it. Nothing is extreme in a
    column whose bulk has ties there (codes, counts, flags): its tails cannot be seen.

    Parameters
    ----------
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    threshold_, scale_, shape_ : ndarray of shape (2, n_features)
        Where each tail begins, its scale and its shape; first the high side, then the low one, mirrored. The scale is
        infinite where there is no tail.
    allowance_ : float
        Decades that the most extreme of all training values may have by chance.

    References
    ----------
    Pickands, "Statistical Inference Using Extreme Order Statistics", Annals of Statistics 1975.
    """

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        levels = np.stack([np.quantile(side, 1 - _HALVINGS, axis=0) for side in (X, -X)]).astype(np.float64)
        spacings = np.diff(levels, axis=1)
        extent = X.max(axis=0).astype(np.float64) - X.min(axis=0)
        seen = np.asarray((spacings > _LEAST_SPACING * extent).all(axis=1)) & (len(X) >= _LEAST_ROWS)
        safe = np.where(seen[:, None], spacings, 1.0)
        # One value less noisy than the last spacing alone: the shape is the mean growth over three halvings.
        self.shape_ = np.clip(np.log2(safe[:, 3] / safe[:, 0]) / 3, 0.0, 1.0)
        growth = np.expm1(self.shape_ * np.log(2))
        per_halving = np.where(growth > 0, self.shape_ / np.where(growth > 0, growth, 1.0), 1 / np.log(2))
        self.scale_ = np.where(seen, safe[:, 3] * per_halving, np.inf)
        self.threshold_ = levels[:, 3]
        self.allowance_ = float(np.log10(2 * X.shape[1] * len(X)))

    def _strangeness(self, X: Matrix) -> Vector:
        columns = np.ascontiguousarray(X.T, dtype=np.float64)
        most = np.zeros(len(X))
        for side, sign in enumerate((1, -1)):
            with_tail = np.flatnonzero(np.isfinite(self.scale_[side]))
            if len(with_tail):
                excess = sign * columns[with_tail] - self.threshold_[side][with_tail, None]
                excess /= self.scale_[side][with_tail, None]
                np.maximum(most, self._decades(excess, self.shape_[side][with_tail, None]).max(axis=0), out=most)
        return most - self.allowance_

    @staticmethod
    def _decades(excess: NDArray[np.float64], shape: NDArray[np.float64]) -> NDArray[np.float64]:
        heavy = (shape > 0) & (excess > 0)  # a few of each column: only these need the logarithm
        bent = np.log1p(shape * excess, where=heavy, out=np.zeros_like(excess))
        np.divide(bent, shape, where=heavy, out=excess)
        return np.asarray(excess / np.log(10) - np.log10(_HALVINGS[3]))
