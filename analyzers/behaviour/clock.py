"""Time as the crowd lives it: a day on which everybody does less is a shorter day.

Nights, Sundays, holidays, Augusts and closed shops slow this clock down for all, so that a silence or a rate measured
by it is one that the others do not share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAY = 86_400
_STAYS = 60
"""Days after its last record for which an entity still counts as one that could have come."""
_PRIOR = 20.0
"""Entities at the crowd's rate by which a group's rate on a day is shrunk."""


@dataclass(frozen=True)
class Clock:
    """Crowd time of each group of peers; one unit is an average day.

    passed : ndarray of shape (n_groups, n_days + 1)
        Crowd time at each midnight since the first.
    """

    passed: Floats

    @classmethod
    def of(cls, seconds: Integers, codes: Integers, groups: Integers) -> Clock:
        """Clock of records at `seconds` since the first midnight (n,), of entities `codes` (n,) in `groups` (N,)."""
        days = seconds // DAY
        length, n_groups, n = int(days.max(initial=0)) + 1, int(groups.max(initial=0)) + 1, len(groups)
        first, last = np.full(n, length), np.full(n, -1)
        np.minimum.at(first, codes, days)
        np.maximum.at(last, codes, days)
        seen = last >= 0
        flat = np.bincount(groups[codes] * length + days, minlength=n_groups * length)
        counts = flat.reshape(n_groups, length).astype(np.float64)
        alive = np.zeros((n_groups, length + 1))
        np.add.at(alive, (groups[seen], first[seen]), 1.0)
        np.add.at(alive, (groups[seen], np.minimum(last[seen] + _STAYS, length)), -1.0)
        alive = np.cumsum(alive, axis=1)[:, :length]
        everybody = (counts.sum(axis=0) + 1e-3) / (alive.sum(axis=0) + 1.0)
        rates = (counts + _PRIOR * everybody) / (alive + _PRIOR)
        rates *= 1.0 / rates.mean(axis=1, keepdims=True)
        return cls(np.concatenate([np.zeros((n_groups, 1)), np.cumsum(rates, axis=1)], axis=1))

    def at(self, seconds: Integers, groups: Integers) -> Floats:
        """Crowd time of instants, of the shape that both broadcast to; within a day it runs evenly."""
        moments, whose = np.broadcast_arrays(seconds, groups)
        last = self.passed.shape[1] - 2
        day = np.clip(moments // DAY, 0, last)
        share = np.clip(moments / DAY - day, 0.0, 1.0)
        start = self.passed[whose, day]
        return np.asarray(start + share * (self.passed[whose, day + 1] - start))
