"""Bank details: changed shortly before a payment, or shared with an employee.

Changed payee details are the mark of business e-mail compromise, shared ones that of fictitious vendors (ACFE Fraud
Examiners Manual, billing schemes; Nigrini, Forensic Analytics, on matching vendor and employee details). There is no
standard for how long after a change a payment is suspect: `bank_change_days` is a house parameter.
"""

from __future__ import annotations

import polars as pl

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, Line, entity_flag
from analyzers.audit.reference_tables import Vendors, comparable, open_vendors, shared_details
from analyzers.audit.settlement import settlement_facts
from analyzers.persons import is_mask, masked_person
from analyzers.results import Fact, FactKind, Flag, Scalar

_LEAST_EARLIER = 2
"""Payments to other accounts before a new one counts as a change."""
_MIGRATION = 5
"""Entities that change on one day from which it is a bank's migration, not a letter to one clerk."""
_VOLATILE = 0.1
"""Share of entities with a change in the batch from which the column is no stable bank account."""
_CHANGED_SEVERITY = 76.0
_WEAK_SEVERITY = 35.0
_SHARED_SEVERITY = 80.0
_MOST_FLAGS = 500


def changed_accounts(books: Books) -> Found:
    """Payments within `bank_change_days` after the payee's bank account changed.

    A change is known in three ways: the records' own account is one that the entity never had; nightly snapshots of the
    vendor master saw another account on one night than on the next; the vendor master has a column with the day of the
    last change. The last two also serve records that hold no account.
    """
    vendors = open_vendors(books)
    dated = _dated_changes(books, vendors)
    if not books.has("bank_account") and dated.is_empty():
        return Skip("audit_missing_columns", {"columns": "bank_account"})
    changes = pl.concat([_changes_of_records(books, dated), _changes_without_records(books, dated)])
    changes = changes.with_columns(moved=pl.len().over("changed"))
    active = books.batch["entity"].n_unique()
    paid = books.batch.filter(pl.col("entity").is_not_null() & (pl.col("cents") > 0) & pl.col("day").is_not_null())
    days = (pl.col("day") - pl.col("changed")).dt.total_days()
    hits = paid.drop("bank_account", strict=False).join(changes, on="entity").with_columns(days=days)
    if books.has("bank_account"):
        # A change that the records show is about the payments to the new account only.
        own = paid.select("order", paid_to="bank_account")
        hits = hits.join(own, on="order").filter(
            pl.col("paid_to").is_null() | (comparable("paid_to") == comparable("current")).fill_null(value=True)
        )
    hits = hits.filter(pl.col("days").is_between(0, books.settings.bank_change_days)).sort("order", "changed")
    hits = hits.unique("order", keep="last", maintain_order=True)
    if hits["entity"].n_unique() > max(_VOLATILE * active, _MIGRATION):
        return Skip("audit_accounts_volatile", {"entities": hits["entity"].n_unique()})
    groups = hits.partition_by("entity", "current", maintain_order=True)
    return [_changed_flag(books, group.to_dicts()) for group in groups[:_MOST_FLAGS]]


_CHANGE = {"entity": pl.String, "changed": pl.Date, "previous": pl.String, "current": pl.String}


def _dated_changes(books: Books, vendors: Vendors | None) -> pl.DataFrame:
    """`entity`, `changed`, `previous`, `current` of the changes that somebody else dated; snapshots come first."""
    parts = []
    snapshots = books.material.account_changes
    if snapshots is not None:
        parts.append(snapshots.select("entity", changed="changed_on", previous="previous", current="current"))
    if vendors is not None and vendors.changed is not None:
        stated = vendors.frame.select("entity", "changed").drop_nulls()
        parts.append(stated.with_columns(previous=pl.lit(None, pl.String), current=pl.lit(None, pl.String)))
    if not parts:
        return pl.DataFrame(schema=_CHANGE)
    return pl.concat(parts).cast(_CHANGE).drop_nulls(["entity", "changed"])  # type: ignore[arg-type]


