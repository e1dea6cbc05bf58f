"""Small tables of other kinds than the simulators': made anew from a seed, with a few records that stand out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

_CITIES = [
    "Bilbao",
    "Cádiz",
    "Gijón",
    "León",
    "Lugo",
    "Málaga",
    "Murcia",
    "Oviedo",
    "Palma",
    "Sevilla",
    "Soria",
    "Toledo",
    "Vigo",
    "Zaragoza",
]
_START = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Table:
    """Rows to judge, normal history where there is one, and what a user names on the command line."""

    judged: pl.DataFrame
    baseline: pl.DataFrame | None = None
    entities: tuple[str, ...] = ()
    time: str | None = None


def expenses(seed: int) -> Table:
    """Travel expenses by day, without a time of day and without a baseline."""
    rng = np.random.default_rng(seed)
    n = 3_000
    staff = rng.integers(0, 60, n)
    amounts = np.round(np.exp(rng.normal(3.6 + 0.02 * staff, 0.35)), 2)
    odd = rng.choice(n, 14, replace=False)
    amounts[odd[:9]] = np.round(amounts[odd[:9]] * rng.uniform(12, 60, 9), 2)
    kind = rng.choice(["hotel", "train", "meal", "taxi"], n, p=[0.2, 0.3, 0.4, 0.1])
    kind[odd[9:]] = "helicopter"
    days = rng.integers(0, 90, n)
    return Table(
        pl.DataFrame(
            {
                "expense": [f"E{100_000 + i}" for i in range(n)],
                "date": [(_START + timedelta(days=int(day))).date().isoformat() for day in days],
                "department": [f"D{int(one) % 12:02d}" for one in staff],
                "city": rng.choice(_CITIES, n),
                "kind": kind,
                "amount": amounts,
                "currency": "EUR",
            }
        ),
        entities=("department",),
    )


def orders(seed: int) -> Table:
    """Orders of customers with a month before them: odd quantities, a burst, a new customer, night orders."""
    rng = np.random.default_rng(seed)
    before, judged = _orders(rng, 9_000, 0, 30), _orders(rng, 900, 30, 3)
    rows = judged.to_dicts()
    odd = rng.choice(len(rows), 12, replace=False)
    for row in odd[:4]:
        rows[row]["quantity"] *= 45
    for row in odd[4:7]:
        rows[row]["price"] = round(rows[row]["price"] / 30, 2)
    for row in odd[7:9]:
        rows[row]["customer"], rows[row]["price"] = f"K{9000 + row}", 4_890.5
    burst = rows[odd[9]]
    rows += [{**burst, "order": f"B{i}", "time": burst["time"] + timedelta(minutes=3 * i)} for i in range(1, 26)]
    return Table(pl.DataFrame(rows, schema=judged.schema).sort("time"), before, ("customer",), "time")


def _orders(rng: np.random.Generator, n: int, first: int, days: int) -> pl.DataFrame:
    customer = rng.integers(0, 150, n)
    hours = rng.normal(13, 2.5, n).clip(7, 20)
    at = [
        _START + timedelta(days=first + int(day), hours=float(hour))
        for day, hour in zip(rng.integers(0, days, n), hours, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "order": [f"O{first}-{i}" for i in range(n)],
            "time": [moment.replace(microsecond=0) for moment in at],
            "customer": [f"K{int(one):04d}" for one in customer],
            "channel": rng.choice(["shop", "web", "phone"], n, p=[0.5, 0.45, 0.05]),
            "quantity": rng.poisson(3 + customer % 7) + 1,
            "price": np.round(20 + (customer % 40) * np.exp(rng.normal(0, 0.1, n)), 2),
        }
    )
    return frame.sort("time")


def laboratory(seed: int) -> Table:
    """Measurements without a time, without a baseline: some values out of range, some odd only together."""
    rng = np.random.default_rng(seed)
    n = 2_000
    base = rng.normal(0, 1, (n, 3))
    values = np.column_stack([base, base @ rng.normal(0, 1, (3, 3)) + rng.normal(0, 0.15, (n, 3))])
    odd = rng.choice(n, 10, replace=False)
    values[odd[:5], 0] += rng.choice([-1, 1], 5) * 9
    values[odd[5:], 4] = -values[odd[5:], 4] + rng.choice([-1, 1], 5) * 4
    names = ("acidity", "density", "sugar", "iron", "copper", "zinc")
    return Table(pl.DataFrame({name: np.round(50 + 7 * values[:, i], 3) for i, name in enumerate(names)}))


def readings(seed: int) -> Table:
    """A furnace by the minute against three days before: a shift, a lost relation, a stuck and a spiking sensor."""
    rng = np.random.default_rng(seed)
    before, judged = _furnace(rng, 4_320, 0), _furnace(rng, 1_440, 4_320)
    judged = judged.with_row_index("i")
    i = pl.col("i")
    start = int(rng.integers(150, 300))
    judged = judged.with_columns(
        gas=pl.when(i.is_between(start, start + 180)).then((pl.col("gas") * 1.25).round(2)).otherwise("gas"),
        draught=pl.when(i.is_between(700, 950)).then(pl.col("draught").gather(700)).otherwise("draught"),
        flue=pl.when((i > 1000) & (i < 1300) & (i % 37 == 0)).then(pl.col("flue") + 140).otherwise("flue"),
        oxygen=pl.when(i.is_between(1150, 1250)).then(None).otherwise("oxygen"),
    )
    return Table(judged.drop("i"), before, (), "time")


def _furnace(rng: np.random.Generator, n: int, first: int) -> pl.DataFrame:
    minutes = np.arange(first, first + n)
    load = 100 + 8 * np.sin(2 * np.pi * minutes / 1_440) + np.cumsum(rng.normal(0, 0.05, n))
    return pl.DataFrame(
        {
            "time": [_START + timedelta(minutes=int(minute)) for minute in minutes],
            "gas": np.round(load + rng.normal(0, 0.8, n), 2),
            "flue": np.round(2.1 * load + rng.normal(0, 1.5, n), 1),
            "draught": np.round(0.3 * load + rng.normal(0, 0.4, n), 2),
            "oxygen": np.round(8 - 0.02 * load + rng.normal(0, 0.1, n), 2),
        }
    )


TABLES: Mapping[str, Callable[[int], Table]] = {
    "expenses": expenses,
    "orders": orders,
    "laboratory": laboratory,
    "readings": readings,
}
