from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from analyzers.analyze import analyze
from analyzers.columns import Column, Role
from analyzers.persons import masked_person
from analyzers.rates import open_rates
from analyzers.results import Analysis, Check
from analyzers.risk import TrackRecord, alike
from analyzers.settings import Allowed, AnalysisSettings, Material
from tests.analyzers.ledger_records import COLUMNS, MONDAY, material, payment

FIRST = payment(1, number="R1-778899", amount=Decimal("4321.50"))
TWICE = [FIRST, FIRST | {"id": "D13690", "paid": FIRST["paid"] + timedelta(days=1)}]
BOUGHT = payment(2, vendor="V7", iban=f"ES{7:020d}", clerk="manager2", manager="manager2")
QUIET = [payment(number) for number in range(60, 90)]


def given(**settings: Any) -> Material:
    return material([*TWICE, BOUGHT, *QUIET], **settings)


def mailed(analysis: Analysis) -> dict[str, bool]:
    return {finding.type: finding.mailed for finding in analysis.findings}


def checks(analysis: Analysis) -> dict[str, Check]:
    return {check.code: check for check in analysis.checks}


ALLOWED = {"duplicate_payment": False, "self_approved": True}
NEITHER = {"duplicate_payment": True, "self_approved": True}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"type": "duplicate_payment"}, ALLOWED),
        ({"entity": "V1"}, ALLOWED),
        ({"entity": "V1", "type": "self_approved"}, NEITHER),
        ({"values": {"account": "61", "number": "R1-778899"}}, ALLOWED),
        ({"values": {"account": "62", "number": "R1-778899"}}, NEITHER),
        ({"values": {"no such column": "1"}}, NEITHER),
        ({"type": "duplicate_payment", "until": date(2026, 3, 3)}, ALLOWED),
        ({"type": "duplicate_payment", "until": date(2026, 3, 2)}, NEITHER),
    ],
)
def test_what_is_allowed_is_listed_and_not_mailed(stated: dict[str, Any], expected: dict[str, bool]) -> None:
    analysis = analyze(given(allow=(Allowed(reason="agreed with the auditor", **stated),)))
    assert mailed(analysis) == expected
    reasons = {finding.type: finding.allowed for finding in analysis.findings}
    assert reasons["duplicate_payment"] == (None if expected is NEITHER else "agreed with the auditor")


def test_nothing_material_is_allowed_or_trivial_and_both_are_said() -> None:
    entry = Allowed(type="duplicate_payment", reason="agreed")
    analysis = analyze(given(allow=(entry,), materiality=Decimal(4_000), trivial=Decimal(4_000)))
    assert mailed(analysis) == {"duplicate_payment": True, "self_approved": False}
    assert checks(analysis)["allow_overruled"].values == {"count": 1}
    assert checks(analysis)["allow_applied"].values == {"entries": 1, "findings": 0, "expired": 0}
    with pytest.raises(ValidationError, match="cannot be trivial"):
        AnalysisSettings(materiality=Decimal(1), trivial=Decimal(2))


def test_a_reference_table_allows_as_the_settings_do() -> None:
    table = pl.DataFrame(
        {
            "Entity": ["V1", None, "V7", "V7", None],
            "number": ["R1-778899", None, None, None, None],
            "type": ["duplicate_payment", None, "self_approved", "self_approved", "benford"],
            "until": [None, None, "2026-01-31", "31.02.2026", None],
            "reason": ["agreed", "says nothing of what", "was agreed", "no such day", None],
        }
    )
    analysis = analyze(replace(given(), references={"allowed": table}))
    assert mailed(analysis) == ALLOWED
    assert checks(analysis)["allow_applied"].values == {"entries": 1, "findings": 1, "expired": 2}
    assert checks(analysis)["allow_unusable"].values == {"count": 2}


