"""Categories: how rare a value is, alone, with another column's, and for its entity."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analyzers.columns import Role
from analyzers.features.feature import Block, Feature, FeatureKind
from analyzers.features.records import Records

MOST_CATEGORIES = 8
"""Categories, by source order, that are paired with each other and with entities."""
_OWN_RECORDS = 5.0
"""Pseudo-records by which an entity's own shares are drawn to everybody's."""


def rarity_features(records: Records) -> Block:
    """Rarity of single values, of pairs, and of values within their entity."""
    kinds = (Role.CATEGORY, Role.STATE, Role.PERSON)
    names = [column.name for column in records.columns.columns if column.role in kinds]
    codes = {name: records.codes(name) for name in names}
    parts: list[tuple[Feature, NDArray[np.floating]]] = [
        (Feature(FeatureKind.RARE_VALUE, name), rarity(codes[name])) for name in names
    ]
    paired = names[:MOST_CATEGORIES]
    for first, second in combinations(paired, 2):
        parts.append((Feature(FeatureKind.RARE_PAIR, first, second), pair_rarity(codes[first], codes[second])))
    for entity in records.columns.names(Role.ENTITY):
        own = records.codes(entity)
        parts += [(Feature(FeatureKind.NOVELTY, name, entity), novelty(own, codes[name])) for name in paired]
    return Block.of(parts)


def others_with(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many other records have the same value, of shape (n,)."""
    return np.asarray(np.bincount(codes)[codes] - 1)


def rarity(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Minus the log share of other records with the same value, less that of a value met as often as any.

    0 for values at least as frequent as they would be if all were equally so.
    """
    n_values = int(codes.max(initial=0)) + 1
    share = (others_with(codes) + 0.5) / (len(codes) - 1 + 0.5 * n_values)
    return np.asarray(np.maximum(-np.log(share * n_values), 0))


def pair_rarity(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log of how many other records should have both values, were they independent, over how many have.

    Both counts are taken one up, so that pairs of which none is expected do not surprise.
    """
    joined = np.unique(first * (int(second.max(initial=0)) + 1) + second, return_inverse=True)[1]
    expected = others_with(first) * (others_with(second) / max(len(first) - 1, 1))
    return np.asarray(np.maximum(np.log1p(expected) - np.log1p(others_with(joined)), 0))


def novelty(entity: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Minus the log share that the value has among the entity's other records, drawn to everybody's share.

    0 where the value is the entity's usual one.
    """
    joined = np.unique(entity * (int(values.max(initial=0)) + 1) + values, return_inverse=True)[1]
    everybody = (others_with(values) + 0.5) / len(values)
    own = (others_with(joined) + _OWN_RECORDS * everybody) / (others_with(entity) + _OWN_RECORDS)
    return np.asarray(np.maximum(-np.log(own / 0.5), 0))
