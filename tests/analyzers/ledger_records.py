"""A small ordinary ledger for the tests of audit, checks and findings; each test adds what it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.settings import AnalysisSettings, AuditSettings, Material

COLUMNS = Columns(
    shape=Shape.EVENTS,
    columns=(
        Column(name="id", role=Role.KEY),
        Column(name="paid", role=Role.TIME),
        Column(name="vendor", role=Role.ENTITY),
        Column(name="number", role=Role.IGNORE, field=Field.INVOICE),
        Column(name="amount", role=Role.EXPOSURE),
        Column(name="account", role=Role.CATEGORY, field=Field.ACCOUNT),
        Column(name="text", role=Role.TEXT),
        Column(name="iban", role=Role.IGNORE, field=Field.BANK_ACCOUNT),
        Column(name="clerk", role=Role.CATEGORY, field=Field.CREATED_BY),
        Column(name="manager", role=Role.CATEGORY, field=Field.APPROVED_BY),
        Column(name="reverses", role=Role.IGNORE, field=Field.REVERSES),
    ),
)
NUMBERED = COLUMNS.model_copy(
    update={"columns": (Column(name="id", role=Role.KEY, field=Field.DOCUMENT), *COLUMNS.columns[1:])}
)
"""The same, where the key is the house's own document number."""
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "paid": pl.Datetime("us", "UTC"),
    "vendor": pl.String,
    "number": pl.String,
    "amount": pl.Decimal(18, 4),
    "account": pl.String,
    "text": pl.String,
    "iban": pl.String,
    "clerk": pl.String,
    "manager": pl.String,
    "reverses": pl.String,
}
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""The first day of the batch; the history is the hundred days before it."""


def ordinary(count: int = 3_600, seed: int = 0) -> list[dict[str, Any]]:
    """Payments to 60 vendors on working days in office hours, over 100 days of history."""
    rng = np.random.default_rng(seed)
    days = [MONDAY - timedelta(days=shift) for shift in range(100, 0, -1)]
    working = [day for day in days if day.weekday() < 5]
    rows = []
    for i in range(count):
        vendor = i % 60
        rows.append(
            {
                "id": f"D{10_000 + i}",
                "paid": working[i * len(working) // count] + timedelta(minutes=int(rng.integers(0, 300))),
                "vendor": f"V{vendor}",
                "number": f"R{vendor}-{7 * i + 100_000}",
                "amount": Decimal(int(40_000 * (1 + vendor % 5) * np.exp(rng.normal(0, 0.3)))) / 100 + Decimal("0.01"),
                "account": f"6{vendor % 7}",
                "text": "goods",
                "iban": f"ES{vendor:020d}",
                "clerk": f"clerk{vendor % 4}",
                "manager": f"manager{vendor % 3}",
                "reverses": None,
            }
        )
    return rows


def payment(position: int, **stated: Any) -> dict[str, Any]:
    """One payment of the batch to vendor V1, ordinary but for what is stated."""
    usual = {
        "id": f"D{13_600 + position}",
        "paid": MONDAY + timedelta(minutes=5 * position),
        "vendor": "V1",
        "number": f"R1-9{position:05d}",
        "amount": Decimal("812.37") + Decimal("7.13") * position,
        "account": "61",
        "text": "goods",
        "iban": f"ES{1:020d}",
        "clerk": "clerk1",
        "manager": "manager1",
        "reverses": None,
    }
    return usual | stated


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as analyzers get them."""
    built = pl.DataFrame([{name: row[name] for name in SCHEMA} for row in rows], schema=pl.Schema(SCHEMA))
    return built.with_columns(record_id=pl.format("r-{}", "id"))


def material(
    batch: list[dict[str, Any]],
    history: list[dict[str, Any]] | None = None,
    *,
    columns: Columns = COLUMNS,
    limits: tuple[int, ...] = (10_000,),
    **settings: Any,
) -> Material:
    """The batch against an ordinary history, with an approval limit of 10,000."""
    audit = AuditSettings(limits=tuple(Decimal(limit) for limit in limits))
    return Material(
        columns=columns,
        history=frame(ordinary() if history is None else history),
        batch=frame(batch),
        settings=AnalysisSettings(currency="EUR", audit=audit, skip=("ensemble",), **settings),
    )
