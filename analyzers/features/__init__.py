"""Features: what the detectors see of each record."""

from __future__ import annotations

import numpy as np

from analyzers.features.amounts import excess_features, value_features
from analyzers.features.calendar import calendar_features
from analyzers.features.feature import Block, Feature, FeatureKind, FeatureTable
from analyzers.features.frequency import frequency_features
from analyzers.features.moved import moved_features
from analyzers.features.rarity import rarity_features
from analyzers.features.records import Records, canonical_order
from analyzers.features.texts import text_features

__all__ = [
    "Block",
    "Feature",
    "FeatureKind",
    "FeatureTable",
    "Records",
    "build_features",
    "canonical_order",
    "moved_features",
]


def build_features(records: Records, timezone: str) -> FeatureTable:
    """The feature matrix of all records, in their order; constant features are left out.

    Parameters
    ----------
    records : Records
        History and batch.
    timezone : str
        Where hours and weekdays are read.

    Returns
    -------
    FeatureTable
        float32, of shape (n_records, n_features).
    """
    blocks = (
        value_features(records),
        excess_features(records),
        calendar_features(records, timezone),
        rarity_features(records),
        frequency_features(records),
        text_features(records),
    )
    there = [block for block in blocks if block.features]
    if not there:
        return FeatureTable((), np.empty((records.height, 0), dtype=np.float32))
    features = tuple(feature for block in there for feature in block.features)
    values = np.hstack([block.values for block in there])
    return _without_constants(FeatureTable(features, values))


def _without_constants(table: FeatureTable) -> FeatureTable:
    return table.only(table.values.max(axis=0, initial=-np.inf) > table.values.min(axis=0, initial=np.inf))
