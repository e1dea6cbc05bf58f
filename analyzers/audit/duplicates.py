"""Duplicate payments.

No standard prescribes patterns. The nine here combine Exact, Similar and Different over vendor, invoice number, date
and amount, as recovery auditors and audit software do (compare Nigrini, Forensic Analytics, 2nd ed., ch. 12,
same-same-same and same-same-different tests). Payments taken back are netted off first, recurring ones are left out,
and the exposure is the second payment only. Pairs come from joins on what must agree, never from all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from analyzers.audit.audit_test import Found
from analyzers.audit.books import Books, Line, record_flag
from analyzers.audit.invoice_numbers import normalised, one_slip
from analyzers.audit.reference_tables import intercompany_entities
from analyzers.audit.reversals import taken_back
from analyzers.audit.settlement import settlement_facts
from analyzers.results import Fact, FactKind, Flag, Scalar

PATTERNS: dict[str, float] = {
    "EEEE": 92.0,
    "EESE": 90.0,
    "EEDE": 85.0,
    "ESEE": 82.0,
    "ESSE": 75.0,
    "DEEE": 75.0,
    "DESE": 65.0,
    "EESS": 60.0,
    "EDEE": 30.0,
}
"""Vendor, number, date, amount; each Exact, Similar or Different; and the severity of such a pair.

In the last but one the date is exact or similar, and the amount within `similar_amount` or two digits swapped; same
number and quite another amount is a part payment. The last says little alone.
"""
_SAME_NUMBER_OFTEN = 5
"""Payments under one number from which it is a contract's number, not an invoice's."""
_SAME_AMOUNT_OFTEN = 3
"""Payments of one amount to one entity from which the amount is a price."""
_REGULAR_SPREAD = 6
"""Days by which the gaps of a regular payment may differ: months and weekends."""
_LEAST_GAP = 5
_LEAST_REGULAR = 3
"""Payments of one number and amount from which their rhythm shows."""
_LEAST_NUMBER = 4
_MOST_SLIP = 0.1
"""Share up to which two amounts with a slip between them are still similar."""
_WIDEST_BLOCK = 20
"""Payments of one block (of an entity, an amount and a due date) from which they are a list of equal charges."""
_MOST_PAIRS = 5_000
_TWO_DUE_DATES = 30.0
"""Taken off a similar number whose two due dates are known and differ: these are two invoices."""


def duplicate_payments(books: Books) -> Found:
    """Payments of the batch that look like an earlier payment made once more."""
    payments = _comparable(books)
    later = payments.filter(pl.col("row").is_not_null())
    if later.is_empty():
        return []
    pairs = pl.concat(
        [
            _same_number(payments, later),
            _similar_number(payments, later),
            _other_vendor(payments),
            _similar_amount(books, payments),
        ],
        how="vertical",
    )
    return _flags(books, _best(_classified(books, pairs)))


def _comparable(books: Books) -> pl.DataFrame:
    """Payments of the look-back that still stand, with their normalised number, without contract and group payments."""
    since = books.batch["at"].min()
    standing = books.payments.filter(~pl.col("order").is_in(taken_back(books).implode()))
    if since is not None:
        standing = standing.filter(pl.col("at") >= pl.lit(since) - pl.duration(days=books.settings.duplicate_days))
    standing = standing.filter(pl.col("entity").is_not_null() & pl.col("at").is_not_null())
    standing = standing.filter(~pl.col("entity").is_in(intercompany_entities(books)))
    frame = standing.select(
        "order", "row", "entity", "currency", "cents", "at", "day",
        number=normalised(pl.col("invoice")),
        written="invoice",
        due="due" if books.has("due") else pl.lit(None, pl.Date),
        bank="bank_account" if books.has("bank_account") else pl.lit(None, pl.String),
    ).collect()  # fmt: skip
    numbered = frame.join(_contracts(frame), on=["entity", "number"], how="anti")
    amount = ["entity", "currency", "cents"]
    prices = frame.group_by(amount).len().filter(pl.col("len") >= _SAME_AMOUNT_OFTEN)
    return numbered.join(prices.select(*amount, price=pl.lit(True)), on=amount, how="left").with_columns(
        pl.col("price").fill_null(False)
    )


def _contracts(frame: pl.DataFrame) -> pl.DataFrame:
    """`entity` and `number` of what is paid often or at regular intervals under one number: a contract's number."""
    counted = frame.drop_nulls("number").group_by("entity", "number").len()
    often = counted.filter(pl.col("len") >= _SAME_NUMBER_OFTEN).select("entity", "number")
    several = frame.join(counted.filter(pl.col("len") >= _LEAST_REGULAR), on=["entity", "number"], how="semi")
    gaps = pl.col("day").sort_by("order").diff().dt.total_days()
    regular = several.group_by("entity", "number", "currency", "cents").agg(
        count=pl.len(), shortest=gaps.min(), longest=gaps.max()
    )
    regular = regular.filter(
        (pl.col("count") >= _LEAST_REGULAR)
        & (pl.col("shortest") >= _LEAST_GAP)
        & (pl.col("longest") - pl.col("shortest") <= _REGULAR_SPREAD)
    )
    return pl.concat([often, regular.select("entity", "number")]).unique()


