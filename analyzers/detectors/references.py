"""Detectors that measure the distance to a sample of reference rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector


def _homogeneous(references: Matrix) -> Matrix:
    """References as (n_references, n_features + 1) with -2 r and |r|^2, for squared distances by one product."""
    squares = np.einsum("ij,ij->i", references, references)
    return np.hstack([-2 * references, squares[:, None]])


def _less_own_square(X: Matrix) -> tuple[Matrix, Vector]:
    """X with a column of ones, to be multiplied with homogeneous references, and |x|^2, to be added afterwards."""
    return np.hstack([X, np.ones((len(X), 1), dtype=X.dtype)]), np.asarray(np.einsum("ij,ij->i", X, X))


class NearestReference(OutlierDetector):
    """Distance to the nearest of a few random references, averaged over many such draws (LeSiNN).

    Parameters
    ----------
    n_references : int, default=16
        References a draw. Few references make a global detector, many a local one.
    n_draws : int, default=30
        Draws to average over.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    references_ : ndarray of shape (n_references * n_draws, n_features + 1)
        The drawn references, the i-th of every draw together.

    References
    ----------
    Pang, Ting and Albrecht, "LeSiNN: Detecting Anomalies by Identifying Least Similar Nearest Neighbours", ICDM
    Workshops 2015.
    """

    def __init__(
        self, n_references: int = 16, n_draws: int = 30, contamination: float = 0.1, random_state: Any = 0
    ) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.n_references = n_references
        self.n_draws = n_draws

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        per_draw = min(self.n_references, len(X))
        draws = np.stack([random.choice(len(X), per_draw, replace=False) for _ in range(self.n_draws)], axis=1)
        self.references_ = _homogeneous(X[draws.ravel()])

    def _strangeness(self, X: Matrix) -> Vector:
        padded, own = _less_own_square(X)
        # References first: the minimum then runs over whole rows of memory.
        product = self.references_.astype(X.dtype, copy=False) @ padded.T
        nearest = product.reshape(-1, self.n_draws, len(X)).min(axis=0) + own
        return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=0))


class KthNeighbour(OutlierDetector):
    """Distance to the k-th nearest of a sample of reference rows.

    Parameters
    ----------
    k : int, default=5
        Which neighbour; lowered where there are fewer references.
    n_references : int, default=1000
        References sampled from the training rows.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    references_ : ndarray of shape (n_references, n_features + 1)
        The sampled references.

    References
    ----------
    Ramaswamy, Rastogi and Shim, "Efficient Algorithms for Mining Outliers from Large Data Sets", SIGMOD 2000.
    """

    def __init__(self, k: int = 5, n_references: int = 1000, contamination: float = 0.1, random_state: Any = 0) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.k = k
        self.n_references = n_references

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        chosen = random.choice(len(X), min(self.n_references, len(X)), replace=False)
        self.references_ = _homogeneous(X[chosen])

    def _strangeness(self, X: Matrix) -> Vector:
        padded, own = _less_own_square(X)
        product = padded @ self.references_.astype(X.dtype, copy=False).T
        position = min(self.k, product.shape[1]) - 1
        product.partition(position, axis=1)
        return np.asarray(np.sqrt(np.maximum(product[:, position] + own, 0)))
