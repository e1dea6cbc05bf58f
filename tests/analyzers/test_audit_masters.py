"""Tests against the vendor and employee masters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl

from analyzers.analyze import analyze
from analyzers.audit import analyze_audit
from analyzers.results import Fact, FactKind, Finding
from analyzers.settings import Material
from tests.analyzers.ledger_records import COLUMNS, MONDAY, material, payment

DAY = MONDAY.date()
NO_ACCOUNTS = COLUMNS.model_copy(update={"columns": tuple(c for c in COLUMNS.columns if c.name != "iban")})


def findings(batch: list[dict[str, Any]]) -> list[Finding]:
    return list(analyze(material([*batch, *[payment(number) for number in range(60, 90)]])).findings)


def changed(fact: Fact) -> tuple[Any, ...]:
    return tuple(fact.values[name] for name in ("days", "previous", "current"))


def snapshot(entity: str, on: date, previous: str | None, current: str | None) -> pl.DataFrame:
    schema = {"entity": pl.String, "changed_on": pl.Date, "previous": pl.String, "current": pl.String}
    return pl.DataFrame([(entity, on, previous, current)], schema=schema, orient="row")


def flags(given: Material) -> list[tuple[Any, ...]]:
    found = [flag for flag in analyze_audit(given).flags if flag.type == "bank_changed"]
    return [(flag.subject.id, *changed(flag.facts[0])) for flag in found]


def test_a_new_bank_account_is_one_finding_per_vendor_and_a_migration_none() -> None:
    new = f"ES{999:020d}"
    [found] = findings([payment(1, iban=new), payment(2, iban=new)])
    assert (found.type, found.subject.id, found.rows) == ("bank_changed", "V1", (0, 1))
    values = found.facts[0].values
    assert (values["previous"], values["current"]) == ("…0001", "…0999")
    moved = [payment(i, vendor=f"V{i}", iban=f"ES{900 + i:020d}") for i in range(6)]
    assert findings(moved) == []


def test_details_shared_with_an_employee_are_found_and_employees_who_are_payees_are_not() -> None:
    given = material([payment(i, vendor=f"V{i}", iban=f"ES{i:020d}") for i in range(40)])
    people = pl.DataFrame({"number": ["E1", "V3"], "bank account": [f"ES{2:020d}", f"ES{3:020d}"]})
    analysis = analyze(replace(given, references={"employees": people}))
    [found] = analysis.findings
    assert (found.type, found.subject.id) == ("shared_bank_account", "V2")
    assert str(found.facts[0].values["with"]).startswith("person-")


def test_a_change_that_snapshots_saw_is_dated_by_them_and_needs_no_earlier_payment() -> None:
    own = f"ES{1:020d}"
    given = material([payment(1)])
    seen = snapshot("V1", DAY - timedelta(days=4), f"ES{777:020d}", own)
    assert flags(replace(given, account_changes=seen)) == [("V1", 4, "…0777", "…0001")]
    assert flags(replace(given, account_changes=snapshot("V1", DAY - timedelta(days=31), "ES000777", own))) == []
    # Paid to another account than the one that changed.
    assert flags(replace(given, account_changes=snapshot("V1", DAY, own, f"ES{777:020d}"))) == []
    new = f"ES{999:020d}"
    both = replace(material([payment(1, iban=new)]), account_changes=snapshot("V1", DAY - timedelta(days=9), own, new))
    assert flags(both) == [("V1", 9, "…0001", "…0999")]


def test_records_without_accounts_are_judged_by_the_masters_dates() -> None:
    given = material([payment(1)], columns=NO_ACCOUNTS)
    given = replace(given, batch=given.batch.drop("iban"), history=given.history.drop("iban"))
    outcome = analyze_audit(given)
    assert next(check.code for check in outcome.checks if check.name == "bank_changed") == "audit_missing_columns"
    vendors = pl.DataFrame(
        {"vendor": ["V1", "V2"], "bank_changed": [DAY - timedelta(days=2), DAY - timedelta(days=90)]}
    )
    assert flags(replace(given, references={"vendors": vendors})) == [("V1", 2, None, None)]
    seen = snapshot("V1", DAY - timedelta(days=1), "ES000001111", "ES000002222")
    assert flags(replace(given, account_changes=seen)) == [("V1", 1, "…1111", "…2222")]


def test_the_latest_payment_to_a_new_account_says_whether_it_can_be_stopped() -> None:
    new = f"ES{999:020d}"
    batch = [payment(1, iban=new), payment(2, iban=new, paid=MONDAY + timedelta(days=3))]
    found = findings(batch)[0]
    fact = next(fact for fact in found.facts if fact.kind is FactKind.STOPPABLE)
    assert fact.values == {"stoppable": True, "until": (DAY + timedelta(days=4)).isoformat()}
