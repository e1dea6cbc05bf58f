"""When a record happens: its place in the day, the week and the month, and how rare its hour is."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Role
from analyzers.features.feature import Feature, FeatureKind, Parts, Task
from analyzers.features.rarity import others_with
from analyzers.features.records import Records


def calendar_features(records: Records, timezone: str) -> list[Task]:
    """Hour, weekend and day of the month in the monitor's time zone; nothing without a time column.

    The day of the month only where each of the batch has a past.
    """
    name = records.columns.one(Role.TIME)
    return [] if name is None or records.microseconds is None else [partial(_calendar_parts, records, name, timezone)]


def _calendar_parts(records: Records, name: str, timezone: str) -> Parts:
    local = local_times(records.column(name), timezone)
    hours = local.dt.hour().fill_null(12).to_numpy().astype(np.int64)
    weekdays = local.dt.weekday().fill_null(1).to_numpy().astype(np.int64)
    days = local.dt.day().fill_null(1).to_numpy().astype(np.int64)
    weekend = weekdays >= 6
    rows = records.featured
    parts: list[tuple[Feature, NDArray[np.floating]]] = []
    if len(np.unique(hours)) > 1:
        parts.append((Feature(FeatureKind.HOUR, name), hour_rarity(hours, weekend)[rows]))
        parts.append((Feature(FeatureKind.CALENDAR, name, detail="hour"), hours[rows].astype(np.float32)))
    parts.append((Feature(FeatureKind.CALENDAR, name, detail="weekend"), weekend[rows].astype(np.float32)))
    # A batch of the 4th against a history of which the detectors see the 22nd to the 30th is not strange for that.
    if np.isin(days[~records.reference], days[records.settled]).all():
        parts.append((Feature(FeatureKind.CALENDAR, name, detail="day"), days[rows].astype(np.float32)))
    return parts


def local_times(instants: pl.Series, timezone: str) -> pl.Series:
    """Instants in the monitor's time zone; dates, and instants without a zone, as they are."""
    if isinstance(instants.dtype, pl.Datetime) and instants.dtype.time_zone is not None:
        return instants.dt.convert_time_zone(timezone)
    return instants.cast(pl.Datetime("us"))


def hour_rarity(hours: NDArray[np.int64], weekend: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Minus the log share of the hour and its two neighbours, on such days, times 24; 0 for common hours."""
    slot = hours + 24 * weekend
    counts = np.bincount(slot, minlength=48).reshape(2, 24).astype(np.float64)
    smooth = (0.5 * np.roll(counts, 1, axis=1) + counts + 0.5 * np.roll(counts, -1, axis=1)) / 2
    share = (smooth.ravel()[slot] - 0.5 + 0.5) / (len(hours) + 24)
    return np.maximum(-np.log(share * 48), 0) * (others_with(slot) >= 0)
