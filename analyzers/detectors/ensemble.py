"""The ensemble: unlike detectors, each fitted on the rows that the others call normal, then averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import IsolationForest

from analyzers.detectors.components import MinorComponents
from analyzers.detectors.covariance import TrimmedMahalanobis
from analyzers.detectors.histogram import HistogramDensity
from analyzers.detectors.named import strangeness
from analyzers.detectors.outlier import Matrix, OutlierDetector, Vector
from analyzers.detectors.references import KthNeighbour, NearestReference

_CLIP = 5.0
_IQR_OF_NORMAL = 1.349


@dataclass(frozen=True)
class Scale:
    """Where the bulk of a detector's scores lies, and how wide it is."""

    centre: float
    spread: float

    @classmethod
    def of(cls, scores: Vector) -> Scale:
        """The median, and the interquartile range as a standard deviation (a twentieth of the plain one added)."""
        low, centre, high = np.quantile(scores, [0.25, 0.5, 0.75])
        spread = (high - low) / _IQR_OF_NORMAL + 0.05 * float(np.std(scores))
        return cls(float(centre), float(spread) or 1.0)

    def robust_z(self, scores: Vector) -> Vector:
        """Robust z of the scores; beyond 5 it grows by its logarithm only, so that no one detector decides alone."""
        z = (scores - self.centre) / self.spread
        excess = np.maximum(np.abs(z) - _CLIP, 0)
        return np.asarray(np.clip(z, -_CLIP, _CLIP) + np.sign(z) * 0.1 * np.log1p(excess))


