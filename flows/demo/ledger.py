"""A simulated ledger: supplier payments of 120 days, with planted anomalies and decoys that only look odd."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from flows.demo import ledger_decoys, ledger_planted, names, ordinary
from flows.demo.books import TIMEZONE, Books, Event
from flows.demo.truth import Decoy, Planted
from flows.demo.workdays import HOLIDAYS, Workdays

__all__ = ["BATCH", "LENGTH", "TIMEZONE", "Ledger", "simulate", "write"]

LENGTH = 120
"""Days in the ledger."""
BATCH = 30
"""The last days, in which everything planted lies."""


@dataclass(frozen=True)
class Ledger:
    """A ledger and its truth.

    payments : one line per payment in order of `paid_at`, which like every date in it is an instant in UTC (dates are
        midnights in `TIMEZONE`); `amount` is `Decimal(18, 4)`, everything else text but `manual`.
    vendors, employees : the reference tables.
    batch_start, batch_end : the batch, first instant and first instant after it, UTC.
    """

    payments: pl.DataFrame
    vendors: pl.DataFrame
    employees: pl.DataFrame
    planted: tuple[Planted, ...]
    decoys: tuple[Decoy, ...]
    batch_start: datetime
    batch_end: datetime


def simulate(seed: int, end: date) -> Ledger:
    """Simulate the `LENGTH` days that end with `end`; the same seed and date give the same ledger."""
    books = Books(np.random.default_rng(seed), Workdays(end=end, length=LENGTH, batch=BATCH))
    suppliers = ordinary.open_suppliers(books)
    employees = _employees(books)
    ledger_planted.change_accounts(books, suppliers)
    ledger_decoys.move_bank(books, suppliers)
    ordinary.pay_suppliers(books, suppliers)
    ledger_decoys.post_all(books, suppliers, employees)
    ledger_planted.post_all(books, suppliers, employees)
    return _close(books, employees)


def write(ledger: Ledger, folder: Path) -> list[Path]:
    """Write `payments-YYYY-MM.csv` and the reference tables as a Spanish company exports them.

    Semicolons, decimal comma, `dd/mm/yyyy hh:mm:ss` in local time. The truth is not written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    local = ledger.payments.with_columns(pl.col(pl.Datetime).dt.convert_time_zone(TIMEZONE))
    months = local.with_columns(month=pl.col("paid_at").dt.strftime("%Y-%m")).partition_by(
        "month", as_dict=True, include_key=False
    )
    written = [_write(folder / f"payments-{month[0]}.csv", frame) for month, frame in sorted(months.items())]
    return [
        *written,
        _write(folder / "vendors.csv", ledger.vendors.with_columns(pl.col(pl.Datetime).dt.convert_time_zone(TIMEZONE))),
        _write(folder / "employees.csv", ledger.employees),
        _write(folder / "holidays.csv", _holidays(ledger)),
    ]


def _holidays(ledger: Ledger) -> pl.DataFrame:
    """The national holidays of the ledger's years."""
    years = range(ledger.batch_start.year - 1, ledger.batch_end.year + 1)
    days = [(date(year, *day), name) for year in years for day, name in HOLIDAYS.items()]
    frame = pl.DataFrame(sorted(days), schema={"day": pl.Date, "holiday": pl.String}, orient="row")
    return frame.with_columns(pl.col("day").cast(pl.Datetime("us")))


