"""How rare an odd circumstance is, in the surroundings in which it is most usual.

A weekend posting is worth a word where nobody works at weekends; where a supplier's debits always fall on them, or
where a night's payment run posts hundreds of records late, it is not. So each circumstance is counted among all
records and among those of the same entity, account, person or category, and the largest of these shares counts.
Circumstances that meet on one record are counted together: their joint share is measured, not multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from analyzers.audit.books import Books

LINE_SHARE = 1 / 3000
"""Share that reaches the reporting line of 50: about one record in a month of a middling ledger."""
_SHRINK = 10.0
"""Records of the population that a context's share is mixed with, so that few records of an entity say little."""
LEAST_EVIDENCE = 25.0
"""Severity below which a circumstance is too usual (about 1.8 % of records) to be a reason at all."""


def severity_of_share(share: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Severity (0 to 95) of something that a share of records (0 to 1) has: 50 at one in 3,000, by its logarithm."""
    rare = np.log(np.clip(np.asarray(share, dtype=np.float64), 1e-12, 1.0)) / np.log(LINE_SHARE)
    severity: NDArray[np.float64] = np.clip(50.0 * rare, 0.0, 95.0)
    return severity


def marked_records(
    books: Books, marks: Mapping[str, pl.Expr], without: Mapping[str, Sequence[str]] | None = None
) -> pl.DataFrame:
    """Severities of the batch's records that have at least one mark.

    Parameters
    ----------
    marks : per name a Boolean expression over the books' frame.
    without : per name the contexts that define the mark and therefore cannot excuse it.

    Returns
    -------
    frame in the order of the books with `order`, `joint` (severity of all marks together) and, per mark, its own
    severity (null without it).
    """
    names = list(marks)
    bits = sum((expr.fill_null(False).cast(pl.UInt32) * (1 << i) for i, expr in enumerate(marks.values())), pl.lit(0))
    masks = books.frame.select(mask=bits.cast(pl.UInt32))["mask"]
    odd = ((masks > 0) & books.frame["row"].is_not_null()).arg_true()
    barred = [set((without or {}).get(name, ())) for name in names]
    shares = _Shares(books, masks, odd, len(names))
    everywhere = shares.among_all()
    best = everywhere.copy()
    for context in books.contexts:
        excused = shares.in_context(context, everywhere, past_only=not books.material.ranking)
        best = np.maximum(best, np.where(shares.barred(barred, context), 0.0, excused))
    severity = severity_of_share(best)
    own = {name: pl.Series(np.where(shares.has[i], severity[i], np.nan)).fill_nan(None) for i, name in enumerate(names)}
    return pl.DataFrame({"order": odd, "joint": severity[-1], **own}, schema_overrides={"order": pl.UInt32})


class _Shares:
    """Shares of records that have each mark, and all of a record's marks together, for the odd records of the batch.

    Arrays have one row per mark and a last one for a record's marks together, and one column per odd record.
    """

    def __init__(self, books: Books, masks: pl.Series, odd: pl.Series, marks: int) -> None:
        self.frame, self.places = books.frame, odd.to_numpy()
        self.masks = masks.to_numpy()
        mask = self.masks[self.places].astype(np.int64)
        self.has = np.array([(mask >> i) & 1 for i in range(marks)], dtype=bool).reshape(marks, len(mask))
        self.wanted = [*(1 << i for i in range(marks)), mask]

    def among_all(self) -> NDArray[np.float64]:
        """Shares among all records of history and batch: what a batch does by the hundred is not odd."""
        sizes = np.bincount(self.masks)
        counts = [_having(sizes[None, :], np.zeros_like(self.places), wanted) for wanted in self.wanted]
        return self._with_product(np.array(counts) / (len(self.masks) + 1.0))

    def in_context(self, context: str, everywhere: NDArray[np.float64], *, past_only: bool) -> NDArray[np.float64]:
        """Shares among the past records of the same context (without a past: among its other records)."""
        codes = _codes(self.frame[context])
        counted = codes >= 0
        if past_only:
            counted &= self.frame["row"].is_null().to_numpy()
        cells = (codes[counted], self.masks[counted])
        shape = (int(codes.max(initial=0)) + 1, int(self.masks.max(initial=0)) + 1)
        near = sparse.coo_array((np.ones(len(cells[0]), dtype=np.int64), cells), shape=shape).tocsr()
        own = codes[self.places]
        # A record that has no such context is in company of none.
        itself, known = 0 if past_only else 1, own >= 0
        total = np.where(known, np.maximum(near.sum(axis=1)[own] - itself, 0), 0)
        having = np.array([_having(near, own, wanted) for wanted in self.wanted])
        having = np.where(known, np.maximum(having - itself, 0.0), 0.0)
        return self._with_product((having + _SHRINK * everywhere) / (total + _SHRINK))

    def barred(self, without: Sequence[set[str]], context: str) -> NDArray[np.bool_]:
        """Where a context defines one of the marks in question."""
        own = np.array([context in names for names in without], dtype=bool)[:, None] & self.has
        return np.vstack([own, own.any(axis=0)])

    def _with_product(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Let the joint share be no smaller than the product of its marks' shares: few records show few meetings."""
        product = np.where(self.has, shares[:-1], 1.0).prod(axis=0)
        shares[-1] = np.maximum(shares[-1], product)
        return shares


def _codes(values: pl.Series) -> NDArray[np.int64]:
    """A number for each value, of shape (n,); -1 where there is none."""
    if not isinstance(values.dtype, pl.Categorical):
        values = values.cast(pl.String).cast(pl.Categorical(pl.Categories.random()))
    return values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _having(sizes: Any, groups: NDArray[np.int64], wanted: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """How many records of its group have at least the wanted marks, for each record.

    sizes : records by group and mask, of shape (n_groups, n_masks).
    """
    masks = np.arange(sizes.shape[1])

    def of_groups(value: int) -> NDArray[np.float64]:
        return np.asarray(sizes[:, np.flatnonzero((masks & value) == value)].sum(axis=1), dtype=np.float64)

    if isinstance(wanted, int):
        return of_groups(wanted)[groups]
    counted = np.zeros(len(groups))
    for value in np.flatnonzero(np.bincount(wanted)):
        asked = wanted == value
        counted[asked] = of_groups(int(value))[groups[asked]]
    return counted
