"""What is planted in the ledger's batch: payments that an auditor would want to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.demo import names
from flows.demo.books import Books, Event, Supplier
from flows.demo.workdays import Instants

RULE_LIKE = {
    "duplicate_exact": True,
    "duplicate_similar": True,
    "duplicate_other_supplier": True,
    "just_below_limit": True,
    "split_purchase": True,
    "bank_change": True,
    "employee_bank": True,
    "self_approved": True,
    "night_round": True,
    "holiday_round": True,
    "without_account": True,
    "decimal_slip": True,
    "same_ending": True,
    "sequence_gap": True,
    "employee_phone": True,
    "unusual_amount": False,
    "new_supplier_large": False,
    "burst": False,
    "unusual_account_user": False,
    "unusual_currency": False,
}
"""Every kind, and whether a plain rule finds it.

A changed distribution of leading digits is not among them: it would take some two thousand forged payments.
"""
MISSING_NUMBERS = 3
"""Payment numbers that are missing in a planted gap."""


def change_accounts(books: Books, suppliers: list[Supplier]) -> None:
    """Before anything is paid: the suppliers whose account is changed fraudulently within the batch."""
    usable = [supplier for supplier in suppliers[60:300] if supplier.method == "run" and supplier.currency == "EUR"]
    for index in books.rng.choice(len(usable), size=2, replace=False):
        supplier = usable[index]
        supplier.old_account, supplier.bank_account = supplier.bank_account, books.iban()
        supplier.changed = int(books.rng.integers(books.days.batch_start + 3, books.days.length - 9))


class Scene:
    """What planting works on: ordinary suppliers with a record, each used for one thing only."""

    def __init__(self, books: Books, suppliers: list[Supplier], employees: pl.DataFrame) -> None:
        self.books = books
        self.suppliers = {supplier.id: supplier for supplier in suppliers}
        self.employees = employees
        self.posted = books.frame().filter(pl.col("supplier").is_in(list(self.suppliers)) & (pl.col("cents") > 0))
        cents = pl.col("cents")
        self.records = self.posted.group_by("supplier").agg(
            count=pl.len(), median=cents.median(), largest=cents.max(), spread=cents.log().std()
        ).sort("supplier")  # fmt: skip
        self.used = {supplier.id for supplier in suppliers if supplier.changed is not None}
        self.used |= {supplier.id for supplier in suppliers if supplier.created >= 0 or supplier.currency != "EUR"}
        # A direct debit is entered by the bank and approved by the treasury: nobody could do it otherwise.
        self.used |= {supplier.id for supplier in suppliers if supplier.method == "debit"}

    def pick(self, condition: pl.Expr) -> tuple[Supplier, float]:
        """A supplier not used before whose record fulfils the condition, with its median amount in cents."""
        fit = self.records.filter(condition & ~pl.col("supplier").is_in(sorted(self.used)))
        row = fit.row(int(self.books.rng.integers(fit.height)), named=True)
        self.used.add(row["supplier"])
        return self.suppliers[row["supplier"]], float(row["median"])

    def day(self, first: int = 2, last: int = 4) -> int:
        """A working day in the batch, at least so many days from its first and last day."""
        books = self.books
        drawn = int(books.rng.integers(books.days.batch_start + first, books.days.length - last))
        return int(books.days.snap(np.array([drawn]))[0])

    def office(self, *days: int) -> Instants:
        """Working hours of these days."""
        return self.books.days.at(np.array(days), self.books.office_seconds(len(days)))

    def plant(self, kind: str, supplier: Supplier, postings: list[int], related: list[int] | None = None) -> None:
        """Note what was planted."""
        self.books.planted.append(Event(kind, supplier.id, postings, related or []))


def post_all(books: Books, suppliers: list[Supplier], employees: pl.DataFrame) -> None:
    """Plant every kind, each as often as `_PLANTED` says."""
    scene = Scene(books, suppliers, employees)
    for plant, times in _PLANTED:
        for _ in range(times):
            plant(scene)
    _bank_changes(scene)


def _cents(*amounts: float) -> NDArray[np.int64]:
    return np.array([round(amount) for amount in amounts], dtype=np.int64)


def _original(scene: Scene) -> tuple[Supplier, dict[str, Any]]:
    """An ordinary payment of some weight, to be paid once more."""
    supplier, _ = scene.pick((pl.col("count") >= 12) & (pl.col("largest") > 150_000))
    start = scene.books.days.batch_start
    first, last = (scene.books.days.on(start + shift) for shift in (-20, 16))
    own = scene.posted.filter((pl.col("supplier") == supplier.id) & pl.col("paid_at").dt.date().is_between(first, last))
    own = own.filter((pl.col("cents") > 60_000) & (pl.col("method") == "transfer"))
    if own.is_empty():
        return _original(scene)
    return supplier, own.row(int(scene.books.rng.integers(own.height)), named=True)


def _again(scene: Scene, kind: str, payee: Supplier, first: dict[str, Any], **changed: Any) -> None:
    """Pay an invoice once more, some days after the first time, within the batch."""
    books, rng = scene.books, scene.books.rng
    paid_first = int(books.days.offset_of(np.array([first["paid_at"]], dtype="datetime64[s]"))[0])
    earliest = max(paid_first + 3, books.days.batch_start + 1)
    day = int(books.days.run_days(np.array([int(rng.integers(earliest, earliest + 9))]))[0])
    entered = books.days.at(books.days.snap(np.array([day - 2])), books.office_seconds(1))
    same = {name: first[name] for name in ("invoice", "description", "account", "currency", "approved_by")}
    dates = {name: np.datetime64(first[name]) for name in ("invoice_date", "due_date")}
    paid = books.days.at(np.array([day]), rng.integers(15 * 3600, 15 * 3600 + 2_400, size=1))
    postings = books.post(payee, paid, _cents(first["cents"]), **(same | dates | {"entered_at": entered} | changed))
    scene.plant(kind, payee, postings, [first["posting"]])


def _duplicate_exact(scene: Scene) -> None:
    """The same invoice paid twice, entered by another clerk."""
    supplier, first = _original(scene)
    _again(scene, "duplicate_exact", supplier, first, created_by=str(scene.books.rng.choice(names.CLERKS)))


def _duplicate_similar(scene: Scene) -> None:
    """The same invoice paid twice, its number typed differently the second time."""
    supplier, first = _original(scene)
    number, way = first["invoice"], int(scene.books.rng.integers(4))
    if way == 0:
        typed = number + "A"
    elif way == 1 and "0" in number:
        typed = number.replace("0", "O", 1)
    elif way == 2 and any(mark in number for mark in "-/"):
        typed = number.replace("-", "").replace("/", "")
    else:
        typed = number[:-2] + number[-1] + number[-2] if number[-1] != number[-2] else "0" + number
    _again(scene, "duplicate_similar", supplier, first, invoice=typed)


def _duplicate_other_supplier(scene: Scene) -> None:
    """The same invoice paid under a second entry of the same supplier in the vendor master."""
    supplier, first = _original(scene)
    words = supplier.name.split()
    double = scene.books.supplier(
        supplier.trade.name, name=" ".join([*words[1:-1], words[0], words[-1]]),
        created=int(scene.books.rng.integers(5, 60)), bank_account=supplier.bank_account, terms=supplier.terms,
        method="run",
    )  # fmt: skip
    _again(scene, "duplicate_other_supplier", double, first)


def _just_below_limit(scene: Scene) -> None:
    """Just below the limit, by a supplier that never bills anything like it."""
    supplier, _ = scene.pick((pl.col("count") >= 15) & (pl.col("largest") < 450_000) & (pl.col("median") > 60_000))
    cents = _cents(scene.books.rng.uniform(962_000, 999_500))
    scene.plant("just_below_limit", supplier, scene.books.post(supplier, scene.office(scene.day()), cents, manual=True))


def _split_purchase(scene: Scene) -> None:
    """One purchase in three or four invoices, each below the limit, within two days."""
    supplier, _ = scene.pick(pl.col("count").is_between(8, 24) & (pl.col("largest") < 600_000))
    day, pieces = scene.day(last=7), int(scene.books.rng.integers(3, 5))
    days = np.sort(scene.books.days.snap(day + scene.books.rng.integers(0, 2, size=pieces)))
    cents = _cents(*scene.books.rng.uniform(690_000, 940_000, size=pieces))
    clerk = supplier.clerks[0]
    text = f"Equipment, project {scene.books.rng.integers(100, 999)}"
    paid = np.sort(scene.office(*days))
    postings = scene.books.post(
        supplier, paid, cents, description=text, created_by=clerk, manual=True, invoice_day=np.full(pieces, day - 4)
    )
    scene.plant("split_purchase", supplier, postings)


def _unusual_amount(scene: Scene) -> None:
    """More than ten times what the supplier has ever been like."""
    fit = (pl.col("count") >= 20) & (pl.col("spread") < 0.5) & pl.col("median").is_between(50_000, 400_000)
    supplier, median = scene.pick(fit)
    cents = max(median * scene.books.rng.uniform(11, 22), 1_150_000)
    paid = scene.books.pay_times(supplier, np.array([scene.day(last=7)]), "run")
    scene.plant("unusual_amount", supplier, scene.books.post(supplier, paid, _cents(cents)))


def _employee_bank(scene: Scene) -> None:
    """A young supplier with the bank account of an employee."""
    rng, books = scene.books.rng, scene.books
    clerk = scene.employees.row(int(rng.integers(8)), named=True)
    created = books.days.batch_start - int(rng.integers(2, 25))
    supplier = books.supplier(
        "services", bank_account=clerk["bank_account"], created=created, method="run", pace=0.1, first_number=1,
        median=float(rng.uniform(160_000, 380_000)), spread=0.3,
    )  # fmt: skip
    days = books.days.run_days(books.days.batch_start + np.array([4, 13, 21][: int(rng.integers(2, 4))]))
    paid = books.pay_times(supplier, days)
    invoice_day = np.maximum(days - 15, created)
    postings = books.post(supplier, paid, books.amounts(supplier, len(paid)), invoice_day=invoice_day)
    scene.plant("employee_bank", supplier, postings)


def _self_approved(scene: Scene) -> None:
    """Entered and approved by the same person."""
    supplier, median = scene.pick((pl.col("count") >= 8) & pl.col("median").is_between(60_000, 400_000))
    manager = supplier.manager
    cents = _cents(min(max(median * scene.books.rng.uniform(1.5, 2.5), 250_000), 930_000))
    people = {"created_by": manager, "approved_by": manager, "manual": True}
    scene.plant("self_approved", supplier, scene.books.post(supplier, scene.office(scene.day()), cents, **people))


def _night_round(scene: Scene) -> None:
    """By hand, at night or on a weekend, a round sum, no word about what for."""
    rng, books = scene.books.rng, scene.books
    supplier, _ = scene.pick((pl.col("count") >= 6) & (pl.col("median") > 40_000))
    day = scene.day(last=8)
    saturday = day + (5 - books.days.on(day).weekday()) + int(rng.integers(0, 2))
    chosen, hour = (saturday, rng.uniform(10, 23)) if rng.random() < 0.6 else (day, rng.uniform(22.6, 23.8))
    paid = books.days.at(np.array([chosen]), int(hour * 3600))
    cents = _cents(float(rng.choice([4, 5, 6, 7, 8])) * 100_000)
    stated = {"description": "", "manual": True, "entered_at": paid - np.timedelta64(int(rng.integers(120, 900)), "s")}
    scene.plant("night_round", supplier, books.post(supplier, paid, cents, **stated))


def _holiday_round(scene: Scene) -> None:
    """By hand on a holiday, a round sum, no word about what for; nothing where the batch has no holiday."""
    rng, books = scene.books.rng, scene.books
    holidays = books.days.holidays()
    if not holidays:
        return
    supplier, _ = scene.pick((pl.col("count") >= 6) & (pl.col("median") > 40_000))
    paid = books.days.at(np.array([int(rng.choice(holidays))]), int(rng.uniform(10, 19) * 3600))
    cents = _cents(float(rng.choice([3, 4, 5, 6, 7, 8])) * 100_000)
    stated = {"description": "", "manual": True, "entered_at": paid - np.timedelta64(int(rng.integers(120, 900)), "s")}
    scene.plant("holiday_round", supplier, books.post(supplier, paid, cents, **stated))


def _without_account(scene: Scene) -> None:
    """A payment of some size that is booked nowhere."""
    supplier, median = scene.pick((pl.col("count") >= 8) & pl.col("median").is_between(80_000, 400_000))
    cents = _cents(median * scene.books.rng.uniform(1.0, 1.8))
    paid = scene.office(scene.day())
    scene.plant("without_account", supplier, scene.books.post(supplier, paid, cents, account="", manual=True))


def _decimal_slip(scene: Scene) -> None:
    """A usual amount a hundredfold: the decimal comma was left out."""
    fit = (pl.col("count") >= 15) & (pl.col("spread") < 0.5) & pl.col("median").is_between(20_000, 90_000)
    supplier, median = scene.pick(fit)
    cents = _cents(median * scene.books.rng.uniform(0.9, 1.2)) * 100
    paid = scene.books.pay_times(supplier, np.array([scene.day(last=7)]), "run")
    scene.plant("decimal_slip", supplier, scene.books.post(supplier, paid, cents))


def _same_ending(scene: Scene) -> None:
    """Amounts made up to look like any others, all with the same cents."""
    rng, books = scene.books.rng, scene.books
    supplier, _ = scene.pick((pl.col("count") >= 30) & pl.col("median").is_between(40_000, 300_000))
    count, cents = int(rng.integers(15, 19)), int(rng.choice([13, 27, 38, 46, 64, 71, 83]))
    days = np.sort(rng.integers(books.days.batch_start + 2, books.days.length - 7, size=count))
    amounts = books.amounts(supplier, count) // 100 * 100 + cents
    scene.plant("same_ending", supplier, books.post(supplier, books.pay_times(supplier, days, "run"), amounts))


def _sequence_gap(scene: Scene) -> None:
    """The payments before this one have been removed from the books."""
    supplier, _ = scene.pick((pl.col("count") >= 8) & (pl.col("median") > 30_000))
    paid = scene.books.pay_times(supplier, np.array([scene.day(last=7)]), "run")
    postings = scene.books.post(supplier, paid, scene.books.amounts(supplier, 1))
    scene.books.after_gaps += postings
    scene.plant("sequence_gap", supplier, postings)


def _employee_phone(scene: Scene) -> None:
    """A young supplier that is reached under the number of an employee."""
    rng, books = scene.books.rng, scene.books
    clerk = scene.employees.row(int(rng.integers(8)), named=True)
    created = books.days.batch_start - int(rng.integers(2, 25))
    supplier = books.supplier(
        "services", phone=clerk["phone"], created=created, method="run", pace=0.1,
        first_number=1, median=float(rng.uniform(160_000, 380_000)), spread=0.3,
    )  # fmt: skip
    days = books.days.run_days(books.days.batch_start + np.array([5, 16]))
    paid = books.pay_times(supplier, days)
    postings = books.post(supplier, paid, books.amounts(supplier, 2), invoice_day=np.maximum(days - 15, created))
    scene.plant("employee_phone", supplier, postings)


def _new_supplier_large(scene: Scene) -> None:
    """The first payment to a supplier of a few days, far above what first payments are."""
    rng, books = scene.books.rng, scene.books
    day = scene.day(first=8)
    supplier = books.supplier(
        "services", created=day - int(rng.integers(2, 6)), method="manual", first_number=1, pace=0.05, terms=14
    )
    cents = _cents(rng.uniform(3_200_000, 7_800_000))
    invoice_day = np.array([day - 2])
    stated = {"description": "Consulting services", "invoice_day": invoice_day}
    scene.plant("new_supplier_large", supplier, books.post(supplier, scene.office(day), cents, **stated))


def _burst(scene: Scene) -> None:
    """A dozen payments within two days to a supplier that is paid once or twice a month."""
    rng = scene.books.rng
    supplier, _ = scene.pick(pl.col("count").is_between(5, 10) & pl.col("median").is_between(50_000, 300_000))
    count, day = int(rng.integers(10, 15)), scene.day(last=7)
    days = scene.books.days.snap(day + rng.integers(0, 2, size=count))
    paid = np.sort(scene.office(*days))
    postings = scene.books.post(
        supplier, paid, scene.books.amounts(supplier, count), invoice_day=np.full(count, day - 3)
    )
    scene.plant("burst", supplier, postings)


def _unusual_account_user(scene: Scene) -> None:
    """Booked on an account that has nothing to do with the supplier, by someone who never enters payments."""
    supplier, median = scene.pick((pl.col("count") >= 20) & pl.col("median").is_between(80_000, 400_000))
    cents = _cents(median * scene.books.rng.uniform(1.4, 2.2))
    stated = {"account": "217000", "created_by": str(scene.books.rng.choice([names.TREASURY, names.HUMAN_RESOURCES]))}
    paid = scene.office(scene.day())
    scene.plant("unusual_account_user", supplier, scene.books.post(supplier, paid, cents, **stated))


def _unusual_currency(scene: Scene) -> None:
    """Paid in dollars to a supplier that has always billed in euros."""
    supplier, median = scene.pick((pl.col("count") >= 20) & pl.col("median").is_between(150_000, 600_000))
    cents = _cents(median * scene.books.rng.uniform(1.5, 2.5))
    paid = scene.books.pay_times(supplier, np.array([scene.day(last=7)]), "run")
    scene.plant("unusual_currency", supplier, scene.books.post(supplier, paid, cents, currency="USD"))


def _bank_changes(scene: Scene) -> None:
    """A large payment a few days after the account changed; what else goes to the new account belongs to it."""
    books, rng = scene.books, scene.books.rng
    for supplier in scene.suppliers.values():
        if supplier.changed is None or supplier.changed < books.days.batch_start:
            continue
        median = scene.records.filter(pl.col("supplier") == supplier.id)["median"].item()
        cents = _cents(max(median * rng.uniform(4, 7), rng.uniform(1_500_000, 2_400_000)))
        day = supplier.changed + int(rng.integers(2, 6))
        postings = books.post(supplier, books.pay_times(supplier, np.array([day]), "run"), cents)
        others = scene.posted.filter(
            (pl.col("supplier") == supplier.id) & (pl.col("bank_account") == supplier.bank_account)
        )
        scene.plant("bank_change", supplier, postings, others["posting"].to_list())


_PLANTED: tuple[tuple[Callable[[Scene], None], int], ...] = (
    (_duplicate_exact, 3),
    (_duplicate_similar, 3),
    (_duplicate_other_supplier, 1),
    (_just_below_limit, 3),
    (_split_purchase, 2),
    (_unusual_amount, 4),
    (_employee_bank, 2),
    (_self_approved, 2),
    (_night_round, 3),
    (_holiday_round, 1),
    (_without_account, 1),
    (_decimal_slip, 1),
    (_same_ending, 1),
    (_sequence_gap, 1),
    (_employee_phone, 1),
    (_new_supplier_large, 2),
    (_burst, 2),
    (_unusual_account_user, 2),
    (_unusual_currency, 1),
)
