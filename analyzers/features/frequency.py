"""How often an entity has records: counts in trailing windows against its own rate so far."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzers.columns import Role
from analyzers.features.feature import Feature, FeatureKind, Parts, Task
from analyzers.features.groups import by_group
from analyzers.features.records import Records

_Number = TypeVar("_Number", bound=np.generic)

WINDOWS = (2, 7)
"""Trailing windows in days."""
_DAY = 86_400
_LEAST_GAP = 3
"""Days without any record at all that may count as a gap in the data."""
_GAPS_USUAL = 3.0
"""A gap is at least so many times as long as all but a hundredth of the pauses between days with records."""
_PRIOR_DAYS = 14.0
"""Every entity is taken to have had records at the usual rate for so many days before its first."""


def frequency_features(records: Records) -> list[Task]:
    """How many more records than usual each entity has had, up to and with each record; nothing without a time."""
    instants = records.microseconds
    time = records.columns.one(Role.TIME)
    if instants is None or time is None:
        return []
    observed = without_gaps(instants)
    return [partial(_frequency_parts, records, observed, time, name) for name in records.columns.names(Role.ENTITY)]


def _frequency_parts(records: Records, observed: NDArray[np.int64], time: str, entity: str) -> Parts:
    timeline = Timeline(records.codes(entity), observed)
    return [
        (Feature(FeatureKind.FREQUENCY, time, entity, f"{days}d"), timeline.excess(days)[records.featured])
        for days in WINDOWS
    ]


def without_gaps(instants: NDArray[np.int64]) -> NDArray[np.int64]:
    """The instants (microseconds, of shape (n,)) on a clock that stands still where nobody has records.

    A batch that does not follow its history at once has windows that reach into days of which nothing is known. They
    would be compared with windows full of records.
    """
    day = _DAY * 1_000_000
    days = np.unique(instants // day)
    if len(days) < 2:
        return instants
    pauses = np.diff(days)
    usual = int(np.quantile(pauses, 0.99, method="higher")) if len(pauses) > 100 else int(np.median(pauses))
    gap = pauses > max(_LEAST_GAP, _GAPS_USUAL * usual)
    skipped = np.concatenate([[0], np.cumsum(np.where(gap, pauses - usual, 0))])
    return np.asarray(instants - skipped[np.searchsorted(days, instants // day)] * day)


class Timeline:
    """Records of each entity in order of time.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Entity of each record, from 0.
    instants : ndarray of int, shape (n,)
        Microseconds; read to the second.
    """

    def __init__(self, codes: NDArray[np.int64], instants: NDArray[np.int64]) -> None:
        by_time = np.argsort(instants, kind="stable")
        self._order = by_time[by_group(codes[by_time])]
        self._codes = codes[self._order]
        self._seconds = (instants[self._order] - instants.min(initial=np.iinfo(np.int64).max)) // 1_000_000
        sizes = np.bincount(self._codes)
        self._first = (np.cumsum(sizes) - sizes)[self._codes]
        length = max(int(self._seconds.max(initial=0)) / _DAY, 1.0)
        self._usual_rate = float(np.median(sizes[sizes > 0])) / length if len(sizes) else 0.0

    def counts(self, days: int) -> NDArray[np.int64]:
        """Records of the entity in the trailing window of so many days, the record with them, of shape (n,)."""
        return self._restored(np.arange(len(self._codes)) - self._starts(days) + 1)

    def excess(self, days: int) -> NDArray[np.float64]:
        """By how much the other records in the window exceed the entity's rate and its most so far, of shape (n,).

        In Poisson deviations, at least 0. Rate and most are of what lies before the window; where that is before the
        first record of all, nothing is known and the excess is 0.
        """
        start = self._starts(days)
        count = np.arange(len(self._codes)) - start + 1
        before = start - self._first
        most = np.where(before > 0, _running_maximum(count, self._codes)[np.maximum(start - 1, 0)], 0)
        elapsed = np.maximum((self._seconds - self._seconds[self._first]) / _DAY - days, 0)
        rate = (before + _PRIOR_DAYS * self._usual_rate) / (elapsed + _PRIOR_DAYS)
        expected = np.maximum(rate * days, most)
        known = self._seconds >= days * _DAY
        return self._restored(np.where(known, np.maximum(count - 1 - expected, 0) / np.sqrt(1 + expected), 0.0))

    def _starts(self, days: int) -> NDArray[np.int64]:
        """Where the window of each record begins, in the order of the timeline."""
        span = int(self._seconds.max(initial=0)) + 1 + days * _DAY
        key = self._codes * span + self._seconds
        return np.asarray(np.maximum(np.searchsorted(key, key - days * _DAY, side="right"), self._first))

    def _restored(self, ordered: NDArray[_Number]) -> NDArray[_Number]:
        """Values in the order of the records."""
        result = np.empty_like(ordered)
        result[self._order] = ordered
        return result


def _running_maximum(values: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The largest value so far within each group of consecutive codes."""
    offset = codes * (int(values.max(initial=0)) + 1)
    return np.maximum.accumulate(values + offset) - offset
