"""Texts: how long they are, and whether there is one."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Role
from analyzers.features.feature import Block, Feature, FeatureKind
from analyzers.features.records import Records


def text_features(records: Records) -> Block:
    """Length of each text on a logarithmic scale; 0 where it is missing or blank."""
    parts: list[tuple[Feature, NDArray[np.floating]]] = []
    for name in records.columns.names(Role.TEXT):
        length = records.frame[name].cast(pl.String).str.strip_chars().str.len_chars().fill_null(0).to_numpy()
        if len(np.unique(length)) > 1:
            parts.append((Feature(FeatureKind.TEXT, name), np.log1p(length.astype(np.float64))))
    return Block.of(parts)