@dataclass(frozen=True)
class Views:
    """The same rows seen in three ways; each detector has the one that suits it.

    Learned from the training rows: means and deviations for `standard` and `clipped`, extremes for `unit`.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    lowest: NDArray[np.float64]
    span: NDArray[np.float64]

    @classmethod
    def of(cls, X: Matrix) -> Views:
        """Learn the views of X; a constant column becomes 0 in all of them."""
        lowest, highest = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
        constant = highest <= lowest
        deviation = X.std(axis=0, dtype=np.float64)
        return cls(
            X.mean(axis=0, dtype=np.float64),
            np.where(constant | (deviation == 0), 1.0, deviation),
            lowest,
            np.where(constant, 1.0, highest - lowest),
        )

    def standard(self, X: Matrix) -> Matrix:
        """z-scores."""
        return np.asarray(((X - self.mean) / self.deviation).astype(X.dtype))

    def clipped(self, X: Matrix) -> Matrix:
        """z-scores within 5."""
        return np.clip(self.standard(X), -_CLIP, _CLIP)

    def unit(self, X: Matrix) -> Matrix:
        """Between 0 and 1 on the training rows."""
        return np.asarray(((X - self.lowest) / self.span).astype(X.dtype))


@dataclass(frozen=True)
class _Member:
    """One detector of the ensemble: the view that it sees, and the share of most normal rows that it is fitted on."""

    view: Callable[[Views, Matrix], Matrix]
    share: float
    make: Callable[[int, int], Any]
    """From a seed and the number of rows."""


@dataclass(frozen=True)
class _FittedMember:
    view: Callable[[Views, Matrix], Matrix]
    estimator: Any
    scale: Scale

    def robust_z(self, views: Views, X: Matrix) -> Vector:
        return self.scale.robust_z(strangeness(self.estimator, self.view(views, X)))


def _forest(seed: int, n_rows: int) -> IsolationForest:
    return IsolationForest(n_estimators=60, max_samples=min(64, n_rows), random_state=seed)


def _copies_of(estimator: Any) -> Callable[[int, int], Any]:
    return lambda _seed, _n_rows: clone(estimator)


_START = (
    _Member(Views.clipped, 1.0, lambda seed, _: NearestReference(16, 30, random_state=seed)),
    _Member(Views.unit, 1.0, lambda seed, _: NearestReference(16, 30, random_state=seed)),
    _Member(Views.standard, 1.0, _forest),
    _Member(Views.clipped, 1.0, lambda seed, _: TrimmedMahalanobis(random_state=seed)),
)
_ROUND = (
    _Member(Views.standard, 0.7, lambda seed, _: HistogramDensity(10, random_state=seed)),
    _Member(Views.unit, 0.9, lambda seed, _: KthNeighbour(50, random_state=seed)),
    _Member(Views.unit, 0.7, lambda seed, _: NearestReference(16, 40, random_state=seed)),
    _Member(Views.clipped, 0.7, lambda seed, _: KthNeighbour(5, random_state=seed)),
    _Member(Views.clipped, 0.5, lambda seed, _: MinorComponents(random_state=seed)),
)


class Ensemble(OutlierDetector):
    """Isolation, distance, density and tail probability, averaged after robust scaling.

    A first consensus of four detectors, an isolation forest among them, orders the training rows. Then, `n_rounds`
    times, five detectors are fitted on the rows that are most normal by the order so far (each on its own share of
    them) and their scaled scores averaged into the next order. The detectors of the last round score; a forest among
    them took a third of the time and improved nothing on public data.

    Parameters
    ----------
    n_rounds : int, default=2
        More rounds did not help on public data.
    extra : tuple of estimators, default=()
        Further scikit-learn outlier estimators that join every round; fitted on z-scores of the most normal 90 %.
    contamination, random_state
        As in `OutlierDetector`.

    Attributes
    ----------
    views_ : Views
        How rows are standardised.
    members_ : tuple
        The fitted detectors of the last round with their scales.

    Notes
    -----
    The strangeness of a row is the mean over the detectors of (s - median) / (IQR / 1.349 + 0.05 sd), clipped at 5.
    Fitting on the most normal half and clipping before averaging are what makes the difference: density and
    neighbour detectors that see the anomalies learn them, and one runaway detector otherwise decides.
    """

    def __init__(
        self, n_rounds: int = 2, extra: tuple[Any, ...] = (), contamination: float = 0.1, random_state: Any = 0
    ) -> None:
        super().__init__(contamination=contamination, random_state=random_state)
        self.n_rounds = n_rounds
        self.extra = extra

    def _learn(self, X: Matrix, random: np.random.RandomState) -> None:
        views = Views.of(X)
        everyone = np.arange(len(X))
        self.views_ = views
        self.members_, consensus = self._fit_members(_START, views, X, everyone, random)
        added = tuple(_Member(Views.standard, 0.9, _copies_of(estimator)) for estimator in self.extra)
        for _ in range(self.n_rounds):
            order = np.argsort(consensus, kind="stable")
            self.members_, consensus = self._fit_members(_ROUND + added, views, X, order, random)

    @staticmethod
    def _fit_members(
        members: tuple[_Member, ...], views: Views, X: Matrix, order: NDArray[np.intp], random: np.random.RandomState
    ) -> tuple[tuple[_FittedMember, ...], Vector]:
        """Fit each member on its share of the rows, most normal first, and average their scaled scores over X."""
        fitted, total = [], np.zeros(len(X))
        for member in members:
            rows = member.view(views, X)
            normal = order[: max(2, int(member.share * len(order)))]
            estimator = member.make(random.randint(2**31 - 1), len(normal)).fit(rows[normal])
            scores = strangeness(estimator, rows)
            scale = Scale.of(scores)
            fitted.append(_FittedMember(member.view, estimator, scale))
            total += scale.robust_z(scores)
        return tuple(fitted), total / len(members)

    def relations(self, X: Matrix) -> Matrix:
        """Where each row lies along the directions in which the most normal rows hardly vary, of shape (n, n_minor)."""
        found = [one for one in self.members_ if isinstance(one.estimator, MinorComponents)]
        return np.hstack([one.estimator.along(one.view(self.views_, X)) for one in found])

    def _strangeness(self, X: Matrix) -> Vector:
        parts = [member.robust_z(self.views_, X) for member in self.members_]
        return np.asarray(np.mean(parts, axis=0))
