"""Features: what the detectors see of each record."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.cores import on_all_cores
from analyzers.features.amounts import excess_features, value_features
from analyzers.features.calendar import calendar_features
from analyzers.features.feature import Feature, FeatureKind, FeatureTable, Task
from analyzers.features.frequency import frequency_features
from analyzers.features.moved import moved_features
from analyzers.features.rarity import rarity_features
from analyzers.features.records import Records, canonical_order
from analyzers.features.texts import text_features

__all__ = [
    "Feature",
    "FeatureKind",
    "FeatureTable",
    "Records",
    "build_features",
    "canonical_order",
    "moved_features",
]


def build_features(records: Records, timezone: str) -> FeatureTable:
    """The feature matrix of the featured records, in their order; constant features are left out.

    Parameters
    ----------
    records : Records
        History and batch.
    timezone : str
        Where hours and weekdays are read.

    Returns
    -------
    FeatureTable
        float32, of shape (n_featured, n_features).
    """
    tasks: list[Task] = [
        *value_features(records),
        *excess_features(records),
        *calendar_features(records, timezone),
        *rarity_features(records),
        *frequency_features(records),
        *text_features(records),
    ]
    columns = [column for made in on_all_cores(_varying, tasks) for column in made]
    features = tuple(feature for feature, _ in columns)
    matrix = np.empty((len(columns), records.n_past + len(records.batch_rows)), dtype=np.float32)
    for position in range(len(columns)):
        # Each column goes as soon as it is copied: there is never a second matrix.
        matrix[position] = columns[position][1]
        columns[position] = (features[position], matrix[position])
    return FeatureTable(features, matrix.T)


def _varying(task: Task) -> list[tuple[Feature, NDArray[np.float32]]]:
    """What the task makes, without what is the same for all records."""
    made = ((feature, np.asarray(values, dtype=np.float32)) for feature, values in task())
    return [(feature, values) for feature, values in made if values.max(initial=-np.inf) > values.min(initial=np.inf)]
