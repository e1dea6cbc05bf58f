"""Mahalanobis distance to the bulk of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector

_SHRINKAGE = 0.05


def whitening(X: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of shape (n_features,) and matrix of shape (n_features, n_features) that whiten X.

    `(X - centre) @ matrix` has about unit covariance. The covariance is shrunk by 5 % towards a multiple of the
    identity, so that it can be inverted whatever the columns.
    """
    centre = X.mean(axis=0, dtype=np.float64)
    centred = X.astype(np.float64) - centre
    covariance = centred.T @ centred / max(len(X) - 1, 1)
    average = float(np.trace(covariance)) / len(covariance)
    shrunk = (1 - _SHRINKAGE) * covariance + (_SHRINKAGE * average + 1e-9) * np.eye(len(covariance))
    lower = linalg.cholesky(shrunk, lower=True)
    return centre, linalg.solve_triangular(lower, np.eye(len(shrunk)), lower=True).T


class TrimmedMahalanobis(OutlierDetector):
    """Mahalanobis distance to the mean of the most normal rows, found by refitting on them.

    Parameters
    ----------
    n_refits : int, default=6
        How often mean and covariance are fitted again on the nearest rows (the concentration steps of FAST-MCD).
    support : float, default=0.5
        Share of the rows kept in each refit.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    location_ : ndarray of shape (n_features,)
        Centre of the most normal rows.
    whitener_ : ndarray of shape (n_features, n_features)
        Turns differences from the centre into uncorrelated ones of unit size.

    References
    ----------
    Rousseeuw and Van Driessen, "A Fast Algorithm for the Minimum Covariance Determinant Estimator", Technometrics
    1999.
    """

    def __init__(
        self, n_refits: int = 6, support: float = 0.5, contamination: float = 0.1, random_state: Any = 0
    ) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.n_refits = n_refits
        self.support = support

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        kept = X
        n_kept = max(2, int(self.support * len(X)))
        for _ in range(self.n_refits + 1):
            self.location_, self.whitener_ = whitening(kept)
            kept = X[np.argsort(self._strangeness(X), kind="stable")[:n_kept]]

    def _strangeness(self, X: Matrix) -> Vector:
        whitened = (X - self.location_.astype(X.dtype)) @ self.whitener_.astype(X.dtype)
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", whitened, whitened)))
