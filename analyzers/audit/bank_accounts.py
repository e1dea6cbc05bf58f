"""Bank details: changed shortly before a payment, or shared with an employee.

Changed payee details are the mark of business e-mail compromise, shared ones that of fictitious vendors (ACFE Fraud
Examiners Manual, billing schemes; Nigrini, Forensic Analytics, on matching vendor and employee details). There is no
standard for how long after a change a payment is suspect: `bank_change_days` is a house parameter.
"""

from __future__ import annotations

import polars as pl

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, Line, entity_flag
from analyzers.audit.reference_tables import Vendors, open_vendors, shared_details
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
    """Payments to an account that the entity never had, within `bank_change_days` after the change."""
    vendors = open_vendors(books)
    changes = _changes(books, vendors)
    active = books.batch["entity"].n_unique()
    batch = books.batch.filter(pl.col("entity").is_not_null() & (pl.col("cents") > 0))
    days = (pl.col("day") - pl.col("changed")).dt.total_days()
    hits = batch.join(changes, on=["entity", "bank_account"]).with_columns(days=days)
    hits = hits.filter(pl.col("days").is_between(0, books.settings.bank_change_days)).sort("order")
    if hits["entity"].n_unique() > max(_VOLATILE * active, _MIGRATION):
        return Skip("audit_accounts_volatile", {"entities": hits["entity"].n_unique()})
    groups = hits.partition_by("entity", "bank_account", maintain_order=True)
    return [_changed_flag(books, group.to_dicts()) for group in groups[:_MOST_FLAGS]]


def _changes(books: Books, vendors: Vendors | None) -> pl.DataFrame:
    """Per entity and account that replaced another one: when, and what it was before."""
    paid = books.frame.filter(
        pl.col("entity").is_not_null() & pl.col("bank_account").is_not_null() & pl.col("day").is_not_null()
    )
    first = paid.group_by("entity", "bank_account").agg(first=pl.col("order").min(), changed=pl.col("day").min())
    earlier = paid.select("entity", "order", previous="bank_account")
    replaced = (
        first.join(earlier, on="entity")
        .filter(pl.col("order") < pl.col("first"))
        .group_by("entity", "bank_account", "first", "changed")
        .agg(earlier=pl.len(), previous=pl.col("previous").sort_by("order").last())
        .filter(pl.col("earlier") >= _LEAST_EARLIER)
    )
    if vendors is not None and vendors.changed is not None:
        dated = vendors.frame.select("entity", stated="changed").drop_nulls()
        replaced = replaced.join(dated, on="entity", how="left").with_columns(
            changed=pl.when(pl.col("stated") <= pl.col("changed")).then("stated").otherwise("changed")
        )
    return replaced.with_columns(moved=pl.len().over("changed")).select(
        "entity", "bank_account", "changed", "previous", "moved"
    )


def _changed_flag(books: Books, lines: list[Line]) -> Flag:
    """One flag for all payments of an entity to its new account."""
    first = lines[0]
    severity = _WEAK_SEVERITY if first["moved"] >= _MIGRATION else _CHANGED_SEVERITY
    values: dict[str, Scalar] = {
        "days": first["days"],
        "previous": masked_account(first["previous"]),
        "current": masked_account(first["bank_account"]),
    }
    fact = Fact(
        kind=FactKind.BANK_CHANGED, feature=books.source("bank_account"), at=first["at"], weight=1.0, values=values
    )
    return entity_flag("bank_changed", lines, severity, facts=(fact,))


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


def masked_account(account: str) -> str:
    """An account's last four characters; what is masked already stays as it is."""
    return account if is_mask(account) else f"…{account[-4:]}"
