"""Ordinary payments: suppliers sized by a Zipf law, each paid in its own rhythm."""

from __future__ import annotations

import numpy as np

from flows.demo import names
from flows.demo.books import Books, Supplier

SUPPLIERS = 520
PAYMENTS = 18_700


def open_suppliers(books: Books) -> list[Supplier]:
    """The ordinary suppliers, largest first."""
    rng = books.rng
    trades = [trade for trade in names.TRADES.values() if trade.share]
    chosen = rng.choice(len(trades), size=SUPPLIERS, p=[trade.share for trade in trades])
    weights = 1 / (np.arange(SUPPLIERS) + 9.0)
    sizes = rng.poisson(PAYMENTS * weights / weights.sum())
    opened = []
    for trade, size in zip(chosen, sizes, strict=True):
        habits = {"currency": "USD"} if rng.random() < 0.06 else {}
        supplier = books.supplier(trades[trade].name, **habits)
        supplier.payments = int(size)
        opened.append(supplier)
    for supplier in opened[-60:]:  # newcomers, all through the period
        supplier.created = int(rng.integers(-10, books.days.length - 8))
        supplier.payments = max(supplier.payments // 2, 1)
    return opened


def pay_suppliers(books: Books, suppliers: list[Supplier]) -> dict[str, list[int]]:
    """Post every ordinary payment; returns the postings of each supplier."""
    return {supplier.id: _pay(books, supplier) for supplier in suppliers}


def _pay(books: Books, supplier: Supplier) -> list[int]:
    """Payments of one supplier at gaps that are as regular as it is."""
    rng, days = books.rng, books.days
    first = max(supplier.created + 3, 0)
    regularity = rng.uniform(1.5, 8)
    mean_gap = (days.length - first) / max(supplier.payments, 1)
    gaps = rng.gamma(regularity, mean_gap / regularity, size=supplier.payments + 1)
    offsets = first + np.cumsum(gaps) - gaps[0] * rng.random()
    offsets = offsets[offsets < days.length - 3].astype(np.int64)
    paid = books.pay_times(supplier, offsets)
    inside = books.days.offset_of(paid) < days.length
    paid = np.sort(paid[inside])
    return books.post(supplier, paid, books.amounts(supplier, len(paid)))
