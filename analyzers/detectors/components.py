"""Relations between columns that hold for the bulk of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector

_FLOOR = 1e-3


class MinorComponents(OutlierDetector):
    """Distance along the directions in which the training rows hardly vary.

    Columns that belong together leave such directions: a row in which each value is usual and their relation is not
    stands out along them, and along them only.

    Parameters
    ----------
    explained : float, default=0.9
        Share of the variance that the leading components explain; the other components are the minor ones. There is
        always at least one.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    centre_ : ndarray of shape (n_features,)
        Mean of the training rows.
    directions_ : ndarray of shape (n_features, n_minor)
        The minor components, each divided by the rows' deviation along it. No deviation counts as less than a
        thousandth of the columns' mean variance, so that exact copies of a column do not decide alone.

    References
    ----------
    Shyu, Chen, Sarinnapakorn and Chang, "A Novel Anomaly Detection Scheme Based on Principal Component Classifier",
    ICDM Workshops 2003.
    """

    def __init__(self, explained: float = 0.9, contamination: float = 0.1, random_state: Any = 0) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.explained = explained

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        components = PCA(svd_solver="full").fit(X.astype(np.float64))
        variances = components.explained_variance_
        whole = float(variances.sum()) or 1.0
        n_leading = int(np.searchsorted(np.cumsum(variances) / whole, self.explained)) + 1
        minor = slice(min(n_leading, len(variances) - 1), None)
        floor = _FLOOR * float(variances.mean()) or 1.0
        self.centre_ = components.mean_
        self.directions_ = (components.components_[minor] / np.sqrt(variances[minor] + floor)[:, None]).T

    def along(self, X: Matrix) -> Matrix:
        """Each row's place along the minor components in their deviations, of shape (n_samples, n_minor)."""
        return np.asarray((X - self.centre_.astype(X.dtype)) @ self.directions_.astype(X.dtype))

    def _strangeness(self, X: Matrix) -> Vector:
        along = self.along(X)
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", along, along)), dtype=np.float64)
