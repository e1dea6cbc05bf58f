"""Visits of regular customers, to change one of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.settings import AnalysisSettings, BehaviourSettings, Material

END = date(2026, 3, 1)
DAYS = 420
COLUMNS = Columns(
    shape=Shape.EVENTS,
    columns=tuple(
        Column(name=name, role=role)
        for name, role in [
            ("ticket", Role.KEY), ("at", Role.TIME), ("customer", Role.ENTITY), ("segment", Role.CATEGORY),
            ("store", Role.CATEGORY), ("section", Role.CATEGORY), ("amount", Role.EXPOSURE),
        ]
    ),
)  # fmt: skip
WATCHED = BehaviourSettings(entity="customer", peers="segment", place=("store",))


def visits(seed: int = 0, customers: int = 60, gap: float = 4.0) -> pl.DataFrame:
    """About one visit every `gap` days each, in one of three stores, mostly of two sections."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(customers):
        moments = np.cumsum(rng.gamma(3.0, gap / 3.0, int(DAYS / gap * 1.5)))
        moments = moments[moments < DAYS]
        n = len(moments)
        home = number % 3
        store = np.where(rng.random(n) < 0.95, home, (home + 1) % 3)
        section = rng.choice(4, n, p=np.roll([0.6, 0.3, 0.07, 0.03], number % 4))
        parts.append(
            pl.DataFrame(
                {
                    "day": moments,
                    "customer": [f"C{number:03d}"] * n,
                    "segment": ["shops" if number % 2 else "homes"] * n,
                    "store": [f"store {at}" for at in store],
                    "section": [f"section {at}" for at in section],
                    "amount": np.round(np.exp(rng.normal(4.0, 0.4, n)), 2),
                }
            )
        )
    return pl.concat(parts)


def since(customer: str, days: int) -> pl.Expr:
    """Visits of one customer in the last days."""
    return (pl.col("customer") == customer) & (pl.col("day") >= DAYS - days)


def material(visited: pl.DataFrame, *, batch: int = 7, **analysis: Any) -> Material:
    """History and the last days as batch, as a night hands them over."""
    first = datetime.combine(END - timedelta(days=DAYS - 1), datetime.min.time(), UTC)
    records = visited.with_columns(
        at=pl.lit(first) + pl.duration(microseconds=(pl.col("day") * 86_400_000_000).cast(pl.Int64)),
        amount=pl.col("amount").cast(pl.Decimal(18, 4)),
    ).sort("at", "customer")
    records = records.with_columns(ticket=pl.format("T{}", pl.int_range(pl.len()))).with_columns(record_id="ticket")
    records = records.select(*(column.name for column in COLUMNS.columns), "record_id")
    border = first + timedelta(days=DAYS - batch)
    settings: dict[str, Any] = {"behaviour": WATCHED, "skip": ("ensemble", "audit"), "currency": "EUR", **analysis}
    return Material(
        columns=COLUMNS,
        history=records.filter(pl.col("at") < border),
        batch=records.filter(pl.col("at") >= border),
        settings=AnalysisSettings(**settings),
        days=(END - timedelta(days=batch - 1), END),
    )
