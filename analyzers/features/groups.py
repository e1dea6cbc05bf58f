"""Statistics of each record's group without the record itself, in n log n."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Rows = NDArray[np.int64] | slice
"""Some of the records: their numbers, or a slice that stands for all."""
EVERY = slice(None)
_BLOCK = 1 << 18
"""Rows that are computed at a time: what is made of them on the way stays in the processor's cache."""


def blocks(rows: Rows, n_records: int) -> list[Rows]:
    """The rows, of so many records, a block after the other."""
    if isinstance(rows, slice):
        return [slice(start, min(start + _BLOCK, n_records)) for start in range(0, n_records, _BLOCK)]
    return [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]


def rising(values: Floats) -> NDArray[np.int64]:
    """Rows by rising value, of shape (n,); equal ones in any order, NaN last."""
    return np.argsort(values)


def by_group(codes: NDArray[np.int64]) -> NDArray[np.int32]:
    """Places of the codes by group, those of one group in the order that they come in, of shape (n,)."""
    # Rows of a sparse matrix are groups: SciPy puts them together by counting, at a seventh of what sorting takes.
    cells = (codes.astype(np.int32), np.arange(len(codes), dtype=np.int32))
    shape = (int(codes.max(initial=-1)) + 1, len(codes))
    return np.asarray(sparse.coo_array((np.ones(len(codes), dtype=np.int8), cells), shape=shape).tocsr().indices)


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
    Statistics are asked for some of the records and are of shape (n_rows,).

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
        self._codes, self._values = codes, values
        self._inside = reference & np.isfinite(values)
        order = rising(values) if order is None else order
        if not self._inside.all():
            order = order[self._inside[order]]
        of_order = codes[order]
        self._sizes = np.bincount(of_order, minlength=int(codes.max(initial=-1)) + 1)
        self._starts = np.cumsum(self._sizes) - self._sizes
        order = order[by_group(of_order)]
        del of_order
        self._sorted = values[order]
        rank = np.arange(len(order), dtype=np.int32) - np.repeat(self._starts.astype(np.int32), self._sizes)
        self._rank = np.zeros(len(codes), dtype=np.int32)
        self._rank[order] = rank
        self._known: dict[tuple[float, int], _GroupQuantiles] = {}

    def counts(self, rows: Rows = EVERY) -> NDArray[np.int64]:
        """How many reference values there are for each record."""
        return np.asarray(self._sizes[self._codes[rows]] - self._inside[rows])

    def quantile(self, share: float, rows: Rows = EVERY) -> Floats:
        """The quantile for each record; NaN where the group has no other value."""
        codes, rank, inside = self._codes[rows], self._rank[rows], self._inside[rows]
        if not len(self._sorted):
            return np.full(len(codes), np.nan)
        without = self._quantiles(share, 1)
        # Which of a group's values one's own displaces decides between three quantiles: no record needs its own.
        displaced = (rank <= without.low[codes]).view(np.int8) + (rank <= without.high[codes])
        result = without.values.ravel()[3 * codes + displaced]
        if not inside.all():
            outside = np.flatnonzero(~inside)
            result[outside] = self._quantiles(share, 0).values[codes[outside], 0]
        return np.asarray(result)

    def _quantiles(self, share: float, left_out: int) -> _GroupQuantiles:
        """Quantiles of each group with one value left out, or none."""
        if (share, left_out) not in self._known:
            counts = self._sizes - left_out
            last = np.maximum(counts - 1, 0)
            position = share * last
            low = np.floor(position).astype(np.int64)
            part = position - low
            high = np.minimum(low + 1, last)
            pairs = ((low, high), (low, high + 1), (low + 1, high + 1))
            mixed = [(1 - part) * self._at(first) + part * self._at(second) for first, second in pairs]
            values = np.stack(mixed, axis=1)
            values[counts <= 0] = np.nan
            self._known[share, left_out] = _GroupQuantiles(low, high, values)
        return self._known[share, left_out]

    def _at(self, place: NDArray[np.int64]) -> Floats:
        """Each group's value at a place of its own."""
        return np.asarray(self._sorted[np.minimum(self._starts + place, len(self._sorted) - 1)])

    def nearest_gap(self, rows: Rows = EVERY) -> Floats:
        """Distance to the nearest reference value of the group; infinite where there is none."""
        codes, values = self._codes[rows], self._values[rows]
        start, end = self._starts[codes], (self._starts + self._sizes)[codes]
        below = start + self._rank[rows] - 1
        above = below + 2
        outside = np.flatnonzero(~self._inside[rows])
        above[outside] = self._place(codes[outside], values[outside])
        below[outside] = above[outside] - 1
        gap = np.full(len(codes), np.inf)
        for place, within in ((below, below >= start), (above, above < end)):
            there = within & np.isfinite(values)
            gap[there] = np.minimum(gap[there], np.abs(values[there] - self._sorted[place[there]]))
        return gap

    def _place(self, codes: NDArray[np.int64], values: Floats) -> NDArray[np.int64]:
        """Place of the first of the group's values that is not below each of these, by bisection of all at once."""
        low = self._starts[codes]
        high = low + self._sizes[codes]
        while (open_ := low < high).any():
            middle = (low + high) // 2
            less = open_ & (self._sorted[np.minimum(middle, len(self._sorted) - 1)] < values)
            low, high = np.where(less, middle + 1, low), np.where(open_ & ~less, middle, high)
        return low

    def relative_spreads(self, least: int) -> Floats:
        """Interquartile range over the median's size, one number for each group of at least `least` values."""
        large = np.flatnonzero(self._sizes >= least)
        size, start = self._sizes[large], self._starts[large]

        def at(share: float) -> Floats:
            return np.asarray(self._sorted[start + np.rint(share * (size - 1)).astype(np.int64)])

        centre = np.abs(at(0.5))
        return np.asarray((at(0.75) - at(0.25)) / np.where(centre > 0, centre, np.nan)) if len(large) else np.empty(0)


class _GroupQuantiles(NamedTuple):
    """A quantile of each group: the places it lies between, and what it is when one's own value displaces none of
    them, the upper one, or both; `values` is of shape (n_groups, 3).
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    values: Floats
