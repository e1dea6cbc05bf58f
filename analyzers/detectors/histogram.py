"""Tail and gap probability, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector


class HistogramDensity(OutlierDetector):
    """Sum over the columns of minus the log share of the training rows in the row's bin (HBOS).

    Bins are of equal width between the training rows' extremes. What lies outside, or in an empty bin, counts as if
    half a row were there.

    Parameters
    ----------
    n_bins : int, default=10
        Bins a column.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    lowest_, width_ : ndarray of shape (n_features,)
        Where each column's bins begin, and how wide they are.
    surprise_ : ndarray of shape (n_features, n_bins + 2)
        Minus the log share of each bin; the first and last are what lies outside.

    References
    ----------
    Goldstein and Dengel, "Histogram-based Outlier Score (HBOS)", KI 2012.
    """

    def __init__(self, n_bins: int = 10, contamination: float = 0.1, random_state: Any = 0) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.n_bins = n_bins

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        self.lowest_ = X.min(axis=0).astype(np.float64)
        span = X.max(axis=0).astype(np.float64) - self.lowest_
        self.width_ = np.where(span > 0, span, 1.0) / self.n_bins
        counts = np.stack([np.bincount(column, minlength=self.n_bins + 2) for column in self._bins(X)])
        self.surprise_ = -np.log((counts + 0.5) / (len(X) + 0.5 * (self.n_bins + 2)))

    def _bins(self, X: Matrix) -> NDArray[np.intp]:
        """The bin of each value, column by column: of shape (n_features, n_samples)."""
        columns = np.ascontiguousarray(X.T)
        position = (columns - self.lowest_[:, None]) / self.width_[:, None]
        bins: NDArray[np.intp] = np.clip(position, 0, self.n_bins - 1).astype(np.intp) + 1
        bins[position < -1e-6] = 0
        bins[position > self.n_bins * (1 + 1e-6)] = self.n_bins + 1
        return bins

    def _strangeness(self, X: Matrix) -> Vector:
        total = np.zeros(len(X))
        for surprise, bins in zip(self.surprise_, self._bins(X), strict=True):
            total += surprise[bins]
        return total
