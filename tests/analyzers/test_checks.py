from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from analyzers.checks import check_data
from analyzers.results import Check, CheckStatus
from analyzers.settings import CalendarSettings, Material
from tests.analyzers.ledger_records import MONDAY, material, ordinary, payment

BATCH = [
    payment(
        i, vendor=f"V{i % 50}", paid=MONDAY + timedelta(minutes=i), account=f"6{i % 7}", clerk=f"clerk{i % 4}",
        manager=f"manager{i % 3}",
    )
    for i in range(55)
]  # fmt: skip


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


def test_a_mix_that_shifts_is_told_and_a_saturday_is_compared_with_saturdays() -> None:
    one_account = [row | {"account": "61"} for row in BATCH]
    shifted = by_code(material(one_account))["categories_shifted"]
    assert (shifted.status, shifted.values["column"]) == (CheckStatus.WARNING, "account")
    saturdays = [MONDAY + timedelta(days=5 - 7 * week) for week in range(15)]
    debits = [payment(i, account="61", paid=day, id=f"S{i}-{day:%j}") for day in saturdays[1:] for i in range(8)]
    batch = [row | {"paid": saturdays[0] + timedelta(minutes=i)} for i, row in enumerate(one_account)]
    shifts = [
        check for check in check_data(material(batch, [*ordinary(), *debits])) if check.code == "categories_shifted"
    ]
    assert "account" not in {check.values["column"] for check in shifts}


def test_lost_days_and_stale_records_are_told_and_holidays_excuse_a_day() -> None:
    days = [MONDAY + timedelta(days=shift) for shift in (0, 1, 3)]
    batch = [row | {"paid": day + timedelta(minutes=i)} for day in days for i, row in enumerate(BATCH)]
    given = replace(material(batch), days=(MONDAY.date(), MONDAY.date() + timedelta(days=3)))
    assert by_code(given)["volume_days_missing"].values == {"count": 1, "day": "2026-03-04"}
    closed = given.settings.model_copy(
        update={"calendar": CalendarSettings(holidays={MONDAY.date() + timedelta(days=2): "Founding day"})}
    )
    assert "volume_days_missing" not in by_code(replace(given, settings=closed))
    late = replace(given, days=(MONDAY.date(), MONDAY.date() + timedelta(days=12)))
    assert by_code(late)["freshness_stale"].status is CheckStatus.WARNING
