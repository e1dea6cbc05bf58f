from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from analyzers.columns import Field, Role, Shape
from analyzers.errors import SourceError, UsageError
from analyzers.roles import infer_columns

START = datetime(2026, 1, 1, tzinfo=UTC)


def payments(n: int = 400) -> pl.DataFrame:
    random = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "payment_id": [f"P{1000 + i}" for i in range(n)],
            "paid_at": [START + timedelta(hours=float(h)) for h in np.sort(random.uniform(0, 2000, n))],
            "invoice_date": [date(2026, 1, 1) + timedelta(days=int(d)) for d in random.integers(0, 60, n)],
            "supplier": [f"V{i}" for i in random.integers(0, 40, n)],
            "CUSTOMER_ID": random.integers(0, 60, n),
            "amount": random.lognormal(5, 1, n),
            "currency": random.choice(["EUR", "USD"], n),
            "iban": [f"ES{i:022d}" for i in random.integers(0, 40, n)],
            "created_by": random.choice(["ana", "luis", "eva"], n),
            "description": [f"Invoice for services rendered in month {i % 12} number {i}" for i in range(n)],
            "quantity": random.integers(1, 900, n),
            "voucher": np.arange(5_000, 5_000 + n),
            "empty": pl.Series([None] * n, dtype=pl.String),
            "fraud": random.integers(0, 2, n),
        }
    )


def roles_of(frame: pl.DataFrame) -> dict[str, Role]:
    return {column.name: column.role for column in infer_columns(frame).columns}


def test_payments_get_the_roles_a_person_would_give() -> None:
    columns = infer_columns(payments())
    assert columns.shape is Shape.EVENTS
    assert {column.name: column.role for column in columns.columns} == {
        "payment_id": Role.KEY,
        "paid_at": Role.TIME,
        "invoice_date": Role.IGNORE,
        "supplier": Role.ENTITY,
        "CUSTOMER_ID": Role.ENTITY,
        "amount": Role.EXPOSURE,
        "currency": Role.CATEGORY,
        "iban": Role.IGNORE,
        "created_by": Role.PERSON,
        "description": Role.TEXT,
        "quantity": Role.MEASURE,
        "voucher": Role.IGNORE,
        "empty": Role.IGNORE,
        "fraud": Role.IGNORE,
    }
    assert columns.field(Field.BANK_ACCOUNT) == "iban"
    assert columns.field(Field.CURRENCY) == "currency"
    assert all(column.reason for column in columns.columns)


def test_the_order_of_rows_plays_no_part() -> None:
    frame = payments()
    assert roles_of(frame) == roles_of(frame.sample(fraction=1, shuffle=True, seed=3))


def test_every_column_of_a_plain_matrix_is_a_measure() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "x0": random.normal(size=300),
            "x1": random.integers(0, 2, 300),
            "x2": random.integers(1, 11, 300),
            "x3": random.integers(0, 10**6, 300),
        }
    )
    assert set(roles_of(frame).values()) == {Role.MEASURE}


def test_a_counter_is_a_measure_only_where_it_is_all_there_is() -> None:
    frame = pl.DataFrame({"n": np.arange(100)}).sample(fraction=1, shuffle=True, seed=0)
    assert roles_of(frame) == {"n": Role.MEASURE}
    assert roles_of(frame.with_columns(x=np.random.default_rng(0).normal(size=100)))["n"] is Role.IGNORE


def test_what_only_rises_with_time_is_no_measure() -> None:
    frame = payments().with_columns(seconds=pl.col("paid_at").dt.epoch("s"))
    assert roles_of(frame.sample(fraction=1, shuffle=True, seed=1))["seconds"] is Role.IGNORE


def test_regular_samples_are_a_series() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "when": [START + timedelta(minutes=i) for i in range(200)],
            "pressure": random.normal(size=200),
            "running": random.choice(["on", "off"], 200),
            "anomaly": random.integers(0, 2, 200),
        }
    )
    columns = infer_columns(frame)
    assert columns.shape is Shape.SERIES
    assert columns.names(Role.MEASURE) == ["pressure"]
    assert columns.names(Role.STATE) == ["running"]


def test_assets_on_one_grid_are_a_series_each() -> None:
    grid = pl.DataFrame({"t": [START + timedelta(minutes=5 * i) for i in range(60)]})
    frame = grid.join(pl.DataFrame({"pump": ["a", "b", "c"]}), how="cross")
    frame = frame.with_columns(flow=np.random.default_rng(0).normal(size=180))
    columns = infer_columns(frame)
    assert columns.shape is Shape.SERIES
    assert columns.names(Role.ENTITY) == ["pump"]


def test_a_historians_export_is_long() -> None:
    grid = pl.DataFrame({"t": [START + timedelta(minutes=i) for i in range(30)]})
    frame = grid.join(pl.DataFrame({"tag": ["FT1", "PT2"]}), how="cross").with_columns(
        value=pl.lit(1.5), quality=pl.lit(1)
    )
    frame = frame.with_columns(value=pl.int_range(pl.len()) * 0.5)
    columns = infer_columns(frame)
    assert columns.shape is Shape.LONG
    assert (columns.field(Field.TAG), columns.field(Field.VALUE)) == ("tag", "value")


def test_what_the_caller_says_wins() -> None:
    columns = infer_columns(
        payments(), shape=Shape.EVENTS, time="invoice_date", key="voucher", entities=["iban"], exposure="quantity",
        ignore=["supplier"],
    )  # fmt: skip
    assert columns.one(Role.TIME) == "invoice_date"
    assert columns.one(Role.KEY) == "voucher"
    assert columns.one(Role.EXPOSURE) == "quantity"
    assert "iban" in columns.names(Role.ENTITY)
    assert columns.get("supplier").role is Role.IGNORE
    assert columns.get("supplier").reason is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exposure": "amuont"}, "'amount'"),
        ({"time": "amount"}, "no dates or instants"),
        ({"exposure": "supplier"}, "no numbers"),
        ({"key": "amount", "exposure": "amount"}, "name it once"),
        ({"shape": Shape.LONG}, "tag and a value"),
    ],
)
def test_overrides_that_cannot_be_used_say_why(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        infer_columns(payments(), **arguments)  # type: ignore[arg-type]


def test_nothing_to_analyze_is_an_error() -> None:
    with pytest.raises(SourceError):
        infer_columns(pl.DataFrame({"a": ["x1", "x2", "x3"], "b": [1, 1, 1]}))
    with pytest.raises(SourceError):
        infer_columns(pl.DataFrame())
