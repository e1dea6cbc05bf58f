"""What leads a tabular flag, and the finding type that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analyzers.features import Feature


class FindingType(StrEnum):
    """Types of the tabular flags, by what leads them."""

    UNUSUAL_AMOUNT = "unusual_amount"
    """The exposure, against the entity's own past or everybody's."""
    UNUSUAL_VALUE = "unusual_value"
    """Another measure."""
    UNUSUAL_TIME = "unusual_time"
    """The hour, or the place in week or month; one flag for a run of records."""
    UNUSUAL_FREQUENCY = "unusual_frequency"
    """More records of an entity within some days than it ever had; one flag for all of them."""
    RARE_CATEGORY = "rare_category"
    """A category's value that hardly occurs."""
    RARE_PAIR = "rare_pair"
    """Two categories that hardly occur together."""
    UNUSUAL_FOR_ENTITY = "unusual_for_entity"
    """A category's value that the entity does not use."""
    NEW_ENTITY = "new_entity"
    """Unusual amounts or values of an entity without a past; one flag for all of them."""
    UNUSUAL_COMBINATION = "unusual_combination"
    """Nothing by itself: values that do not go together, or a text of unusual length."""


@dataclass(frozen=True)
class Reason:
    """A feature, and which share of the record's score goes when it is put back to what is typical."""

    feature: Feature
    weight: float
