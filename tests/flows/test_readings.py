"""A monitor that reads its records otherwise does not have them twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flows.warehouse import Warehouse, sql
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, MONITOR, payments
from tests.flows.nights import run_night

NEXT = DATA_DATE + timedelta(days=1)


def stored(folder: Path) -> int:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        return int(sql.scalar(connection, 'SELECT count(*) FROM "records_payments"'))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("timezone: Europe/Madrid\nschedule", "timezone: America/Lima\nschedule"),
        ("account: category", "account: ignore"),
        ("  account: category\n", ""),
        ("payment: {role: ignore, field: document}", "payment: {role: key, field: document}"),
    ],
)
def test_records_without_a_key_are_replaced_when_they_are_read_otherwise(folder: Path, before: str, after: str) -> None:
    keyless = MONITOR.replace("payment: {role: key, field: document}", "payment: {role: ignore, field: document}")
    stated = folder / "monitors" / "payments.yaml"
    stated.write_text(keyless, encoding="utf-8")
    run_night(folder, DATA_DATE)
    assert stored(folder) == payments().height
    # What the file no longer holds is history, and stays.
    gone = payments().height // 2
    payments().tail(payments().height - gone).write_csv(folder / "data" / "payments-2026.csv")
    assert before in keyless
    stated.write_text(keyless.replace(before, after), encoding="utf-8")
    run_night(folder, NEXT)
    assert stored(folder) == pytest.approx(payments().height, abs=30)
    run_night(folder, NEXT, force=True)
    assert stored(folder) == pytest.approx(payments().height, abs=30)


def test_a_file_that_grows_loses_nothing(folder: Path) -> None:
    keyless = MONITOR.replace("payment: {role: key, field: document}", "payment: {role: ignore, field: document}")
    (folder / "monitors" / "payments.yaml").write_text(keyless, encoding="utf-8")
    payments().head(850).write_csv(folder / "data" / "payments-2026.csv")
    run_night(folder, DATA_DATE)
    payments().tail(500).write_csv(folder / "data" / "payments-2026.csv")
    run_night(folder, NEXT)
    assert stored(folder) == payments().height
