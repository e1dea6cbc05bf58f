"""Density under a mixture of Gaussians."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector


class MixtureDensity(OutlierDetector):
    """Minus the log density under scikit-learn's `GaussianMixture` on the leading principal components.

    Parameters
    ----------
    n_components : int, default=4
        Gaussians in the mixture; fewer where there are less than 20 rows for each.
    n_directions : int, default=20
        Most principal components to keep.
    n_rows : int, default=3000
        Most training rows to fit on, sampled.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    directions_ : sklearn.decomposition.PCA
        The fitted projection.
    mixture_ : sklearn.mixture.GaussianMixture
        The fitted mixture.
    """

    def __init__(
        self,
        n_components: int = 4,
        n_directions: int = 20,
        n_rows: int = 3000,
        contamination: float = 0.1,
        random_state: Any = 0,
    ) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.n_components = n_components
        self.n_directions = n_directions
        self.n_rows = n_rows

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        sample = X if len(X) <= self.n_rows else X[random.choice(len(X), self.n_rows, replace=False)]
        sample = sample.astype(np.float64)
        n_directions = min(self.n_directions, *sample.shape)
        self.directions_ = PCA(n_directions, svd_solver="full").fit(sample)
        projected = self.directions_.transform(sample)
        self.mixture_ = GaussianMixture(
            min(self.n_components, max(1, len(sample) // 20)),
            reg_covar=1e-3 * max(float(projected.var(axis=0).mean()), 1e-6),
            random_state=random.randint(2**31 - 1),
            max_iter=50,
            tol=1e-2,
        )
        with warnings.catch_warnings():
            # An unfinished fit still orders the rows, and a constant sample has fewer clusters than asked for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.mixture_.fit(projected)

    def _strangeness(self, X: Matrix) -> Vector:
        return np.asarray(-self.mixture_.score_samples(self.directions_.transform(X.astype(np.float64))))
