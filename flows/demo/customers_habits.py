"""The simulated customers of a chain of shops, and their ordinary visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.demo.workdays import HOLIDAYS

STORES = ("Norte", "Centro", "Puerto", "Sur", "Ensanche", "Estación", "Polígono", "Playa")
SECTIONS = (
    "tools", "paint", "plumbing", "electrical", "timber", "garden", "cleaning", "hardware", "lighting", "machines",
)  # fmt: skip
_PRICES = (60.0, 45.0, 38.0, 42.0, 75.0, 30.0, 18.0, 15.0, 35.0, 240.0)
"""Usual amount of a line in each section, in euros."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """Customers of a kind: how often they come, how the year and the week go for them."""

    name: str
    share: float
    gap: tuple[float, float]
    """Shortest and longest usual gap in days."""
    season: tuple[float, ...]
    """Activity by month."""
    saturdays: float


SEGMENTS = (
    Segment("builder", 0.30, (2.2, 9), (0.9, 1, 1.05, 1.05, 1.1, 1.1, 1.0, 0.45, 1.1, 1.1, 1.05, 0.75), 0.5),
    Segment("installer", 0.25, (2.5, 10), (1.05, 1, 1, 1, 1, 1.05, 1.05, 0.5, 1.05, 1.1, 1.1, 0.85), 0.6),
    Segment("shop", 0.15, (3.5, 12), (0.9, 0.9, 1, 1, 1, 1, 1.05, 0.9, 1, 1, 1.1, 1.3), 0.7),
    Segment("household", 0.20, (6, 22), (0.9, 0.9, 1.05, 1.1, 1.15, 1.05, 0.95, 0.85, 1.05, 1, 0.95, 1.1), 2.0),
    Segment("gardener", 0.10, (3, 10), (0.5, 0.6, 1.3, 1.6, 1.7, 1.4, 1.0, 0.7, 1.0, 0.9, 0.6, 0.5), 0.8),
)


@dataclass
class Change:
    """From one day to another a customer does something otherwise; what is None stays as it is."""

    start: int
    end: int
    pace: float = 1.0
    """Times its usual activity; 0 is absence."""
    store: int | None = None
    section: int | None = None
    share: float = 1.0
    """Share of the visits that store and section hold for."""
    amount: float = 1.0


@dataclass
class Customer:
    """One customer and its habits."""

    id: str
    segment: Segment
    gap: float
    regularity: float
    """Shape of the gamma law of its gaps: 1 comes at random, 6 like clockwork."""
    stores: tuple[int, int]
    loyalty: float
    """Share of its visits to the first of its stores."""
    mix: Floats
    spread: float
    level: float
    """Its amounts against usual ones."""
    first: int = 0
    drift: float = 0.0
    """By how much its pace changes over the whole time, as a logarithm."""
    changes: list[Change] = field(default_factory=list)


class Chain:
    """Calendar, customers and what befalls everybody, while the sales are simulated."""

    def __init__(self, rng: np.random.Generator, end: date, length: int) -> None:
        self.rng, self.length = rng, length
        self.days = [end - timedelta(days=length - 1 - at) for at in range(length)]
        weekday = np.array([day.weekday() for day in self.days])
        closed = np.array([day.weekday() == 6 or (day.month, day.day) in HOLIDAYS for day in self.days])
        self._open = ~closed
        self._saturday = weekday == 5
        self._month = np.array([day.month - 1 for day in self.days])
        self.activity: dict[str, list[Change]] = {segment.name: [] for segment in SEGMENTS}
        """Campaigns of a whole segment."""
        self.closures: list[tuple[int, int, int, int]] = []
        """Store, first and last day closed, and the store where its customers go."""
        self.customers: list[Customer] = []

    def customer(self, segment: Segment) -> Customer:
        """A customer with random habits."""
        rng = self.rng
        low, high = segment.gap
        mix = rng.dirichlet(np.full(len(SECTIONS), 0.5)) * 0.94 + 0.003
        first, second = (int(store) for store in rng.choice(len(STORES) - 1, size=2, replace=False))
        made = Customer(
            id=f"C{20_001 + len(self.customers)}",
            segment=segment,
            gap=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
            regularity=float(rng.uniform(1.2, 5)),
            stores=(first, second),
            loyalty=float(rng.uniform(0.8, 0.99)),
            mix=mix / mix.sum(),
            spread=float(rng.uniform(0.35, 0.6)),
            level=float(np.exp(rng.normal(0, 0.5))),
        )
        self.customers.append(made)
        return made

    def intensity(self, customer: Customer) -> Floats:
        """Activity on each day, (length,), an average of about 1 where nothing is changed."""
        shape = np.array(customer.segment.season)[self._month] * self._open
        shape = np.where(self._saturday, shape * customer.segment.saturdays, shape)
        shape = shape / shape.mean() * np.exp(customer.drift * (np.arange(self.length) / self.length - 0.5))
        shape[: customer.first] = 0.0
        for change in (*self.activity[customer.segment.name], *customer.changes):
            shape[change.start : change.end + 1] *= change.pace
        return np.asarray(shape)

    def visits(self, customer: Customer) -> NDArray[np.int64]:
        """Days of its visits, in order: gaps of its own rhythm, stretched where there is less activity."""
        passed = np.concatenate([[0.0], np.cumsum(self.intensity(customer))])
        number = int(passed[-1] / customer.gap * 1.6) + 40
        gaps = self.rng.gamma(customer.regularity, customer.gap / customer.regularity, number)
        moments = np.cumsum(gaps) - gaps[0] * self.rng.random()
        moments = moments[moments < passed[-1]]
        return np.asarray(np.searchsorted(passed, moments, side="right") - 1)

    def sales(self, customer: Customer) -> pl.DataFrame:
        """One line for each visit: `day`, `second`, `customer`, `segment`, `store`, `section`, `items`, `cents`."""
        rng, days = self.rng, self.visits(customer)
        n = len(days)
        home, other = customer.stores
        store = np.where(rng.random(n) < customer.loyalty, home, other)
        stray = rng.random(n) < 0.01
        store = np.where(stray, rng.integers(0, len(STORES), n), store)
        section = rng.choice(len(SECTIONS), n, p=customer.mix)
        amount = np.exp(rng.normal(0, customer.spread, n)) * customer.level
        for shut, first, last, instead in self.closures:
            store = np.where((store == shut) & (days >= first) & (days <= last), instead, store)
        for change in customer.changes:
            inside = (days >= change.start) & (days <= change.end) & (rng.random(n) < change.share)
            store = np.where(inside, store if change.store is None else change.store, store)
            section = np.where(inside, section if change.section is None else change.section, section)
            amount = np.where(inside, amount * change.amount, amount)
        items = 1 + rng.poisson(np.minimum(2.5 * amount, 60))
        price = np.array(_PRICES)[section] * 1.02 ** (days / 365)
        return pl.DataFrame(
            {
                "day": days,
                "second": rng.integers(8 * 3_600, 20 * 3_600, n),
                "customer": [customer.id] * n,
                "segment": [customer.segment.name] * n,
                "store": [STORES[one] for one in store],
                "section": [SECTIONS[one] for one in section],
                "items": items.astype(np.int64),
                "cents": np.maximum((amount * price * 100).round(), 50).astype(np.int64),
            }
        )


def open_customers(chain: Chain, number: int) -> list[Customer]:
    """The ordinary customers, newcomers and absences of their own among them."""
    rng = chain.rng
    chosen = rng.choice(len(SEGMENTS), size=number, p=[segment.share for segment in SEGMENTS])
    opened = [chain.customer(SEGMENTS[one]) for one in chosen]
    for customer in opened:
        if rng.random() < 0.25:
            customer.first = int(rng.integers(1, chain.length - 150))
        if rng.random() < 0.3:
            customer.drift = float(rng.normal(0, 0.25))
    return opened


def take_holidays(chain: Chain, customers: Sequence[Customer], until: int) -> None:
    """Each customer's own absences before a day: one or two a year of one to three weeks, most in summer."""
    rng = chain.rng
    summers = [at for at, day in enumerate(chain.days) if day.month in (7, 8)]
    for customer in customers:
        for _ in range(int(rng.poisson(1.3 * chain.length / 365))):
            start = int(rng.choice(summers)) if summers and rng.random() < 0.6 else int(rng.integers(0, chain.length))
            length = int(rng.integers(7, 20))
            if start + length < until:
                customer.changes.append(Change(start, start + length, pace=0.0))