_PAIR = ("order", "entity", "number", "written", "cents", "at", "day", "due", "bank")


def _pairs(payments: pl.DataFrame, later: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Each payment of the batch with every earlier one that agrees in `on`; the earlier one's columns end in `_1`."""
    first = payments.select(*on, *[pl.col(name).alias(f"{name}_1") for name in _PAIR])
    second = later.select(*on, *[pl.col(name).alias(f"{name}_2") for name in _PAIR])
    joined = second.join(first, on=list(on), how="inner").filter(pl.col("order_1") < pl.col("order_2"))
    return joined.select(f"{name}_{which}" for which in (1, 2) for name in _PAIR)


def _same_number(payments: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Same vendor, number and amount."""
    return _pairs(payments, later, ("entity", "number", "currency", "cents")).with_columns(
        vendor=pl.lit("E"), digits=pl.lit("E")
    )


def _similar_number(payments: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Same vendor and amount under another number; where the amount is a price that recurs, due on the same day too."""
    numbered, price = pl.col("number").is_not_null(), pl.col("price")
    amount = ("entity", "currency", "cents")
    once = _pairs(payments.filter(numbered & ~price), later.filter(numbered & ~price), amount)
    block = (*amount, "due")
    narrow = payments.filter(numbered & price).filter(pl.len().over(block) <= _WIDEST_BLOCK)
    priced = _pairs(narrow, narrow.filter(pl.col("row").is_not_null()), block)
    pairs = pl.concat([once.with_columns(price=pl.lit(False)), priced.with_columns(price=pl.lit(True))])
    pairs = pairs.filter(pl.col("number_1") != pl.col("number_2"))
    slip = pl.Series(one_slip(pairs["number_1"], pairs["number_2"]), dtype=pl.Boolean)
    classified = pairs.with_columns(vendor=pl.lit("E"), digits=pl.when(slip).then(pl.lit("S")).otherwise(pl.lit("D")))
    return classified.filter(~pl.col("price") | (pl.col("digits") == "S")).drop("price")


def _other_vendor(payments: pl.DataFrame) -> pl.DataFrame:
    """Same number and amount under another vendor, where no third payment has both.

    Short numbers coincide: with them the bank account has to be the same as well.
    """
    on = ("number", "currency", "cents")
    numbered = payments.filter(pl.col("number").is_not_null()).filter(pl.len().over(on) == 2)
    pairs = _pairs(numbered, numbered.filter(pl.col("row").is_not_null()), on)
    telling = (pl.col("number_1").str.len_chars() >= _LEAST_NUMBER) | _same_bank()
    return pairs.filter((pl.col("entity_1") != pl.col("entity_2")) & telling).with_columns(
        vendor=pl.lit("D"), digits=pl.lit("E")
    )


def _similar_amount(books: Books, payments: pl.DataFrame) -> pl.DataFrame:
    """Same vendor and number, paid twice, for amounts that a discount or a slip of the hand sets apart."""
    on = ("entity", "number", "currency")
    twice = payments.filter(pl.col("number").is_not_null()).filter(pl.len().over(on) == 2)
    pairs = _pairs(twice, twice.filter(pl.col("row").is_not_null()), on)
    pairs = pairs.filter(pl.col("cents_1") != pl.col("cents_2"))
    slip = pl.Series(one_slip(pairs["cents_1"].cast(pl.String), pairs["cents_2"].cast(pl.String)), dtype=pl.Boolean)
    apart = (pl.col("cents_1") - pl.col("cents_2")).abs()
    larger = pl.max_horizontal("cents_1", "cents_2")
    near = apart <= books.settings.similar_amount * larger
    swapped = slip & (apart <= _MOST_SLIP * larger)
    return pairs.filter(near | swapped).with_columns(vendor=pl.lit("E"), digits=pl.lit("E"))


def _same_bank() -> pl.Expr:
    return (pl.col("bank_1") == pl.col("bank_2")).fill_null(False)


def _classified(books: Books, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with their pattern and severity; those of no pattern are left out."""
    both_due = pl.col("due_1").is_not_null() & pl.col("due_2").is_not_null()
    paid_apart = (pl.col("day_2") - pl.col("day_1")).dt.total_days().abs()
    apart = pl.when(both_due).then((pl.col("due_2") - pl.col("due_1")).dt.total_days().abs()).otherwise(paid_apart)
    same_amount = pl.col("cents_1") == pl.col("cents_2")
    near = apart <= books.settings.similar_days
    exact = (apart == 0) & same_amount
    date = pl.when(exact).then(pl.lit("E")).when(near).then(pl.lit("S")).otherwise(pl.lit("D"))
    amount = pl.when(same_amount).then(pl.lit("E")).otherwise(pl.lit("S"))
    severity = pl.col("pattern").replace_strict(PATTERNS, default=None, return_dtype=pl.Float64)
    two_invoices = both_due & (apart > 0) & (pl.col("digits") == "S")
    severity = severity - pl.when(two_invoices).then(_TWO_DUE_DATES).otherwise(0.0)
    classified = pairs.with_columns(
        pattern=pl.concat_str("vendor", "digits", date, amount), days=paid_apart
    ).with_columns(
        # Two vendors that are paid into one bank account are one vendor.
        severity=severity + pl.when((pl.col("vendor") == "D") & _same_bank()).then(10.0).otherwise(0.0)
    )
    return classified.filter(pl.col("severity").is_not_null())


def _best(pairs: pl.DataFrame) -> pl.DataFrame:
    """The strongest pair of each second payment, the earliest first payment where several are as strong."""
    ordered = pairs.sort(["severity", "order_1"], descending=[True, False])
    return ordered.unique("order_2", keep="first", maintain_order=True).head(_MOST_PAIRS)


def _flags(books: Books, pairs: pl.DataFrame) -> list[Flag]:
    names = books.frame.select(order_1="order", other="label", other_at="at")
    lines = pairs.join(names, on="order_1").join(books.frame.rename({"order": "order_2"}), on="order_2")
    return [
        record_flag(
            "duplicate_payment", line, line["severity"], facts=(_fact(books, line), *settlement_facts(books, line))
        )
        for line in lines.sort("order_2").to_dicts()
    ]


def _fact(books: Books, line: Line) -> Fact:
    values: dict[str, Scalar] = {
        "other": line["other"],
        "days": line["days"],
        "pattern": line["pattern"],
        "other_at": line["other_at"].isoformat(),
    }
    if line["pattern"][1] == "E" and line["written_1"] != line["written_2"]:
        values["respelt"] = True
    return Fact(
        kind=FactKind.DUPLICATE, feature=books.source("amount"), actual=line["amount"], unit=books.unit(line),
        at=line["at"], weight=1.0, values=values,
    )  # fmt: skip