def _write(path: Path, frame: pl.DataFrame) -> Path:
    """Write one frame; columns named `..._at` keep their time of day, other instants are dates."""
    shown = frame.with_columns(
        [
            pl.col(name).dt.strftime("%d/%m/%Y %H:%M:%S" if name.endswith("_at") else "%d/%m/%Y")
            for name, dtype in frame.schema.items()
            if isinstance(dtype, pl.Datetime)
        ]
    ).with_columns(
        pl.col(pl.Decimal)
        .round(2)
        .cast(pl.String)
        .str.replace(r"(\.\d\d)\d*$", "$1")
        .str.replace(".", ",", literal=True)
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(shown.columns)
        writer.writerows(shown.with_columns(pl.col(pl.Boolean).cast(pl.String)).rows())
    return path


def _employees(books: Books) -> pl.DataFrame:
    """Employees; the first of them are the users of the books."""
    rng, count = books.rng, 130
    users = (*names.CLERKS, *names.MANAGERS, *names.DIRECTORS, names.TREASURY, names.HUMAN_RESOURCES)
    full = [
        f"{rng.choice(names.FIRST_NAMES)} {rng.choice(names.SURNAMES)} {rng.choice(names.SURNAMES)}"
        for _ in range(count)
    ]
    departments = [
        ("HR" if users[i] == names.HUMAN_RESOURCES else "Finance")
        if i < len(users)
        else str(rng.choice(names.DEPARTMENTS))
        for i in range(count)
    ]
    return pl.DataFrame(
        {
            "employee_id": [f"E{2_001 + i}" for i in range(count)],
            "name": full,
            "department": departments,
            "user": [users[i] if i < len(users) else None for i in range(count)],
            "bank_account": [books.iban() for _ in range(count)],
            "phone": [books.phone() for _ in range(count)],
        }
    )


def _utc(column: str) -> pl.Expr:
    naive = pl.col(column).cast(pl.Datetime("us"))
    return naive.dt.replace_time_zone(TIMEZONE, ambiguous="earliest").dt.convert_time_zone("UTC")


def _close(books: Books, employees: pl.DataFrame) -> Ledger:
    """Number the payments in order of time and turn events about postings into truth about payments."""
    instants = ("paid_at", "entered_at", "invoice_date", "due_date")
    frame = books.frame().with_columns(_utc(name) for name in instants).sort("paid_at", "posting")
    # Where a gap is planted the numbers before the payment are missing.
    missing = pl.col("posting").is_in(books.after_gaps).cast(pl.Int64).cum_sum() * ledger_planted.MISSING_NUMBERS
    frame = frame.with_columns(payment_id=pl.format("P{}", pl.int_range(pl.len()) + 1_000_001 + missing))
    keys = dict(zip(frame["posting"].to_list(), frame["payment_id"].to_list(), strict=True))
    times = dict(zip(frame["posting"].to_list(), frame["paid_at"].to_list(), strict=True))
    first = datetime.combine(books.days.on(books.days.batch_start), datetime.min.time())
    border = pl.DataFrame({"paid_at": [first]}).select(_utc("paid_at")).item()
    payments = frame.select(
        "payment_id",
        "paid_at",
        "supplier",
        "invoice",
        "invoice_date",
        "due_date",
        "entered_at",
        amount=pl.col("cents").cast(pl.Decimal(18, 4)) / pl.lit(100),
        currency="currency",
        account=pl.col("account").replace("", None),
        description=pl.col("description").replace("", None),
        method="method",
        manual="manual",
        bank_account="bank_account",
        created_by="created_by",
        approved_by="approved_by",
        reverses=pl.col("reverses").replace_strict(keys, default=None, return_dtype=pl.String),
    ).with_columns(pl.col("amount").cast(pl.Decimal(18, 4)))
    return Ledger(
        payments=payments,
        vendors=_vendors(books),
        employees=employees,
        planted=tuple(_planted(event, keys, times) for event in books.planted),
        decoys=tuple(_decoys(books.decoys, keys, times, border)),
        batch_start=border,
        batch_end=pl.DataFrame({"t": [datetime.combine(books.days.on(LENGTH), datetime.min.time())]})
        .select(_utc("t"))
        .item(),
    )


def _planted(event: Event, keys: dict[int, str], times: dict[int, datetime]) -> Planted:
    moments = [times[posting] for posting in event.postings]
    return Planted(
        kind=event.kind,
        rule_like=ledger_planted.RULE_LIKE[event.kind],
        entity=event.entity,
        start=min(moments),
        end=max(moments),
        keys=tuple(keys[posting] for posting in event.postings),
        related=tuple(keys[posting] for posting in event.related),
    )


def _decoys(events: Sequence[Event], keys: dict[int, str], times: dict[int, datetime], border: datetime) -> list[Decoy]:
    """Decoys with their records in the batch; what lies before it is history."""
    found = []
    for event in events:
        inside = [posting for posting in event.postings if times[posting] >= border]
        if inside:
            moments = [times[posting].astimezone(UTC) for posting in inside]
            records = tuple(keys[posting] for posting in inside)
            found.append(Decoy(event.kind, event.entity, min(moments), max(moments), records))
    return found


def _vendors(books: Books) -> pl.DataFrame:
    """The vendor master as it is at the end."""
    rows: list[dict[str, Any]] = [
        {
            "vendor_id": supplier.id,
            "name": supplier.name,
            "trade": supplier.trade.name,
            "currency": supplier.currency,
            "payment_days": supplier.terms,
            "bank_account": supplier.bank_account,
            "phone": supplier.phone,
            "intercompany": "yes" if supplier.trade.name == "group" else None,
            "bank_changed_on": None if supplier.changed is None else books.days.on(supplier.changed),
            "created_on": books.days.on(supplier.created),
        }
        for supplier in books.suppliers
    ]
    schema = {"bank_changed_on": pl.Date, "created_on": pl.Date, "intercompany": pl.String}
    frame = pl.DataFrame(rows, schema_overrides=schema)
    return frame.with_columns(_utc("bank_changed_on"), _utc("created_on"))
