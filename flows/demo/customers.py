"""Simulated sales of a chain of shops to its account customers over two years, with changes of behaviour planted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from flows.demo import customers_decoys, customers_planted
from flows.demo.customers_habits import Chain, open_customers, take_holidays
from flows.demo.customers_scene import RECENT, Happening, Scene
from flows.demo.truth import Decoy, Planted

TIMEZONE = "Europe/Madrid"
LENGTH = 730
"""Days of sales."""
BATCH = 7
"""The last days, which are the batch; what is planted began up to some weeks before and still holds."""
CUSTOMERS = 620
"""Ordinary customers; decoys add some of their own."""


@dataclass(frozen=True)
class CustomersData:
    """Sales and their truth.

    sales : one line per visit in order of time: `ticket`, `sold_at` (UTC), `customer`, `segment`, `store`, `section`,
        `items` (Int64), `amount` (`Decimal(18, 4)`, euros).
    batch_start, batch_end : the batch, first instant and first instant after it, UTC.
    """

    sales: pl.DataFrame
    planted: tuple[Planted, ...]
    decoys: tuple[Decoy, ...]
    batch_start: datetime
    batch_end: datetime


def simulate(seed: int, end: date) -> CustomersData:
    """Simulate the `LENGTH` days that end with `end`; the same seed and date give the same sales."""
    rng = np.random.default_rng(seed)
    chain = Chain(rng, end, LENGTH)
    customers = open_customers(chain, CUSTOMERS)
    take_holidays(chain, customers, until=LENGTH - RECENT - 15)
    scene = Scene(chain, customers, refurbished=int(rng.integers(0, 7)))
    customers_planted.plant_all(scene)
    customers_decoys.happen_all(scene)
    sales = pl.concat([chain.sales(customer) for customer in chain.customers])
    first = chain.days[0]
    return CustomersData(
        sales=_numbered(sales, first),
        planted=tuple(_planted(one, first) for one in scene.planted),
        decoys=tuple(_decoy(one, first) for one in scene.decoys),
        batch_start=_midnight(end - timedelta(days=BATCH - 1)),
        batch_end=_midnight(end + timedelta(days=1)),
    )


def write(data: CustomersData, folder: Path) -> list[Path]:
    """Write one `sales-YYYY-qN.csv` for each quarter: commas, decimal point, local times (ISO 8601 without a zone)."""
    folder.mkdir(parents=True, exist_ok=True)
    local = data.sales.with_columns(pl.col("sold_at").dt.convert_time_zone(TIMEZONE))
    quarter = pl.format("{}-q{}", pl.col("sold_at").dt.year(), pl.col("sold_at").dt.quarter())
    written = []
    for (part,), frame in (
        local.with_columns(part=quarter).partition_by("part", as_dict=True, include_key=False).items()
    ):
        path = folder / f"sales-{part}.csv"
        shown = frame.with_columns(
            pl.col("sold_at").dt.strftime("%Y-%m-%dT%H:%M:%S"), pl.col("amount").cast(pl.Decimal(18, 2))
        )
        shown.write_csv(path)
        written.append(path)
    return sorted(written)


def _numbered(sales: pl.DataFrame, first: date) -> pl.DataFrame:
    """The sales in order of time, with a ticket number each."""
    local = pl.lit(first).cast(pl.Datetime("us")) + pl.duration(days=pl.col("day"), seconds=pl.col("second"))
    instant = local.dt.replace_time_zone(TIMEZONE, ambiguous="earliest").dt.convert_time_zone("UTC")
    return (
        sales.with_columns(sold_at=instant)
        .sort("sold_at", "customer", "cents")
        .select(
            pl.format("T{}", pl.int_range(pl.len()) + 400_001).alias("ticket"),
            "sold_at",
            "customer",
            "segment",
            "store",
            "section",
            "items",
            amount=(pl.col("cents").cast(pl.Decimal(18, 4)) / pl.lit(100)).cast(pl.Decimal(18, 4)),
        )
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(TIMEZONE)).astimezone(UTC)


def _planted(one: Happening, first: date) -> Planted:
    start, end = _midnight(first + timedelta(days=one.start)), _midnight(first + timedelta(days=one.end + 1))
    return Planted(one.kind, customers_planted.RULE_LIKE[one.kind], f"customer={one.customer}", start, end)


def _decoy(one: Happening, first: date) -> Decoy:
    start, end = _midnight(first + timedelta(days=one.start)), _midnight(first + timedelta(days=one.end + 1))
    return Decoy(one.kind, f"customer={one.customer}", start, end)
