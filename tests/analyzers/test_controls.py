from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.checks import check_data
from analyzers.columns import Column, Field, Role
from analyzers.controls import control_checks
from analyzers.errors import MonitorError
from analyzers.results import Check, CheckStatus
from analyzers.settings import Control, Material
from tests.analyzers.ledger_records import COLUMNS, MONDAY, material, payment

DAY = MONDAY.date()
BATCH = [
    payment(i, account=account, amount=Decimal(amount), paid=MONDAY + timedelta(days=shift))
    for i, (account, amount, shift) in enumerate(
        [("61", "100.10", 0), ("61", "200.20", 0), ("62", "300.30", 0), ("61", "-50.05", 1), ("61", "900", -2)]
    )
]
TABLE = pl.DataFrame(
    {
        "on": [DAY, DAY, DAY + timedelta(days=1), DAY - timedelta(days=1)],
        "book": ["61", "62", " 61", "61"],
        "lines": [2, 1, 1, 7],
        "total": [300.30, 300.30, -50.05, 1.0],
        "before": [1000.0, 0.0, 1300.30, 999.0],
        "after": [1300.30, 300.30, 1250.25, 1000.0],
    }
)
CONTROL = Control(
    table="control", day="on", by={"book": "account"}, count="lines", sums={"total": "amount"},
    opening="before", closing="after",
)  # fmt: skip


def given(
    table: pl.DataFrame | None, control: Control = CONTROL, batch: list[dict[str, Any]] | None = None
) -> Material:
    made = material(BATCH if batch is None else batch, controls=(control,))
    references = {} if table is None else {"control": table}
    return replace(made, references=references, days=(DAY, DAY + timedelta(days=1)))


def by_code(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.code: check for check in checks}


def test_totals_that_agree_are_told_and_late_records_belong_to_other_totals() -> None:
    checks = control_checks(given(TABLE))
    assert [check.code for check in checks] == ["control_agrees"] * 3 + ["control_continues"]
    assert [check.values.get("count") for check in checks] == [3, 3, 3, None]


@pytest.mark.parametrize(
    ("change", "code", "values"),
    [
        (
            {"lines": [2, 2, 1, 7]},
            "control_differs",
            {"stated": 2, "found": 1, "where": f"62, {DAY}"},
        ),
        ({"total": [300.31, 300.3, -50.05, 1.0]}, "control_differs", {"total": "total", "stated": 300.31}),
        ({"after": [1300.30, 300.31, 1250.25, 1000.0]}, "control_differs", {"total": "after", "found": 300.3}),
        ({"after": [1300.30, 300.30, 1250.25, 1000.5]}, "control_breaks", {"stated": 1000.0, "before": 1000.5}),
    ],
)
def test_a_total_that_differs_is_broken_data(change: dict[str, Any], code: str, values: dict[str, Any]) -> None:
    changed = given(TABLE.with_columns(pl.Series(name, column) for name, column in change.items()))
    failed = [check for check in control_checks(changed) if check.status is CheckStatus.FAILED]
    assert [check.code for check in failed] == [code]
    assert values.items() <= failed[0].values.items()
    assert by_code(control_checks(replace(changed, settings=_tolerant(changed))))["control_continues"]


def _tolerant(changed: Material) -> Any:
    control = CONTROL.model_copy(update={"tolerance": Decimal(1), "count": None})
    return changed.settings.model_copy(update={"controls": (control,)})


def test_broken_totals_keep_the_statistics_out_and_an_empty_batch_fails_them() -> None:
    lost = given(TABLE, batch=[row for row in BATCH if row["account"] == "61"])
    lost = replace(lost, settings=lost.settings.model_copy(update={"skip": ()}))
    codes = by_code(analyze(lost).checks)
    assert codes["control_differs"].values["found"] == 0
    assert codes["skipped_data_broken"].values["failed"] == "volume, control"
    assert "control_differs" in by_code(check_data(given(TABLE, batch=[])))


def test_groups_that_the_table_leaves_out_are_told() -> None:
    codes = by_code(control_checks(given(TABLE.filter(pl.col("book") != "62"))))
    assert codes["control_unstated"].values["count"] == 1
    assert codes["control_agrees"].values["count"] == 2


def test_a_table_without_days_is_about_the_whole_batch() -> None:
    whole = Control(table="control", count="n", sums={"sum": "amount"})
    table = pl.DataFrame({"n": ["3", "1"], "sum": ["500,55", None]})
    codes = [check.code for check in control_checks(given(table, whole))]
    assert codes == ["control_agrees", "control_differs"]
    table = pl.DataFrame({"n": [4], "sum": [Decimal("550.55")]})
    assert [check.code for check in control_checks(given(table, whole))] == ["control_agrees"] * 2


def test_debit_and_credit_move_a_balance_in_their_directions() -> None:
    sided = tuple(
        Column(name=c.name, role=Role.CATEGORY, field=Field.DEBIT_CREDIT) if c.name == "text" else c
        for c in COLUMNS.columns
    )
    batch = [row | {"text": side} for row, side in zip(BATCH[:2], ("S", "H"), strict=True)]
    made = replace(given(None, batch=batch), columns=COLUMNS.model_copy(update={"columns": sided}))
    balance = Control(table="control", opening="a", closing="b")
    made = replace(made, settings=made.settings.model_copy(update={"controls": (balance,)}))
    checks = control_checks(replace(made, references={"control": pl.DataFrame({"a": [1000.0], "b": [899.9]})}))
    assert [check.code for check in checks] == ["control_agrees"]


@pytest.mark.parametrize("table", [None, TABLE.clear(), TABLE.with_columns(on=pl.lit(date(2001, 1, 1)))])
def test_a_control_without_totals_for_the_batch_says_so(table: pl.DataFrame | None) -> None:
    (check,) = control_checks(given(table))
    assert check.status is CheckStatus.WARNING


def test_a_wrong_column_names_the_nearest() -> None:
    for control, said in (
        (CONTROL.model_copy(update={"count": "linse"}), "the table 'control': no column 'linse'; did you mean 'lines'"),
        (
            CONTROL.model_copy(update={"sums": {"total": "amuont"}}),
            "the records: no column 'amuont'; did you mean 'amount'",
        ),
    ):
        with pytest.raises(MonitorError) as caught:
            control_checks(given(TABLE, control))
        assert said in str(caught.value)
