"""The books of the simulated company: suppliers with their habits, and the payments posted to them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.demo import names
from flows.demo.workdays import Days, Instants, Workdays

LIMIT = 1_000_000
"""Approval limit in cents: from here on a director approves."""
TIMEZONE = "Europe/Madrid"
Numbers = NDArray[np.int64]

_INVOICE_STYLES = (
    "{year}/{n:05d}", "F-{n}", "INV{n:06d}", "{n}", "FV{yy}{n:05d}", "A{month:02d}-{n:04d}", "{n:04d}/{yy}",
    "RE-{n:07d}",
)  # fmt: skip


@dataclass
class Supplier:
    """One supplier and its habits."""

    id: str
    name: str
    trade: names.Trade
    created: int
    """Day of its first entry in the vendor master, as an offset that may be negative."""
    median: float
    """Usual amount in cents."""
    spread: float
    """Standard deviation of the logarithm of its amounts."""
    unit_price: int | None
    """Cents; what it sells has a price and amounts are multiples of it."""
    terms: int
    currency: str
    clerks: tuple[str, ...]
    manager: str
    style: str
    first_number: int
    pace: float
    """Invoices a day that it writes to all its customers."""
    bank_account: str
    phone: str
    method: str
    """How it is paid: `run`, `manual` or `debit`."""
    old_account: str | None = None
    changed: int | None = None
    """Day on which its bank account changed."""
    payments: int = 0
    """How many ordinary payments it got."""
    numbers: set[int] = field(default_factory=set)


@dataclass
class Event:
    """Something planted or a decoy, with the postings (by their number) that belong to it."""

    kind: str
    entity: str
    postings: list[int]
    related: list[int] = field(default_factory=list)


class Books:
    """All that is written down while a ledger is simulated."""

    def __init__(self, rng: np.random.Generator, days: Workdays) -> None:
        self.rng = rng
        self.days = days
        self.suppliers: list[Supplier] = []
        self.decoys: list[Event] = []
        self.planted: list[Event] = []
        self.posted = 0
        self.after_gaps: list[int] = []
        """Postings before which numbers are missing."""
        self._chunks: list[dict[str, Any]] = []
        self._used_names: set[str] = set()

    # -- suppliers ---------------------------------------------------------------------------------------------------

    def supplier(self, trade: str, *, name: str | None = None, number: str | None = None, **habits: Any) -> Supplier:
        """Open a supplier with random habits; `habits` states some of them."""
        rng, line = self.rng, names.TRADES[trade]
        price = int(rng.integers(150, 9_000)) if trade in ("materials", "office") and rng.random() < 0.4 else None
        clerks = tuple(str(clerk) for clerk in rng.choice(names.CLERKS, size=int(rng.integers(1, 4)), replace=False))
        usual: dict[str, Any] = {
            "created": -int(rng.integers(200, 4_000)),
            "median": float(np.exp(rng.normal(np.log(90_000), 1.0))),
            "spread": float(rng.uniform(0.2, 0.55)),
            "unit_price": price,
            "terms": int(rng.choice([14, 30, 45, 60])),
            "currency": "EUR",
            "clerks": clerks,
            "manager": str(rng.choice(names.MANAGERS)),
            "style": str(rng.choice(_INVOICE_STYLES)),
            "first_number": int(rng.integers(20, 9_000)),
            "pace": float(np.exp(rng.uniform(np.log(0.3), np.log(12)))),
            "bank_account": self.iban(),
            "phone": self.phone(),
            "method": str(rng.choice(["run", "manual", "debit"], p=[0.82, 0.12, 0.06])),
        }
        opened = Supplier(
            id=number or f"V{10_001 + len(self.suppliers)}",
            name=name or self._name(line),
            trade=line,
            **(usual | habits),
        )
        self.suppliers.append(opened)
        return opened

    def iban(self) -> str:
        """A Spanish IBAN with valid check digits."""
        digits = "".join(str(digit) for digit in self.rng.integers(0, 10, size=20))
        check = 98 - int(digits + "142800") % 97
        return f"ES{check:02d}{digits}"

    def phone(self) -> str:
        """A Spanish telephone number."""
        return f"+34 {self.rng.integers(910_000_000, 989_999_999)}"

    def _name(self, trade: names.Trade) -> str:
        rng = self.rng
        while True:
            parts = (
                rng.choice(trade.words),
                rng.choice(names.SURNAMES),
                rng.choice(names.PLACES),
                rng.choice(names.FORMS),
            )
            name = " ".join(str(part) for part in parts if part)
            if name not in self._used_names:
                self._used_names.add(name)
                return name

    # -- postings ----------------------------------------------------------------------------------------------------

    def amounts(self, supplier: Supplier, count: int) -> Numbers:
        """Usual amounts of a supplier in cents."""
        drawn = supplier.median * np.exp(supplier.spread * np.clip(self.rng.normal(size=count), -2.5, 2.5))
        if supplier.unit_price is None:
            return np.maximum(drawn.round(), 500).astype(np.int64)
        return (np.maximum((drawn / supplier.unit_price).round(), 1) * supplier.unit_price).astype(np.int64)

    def pay_times(self, supplier: Supplier, offsets: Days, method: str | None = None) -> Instants:
        """When payments due on these days leave the house, by the way the supplier is paid."""
        rng, count = self.rng, len(offsets)
        way = method or supplier.method
        if way == "debit":
            return self.days.at(offsets, rng.integers(4 * 3600, 7 * 3600, size=count))
        if way == "manual":
            return self.days.at(self.days.snap(offsets), self.office_seconds(count))
        runs = self.days.run_days(offsets)
        closing = np.array([self.days.closes_month(day) for day in runs], dtype=bool)
        afternoon = rng.integers(15 * 3600, 15 * 3600 + 2_400, size=count)
        night = rng.integers(22 * 3600 + 900, 23 * 3600 + 2_700, size=count)
        return self.days.at(runs, np.where(closing, night, afternoon))

    def office_seconds(self, count: int) -> Days:
        """Seconds after midnight within office hours, with a dip at lunch."""
        morning = self.rng.normal(11 * 3600, 4_500, size=count)
        late = self.rng.normal(16.3 * 3600, 3_000, size=count)
        chosen = np.where(self.rng.random(count) < 0.65, morning, late)
        return np.clip(chosen, 8 * 3600, 18.4 * 3600).astype(np.int64)

    def post(self, supplier: Supplier, paid: Instants, cents: Numbers, **stated: Any) -> list[int]:
        """Post payments as the supplier's habits have it; `stated` columns (scalars or arrays) replace the usual ones.

        Returns the postings' numbers.
        """
        count = len(paid)
        postings = np.arange(self.posted, self.posted + count)
        self.posted += count
        columns: dict[str, Any] = {"posting": postings, "supplier": supplier.id, "paid_at": paid, "cents": cents}
        columns |= self._documents(supplier, paid, stated.pop("invoice_day", None))
        columns |= self._people(supplier, cents)
        columns |= {
            "currency": supplier.currency,
            "account": supplier.trade.account,
            "bank_account": self._account_used(supplier, self.days.offset_of(paid)),
            "method": "direct debit" if supplier.method == "debit" else "transfer",
            "manual": supplier.method == "manual",
            "reverses": np.full(count, -1),
        }
        columns |= stated
        self._chunks.append({name: np.broadcast_to(np.asarray(values), (count,)) for name, values in columns.items()})
        return [int(posting) for posting in postings]

    def _account_used(self, supplier: Supplier, offsets: Days) -> NDArray[np.str_]:
        if supplier.changed is None or supplier.old_account is None:
            return np.full(len(offsets), supplier.bank_account)
        return np.where(offsets < supplier.changed, supplier.old_account, supplier.bank_account)

    def _documents(self, supplier: Supplier, paid: Instants, invoice_day: Days | None) -> dict[str, Any]:
        """Invoice, its dates, when it was entered and what it is for."""
        rng, count = self.rng, len(paid)
        paid_day = self.days.offset_of(paid)
        billed = paid_day - supplier.terms - rng.integers(0, 7, size=count) if invoice_day is None else invoice_day
        entered_day = self.days.snap(billed + rng.integers(1, 6, size=count))
        entered = self.days.at(entered_day, self.office_seconds(count))
        entered = np.where(
            entered < paid, entered, paid - rng.integers(900, 5_400, size=count).astype("timedelta64[s]")
        )
        dates = [self.days.on(day) for day in billed]
        numbers = self.invoice_numbers(supplier, billed)
        descriptions = [
            str(rng.choice(supplier.trade.descriptions)).format(
                n=number % 9_973 + 100, month=names.MONTHS[day.month - 1]
            )
            for number, day in zip(numbers, dates, strict=True)
        ]
        return {
            "invoice": [
                supplier.style.format(n=number, year=day.year, yy=day.year % 100, month=day.month)
                for number, day in zip(numbers, dates, strict=True)
            ],
            "invoice_date": np.array(dates, dtype="datetime64[D]"),
            "due_date": np.array([day + timedelta(days=supplier.terms) for day in dates], dtype="datetime64[D]"),
            "entered_at": entered,
            "description": np.where(rng.random(count) < 0.03, "", descriptions),
        }

    def invoice_numbers(self, supplier: Supplier, billed: Days) -> list[int]:
        """Numbers that grow with the invoice date at the supplier's own pace, none of them used before."""
        drawn = supplier.first_number + supplier.pace * (billed + 400 + self.rng.random(len(billed)) * 0.9)
        numbers: list[int] = []
        for wanted in np.floor(drawn).astype(np.int64).tolist():
            number = next(free for free in itertools.count(wanted) if free not in supplier.numbers)
            supplier.numbers.add(number)
            numbers.append(number)
        return numbers

    def _people(self, supplier: Supplier, cents: Numbers) -> dict[str, Any]:
        rng, count = self.rng, len(cents)
        if supplier.method == "debit":
            return {"created_by": names.BANK_IMPORT, "approved_by": names.TREASURY}
        share = 0.6 ** np.arange(len(supplier.clerks))
        clerks = rng.choice(supplier.clerks, size=count, p=share / share.sum())
        directors = rng.choice(names.DIRECTORS, size=count)
        stand_in = rng.choice(names.MANAGERS, size=count)
        managers = np.where(rng.random(count) < 0.9, supplier.manager, stand_in)
        return {"created_by": clerks, "approved_by": np.where(np.abs(cents) >= LIMIT, directors, managers)}

    def frame(self) -> pl.DataFrame:
        """All postings in the order of posting."""
        columns = self._chunks[0].keys()
        joined = {name: np.concatenate([chunk[name] for chunk in self._chunks]) for name in columns}
        times = {name: values.astype("datetime64[us]") for name, values in joined.items() if values.dtype.kind == "M"}
        return pl.DataFrame({name: pl.Series(name, values) for name, values in (joined | times).items()})
