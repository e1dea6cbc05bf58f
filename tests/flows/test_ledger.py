from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from analyzers.columns import Column, Columns, Shape
from flows.demo import ledger
from flows.demo.workdays import HOLIDAYS
from flows.sources.conforming import conform
from flows.sources.files import read_files

END = date(2026, 11, 15)


@pytest.fixture(scope="module")
def books() -> ledger.Ledger:
    return ledger.simulate(1, END)


def _described(monitor: str) -> Columns:
    settings = yaml.safe_load((Path(__file__).parents[2] / "monitors" / f"{monitor}.yaml").read_text(encoding="utf-8"))
    columns = {name: {"role": said} if isinstance(said, str) else said for name, said in settings["columns"].items()}
    return Columns(
        shape=Shape(settings["records"]["shape"]),
        columns=tuple(Column(name=name, **said) for name, said in columns.items()),
    )


def test_the_same_seed_gives_the_same_ledger(books: ledger.Ledger) -> None:
    again = ledger.simulate(1, END)
    assert again.payments.equals(books.payments)
    assert again.planted == books.planted
    assert not ledger.simulate(2, END).payments.equals(books.payments)


@pytest.mark.parametrize(("seed", "end"), [(0, END), (3, date(2026, 3, 31)), (4, date(2027, 1, 6))])
def test_size_and_truth(seed: int, end: date) -> None:
    made = ledger.simulate(seed, end)
    assert 18_500 <= made.payments.height <= 21_500
    kinds = Counter(planted.kind for planted in made.planted)
    assert len(made.planted) >= 25
    assert len(kinds) >= 6
    assert len(made.decoys) >= 200
    assert len({decoy.kind for decoy in made.decoys}) >= 10
    paid = dict(zip(made.payments["payment_id"], made.payments["paid_at"], strict=True))
    for keys in [planted.keys for planted in made.planted] + [decoy.keys for decoy in made.decoys]:
        assert keys
        assert all(made.batch_start <= paid[key] < made.batch_end for key in keys)
    anomalies = {key for planted in made.planted for key in planted.keys}
    assert not anomalies & {key for decoy in made.decoys if decoy.kind != "payment_run_night" for key in decoy.keys}


def test_payments_are_consistent(books: ledger.Ledger) -> None:
    payments = books.payments
    assert payments["payment_id"].is_unique().all()
    assert payments["paid_at"].is_sorted()
    assert payments.filter(pl.col("entered_at") >= pl.col("paid_at")).is_empty()
    assert set(payments["supplier"]) <= set(books.vendors["vendor_id"])
    assert set(payments["currency"]) == {"EUR", "USD"}
    assert set(payments["reverses"].drop_nulls()) <= set(payments["payment_id"])


def test_planted_payments_are_what_they_are_called(books: ledger.Ledger) -> None:
    by_key = {row["payment_id"]: row for row in books.payments.to_dicts()}
    employees = dict(zip(books.employees["bank_account"], books.employees["employee_id"], strict=True))
    for planted in books.planted:
        first = by_key[planted.keys[0]]
        if planted.kind.startswith("duplicate"):
            original = by_key[planted.related[0]]
            assert first["amount"] == original["amount"]
            assert (first["invoice"] == original["invoice"]) == (planted.kind != "duplicate_similar")
            assert (first["supplier"] == original["supplier"]) == (planted.kind != "duplicate_other_supplier")
        elif planted.kind == "self_approved":
            assert first["created_by"] == first["approved_by"]
        elif planted.kind == "just_below_limit":
            assert 9_600 < first["amount"] < 10_000
        elif planted.kind == "split_purchase":
            assert all(by_key[key]["amount"] < 10_000 for key in planted.keys)
            assert sum(by_key[key]["amount"] for key in planted.keys) > 15_000
        elif planted.kind == "employee_bank":
            assert first["bank_account"] in employees
        elif planted.kind == "employee_phone":
            vendor = books.vendors.row(by_predicate=pl.col("vendor_id") == planted.entity, named=True)
            assert vendor["phone"] in set(books.employees["phone"])
        elif planted.kind == "without_account":
            assert first["account"] is None
        elif planted.kind == "same_ending":
            endings = {by_key[key]["amount"] % 1 for key in planted.keys}
            assert len(endings) == 1
            assert len(planted.keys) >= 15
        elif planted.kind == "decimal_slip":
            others = (pl.col("supplier") == planted.entity) & (pl.col("payment_id") != planted.keys[0])
            assert first["amount"] > 10 * max(books.payments.filter(others)["amount"])
        elif planted.kind == "sequence_gap":
            number = int(planted.keys[0][1:])
            assert f"P{number - 1}" not in by_key
            assert f"P{number - 4}" in by_key
    assert {planted.kind for planted in books.planted} >= {"employee_phone", "same_ending", "sequence_gap"}


def test_a_holiday_is_used_where_the_batch_has_one() -> None:
    made = ledger.simulate(2, date(2026, 1, 15))
    planted = next(item for item in made.planted if item.kind == "holiday_round")
    assert (planted.start.month, planted.start.day) in HOLIDAYS
    assert "holiday_round" not in {item.kind for item in ledger.simulate(2, date(2026, 3, 31)).planted}


def test_no_decoy_piles_up_at_one_amount(books: ledger.Ledger) -> None:
    keys = {key for decoy in books.decoys if decoy.kind == "backlog_cleared" for key in decoy.keys}
    amounts = books.payments.filter(pl.col("payment_id").is_in(keys))["amount"]
    assert amounts.n_unique() > 0.9 * len(amounts)
    assert amounts.max() <= 9_000  # type: ignore[operator]


def test_nobody_but_the_planted_approves_himself(books: ledger.Ledger) -> None:
    alone = books.payments.filter(pl.col("created_by") == pl.col("approved_by"))
    planted = {key for planted in books.planted if planted.kind == "self_approved" for key in planted.keys}
    assert set(alone["payment_id"]) == planted


def test_decoys_occur_before_the_batch_too(books: ledger.Ledger) -> None:
    history = books.payments.filter(pl.col("paid_at") < books.batch_start)
    for words in ("Rent ", "Credit note for", "Refund, invoice", "instalment", "50 % advance", "Annual premium"):
        assert history["description"].str.contains(words, literal=True).sum() > 0, words


def test_files_give_back_what_was_simulated(books: ledger.Ledger, tmp_path: Path) -> None:
    written = ledger.write(books, tmp_path)
    truth = {planted.kind for planted in books.planted} | {decoy.kind for decoy in books.decoys}
    for path in written:
        text = path.read_text(encoding="utf-8").partition("\n")[2]
        assert not any(kind in text for kind in truth if "_" in kind)
    table = read_files([tmp_path / "payments-*.csv"], timezone=ledger.TIMEZONE)
    frame, quarantined = conform(table, _described("ledger"), timezone=ledger.TIMEZONE, monitor="ledger")
    assert quarantined.is_empty()
    assert frame["record_id"].is_unique().all()
    expected = books.payments.with_columns(pl.col("manual").cast(pl.String))
    assert frame.select(expected.columns).equals(expected)
    holidays = read_files([tmp_path / "holidays.csv"], timezone=ledger.TIMEZONE).frame
    assert holidays.schema["day"].is_temporal()
