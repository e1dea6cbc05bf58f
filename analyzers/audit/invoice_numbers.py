"""Invoice numbers as people mistype them: compared without marks and padding, and for a slip of the hand."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

LONGEST = 32
"""Characters that are compared."""
_SHORTEST_SLIP = 4
"""Numbers shorter than this differ by one slip from half of all others."""


def normalised(number: pl.Expr) -> pl.Expr:
    """Capital letters and digits only, without leading zeros; letters that look like digits become those."""
    plain = number.str.to_uppercase().str.replace_all(r"[^0-9A-Z]", "").str.replace_all("O", "0", literal=True)
    looks = plain.str.replace_all("[IL]", "1")
    unpadded = looks.str.replace_all(r"([A-Z]|^)0+([0-9])", "${1}${2}").str.slice(0, LONGEST)
    return pl.when(unpadded != "").then(unpadded)


def one_slip(first: pl.Series, second: pl.Series) -> NDArray[np.bool_]:
    """Whether two numbers differ by one slip: two neighbours swapped, or one character too many.

    One character replaced is no slip here: consecutive numbers differ just so.
    """
    a, b = _matrix(first), _matrix(second)
    length_a, length_b = (a != 0).sum(axis=1), (b != 0).sum(axis=1)
    head = np.minimum(_common(a, b), np.minimum(length_a, length_b))
    tail = _common(_matrix(first.str.reverse()), _matrix(second.str.reverse()))
    tail = np.minimum(tail, np.minimum(length_a, length_b))
    shorter = np.minimum(length_a, length_b)
    inserted = (np.abs(length_a - length_b) == 1) & (head + tail >= shorter)
    at, rows = np.minimum(head, LONGEST - 2), np.arange(len(a))
    crossed = (a[rows, at] == b[rows, at + 1]) & (a[rows, at + 1] == b[rows, at])
    swapped = (length_a == length_b) & (head + tail == shorter - 2) & crossed
    slip: NDArray[np.bool_] = (shorter >= _SHORTEST_SLIP) & (inserted | swapped)
    return slip


def _matrix(numbers: pl.Series) -> NDArray[np.uint32]:
    """Code points, one row per number, padded with zeros to `LONGEST`."""
    texts = np.asarray(numbers.str.slice(0, LONGEST).to_list(), dtype=f"<U{LONGEST}")
    return texts.view(np.uint32).reshape(len(texts), LONGEST)


def _common(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Length of the common beginning of each pair."""
    same: NDArray[np.int64] = np.logical_and.accumulate(a == b, axis=1).sum(axis=1)
    return same
