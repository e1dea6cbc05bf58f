"""How large a deviation is, in words with fixed cut-offs: the same words for the reader and for the local model.

Ratios to what is usual: under 1.1 hardly, under 1.5 somewhat, under 3 well, from 3 on far; a ratio below 1 counts as
its inverse, and a value within its usual range as hardly whatever its ratio. Deviations in usual deviations: under 3
somewhat, under 6 well, from 6 on far (3 is Shewhart's limit, 6 is twice that; the other cut-offs have no published
standard).
"""

from __future__ import annotations

import math
from enum import StrEnum

from analyzers.results import Fact, FactKind


class Magnitude(StrEnum):
    """How far something is from what is usual."""

    NONE = "none"
    """Nothing is known of it."""
    HARDLY = "hardly"
    SOMEWHAT = "somewhat"
    WELL = "well"
    FAR = "far"


COUNTED_IN_DEVIATIONS = frozenset(
    {
        FactKind.OUTSIDE_BAND,
        FactKind.LEVEL_SHIFT,
        FactKind.RELATION_BROKEN,
        FactKind.ALSO_MOVED,
        FactKind.ONE_SIDED,
        FactKind.JOINT_DISTANCE,
    }
)
"""Kinds whose `ratio` is a distance in usual deviations."""


_WITH_A_RANGE = frozenset(
    {FactKind.OWN_HISTORY, FactKind.PEERS, FactKind.FREQUENCY, FactKind.RECENT_LEVEL, FactKind.RECENT_SUM}
)


def magnitude(fact: Fact) -> Magnitude:
    """The size of the fact's deviation; NONE where its ratio is missing, not finite, or not a size."""
    if fact.ratio is None or not math.isfinite(fact.ratio):
        return Magnitude.NONE
    if fact.kind in COUNTED_IN_DEVIATIONS:
        return _by_deviations(abs(fact.ratio))
    if fact.ratio <= 0:
        return Magnitude.NONE
    return Magnitude.HARDLY if _is_usual(fact) else _by_ratio(fact.ratio)


def _is_usual(fact: Fact) -> bool:
    """Whether a value lies within its usual range, however far it is from the middle of it."""
    low, high = fact.expected_low, fact.expected_high
    if fact.kind not in _WITH_A_RANGE or not isinstance(fact.actual, int | float) or low is None or high is None:
        return False
    return low <= fact.actual <= high


def _by_deviations(distance: float) -> Magnitude:
    if distance < 3:
        return Magnitude.SOMEWHAT
    return Magnitude.WELL if distance < 6 else Magnitude.FAR


def _by_ratio(ratio: float) -> Magnitude:
    size = ratio if ratio >= 1 else 1 / ratio
    if size < 1.1:
        return Magnitude.HARDLY
    if size < 1.5:
        return Magnitude.SOMEWHAT
    return Magnitude.WELL if size < 3 else Magnitude.FAR
