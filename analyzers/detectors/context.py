"""Features that can be read one by one, each on the scale of its own tail probability, beside the ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.detectors.ensemble import Ensemble, Rows
from analyzers.detectors.extremes import ColumnExtremes
from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector

_SHARES = np.array([0.5, 0.25, 0.1, 0.05, 0.02, 0.01])
_STEEPEST = 1.0
_PER_DECADE = 1.0
"""What a decade beyond chance in one column adds to the ensemble's mean robust z."""


@dataclass(frozen=True)
class TailScale:
    """Minus the decimal logarithm of the share of training values that are larger.

    Read off the training quantiles down to 1 %, and beyond them drawn out along the line from 10 % to 1 %: that is an
    exponential tail, and anomalies among the training values (less than 1 %) do not touch it. It never rises faster
    than a decade per unit, nor, where more than 99 % of the values are equal, than the logarithm that surprises are
    measured in.
    """

    knots: NDArray[np.float64]
    decades: NDArray[np.float64]
    end: float
    """The 99 % quantile."""
    start: float
    """Decades just beyond it: 2, or where nearly all values are equal up to 3, as rare as others are."""
    slope: float
    """Decades per unit beyond it."""

    @classmethod
    def of(cls, values: Vector) -> TailScale:
        """Learn the scale from training values."""
        quantiles = np.quantile(values, 1 - _SHARES)
        first = np.concatenate([[True], np.diff(quantiles) > 0])
        decades = -np.log10(_SHARES)
        decades[0] = 0.0
        width = float(quantiles[-1] - quantiles[2])
        if width > 0:
            return cls(quantiles[first], decades[first], float(quantiles[-1]), 2.0, min(1 / width, _STEEPEST))
        beyond = (int((values > quantiles[-1]).sum()) + 1) / (len(values) + 1)
        return cls(quantiles[first], decades[first], float(quantiles[-1]), min(-np.log10(beyond), 3.0), 1 / np.log(10))

    def __call__(self, values: Vector) -> Vector:
        """The values on this scale: 0 up to the median, 2 for the highest hundredth, 4 for one in ten thousand."""
        inside = np.interp(values, self.knots, self.decades)
        return np.asarray(np.where(values > self.end, self.start + (values - self.end) * self.slope, inside))


class ContextEnsemble(OutlierDetector):
    """The ensemble, and beside it each surprise on the scale of its own tail.

    A surprise is a feature that is 0 for a typical record and grows with strangeness, such as the distance from an
    entity's own past. One strong surprise must be enough, whatever the other columns say; an average would drown it.

    Parameters
    ----------
    surprises : tuple of int, default=()
        Positions of the columns that are surprises. Without any, this is the plain ensemble.
    allowances : tuple of float, default=()
        For each surprise the decades that are taken off it, such as the logarithm of how many of its kind there are:
        the strangest of ten is in the highest tenth by chance. None are taken off by default.
    power : float, default=6
        Exponent of the norm that joins the surprises with the ensemble: large values come close to the largest of
        them, small ones to their sum.
    ensemble_weight : float, default=0.5
        Weight of the ensemble's own tail scale within the norm.
    extra : tuple of estimators, default=()
        Further outlier estimators for the ensemble.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    ensemble_ : Ensemble
        Fitted on all columns.
    extremes_ : ColumnExtremes
        Added to the ensemble, in which no single column can show by how much it is out of range.
    scales_ : tuple of TailScale
        One for the ensemble, then one for each surprise; empty without surprises.
    """

    def __init__(
        self,
        surprises: tuple[int, ...] = (),
        allowances: tuple[float, ...] = (),
        power: float = 6.0,
        ensemble_weight: float = 0.5,
        extra: tuple[Any, ...] = (),
        contamination: float = 0.1,
        random_state: Any = 0,
    ) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.surprises = surprises
        self.allowances = allowances
        self.power = power
        self.ensemble_weight = ensemble_weight
        self.extra = extra

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        self.ensemble_ = Ensemble(extra=self.extra, random_state=random.randint(2**31 - 1)).fit(X)
        self.extremes_ = ColumnExtremes().fit(self._with_relations(self.ensemble_.seen(X)))
        scales = [TailScale.of(self._whole(X))] if self.surprises else []
        self.scales_ = tuple(scales + [TailScale.of(X[:, column]) for column in self.surprises])

    def _strangeness(self, X: Matrix) -> Vector:
        whole = self._whole(X)
        if not self.scales_:
            return whole
        total = (self.ensemble_weight * self.scales_[0](whole)) ** self.power
        allowances = self.allowances or (0.0,) * len(self.surprises)
        for column, scale, allowance in zip(self.surprises, self.scales_[1:], allowances, strict=True):
            total += np.maximum(scale(X[:, column].astype(np.float64)) - allowance, 0) ** self.power
        return np.asarray(total ** (1 / self.power))

    def _whole(self, X: Matrix) -> Vector:
        """The ensemble's mean scaled score, and the decades by which a column is more extreme than chance."""
        rows = self.ensemble_.seen(X)
        beyond_chance = np.maximum(-self.extremes_.score_valid(self._with_relations(rows)), 0)
        return np.asarray(self.ensemble_.strangeness_of(rows) + _PER_DECADE * beyond_chance)

    def _with_relations(self, rows: Rows) -> Matrix:
        """The columns, and beside them the relations between columns that the bulk keeps: either may be extreme."""
        return np.hstack([rows.X, self.ensemble_.relations(rows)])
