"""Texts: how long they are, and whether there is one."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from analyzers.columns import Role
from analyzers.features.feature import Feature, FeatureKind, Parts, Task
from analyzers.features.records import Records


def text_features(records: Records) -> list[Task]:
    """Length of each text on a logarithmic scale; 0 where it is missing or blank."""
    return [partial(_length, records, name) for name in records.columns.names(Role.TEXT)]


def _length(records: Records, name: str) -> Parts:
    texts = records.column(name)
    if not isinstance(records.featured, slice):
        texts = texts.gather(records.featured)
    length = texts.cast(pl.String).str.strip_chars().str.len_chars().fill_null(0).to_numpy()
    return [(Feature(FeatureKind.TEXT, name), np.log1p(length.astype(np.float64)))]
