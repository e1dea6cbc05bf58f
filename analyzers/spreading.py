"""Work in parts, each of which can be computed alone: on the cores of this machine, or wherever a `Spread` takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import Protocol, TypeVar

from analyzers.cores import cores, on_all_cores

PartT = TypeVar("PartT", bound=Sized)
MadeT = TypeVar("MadeT")

_BLOCKS_PER_CORE = 4


class Spread(Protocol):
    """Who computes the parts. What comes of them does not depend on it.

    A part is a block of rows (a float matrix) or one asset's `Samples`, and what is made of it a vector of scores or an
    `AssetOutcome`: whoever takes parts elsewhere has to know no other. What makes it can be told to another process:
    a function of a module, or a method of a fitted detector, with settings at most.
    """

    def blocks(self, rows: int) -> int:
        """Into how many blocks so many rows are best cut; at least 1."""

    def each(self, make: Callable[[PartT], MadeT], parts: Sequence[PartT]) -> list[MadeT]:
        """`make` of each part, in order."""


class Cores:
    """The cores of this machine, a thread each."""

    def blocks(self, rows: int) -> int:
        """Some for each core, so that one that is late does not hold up the rest."""
        return _BLOCKS_PER_CORE * cores()

    def each(self, make: Callable[[PartT], MadeT], parts: Sequence[PartT]) -> list[MadeT]:
        """In threads; BLAS stays within each."""
        return on_all_cores(make, list(parts))
