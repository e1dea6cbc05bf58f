"""Why a record scores high: the drop in the score when a feature is put back to what is typical for its context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

_SHRINKAGE = 0.1


@dataclass(frozen=True)
class Typical:
    """What each feature would be, given the others.

    For most features that is the linear prediction from all the others on normal records, kept between the feature's
    1st and 99th percentile; a surprise is typically 0.
    """

    mean: Floats
    deviation: Floats
    precision: Floats
    lowest: Floats
    highest: Floats
    zero: NDArray[np.bool_]

    @classmethod
    def of(cls, normal: Matrix, surprises: NDArray[np.intp]) -> Typical:
        """Learn from normal records, of shape (n, n_features); `surprises` are positions of features typically 0."""
        rows = normal.astype(np.float64)
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        z = np.clip((rows - mean) / deviation, -5, 5)
        covariance = z.T @ z / len(z)
        shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.eye(len(covariance))
        lowest, highest = np.quantile(rows, [0.01, 0.99], axis=0)
        zero = np.zeros(len(mean), dtype=bool)
        zero[surprises] = True
        return cls(mean, deviation, np.linalg.inv(shrunk), lowest, highest, zero)

    def values(self, X: Matrix) -> Floats:
        """The typical value of each feature for each record, of the shape of X."""
        z = np.clip((X - self.mean) / self.deviation, -5, 5)
        predicted = z - (z @ self.precision) / np.diag(self.precision)
        values = np.clip(self.mean + predicted * self.deviation, self.lowest, self.highest)
        return np.where(self.zero, 0.0, values)


def attribute(
    strangeness: Callable[[Matrix], Floats], X: Matrix, typical: Typical, groups: list[NDArray[np.intp]]
) -> Floats:
    """How much of each record's score each group of features carries.

    Parameters
    ----------
    strangeness : callable
        The detector's own score of rows, higher is stranger.
    X : ndarray of shape (n_records, n_features)
        The records to explain; each costs one scoring a group.
    typical : Typical
        What to put features back to.
    groups : list of arrays
        Positions of features that are put back together.

    Returns
    -------
    ndarray of shape (n_records, n_groups)
        The score less the score with the group put back; below 0 where that made the record stranger.
    """
    if not len(X) or not groups:
        return np.zeros((len(X), len(groups)))
    values = typical.values(X).astype(X.dtype)
    variants = np.tile(X, (len(groups) + 1, 1)).reshape(len(groups) + 1, *X.shape)
    for position, group in enumerate(groups):
        variants[position, :, group] = values[:, group].T
    scores = strangeness(variants.reshape(-1, X.shape[1])).reshape(len(groups) + 1, len(X))
    return np.asarray((scores[-1] - scores[:-1]).T)