def test_a_person_is_allowed_by_name_although_masked() -> None:
    persons = tuple(
        Column(name=c.name, role=Role.PERSON, field=c.field) if c.name == "clerk" else c for c in COLUMNS.columns
    )
    plain = given(columns=COLUMNS.model_copy(update={"columns": persons}))
    key = plain.hash_key
    names = {name: masked_person(name, key) for name in ("clerk0", "clerk1", "clerk2", "clerk3", "manager2")}
    masks = pl.col("clerk").replace(names)
    hidden = replace(plain, batch=plain.batch.with_columns(masks), history=plain.history.with_columns(masks))
    entry = Allowed(values={"clerk": "Clerk1", "account": "61"}, reason="trainee")
    analysis = analyze(replace(hidden, settings=hidden.settings.model_copy(update={"allow": (entry,)})))
    assert not mailed(analysis)["duplicate_payment"]


def test_an_entry_without_reason_or_subject_is_refused() -> None:
    for stated in ({"reason": "x" * 5}, {"type": "benford", "reason": ""}, {"type": "benford"}):
        with pytest.raises(ValidationError):
            Allowed(**stated)


def test_verdicts_reorder_and_neither_hide_nor_lower_what_is_material() -> None:
    bad, good = TrackRecord(confirmed=0, dismissed=40), TrackRecord(confirmed=40)
    plain = analyze(given()).findings
    assert [finding.type for finding in plain] == ["duplicate_payment", "self_approved"]
    records = {"duplicate_payment": bad, "self_approved": good, "benford": bad}
    analysis = analyze(replace(given(), track_records=records))
    assert [finding.type for finding in analysis.findings] == ["self_approved", "duplicate_payment"]
    assert all(finding.mailed for finding in analysis.findings)
    assert analysis.findings[0].expected_loss is not None
    assert analysis.findings[0].expected_loss < (analysis.findings[0].exposure or 0)
    assert checks(analysis)["track_record_figure"].values["verdicts"] == 40
    material_one = analyze(replace(given(materiality=Decimal(4_000), budget=1), track_records=records)).findings
    kept = next(finding for finding in material_one if finding.type == "duplicate_payment")
    assert kept.mailed
    assert kept.priority == plain[0].priority
    assert sum(finding.mailed for finding in material_one) == 1


def test_feedback_on_the_like_reorders_and_hides_nothing() -> None:
    plain = analyze(given()).findings
    like = {(found.type, alike(found)): TrackRecord(dismissed=30) for found in plain if found.type == "self_approved"}
    assert like
    of_type = {"self_approved": TrackRecord(confirmed=2, dismissed=30)}
    told = analyze(replace(given(), track_records=of_type, track_records_of_like=like)).findings
    assert {found.fingerprint for found in told} == {found.fingerprint for found in plain}
    lowered, before = (next(found for found in each if found.type == "self_approved") for each in (told, plain))
    assert lowered.priority < before.priority
    assert lowered.mailed
    # Where its money is material, not even thirty false alarms lower it.
    material = analyze(
        replace(given(materiality=Decimal(1)), track_records=of_type, track_records_of_like=like)
    ).findings
    untouched = next(found for found in material if found.type == "self_approved")
    assert (untouched.material, untouched.priority) == (True, before.priority)


def test_few_verdicts_give_a_band_and_no_expected_loss() -> None:
    analysis = analyze(replace(given(), track_records={"self_approved": TrackRecord(confirmed=19)}))
    assert all(finding.expected_loss is None for finding in analysis.findings)
    assert checks(analysis)["track_record_band"].values == {"type": "self_approved", "confirmed": 19, "verdicts": 19}


def test_a_threshold_meets_another_currency_by_the_newest_rate_or_not_at_all() -> None:
    rates = pl.DataFrame(
        {"code": ["usd", "USD", "USD", "GBP"], "day": [MONDAY.date() + timedelta(days=i) for i in (-9, 0, 9, 0)],
         "worth": [9.0, 0.5, 9.0, float("nan")]}
    )  # fmt: skip
    opened = open_rates(replace(given(), references={"rates": rates}))
    assert opened.converted(Decimal(10), "USD") == 5
    assert opened.converted(Decimal(10), "EUR") == 10
    assert opened.converted(Decimal(10), "GBP") is None
