"""Decoys of the ledger: payments that look odd and are normal, at their natural rhythm all through the period."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from flows.demo import names
from flows.demo.books import Books, Event, Numbers, Supplier
from flows.demo.workdays import Days, Instants


def move_bank(books: Books, suppliers: list[Supplier]) -> None:
    """A bank is taken over: on one day, long before the batch, all its customers among the suppliers change account."""
    day = int(books.rng.integers(48, 56))
    usable = [supplier for supplier in suppliers[20:400] if supplier.changed is None]
    for index in books.rng.choice(len(usable), size=9, replace=False):
        supplier = usable[index]
        supplier.old_account, supplier.bank_account, supplier.changed = supplier.bank_account, books.iban(), day


def post_all(books: Books, suppliers: list[Supplier], employees: pl.DataFrame) -> None:
    """Post every decoy and mark the ordinary payments that are one."""
    _mark_ordinary(books, suppliers)
    for post in _POSTED:
        post(books)
    _bonus(books, employees)
    _corrections(books, suppliers)
    _catch_up(books, suppliers)


def _decoy(books: Books, kind: str, supplier: Supplier, postings: list[int]) -> None:
    books.decoys.append(Event(kind, supplier.id, postings))


def _each(books: Books, kind: str, supplier: Supplier, postings: list[int]) -> None:
    """Every posting is a decoy of its own."""
    for posting in postings:
        _decoy(books, kind, supplier, [posting])


def _month_of(books: Books, offsets: Days) -> list[str]:
    return [f"{names.MONTHS[books.days.on(day).month - 1]} {books.days.on(day).year}" for day in offsets]


def _morning(books: Books, offsets: Days) -> Instants:
    return books.days.at(offsets, books.rng.integers(9 * 3600, 9 * 3600 + 1_800, size=len(offsets)))


def _fixed(value: float, count: int) -> Numbers:
    return np.full(count, round(value), dtype=np.int64)


def _rents(books: Books) -> None:
    """The same sum, often a round one, at the beginning of each month."""
    for _ in range(14):
        landlord = books.supplier("rent", method="run")
        days = books.days.monthly(int(books.rng.integers(1, 4)))
        cents = _fixed(float(books.rng.integers(8, 180)) * 5_000, len(days))
        text = [f"Rent {month}" for month in _month_of(books, days)]
        postings = books.post(landlord, _morning(books, days), cents, description=text, invoice_day=days - 5)
        _each(books, "rent", landlord, postings)


def _instalments(books: Books) -> None:
    """One invoice paid in equal parts: same supplier, same number, same amount, a month apart."""
    for _ in range(14):
        lender = books.supplier("financing", method="run")
        days = books.days.monthly(int(books.rng.integers(5, 26)))
        total, paid_before = int(books.rng.choice([12, 24, 36])), int(books.rng.integers(1, 7))
        contract = f"LN-{books.rng.integers(10_000, 99_999)}"
        text = [f"Contract {contract}, instalment {paid_before + i} of {total}" for i in range(len(days))]
        cents = _fixed(books.rng.uniform(40_000, 900_000), len(days))
        postings = books.post(
            lender,
            _morning(books, days),
            cents,
            description=text,
            invoice=contract,
            invoice_day=np.full(len(days), -90),
        )
        _each(books, "instalment", lender, postings)


def _utilities(books: Books) -> None:
    """Direct debits of supply points, on whatever day the bank collects them: here nights and weekends."""
    for _ in range(6):
        provider = books.supplier("utilities", method="debit", terms=14)
        for point in range(8):
            base = books.rng.uniform(9_000, 260_000)
            days = books.days.monthly(int(books.rng.integers(2, 27)))
            weekend = days + (5 - np.array([books.days.on(day).weekday() for day in days])) + books.rng.integers(0, 2)
            weekend = weekend[(weekend >= 0) & (weekend < books.days.length)]
            cents = (base * np.exp(books.rng.normal(0, 0.12, size=len(weekend)))).astype(np.int64)
            text = [f"Supply point {4_100 + point}, {month}" for month in _month_of(books, weekend)]
            paid = books.pay_times(provider, weekend)
            _each(books, "weekend_direct_debit", provider, books.post(provider, paid, cents, description=text))


def _subscriptions(books: Books) -> None:
    """Two licences of one supplier, billed on one day for one price under consecutive numbers."""
    for _ in range(16):
        vendor = books.supplier("software", method="run", pace=3.0)
        days = books.days.run_days(books.days.monthly(int(books.rng.integers(4, 24))))
        days = np.repeat(days[days < books.days.length], 2)
        cents = _fixed(float(books.rng.integers(90, 2_400)) * 100 - 1, len(days))
        text = [f"Licence {'AB'[i % 2]}, {month}" for i, month in enumerate(_month_of(books, days))]
        paid = _morning(books, days) + np.arange(len(days)).astype("timedelta64[s]")
        postings = books.post(vendor, paid, cents, description=text, invoice_day=days - vendor.terms)
        for first, second in zip(postings[::2], postings[1::2], strict=True):
            _decoy(books, "twin_subscription", vendor, [first, second])


def _price_increases(books: Books) -> None:
    """A fixed monthly price that rises once by contract; of some suppliers in the batch, of others before it."""
    for number in range(24):
        supplier = books.supplier("services", method="run")
        days = books.days.monthly(int(books.rng.integers(3, 26)))
        inside = days >= books.days.batch_start
        rises_at = len(days) - int(inside.sum()) if number < 14 else int(books.rng.integers(1, 3))
        price = books.rng.uniform(40_000, 700_000)
        raised = np.arange(len(days)) >= rises_at
        cents = np.where(raised, price * books.rng.uniform(1.08, 1.3), price).round().astype(np.int64)
        text = [
            f"Service contract {month}" + (", new price by contract" if i == rises_at else "")
            for i, month in enumerate(_month_of(books, days))
        ]
        postings = books.post(
            supplier, _morning(books, days), cents, description=text, invoice_day=days - supplier.terms
        )
        _each(books, "price_increase", supplier, postings[rises_at : rises_at + 1])


def _insurance(books: Books) -> None:
    """Small monthly premiums and, once a year, a policy paid in full."""
    for number in range(12):
        insurer = books.supplier("insurance", method="run")
        days = books.days.monthly(int(books.rng.integers(5, 20)))
        small = books.rng.uniform(15_000, 90_000)
        books.post(insurer, _morning(books, days), _fixed(small, len(days)), invoice_day=days - 15)
        low, high = (books.days.batch_start, books.days.length - 2) if number < 5 else (10, books.days.batch_start)
        day = books.days.snap(np.array([int(books.rng.integers(low, high - 4))]))
        cents = _fixed(books.rng.uniform(900_000, 4_200_000), 1)
        text = f"Annual premium, policy {books.rng.integers(10**6, 10**7)}"
        _each(books, "annual_insurance", insurer, books.post(insurer, _morning(books, day), cents, description=text))


def _taxes(books: Books) -> None:
    """Three taxes due every quarter, by the same working day."""
    office = books.supplier("taxes", name="Agencia Tributaria", method="run", terms=14, pace=0.05)
    due = int(books.rng.integers(books.days.batch_start + 6, books.days.length - 5))
    for tax in ("VAT", "Withholding tax", "Corporation tax"):
        base = books.rng.uniform(2_000_000, 9_000_000)
        days = books.days.snap(np.array([due - 91, due]))
        cents = (base * np.exp(books.rng.normal(0, 0.08, size=2))).astype(np.int64)
        postings = books.post(office, _morning(books, days), cents, description=f"{tax}, quarter")
        _each(books, "quarterly_tax", office, postings)


def _seasonal(books: Books) -> None:
    """Suppliers of the season: they begin shortly before the batch and bill often while it lasts."""
    for _ in range(7):
        supplier = books.supplier("season", method="run", median=float(books.rng.uniform(40_000, 200_000)))
        begins = int(books.rng.integers(70, 84))
        offsets = np.arange(begins, books.days.length - 4, 3) + books.rng.integers(0, 2)
        paid = books.pay_times(supplier, offsets)
        _decoy(books, "seasonal_supplier", supplier, books.post(supplier, paid, books.amounts(supplier, len(paid))))


def _advances(books: Books) -> None:
    """Half in advance, half on delivery: equal amounts under numbers that differ in the last letter."""
    for _ in range(44):
        supplier = books.supplier("repairs", method="run")
        first = int(books.rng.integers(0, books.days.length - 24))
        days = books.days.snap(np.array([first, first + int(books.rng.integers(10, 21))]))
        order = int(books.rng.integers(1_000, 9_999))
        postings = books.post(
            supplier,
            _morning(books, days),
            _fixed(books.rng.uniform(60_000, 800_000), 2),
            invoice=[f"PR-{order}-A", f"PR-{order}-B"],
            description=[f"Order {order}, 50 % advance", f"Order {order}, balance on delivery"],
        )
        _decoy(books, "advance_and_balance", supplier, postings)


def _deliveries(books: Books) -> None:
    """A delivery every working day: three days together always exceed the limit."""
    for _ in range(5):
        supplier = books.supplier(
            "materials", method="manual", median=float(books.rng.uniform(250_000, 420_000)), spread=0.15
        )
        offsets = np.array([day for day in range(books.days.length) if books.days.works(day)])
        paid = books.days.at(offsets, books.office_seconds(len(offsets)))
        postings = books.post(supplier, paid, books.amounts(supplier, len(paid)))
        for week in range(0, len(postings), 5):
            _decoy(books, "daily_delivery", supplier, postings[week : week + 5])


def _leasing(books: Books) -> None:
    """A lease whose fixed rate happens to lie just below the approval limit."""
    for _ in range(5):
        lessor = books.supplier("leasing", method="run")
        days = books.days.monthly(int(books.rng.integers(2, 20)))
        cents = _fixed(books.rng.uniform(952_000, 996_000), len(days))
        text = [f"Vehicle leasing {month}" for month in _month_of(books, days)]
        _each(books, "leasing_below_limit", lessor, books.post(lessor, _morning(books, days), cents, description=text))


def _intercompany(books: Books) -> None:
    """Large round sums to two companies of the group, every two weeks."""
    for place in ("Portugal", "Francia"):
        company = books.supplier("group", name=f"Filial {place} SA", method="run", terms=14)
        offsets = books.days.snap(np.arange(4, books.days.length - 4, 14))
        cents = books.rng.choice([50, 75, 100, 150], size=len(offsets)) * 100_000
        text = [f"Intercompany funding {month}" for month in _month_of(books, offsets)]
        postings = books.post(company, _morning(books, offsets), cents.astype(np.int64), description=text)
        _each(books, "intercompany", company, postings)


def _petty_cash(books: Books) -> None:
    """Round sums without a description, for the cash box, in office hours every week."""
    for place in ("Madrid", "Zaragoza", "Valencia"):
        box = books.supplier("cash", name=f"Caja {place}", method="manual", terms=14)
        offsets = books.days.snap(np.arange(int(books.rng.integers(0, 5)), books.days.length - 4, 7))
        paid = books.days.at(offsets, books.office_seconds(len(offsets)))
        cents = (books.rng.choice([300, 500, 1_000], size=len(offsets)) * 100).astype(np.int64)
        _each(books, "petty_cash", box, books.post(box, paid, cents, description=""))


_POSTED: tuple[Callable[[Books], None], ...] = (
    _rents,
    _instalments,
    _utilities,
    _subscriptions,
    _price_increases,
    _insurance,
    _taxes,
    _seasonal,
    _advances,
    _deliveries,
    _leasing,
    _intercompany,
    _petty_cash,
)


def _bonus(books: Books, employees: pl.DataFrame) -> None:
    """Employees get their travel expenses every month, and once a year, all on one day, a bonus.

    An employee is a payee under the employee's own number, so payee and employee rightly share a bank account.
    """
    day = books.days.snap(np.array([int(books.rng.integers(books.days.batch_start + 4, books.days.length - 6))]))
    for row in employees.tail(75).to_dicts():
        payee = books.supplier(
            "employee", number=row["employee_id"], name=row["name"], bank_account=row["bank_account"],
            phone=row["phone"], method="run", terms=14, pace=0.05,
            median=float(np.exp(books.rng.normal(np.log(21_000), 0.4))),
        )  # fmt: skip
        offsets = books.days.run_days(books.days.monthly(int(books.rng.integers(1, 20))))
        paid = books.pay_times(payee, offsets[offsets < books.days.length])
        books.post(payee, paid, books.amounts(payee, len(paid)))
        if books.rng.random() < 0.4:
            cents = _fixed(books.rng.uniform(900, 4_500) * 100, 1)
            stated: dict[str, Any] = {
                "account": "641000", "description": "Annual bonus", "invoice": f"BONUS-{payee.id}",
                "created_by": names.HUMAN_RESOURCES, "approved_by": names.DIRECTORS[0],
            }  # fmt: skip
            paid = books.days.at(day, books.rng.integers(16 * 3600, 16 * 3600 + 600, size=1))
            _each(books, "annual_bonus", payee, books.post(payee, paid, cents, **stated))


def _corrections(books: Books, suppliers: list[Supplier]) -> None:
    """Invoices that were credited and billed again, and overpayments that were refunded."""
    posted = books.frame().filter(pl.col("supplier").is_in([supplier.id for supplier in suppliers]))
    by_id = {supplier.id: supplier for supplier in suppliers}
    chosen = posted.filter(pl.col("cents").is_between(20_000, 900_000)).sample(140, seed=int(books.rng.integers(2**31)))
    for number, row in enumerate(chosen.to_dicts()):
        supplier, paid = by_id[row["supplier"]], np.array([row["paid_at"]], dtype="datetime64[s]")
        offset = books.days.offset_of(paid) + int(books.rng.integers(4, 11))
        credited, rebilled = books.days.snap(offset), books.days.snap(offset + int(books.rng.integers(1, 4)))
        if rebilled[0] >= books.days.length:
            continue
        cents, account = np.array([row["cents"]]), row["account"]
        back = books.days.at(credited, books.office_seconds(1))
        again = books.days.at(rebilled, books.office_seconds(1))
        if number % 2:
            text, part = f"Refund, invoice {row['invoice']}", (cents * books.rng.uniform(0.05, 0.4)).astype(np.int64)
            refund = books.post(
                supplier, back, -part, account=account, description=text, invoice=f"AB-{row['invoice']}"
            )
            _decoy(books, "refund", supplier, refund)
            continue
        text = f"Credit note for invoice {row['invoice']}"
        credit = books.post(
            supplier,
            back,
            -cents,
            account=account,
            description=text,
            invoice=f"CN-{row['invoice']}",
            reverses=row["posting"],
        )
        rebill = books.post(supplier, again, cents, account=account, description=f"Replaces invoice {row['invoice']}")
        _decoy(books, "credit_and_rebill", supplier, [row["posting"], *credit, *rebill])


def _catch_up(books: Books, suppliers: list[Supplier]) -> None:
    """One late afternoon a month a clerk works off what lay about, and one Saturday morning the closing is prepared."""
    mid_sized = suppliers[40:300]
    for day in books.days.snap(np.arange(books.days.length - 17, 0, -30)):
        clerk = str(books.rng.choice(names.CLERKS))
        hours = (17 * 3600, 20 * 3600)
        _work_off(books, mid_sized, "backlog_cleared", day=np.array([day]), hours=hours, count=45, clerk=clerk)
        saturday = day + 5 - books.days.on(day).weekday() + 7
        if saturday < books.days.length:
            hours = (9 * 3600, 13 * 3600)
            _work_off(books, mid_sized, "saturday_shift", day=np.array([saturday]), hours=hours, count=14, clerk=clerk)


def _work_off(
    books: Books, suppliers: list[Supplier], kind: str, *, day: Days, hours: tuple[int, int], count: int, clerk: str
) -> None:
    postings = []
    for index in books.rng.choice(len(suppliers), size=count, replace=False):
        supplier = suppliers[index]
        if supplier.created > int(day[0]) - 20:
            continue
        paid = books.days.at(day, books.rng.integers(*hours, size=1))
        people = {"created_by": clerk, "manual": True}
        # What lies about is small: larger invoices are asked for before anybody works off a backlog.
        drawn, small = books.amounts(supplier, 1), books.rng.uniform(90_000, 870_000, size=1).astype(np.int64)
        postings += books.post(supplier, paid, np.where(drawn > 900_000, small, drawn), **people)
    books.decoys.append(Event(kind, clerk, postings))


def _mark_ordinary(books: Books, suppliers: list[Supplier]) -> None:
    """Ordinary payments that look odd: the month's last run at night, new accounts, and new suppliers' first ones."""
    frame = books.frame()
    closing = frame.filter((pl.col("paid_at").dt.hour() >= 22) & (pl.col("method") == "transfer"))
    for (_,), run in closing.group_by(pl.col("paid_at").dt.date(), maintain_order=True):
        books.decoys.append(Event("payment_run_night", "payment run", run["posting"].to_list()))
    for supplier in suppliers:
        own = frame.filter(pl.col("supplier") == supplier.id)
        if own.is_empty():
            continue
        if supplier.changed is not None and supplier.changed < books.days.batch_start - 30:
            after = own.filter(pl.col("bank_account") == supplier.bank_account)
            _decoy(books, "bank_taken_over", supplier, after["posting"].to_list())
        if supplier.created >= 0:
            _decoy(books, "new_supplier", supplier, own.sort("paid_at")["posting"].head(1).to_list())
