"""Statistics of each record's group without the record itself, in n log n."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SORTED_BY_DIGITS = 1 << 16
"""NumPy sorts codes below this by their digits: ten times as fast as by comparing."""


def rising(values: Floats) -> NDArray[np.int64]:
    """Rows by rising value, of shape (n,); equal ones in any order, NaN last."""
    return np.argsort(values)


def by_group(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the codes by group, those of one group in the order that they come in, of shape (n,)."""
    small = codes.max(initial=0) < _SORTED_BY_DIGITS
    return np.argsort(codes.astype(np.uint16) if small else codes, kind="stable")


class RowsByGroup:
    """Which of some rows each group has.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Group of each record, from 0.
    rows : ndarray of int
        Those that count, rising.
    """

    def __init__(self, codes: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self._codes = codes.astype(np.int32)
        counted = codes[rows]
        self._rows = rows[by_group(counted)].astype(np.int32)
        self._ends = np.cumsum(np.bincount(counted, minlength=int(codes.max(initial=-1)) + 1))

    def code(self, row: int) -> int:
        """The row's group."""
        return int(self._codes[row])

    def rows(self, code: int) -> NDArray[np.int32]:
        """The rows of a group, rising."""
        return self._rows[self._ends[code - 1] if code else 0 : self._ends[code]]

    def like(self, row: int) -> NDArray[np.int32]:
        """The rows of this row's group, rising."""
        return self.rows(self.code(row))

    def everyone_like(self, row: int) -> NDArray[np.intp]:
        """All records of this row's group, whether they count or not."""
        return np.flatnonzero(self._codes == self._codes[row])

    def same(self, rows: NDArray[np.int32], row: int) -> NDArray[np.bool_]:
        """Which of the rows are of this row's group."""
        return np.asarray(self._codes[rows] == self._codes[row])


class GroupedValues:
    """Values of a column, by group, of which some records are the reference.

    Every statistic of a record is over the reference values of its group; a reference record is left out of its own.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Group of each record, from 0.
    values : ndarray of float, shape (n,)
        NaN where there is none.
    reference : ndarray of bool, shape (n,)
        Which records count.
    order : ndarray of int, shape (n,), optional
        `rising(values)`, where several groupings of the same values share it.
    """

    def __init__(
        self,
        codes: NDArray[np.int64],
        values: Floats,
        reference: NDArray[np.bool_],
        order: NDArray[np.int64] | None = None,
    ) -> None:
        self._codes = codes
        self._values = values
        self._inside = reference & np.isfinite(values)
        order = rising(values) if order is None else order
        order = order[self._inside[order]]
        order = order[by_group(codes[order])]
        self._sorted = values[order]
        n_groups = int(codes.max(initial=-1)) + 1
        self._sizes = np.bincount(codes[order], minlength=n_groups)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._rank = np.zeros(len(codes), dtype=np.int64)
        self._rank[order] = np.arange(len(order)) - self._starts[codes[order]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many reference values there are for each record, of shape (n,)."""
        return np.asarray(self._sizes[self._codes] - self._inside)

    def quantile(self, share: float) -> Floats:
        """The quantile for each record, of shape (n,); NaN where the group has no other value."""
        counts = self.counts
        position = share * np.maximum(counts - 1, 0)
        low = np.floor(position).astype(np.int64)
        part = position - low
        high = np.minimum(low + 1, np.maximum(counts - 1, 0))
        result = (1 - part) * self._at(low) + part * self._at(high)
        return np.where(counts > 0, result, np.nan)

    def _at(self, position: NDArray[np.int64]) -> Floats:
        """The value at a position of each record's group, its own value skipped."""
        if not len(self._sorted):
            return np.full(len(self._codes), np.nan)
        skipped = position + (self._inside & (position >= self._rank))
        return np.asarray(self._sorted[np.minimum(self._starts[self._codes] + skipped, len(self._sorted) - 1)])

    def nearest_gap(self) -> Floats:
        """Distance to the nearest reference value of the group, of shape (n,); infinite where there is none."""
        order = np.lexsort((self._inside, self._values, self._codes))
        codes, values, inside = self._codes[order], self._values[order], self._inside[order]
        gap = np.minimum(_gap_before(codes, values, inside), _gap_before(codes[::-1], values[::-1], inside[::-1])[::-1])
        result = np.empty(len(order))
        result[order] = np.where(np.isfinite(gap), gap, np.inf)
        return result

    def relative_spreads(self, least: int) -> Floats:
        """Interquartile range over the median's size, one number for each group of at least `least` values."""
        large = np.flatnonzero(self._sizes >= least)
        size, start = self._sizes[large], self._starts[large]

        def at(share: float) -> Floats:
            return np.asarray(self._sorted[start + np.rint(share * (size - 1)).astype(np.int64)])

        centre = np.abs(at(0.5))
        return np.asarray((at(0.75) - at(0.25)) / np.where(centre > 0, centre, np.nan)) if len(large) else np.empty(0)


def _gap_before(codes: NDArray[np.int64], values: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Distance of each sorted value to the closest reference value before it, within its group."""
    position = np.where(inside, np.arange(len(codes)), -1)
    last = np.concatenate([[-1], np.maximum.accumulate(position)[:-1]]) if len(position) else position
    same = (last >= 0) & (codes[np.maximum(last, 0)] == codes)
    return np.where(same, np.abs(values - values[np.maximum(last, 0)]), np.inf)