def _changes_of_records(books: Books, dated: pl.DataFrame) -> pl.DataFrame:
    """Accounts that replaced another one in the records, on the day of the first payment or as dated before it."""
    if not books.has("bank_account"):
        return pl.DataFrame(schema=_CHANGE)
    paid = books.frame.filter(
        pl.col("entity").is_not_null() & pl.col("bank_account").is_not_null() & pl.col("day").is_not_null()
    )
    first = paid.group_by("entity", "bank_account").agg(first=pl.col("order").min(), paid=pl.col("day").min())
    earlier = paid.select("entity", "order", previous="bank_account")
    replaced = (
        first.join(earlier, on="entity")
        .filter(pl.col("order") < pl.col("first"))
        .group_by("entity", "bank_account", "first", "paid")
        .agg(earlier=pl.len(), previous=pl.col("previous").sort_by("order").last())
        .filter(pl.col("earlier") >= _LEAST_EARLIER)
    )
    stated = dated.group_by("entity").agg(stated=pl.col("changed").max())
    joined = replaced.join(stated, on="entity", how="left")
    known = pl.when(pl.col("stated") <= pl.col("paid")).then("stated").otherwise("paid")
    return joined.select("entity", changed=known, previous="previous", current="bank_account")


def _changes_without_records(books: Books, dated: pl.DataFrame) -> pl.DataFrame:
    """Dated changes that the records cannot show: they hold no account, or too few payments to the one before."""
    if not books.has("bank_account"):
        newest = dated.sort("entity", "changed").unique("entity", keep="last", maintain_order=True)
        return newest.select(*_CHANGE)
    return dated.drop_nulls("current").select(*_CHANGE)


def _changed_flag(books: Books, lines: list[Line]) -> Flag:
    """One flag for all payments of an entity to its new account."""
    first = lines[0]
    severity = _WEAK_SEVERITY if first["moved"] >= _MIGRATION else _CHANGED_SEVERITY
    values: dict[str, Scalar] = {
        "days": first["days"],
        "previous": masked_account(first["previous"]),
        "current": masked_account(first["current"]),
    }
    fact = Fact(
        kind=FactKind.BANK_CHANGED, feature=books.source("bank_account"), at=first["at"], weight=1.0, values=values
    )
    # Of several payments the last one is the likeliest to be stopped.
    facts = (fact, *settlement_facts(books, lines[-1]))
    return entity_flag("bank_changed", lines, severity, facts=facts)


def shared_accounts(books: Books) -> Found:
    """Entities paid in the batch whose bank account, address, phone, e-mail or tax number is an employee's.

    Employees who are payees themselves (expenses, bonuses) rightly share their own details.
    """
    employees = books.material.references.get("employees")
    if employees is None or employees.is_empty():
        return Skip("audit_no_reference", {"table": "employees"})
    shared = shared_details(books, employees)
    if shared is None:
        return Skip("audit_no_common_details", {"table": "employees"})
    active = books.batch["entity"].n_unique()
    if shared["entity"].n_unique() > max(_VOLATILE * active, _MIGRATION):
        return Skip("audit_details_not_unique", {"entities": shared["entity"].n_unique()})
    hits = books.batch.join(shared, on="entity").sort("order", "feature")
    groups = hits.partition_by("entity", maintain_order=True)
    return [_shared_flag(books, group) for group in groups[:_MOST_FLAGS]]


def _shared_flag(books: Books, hits: pl.DataFrame) -> Flag:
    details = hits.unique(["feature", "employee"], keep="first", maintain_order=True).to_dicts()
    facts = tuple(
        Fact(
            kind=FactKind.SHARED_DETAILS, feature=detail["feature"], weight=1.0,
            values={"with": masked_person(detail["employee"], books.material.hash_key)},
        )
        for detail in details[:3]
    )  # fmt: skip
    lines = hits.unique("order", keep="first", maintain_order=True).to_dicts()
    return entity_flag("shared_bank_account", lines, _SHARED_SEVERITY, facts=facts)


def masked_account(account: str | None) -> str | None:
    """An account's last four characters; what is masked already stays as it is."""
    if account is None:
        return None
    return account if is_mask(account) else f"…{account[-4:]}"
