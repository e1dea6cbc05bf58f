"""The shape that all detectors share: scikit-learn's outlier estimators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

Matrix = NDArray[np.floating[Any]]
Vector = NDArray[np.floating[Any]]

CHUNK_ROWS = 4096
"""Rows scored at a time: large enough for the matrix product, small enough for the processor's cache."""


class OutlierDetector(OutlierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """An outlier estimator whose subclasses say only how to learn and how strange a row is.

    A subclass implements `_learn(X, random)` and `_strangeness(X)`. Rows are scored in chunks, in the precision of
    the matrix that they come in (float32 or float64), so memory does not grow with the number of rows.

    Parameters
    ----------
    contamination : float, default=0.1
        Share of the training rows that `predict` calls outliers. Scores do not depend on it.
    random_state : int, RandomState instance or None, default=0
        Seed of whatever the detector samples.

    Attributes
    ----------
    offset_ : float
        `decision_function` is `score_samples` less this.
    n_features_in_ : int
        Number of columns seen by `fit`.
    """

    def __init__(self, contamination: float = 0.1, random_state: Any = 0) -> None:
        self.contamination = contamination
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is normal from X, of shape (n_samples, n_features); y is ignored."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        self._learn(X, check_random_state(self.random_state))
        self.offset_ = float(np.quantile(self.score_valid(X), self.contamination))
        return self

    def score_samples(self, X: Any) -> Vector:
        """How normal each row is, of shape (n_samples,): the lower, the stranger."""
        check_is_fitted(self)
        return self.score_valid(validate_data(self, X, dtype=[np.float64, np.float32], reset=False))

    def decision_function(self, X: Any) -> Vector:
        """`score_samples` shifted so that outliers are below 0, of shape (n_samples,)."""
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: Any) -> NDArray[np.int64]:
        """1 for normal rows and -1 for outliers, of shape (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def score_valid(self, X: Matrix) -> Vector:
        """`score_samples` of a matrix that was looked at before: floats, none missing, as many columns as in `fit`."""
        # A feature matrix comes column after column; a chunk's rows are then brought together in the cache.
        chunks = (np.ascontiguousarray(X[start : start + CHUNK_ROWS]) for start in range(0, len(X), CHUNK_ROWS))
        return -np.concatenate([self._strangeness(chunk) for chunk in chunks]).astype(np.float64)

    @abstractmethod
    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        """Set the learned attributes from the training rows."""

    @abstractmethod
    def _strangeness(self, X: Matrix) -> Vector:
        """How strange each row of one chunk is; higher is stranger."""
