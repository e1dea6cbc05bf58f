"""The ensemble: unlike detectors, each fitted on the rows that the others call normal, then averaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
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
    """How rows are seen in three ways; each detector has the one that suits it.

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


@dataclass(frozen=True)
class Rows:
    """The same rows in each view, made once for all detectors that have it."""

    X: Matrix
    views: Views

    @cached_property
    def standard(self) -> Matrix:
        """z-scores."""
        return np.asarray(((self.X - self.views.mean) / self.views.deviation).astype(self.X.dtype))

    @cached_property
    def clipped(self) -> Matrix:
        """z-scores within 5."""
        return np.clip(self.standard, -_CLIP, _CLIP)

    @cached_property
    def unit(self) -> Matrix:
        """Between 0 and 1 on the training rows."""
        return np.asarray(((self.X - self.views.lowest) / self.views.span).astype(self.X.dtype))


View = Callable[[Rows], Matrix]
_STANDARD: View = attrgetter("standard")
_CLIPPED: View = attrgetter("clipped")
_UNIT: View = attrgetter("unit")


@dataclass(frozen=True)
class _Member:
    """One detector of the ensemble: the view that it sees, and the share of most normal rows that it is fitted on."""

    view: View
    share: float
    make: Callable[[int, int], Any]
    """From a seed and the number of rows."""


@dataclass(frozen=True)
class _FittedMember:
    view: View
    estimator: Any
    scale: Scale

    def robust_z(self, rows: Rows) -> Vector:
        return self.scale.robust_z(strangeness(self.estimator, self.view(rows)))


def _forest(seed: int, n_rows: int) -> IsolationForest:
    return IsolationForest(n_estimators=60, max_samples=min(64, n_rows), random_state=seed)


def _copies_of(estimator: Any) -> Callable[[int, int], Any]:
    return lambda _seed, _n_rows: clone(estimator)


_START = (
    _Member(_CLIPPED, 1.0, lambda seed, _: NearestReference(16, 30, random_state=seed)),
    _Member(_UNIT, 1.0, lambda seed, _: NearestReference(16, 30, random_state=seed)),
    _Member(_STANDARD, 1.0, _forest),
    _Member(_CLIPPED, 1.0, lambda seed, _: TrimmedMahalanobis(random_state=seed)),
)
_ROUND = (
    _Member(_STANDARD, 0.7, lambda seed, _: HistogramDensity(10, random_state=seed)),
    _Member(_UNIT, 0.9, lambda seed, _: KthNeighbour(50, random_state=seed)),
    _Member(_UNIT, 0.7, lambda seed, _: NearestReference(16, 40, random_state=seed)),
    _Member(_CLIPPED, 0.7, lambda seed, _: KthNeighbour(5, random_state=seed)),
    _Member(_CLIPPED, 0.5, lambda seed, _: MinorComponents(random_state=seed)),
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
        self.views_ = Views.of(X)
        rows = self.seen(X)
        self.members_, consensus = self._fit_members(_START, rows, np.arange(len(X)), random)
        added = tuple(_Member(_STANDARD, 0.9, _copies_of(estimator)) for estimator in self.extra)
        for _ in range(self.n_rounds):
            order = np.argsort(consensus, kind="stable")
            self.members_, consensus = self._fit_members(_ROUND + added, rows, order, random)

    @staticmethod
    def _fit_members(
        members: tuple[_Member, ...], rows: Rows, order: NDArray[np.intp], random: np.random.RandomState
    ) -> tuple[tuple[_FittedMember, ...], Vector]:
        """Fit each member on its share of the rows, most normal first, and average their scaled scores over all."""
        fitted, total = [], np.zeros(len(order))
        for member in members:
            X = member.view(rows)
            normal = order[: max(2, int(member.share * len(order)))]
            estimator = member.make(random.randint(2**31 - 1), len(normal)).fit(X[normal])
            scores = strangeness(estimator, X)
            scale = Scale.of(scores)
            fitted.append(_FittedMember(member.view, estimator, scale))
            total += scale.robust_z(scores)
        return tuple(fitted), total / len(members)

    def seen(self, X: Matrix) -> Rows:
        """Valid rows as the detectors see them."""
        return Rows(X, self.views_)

    def relations(self, rows: Rows) -> Matrix:
        """Where each row lies along the directions in which the most normal rows hardly vary, of shape (n, n_minor)."""
        found = [one for one in self.members_ if isinstance(one.estimator, MinorComponents)]
        return np.hstack([one.estimator.along(one.view(rows)) for one in found])

    def strangeness_of(self, rows: Rows) -> Vector:
        """How strange each row is, of shape (n,): the members' mean scaled score."""
        return np.asarray(np.mean([member.robust_z(rows) for member in self.members_], axis=0))

    def _strangeness(self, X: Matrix) -> Vector:
        return self.strangeness_of(self.seen(X))
