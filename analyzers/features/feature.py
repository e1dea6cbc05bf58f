"""What a feature is: a number computed for each record, and what it says about which columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class FeatureKind(StrEnum):
    """What a feature compares."""

    MEASURE = "measure"
    """The value itself (its logarithm where it is an amount)."""
    CALENDAR = "calendar"
    """Position in the day, the week or the month."""
    TEXT = "text"
    """Length of a text."""
    MISSING = "missing"
    """Whether a value is missing."""
    CROWD = "crowd"
    """How far the value lies above all others, in robust deviations."""
    OWN = "own"
    """How far the value lies from the entity's own, in robust deviations."""
    RARE_VALUE = "rare_value"
    """How rare a category is."""
    RARE_PAIR = "rare_pair"
    """How much rarer two categories are together than each alone makes expect."""
    NOVELTY = "novelty"
    """How unlike its entity's own past a category is."""
    FREQUENCY = "frequency"
    """How many more records of the entity than usual lie in a window."""
    HOUR = "hour"
    """How rare the hour of the day is, working days and weekends apart."""


SURPRISES = frozenset(
    {
        FeatureKind.CROWD,
        FeatureKind.OWN,
        FeatureKind.RARE_VALUE,
        FeatureKind.RARE_PAIR,
        FeatureKind.NOVELTY,
        FeatureKind.FREQUENCY,
        FeatureKind.HOUR,
    }
)
"""Kinds that are 0 for a typical record and grow with strangeness: they can be read one by one."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix."""

    kind: FeatureKind
    column: str
    """The source column that it is about."""
    other: str | None = None
    """The entity, or the second category, that it is seen against."""
    detail: str = ""
    """Which of several of its kind, such as the days of a window."""

    @property
    def name(self) -> str:
        """A name that tells features apart."""
        return ":".join(part for part in (self.kind.value, self.column, self.other or "", self.detail) if part)

    @property
    def subject(self) -> str:
        """What it is about: features of one subject stand or fall together."""
        if self.kind is FeatureKind.RARE_PAIR:
            return f"{self.column} + {self.other}"
        return f"records of {self.other}" if self.kind is FeatureKind.FREQUENCY else self.column

    @property
    def surprise(self) -> bool:
        """Whether 0 is typical and more is stranger."""
        return self.kind in SURPRISES


Parts = Sequence[tuple[Feature, NDArray[np.floating]]]
"""Features, each with its values, of shape (n_featured,)."""
Task = Callable[[], Parts]
"""Computes some features, beside others that are computed at the same time."""


@dataclass(frozen=True)
class FeatureTable:
    """The feature matrix of the featured records, float32, of shape (n_featured, n_features), without NaN.

    Column after column in memory: features are made, compared and left out one by one.
    """

    features: tuple[Feature, ...]
    values: NDArray[np.float32]

    def only(self, chosen: NDArray[np.bool_]) -> FeatureTable:
        """The chosen features, of a mask of shape (n_features,)."""
        if chosen.all():
            return self  # the matrix of a large history is not copied for nothing
        kept = tuple(feature for feature, keep in zip(self.features, chosen, strict=True) if keep)
        return FeatureTable(kept, self.values.T[chosen].T)

    @property
    def surprises(self) -> NDArray[np.intp]:
        """Positions of the features that can be read one by one."""
        return np.flatnonzero([feature.surprise for feature in self.features])

    @property
    def allowances(self) -> tuple[float, ...]:
        """Decades that each surprise may show by chance.

        The strangest of ten features of a kind is in the highest tenth by chance (Bonferroni). And a count in a window
        is about two records at least: each has its share.
        """
        kinds = [self.features[position].kind for position in self.surprises]
        shared = {FeatureKind.FREQUENCY: math.log10(2)}
        return tuple(math.log10(kinds.count(kind)) + shared.get(kind, 0.0) for kind in kinds)
