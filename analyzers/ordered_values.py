"""Sorted values of a comparison set, of which one record's own value is left out without copying the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OrderedValues:
    """Finite values in rising order.

    ordered : of shape (n,). left_out : place of the one value that does not count; None where all do.

    A night explains hundreds of records, each against the same million of values but its own: percentiles of sorted
    values cost nothing, those of a million values selected anew a hundredth of a second each.
    """

    ordered: Floats
    left_out: int | None = None

    @classmethod
    def of(cls, values: Floats) -> Self:
        """The finite ones of the values."""
        return cls(np.sort(values[np.isfinite(values)]))

    def without(self, value: float) -> OrderedValues:
        """All but one that equals this value; all where none does."""
        place = int(np.searchsorted(self.ordered, value))
        found = place < len(self.ordered) and self.ordered[place] == value
        return OrderedValues(self.ordered, place) if found else self

    def __len__(self) -> int:
        return len(self.ordered) - (self.left_out is not None)

    def at(self, places: NDArray[np.int64]) -> Floats:
        """The values at these places of the order."""
        if self.left_out is not None:
            places = places + (places >= self.left_out)
        return np.asarray(self.ordered[places])

    def quantiles(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Quantiles by linear interpolation, as `numpy.quantile` gives them; IndexError where there are no values."""
        position = np.asarray(shares, dtype=np.float64) * (len(self) - 1)
        below = np.floor(position).astype(np.int64)
        low, high = self.at(below), self.at(np.minimum(below + 1, len(self) - 1))
        share = position - below
        mixed = np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1.0 - share))
        return tuple(float(value) for value in mixed)

    def median(self) -> float:
        """The middle value, or the mean of the two middle ones; IndexError where there are no values."""
        middle = np.array([(len(self) - 1) // 2, len(self) // 2])
        return float(self.at(middle).mean())

    def spread(self, most: int) -> Floats:
        """At most so many of the values, evenly over the order, the first and the last among them."""
        places = np.linspace(0, len(self) - 1, min(len(self), most)).astype(np.int64)
        return self.at(np.unique(places))
