"""Generated purchase records of any number: 20 columns, suppliers by Zipf's law, some anomalies planted.

Written in blocks, so that making ten million of them needs the memory of one block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

BLOCK = 500_000
PLANTED_EVERY = 5_000
"""One record in so many is abnormal."""
DAYS = 31
"""Days that the records lie in: a month of history and the night."""
LAST_DAY = date(2026, 5, 31)
_METHODS = ("transfer", "card", "direct debit", "cheque", "cash")
_WORDS = (
    "steel",
    "valve",
    "rent",
    "service",
    "paper",
    "freight",
    "repair",
    "licence",
    "pump",
    "filter",
    "fuel",
    "food",
)
_COUNTRIES = ("ES", "FR", "DE", "PT", "IT", "NL", "BE", "PL", "AT", "IE", "SE", "CZ")


@dataclass(frozen=True)
class Generated:
    """Where records were written, and which are planted.

    csv, parquet : the same records. planted : kind of each planted record by its row, from 0.
    """

    csv: Path
    parquet: Path
    planted: dict[int, str]
    rows: int


def generate(folder: Path, rows: int, *, seed: int = 0, days: int = DAYS, first_id: int = 0) -> Generated:
    """Write `records.csv` and `records.parquet` of so many rows in order of days; the same seed gives the same rows."""
    folder.mkdir(parents=True, exist_ok=True)
    csv, parquet, planted = folder / "records.csv", folder / "records.parquet", folder / "planted.json"
    known: dict[int, str] = {}
    with csv.open("wb") as file:
        for number, (frame, kinds) in enumerate(_blocks(rows, seed, days, first_id)):
            frame.write_csv(file, include_header=number == 0)
            known |= kinds
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_csv('{csv}', all_varchar=false)) TO '{parquet}' (FORMAT parquet)")
    planted.write_text(json.dumps(known), encoding="utf-8")
    return Generated(csv, parquet, known, rows)


def _blocks(rows: int, seed: int, days: int, first_id: int) -> Iterator[tuple[pl.DataFrame, dict[int, str]]]:
    traits = _Suppliers(np.random.default_rng(seed), max(50, int(rows**0.5)))
    start = datetime.combine(LAST_DAY, datetime.min.time()) - timedelta(days=days - 1)
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        rng = np.random.default_rng([seed, first + 1])
        yield traits.records(rng, first, count, rows, start, days, first_id)


class _Suppliers:
    """Suppliers with a size, an account and a price level of their own."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        ranks = np.arange(1, count + 1, dtype=np.float64) ** -1.1
        self._share = np.cumsum(ranks / ranks.sum())
        self._price = rng.lognormal(3.0, 0.8, count)
        self._account = rng.integers(0, 60, count)
        self._country = rng.integers(0, len(_COUNTRIES), count)
        self._weight = rng.lognormal(0.0, 0.6, count)
        self.count = count

    def records(
        self, rng: np.random.Generator, first: int, count: int, rows: int, start: datetime, days: int, first_id: int
    ) -> tuple[pl.DataFrame, dict[int, str]]:
        """One block, and the kinds of its planted records by row."""
        supplier = np.minimum(np.searchsorted(self._share, rng.random(count)), self.count - 1)
        quantity = rng.poisson(6, count) + 1
        unit_price = self._price[supplier] * rng.lognormal(0.0, 0.15, count)
        discount = np.round(rng.beta(2, 18, count), 3)
        hour = np.clip(rng.normal(12.5, 2.2, count), 6, 20)
        account = np.where(rng.random(count) < 0.97, self._account[supplier], rng.integers(0, 60, count))
        kinds: dict[int, str] = {}
        for place in np.flatnonzero((np.arange(first, first + count) + 17) % PLANTED_EVERY == 0):
            kind = ("amount", "price", "hour", "quantity")[int(rng.integers(0, 4))]
            kinds[first + int(place)] = kind
            if kind == "amount":
                unit_price[place] *= 40
            elif kind == "price":
                unit_price[place] *= 8
                discount[place] = 0.9
            elif kind == "hour":
                hour[place] = 3.0
                account[place] = (account[place] + 31) % 60
            else:
                quantity[place] = 400
        net = quantity * unit_price * (1 - discount)
        weight = quantity * self._weight[supplier] * rng.lognormal(0.0, 0.1, count)
        distance = rng.gamma(2.0, 150.0, count)
        day = (np.arange(first, first + count) * days) // rows
        seconds = day * 86_400 + (hour * 3_600).astype(np.int64) + rng.integers(0, 3_600, count)
        in_time = np.argsort(seconds, kind="stable")
        place_of = np.empty(count, dtype=np.int64)
        place_of[in_time] = np.arange(count)
        words = np.array(_WORDS)
        columns = {
            "id": place_of + first + first_id,
            "posted_at": np.datetime64(start, "us") + (seconds * 1_000_000).astype("timedelta64[us]"),
            "supplier": supplier,
            "buyer": rng.integers(0, 200, count),
            "account": account,
            "method": np.array(_METHODS)[rng.choice(5, count, p=[0.7, 0.15, 0.1, 0.03, 0.02])],
            "country": np.array(_COUNTRIES)[self._country[supplier]],
            "department": rng.integers(0, 15, count),
            "description": np.char.add(np.char.add(words[rng.integers(0, 12, count)], " "), words[account % 12]),
            "amount": np.round(net * 1.21, 2),
            "quantity": quantity,
            "unit_price": np.round(unit_price, 2),
            "discount": discount,
            "tax": np.round(net * 0.21, 2),
            "weight": np.round(weight, 3),
            "hours": np.round(rng.gamma(3.0, 8.0, count), 1),
            "distance": np.round(distance, 1),
            "freight": np.round(distance * 0.02 + weight * 0.4 + rng.normal(0, 0.5, count), 2),
            "temperature": np.round(rng.normal(18, 4, count), 1),
            "rating": rng.integers(1, 6, count),
        }
        frame = pl.DataFrame(columns)[in_time].with_columns(
            pl.format("R{}", "id").alias("id"),
            pl.format("S{}", "supplier").alias("supplier"),
            pl.format("B{}", "buyer").alias("buyer"),
            pl.format("A{}", pl.col("account") + 4000).alias("account"),
            pl.format("D{}", "department").alias("department"),
            pl.col("posted_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
        )
        return frame, {first + int(place_of[row - first]): kind for row, kind in kinds.items()}
