"""Categories: how rare a value is, alone, with another column's, and for its entity."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analyzers.columns import Role
from analyzers.features.feature import Feature, FeatureKind, Task
from analyzers.features.groups import EVERY, Rows
from analyzers.features.records import Records

Codes = NDArray[np.int64] | NDArray[np.int32]
"""A number from 0 for each value, one for each record."""

MOST_CATEGORIES = 8
"""Categories, by source order, that are paired with each other and with entities."""

_MOST_UNUSED = 4
"""Numbers a record that pairs are counted under, at most."""


def rarity_features(records: Records) -> list[Task]:
    """Rarity of single values, of pairs, and of values within their entity."""
    kinds = (Role.CATEGORY, Role.STATE, Role.PERSON)
    names = [column.name for column in records.columns.columns if column.role in kinds]
    # They are all held until the last pair is made, beside everything else: in half the space.
    codes = {name: records.codes(name).astype(np.int32) for name in names}
    paired, rows = names[:MOST_CATEGORIES], records.featured
    alone = [_task(Feature(FeatureKind.RARE_VALUE, name), rarity, codes[name], rows) for name in names]
    pairs = [
        _task(Feature(FeatureKind.RARE_PAIR, first, second), pair_rarity, codes[first], codes[second], rows)
        for first, second in combinations(paired, 2)
    ]
    within = [
        _task(Feature(FeatureKind.NOVELTY, name, entity), novelty, records.own_codes(entity), codes[name], rows)
        for entity in records.columns.names(Role.ENTITY)
        for name in paired
    ]
    return alone + pairs + within


def _task(feature: Feature, measured: Callable[..., NDArray[np.float64]], *of: Codes | Rows) -> Task:
    return lambda: [(feature, measured(*of))]


def others_with(codes: Codes, rows: Rows = EVERY) -> NDArray[np.int64]:
    """How many other records have the same value as each of the rows, of shape (n_rows,)."""
    return np.asarray((np.bincount(codes) - 1)[codes[rows]])


def common_count(n_records: int) -> float:
    """So many other records with the same value make it common: 10, or one in two thousand where that is more."""
    return max(10.0, n_records / 2_000)


def pair_codes(first: Codes, second: Codes) -> NDArray[np.int64]:
    """A number from 0 for each pair of values, of shape (n,); some numbers may stand for none that occurs."""
    n_second = int(second.max(initial=0)) + 1
    joined = first.astype(np.int64) * n_second + second
    if (int(first.max(initial=0)) + 1) * n_second <= _MOST_UNUSED * len(joined):
        return joined  # counting in a table with holes is ten times as fast as finding the pairs that occur
    return np.asarray(np.unique(joined, return_inverse=True)[1], dtype=np.int64)


def rarity(codes: Codes, rows: Rows = EVERY) -> NDArray[np.float64]:
    """Log of how many other records would make the value common over how many there are; 0 where it is common."""
    return np.asarray(np.maximum(np.log(common_count(len(codes)) / (others_with(codes, rows) + 0.5)), 0))


def pair_rarity(first: Codes, second: Codes, rows: Rows = EVERY) -> NDArray[np.float64]:
    """Log of how many other records should have both values, were they independent, over how many have.

    The expectation is not taken to be more than what makes a value common, and both counts are taken one up, so that
    pairs of which none is expected do not surprise.
    """
    together = others_with(pair_codes(first, second), rows)
    expected = others_with(first, rows) * (others_with(second, rows) / max(len(first) - 1, 1))
    expected = np.minimum(expected, common_count(len(first)))
    return np.asarray(np.maximum(np.log1p(expected) - np.log1p(together), 0))


def novelty(entity: Codes, values: Codes, rows: Rows = EVERY) -> NDArray[np.float64]:
    """How surprising it is that the entity has this value, when none of its other records has; else 0.

    Minus the log of the rate at which the entity has shown new values so far, less the log of how many other records
    (in ten thousand) bring the same value anew to their entity: what befalls many at once is a change, no anomaly.
    """
    n_values = int(values.max(initial=0)) + 1
    others, others_of_pair = others_with(entity), others_with(pair_codes(entity, values))
    new = (others_of_pair == 0) & (others > 0)
    # The records of a pair share one between them, so each entity's sum is the number of its values.
    distinct = np.rint(np.bincount(entity, weights=1 / (others_of_pair + 1))).astype(np.int64) - 1
    brought = np.bincount(values[new], minlength=n_values)
    # Few are new: the rest is 0 without a logarithm.
    asked = np.flatnonzero(new[rows])
    places = asked if isinstance(rows, slice) else rows[asked]
    # An entity's first value is none that it changed to (Krichevsky and Trofimov add one half).
    rate = (np.maximum(distinct[entity[places]] - 1, 0) + 0.5) / (others[places] + 1)
    common = np.log1p(np.maximum(brought[values[places]] - 1, 0) * min(1.0, 10_000 / len(values)))
    result = np.zeros(len(new[rows]))
    result[asked] = np.maximum(-np.log(rate) - common, 0)
    return result
