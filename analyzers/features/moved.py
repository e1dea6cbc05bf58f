"""Features in which the batch as a whole has left its history: no reason to look at one of its records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzers.features.feature import FeatureTable
from analyzers.features.records import Records

_EDGE = 0.05
"""Share of the history beyond either edge of what is usual."""
_MOST = 0.5
"""A batch that is beyond the same edge with more than this share has moved."""
_LEAST_BATCH = 40
"""Fewer records may all be anomalies."""
_MOST_PAST = 200_000
"""Most records of the history that its edges are read from, evenly over its order."""


def moved_features(table: FeatureTable, records: Records) -> NDArray[np.bool_]:
    """Which features have moved, of shape (n_features,); none in a ranking or a small batch."""
    batch = table.values[records.n_past :]
    if records.ranking or len(batch) < _LEAST_BATCH or not table.features:
        return np.zeros(len(table.features), dtype=np.bool_)
    past = np.flatnonzero(records.settled[records.featured])
    past = past[:: -(-len(past) // _MOST_PAST)]
    low, high = np.quantile(table.values[past], [_EDGE, 1 - _EDGE], axis=0)
    above, below = (batch > high).mean(axis=0), (batch < low).mean(axis=0)
    return np.asarray(np.maximum(above, below) > _MOST)
