"""What planting and decoys work on: ordinary customers, each used for one thing only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flows.demo.customers_habits import Chain, Customer


@dataclass(frozen=True)
class Happening:
    """Something planted or a decoy: a customer, and the first and last day of it."""

    kind: str
    customer: str
    start: int
    end: int


class Scene:
    """Customers that nothing has happened to yet, and what is noted of the others."""

    def __init__(self, chain: Chain, customers: list[Customer], refurbished: int) -> None:
        self.chain = chain
        self.customers = customers
        self.planted: list[Happening] = []
        self.decoys: list[Happening] = []
        self.closed = {refurbished}
        """Shops that are closed at the end."""
        self._used: set[str] = set()

    @property
    def end(self) -> int:
        """The last day."""
        return self.chain.length - 1

    def pick(self, fits: Callable[[Customer], bool]) -> Customer:
        """A customer of at least half a year to whom nothing happens yet and whom no closed shop concerns."""
        free = [one for one in self._free() if one.first < self.chain.length - 240 and fits(one)]
        chosen = free[int(self.chain.rng.integers(len(free)))]
        self._used.add(chosen.id)
        return chosen

    def take(self, fits: Callable[[Customer], bool], most: int) -> list[Customer]:
        """At most so many customers that fit, marked as used."""
        free = [one for one in self.customers if one.id not in self._used and fits(one)][:most]
        self._used |= {one.id for one in free}
        return free

    def note(self, kind: str, customer: Customer, start: int, end: int | None = None) -> None:
        """Note a decoy where it reaches the last weeks; what lies before them is history."""
        last = self.end if end is None else end
        if last >= self.chain.length - RECENT:
            self.decoys.append(Happening(kind, customer.id, start, last))

    def _free(self) -> list[Customer]:
        return [one for one in self.customers if one.id not in self._used and not self.closed & {one.stores[0]}]


RECENT = 35
"""Last days in which everything planted shows."""
