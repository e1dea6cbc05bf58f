from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from analyzers.checks import check_data
from analyzers.results import Check, CheckStatus
from analyzers.settings import Material
from tests.analyzers.ledger_records import MONDAY, material, ordinary, payment

BATCH = [payment(i, vendor=f"V{i % 50}", paid=MONDAY + timedelta(minutes=i)) for i in range(55)]


def by_code(given: Material) -> dict[str, Check]:
    return {check.code: check for check in check_data(given)}


def test_an_ordinary_day_passes_every_check_and_each_is_told() -> None:
    assert set(by_code(material(BATCH))) == {
        "volume_usual", "freshness_usual", "empty_values_usual", "keys_unique", "categories_usual", "constant_none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("records", "code", "status"),
    [
        (4, "volume_collapsed", CheckStatus.FAILED),
        (20, "volume_low", CheckStatus.WARNING),
        (48, "volume_usual", CheckStatus.DONE),
        (130, "volume_high", CheckStatus.WARNING),
    ],
)
def test_volume_is_compared_with_the_same_weekday(records: int, code: str, status: CheckStatus) -> None:
    batch = [payment(i, paid=MONDAY + timedelta(minutes=i)) for i in range(records)]
    assert by_code(material(batch))[code].status is status


def test_a_weekend_without_records_is_usual_where_it_always_is() -> None:
    batch = [payment(1, paid=MONDAY + timedelta(days=5))]
    assert by_code(material(batch))["volume_usual"].values["usual"] == 0


def test_a_gap_longer_than_any_before_is_told() -> None:
    late = [row | {"paid": row["paid"] + timedelta(days=9)} for row in BATCH]
    assert by_code(material(late))["freshness_gap"].status is CheckStatus.WARNING


def test_a_vital_column_that_becomes_empty_is_broken_data_and_another_a_warning() -> None:
    given = material(BATCH)
    emptied = by_code(replace(given, batch=given.batch.with_columns(amount=pl.lit(None, pl.Decimal(18, 4)))))
    assert emptied["empty_values_jump"].status is CheckStatus.FAILED
    assert emptied["empty_values_jump"].values == {"column": "amount", "share": 1.0, "before": 0.0}
    blank = by_code(replace(given, batch=given.batch.with_columns(text=pl.lit(" "))))
    assert blank["empty_values_jump"].status is CheckStatus.WARNING


def test_repeated_keys_new_categories_and_constant_amounts_are_told() -> None:
    given = material([*BATCH, BATCH[0]])
    changed = given.batch.with_columns(account=pl.lit("new"), amount=pl.lit(5).cast(pl.Decimal(18, 4)))
    found = by_code(replace(given, batch=changed))
    assert found["keys_repeated"].values["count"] == 1
    assert found["categories_new"].values == {"column": "account", "share": 1.0, "count": 1}
    assert found["constant_now"].status is CheckStatus.FAILED


def test_without_records_or_history_nothing_is_judged() -> None:
    assert [check.code for check in check_data(material([], ordinary(100)))] == ["empty_batch"]
    assert {check.status for check in check_data(material(BATCH, []))} == {CheckStatus.DONE}
