"""Audit tests: rules that auditors apply to payments and journal entries, as a table of small functions."""

from __future__ import annotations

from analyzers.audit.approvals import self_approved
from analyzers.audit.audit_test import AuditTest, Found, Skip
from analyzers.audit.bank_accounts import changed_accounts, shared_accounts
from analyzers.audit.books import Books, open_books
from analyzers.audit.circumstances import circumstance_flags
from analyzers.audit.digits import benford, endings
from analyzers.audit.duplicates import duplicate_payments
from analyzers.audit.house_rules import house_rules
from analyzers.audit.limits import below_limit, split_purchases
from analyzers.audit.relative_size import relative_size
from analyzers.audit.sequences import sequence_gaps
from analyzers.columns import Shape
from analyzers.results import Check, CheckStatus, Flag, Outcome, Scalar
from analyzers.settings import Material

TESTS: tuple[AuditTest, ...] = (
    AuditTest(
        "duplicate_payment",
        ("entity", "invoice", "cents", "at"),
        duplicate_payments,
        ("similar_days", "similar_amount"),
    ),
    AuditTest("below_limit", ("entity", "cents"), below_limit, ("below_limit",)),
    AuditTest("split_purchase", ("entity", "cents", "at"), split_purchases, ("split_days",)),
    AuditTest("bank_changed", ("entity", "cents", "at"), changed_accounts, ("bank_change_days",)),
    AuditTest("shared_bank_account", ("entity",), shared_accounts),
    AuditTest("self_approved", ("created_by", "approved_by"), self_approved),
    AuditTest("relative_size", ("entity", "cents"), relative_size),
    AuditTest("benford", ("cents",), benford),
    AuditTest("endings", ("entity", "cents"), endings),
    AuditTest("sequence_gap", ("document",), sequence_gaps),
)
"""Every test but the odd circumstances, which are weighed together (`analyzers.audit.circumstances`)."""


def analyze_audit(material: Material) -> Outcome:
    """Run the audit tests and the house's rules on the batch, with the history as look-back.

    Every test leaves a check: what it looked at and how many flags it raised, or why it was skipped. Series have no
    audit tests; the house's rules apply to them too.

    Raises
    ------
    MonitorError
        A rule of the house that is no valid predicate.
    """
    skip = material.settings.skip
    flags: tuple[Flag, ...] = ()
    checks: tuple[Check, ...] = ()
    if material.columns.shape is Shape.EVENTS and "audit" in skip:
        checks = (Check(name="audit", status=CheckStatus.SKIPPED, code="skipped_by_settings"),)
    elif material.columns.shape is Shape.EVENTS:
        flags, checks = _tested(open_books(material))
    if "rules" in skip:
        return Outcome(flags=flags, checks=checks)
    ruled = house_rules(material)
    return Outcome(flags=flags + ruled.flags, checks=checks + ruled.checks)


def _tested(books: Books) -> tuple[tuple[Flag, ...], tuple[Check, ...]]:
    results: dict[str, Found] = {test.name: _run(test, books) for test in TESTS if test.name not in books.settings.skip}
    results |= circumstance_flags(books, books.settings.skip)
    flags = tuple(flag for found in results.values() if not isinstance(found, Skip) for flag in found)
    skipped = tuple(
        Check(name=name, status=CheckStatus.SKIPPED, code="audit_skipped_by_settings") for name in books.settings.skip
    )
    return flags, (*(_check(name, found, books) for name, found in results.items()), *skipped)


def _run(test: AuditTest, books: Books) -> Found:
    missing = [name for name in test.needs if not books.has(name)]
    if missing:
        return Skip("audit_missing_columns", {"columns": ", ".join(missing)})
    return test.run(books)


def _check(name: str, found: Found, books: Books) -> Check:
    if isinstance(found, Skip):
        return Check(name=name, status=CheckStatus.SKIPPED, code=found.code, values=found.values)
    values: dict[str, Scalar] = {"records": books.batch.height, "flags": len(found)}
    if settings := next((test.unpublished for test in TESTS if test.name == name), ()):
        stated = ", ".join(f"{setting} {getattr(books.settings, setting)}" for setting in settings)
        values["parameters"] = stated
        return Check(name=name, status=CheckStatus.DONE, code="audit_done_unpublished", values=values, flags=len(found))
    return Check(name=name, status=CheckStatus.DONE, code="audit_done", values=values, flags=len(found))
