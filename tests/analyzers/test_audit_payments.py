from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.audit import analyze_audit
from analyzers.audit.duplicates import PATTERNS
from analyzers.audit.invoice_numbers import normalised, one_slip
from analyzers.columns import Column, Field, Role
from analyzers.results import FactKind, Finding
from tests.analyzers.ledger_records import COLUMNS, MONDAY, material, ordinary, payment


def findings(
    batch: list[dict[str, Any]], history: list[dict[str, Any]] | None = None, **settings: Any
) -> list[Finding]:
    quiet = [payment(number) for number in range(60, 90)]
    return list(analyze(material(batch + quiet, history, **settings)).findings)


def test_a_quiet_batch_has_no_findings_and_says_that_it_was_tested() -> None:
    analysis = analyze(material([payment(number) for number in range(60)]))
    assert analysis.findings == ()
    assert {"duplicate_payment", "bank_changed", "self_approved"} <= {
        check.name for check in analysis.checks if check.code.startswith("audit_done")
    }


FIRST = payment(1, number="R1-778899", amount=Decimal("4321.50"))


@pytest.mark.parametrize(
    ("changed", "pattern"),
    [
        ({}, "EESE"),
        ({"number": "r1 778899"}, "EESE"),
        ({"number": "R1-778989"}, "ESSE"),
        ({"number": "R1-7788991"}, "ESSE"),
        ({"vendor": "V2", "iban": f"ES{2:020d}"}, "DESE"),
    ],
)
def test_a_payment_made_twice_is_found_and_only_the_second_is_at_risk(changed: dict[str, Any], pattern: str) -> None:
    [found] = findings([FIRST, FIRST | {"id": "D13699", "paid": FIRST["paid"] + timedelta(days=3)} | changed])
    assert (found.type, found.rows, found.exposure) == ("duplicate_payment", (1,), Decimal("4321.50"))
    assert found.facts[0].values["pattern"] == pattern
    assert found.facts[0].values["other"] == FIRST["id"]


@pytest.mark.parametrize(
    ("amount", "found"),
    [("4235.07", True), ("4312.50", True), ("2321.50", False), ("2160.75", False)],
)
def test_an_amount_close_to_the_first_is_found_and_a_part_payment_is_not(amount: str, found: bool) -> None:
    second = FIRST | {"id": "D13699", "paid": FIRST["paid"] + timedelta(days=3), "amount": Decimal(amount)}
    patterns = [item.facts[0].values["pattern"] for item in findings([FIRST, second])]
    assert patterns == (["EESS"] if found else [])


def test_the_nine_patterns_are_all_there_and_weaker_the_less_agrees() -> None:
    assert len(PATTERNS) == 9
    assert all(len(pattern) == 4 and set(pattern) <= set("ESD") for pattern in PATTERNS)
    assert list(PATTERNS.values()) == sorted(PATTERNS.values(), reverse=True)


SECOND = FIRST | {"id": "D13699", "paid": FIRST["paid"] + timedelta(days=3)}
STATED = (
    Column(name="state", role=Role.IGNORE, field=Field.STATUS),
    Column(name="due", role=Role.IGNORE, field=Field.DUE_DATE),
)
WITH_STATUS = COLUMNS.model_copy(update={"columns": (*COLUMNS.columns, *STATED)})


def stated(*, last: date, state: str | None = None, due: date | None = None, **settings: Any) -> list[Finding]:
    """The findings on a payment made twice, of which the second has a status and a due date."""
    quiet = [payment(number) for number in range(60, 90)]
    given = material([FIRST, SECOND, *quiet], columns=WITH_STATUS)
    second = pl.col("id") == SECOND["id"]
    extra = [
        pl.when(second).then(pl.lit(state, pl.String)).alias("state"),
        pl.when(second).then(pl.lit(due, pl.Date)).alias("due"),
    ]
    rules = given.settings.model_copy(update={"audit": given.settings.audit.model_copy(update=settings)})
    made = replace(
        given, batch=given.batch.with_columns(extra), history=given.history.with_columns(extra), settings=rules,
        days=(MONDAY.date(), last),
    )  # fmt: skip
    return list(analyze(made).findings)


PAID = SECOND["paid"].date()


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"last": PAID}, (True, PAID + timedelta(days=1), None)),
        ({"last": PAID + timedelta(days=1)}, (False, PAID + timedelta(days=1), None)),
        ({"last": PAID + timedelta(days=1), "settlement_days": 5}, (True, PAID + timedelta(days=5), None)),
        ({"last": PAID, "due": PAID + timedelta(days=20)}, (True, PAID + timedelta(days=21), None)),
        ({"last": PAID + timedelta(days=90), "state": "Pending"}, (True, None, "Pending")),
        ({"last": PAID, "state": "PAID", "due": PAID + timedelta(days=20)}, (False, None, "PAID")),
        ({"last": PAID, "state": "whatever"}, (True, PAID + timedelta(days=1), None)),
    ],
)
def test_whether_the_money_can_still_be_stopped_is_a_fact(case: dict[str, Any], expected: tuple[Any, ...]) -> None:
    [found] = stated(**case)
    fact = next(fact for fact in found.facts if fact.kind is FactKind.STOPPABLE)
    stoppable, until, status = expected
    assert fact.values == {"stoppable": stoppable} | ({"status": status} if status else {"until": until.isoformat()})


def test_a_voided_payment_is_no_first_and_no_second() -> None:
    assert stated(last=PAID, state="Voided") == []


def test_payments_within_the_group_are_no_duplicates() -> None:
    given = material([FIRST, SECOND, *[payment(number) for number in range(60, 90)]])
    own = given.settings.model_copy(update={"audit": given.settings.audit.model_copy(update={"intercompany": ("V1",)})})
    assert analyze(replace(given, settings=own)).findings == ()
    vendors = pl.DataFrame({"vendor": ["V1", "V2"], "is intercompany": ["x", None]})
    assert analyze(replace(given, references={"vendors": vendors})).findings == ()
    assert (
        len(
            analyze(
                replace(given, references={"vendors": vendors.reverse().with_columns(vendor=pl.lit("V2"))})
            ).findings
        )
        == 1
    )


def test_a_price_list_of_equal_charges_is_no_heap_of_pairs() -> None:
    due = PAID + timedelta(days=30)
    fees = [payment(i, amount=Decimal("9.99"), number=f"R1-{500_000 + 10 * i}") for i in range(400)]
    given = material(fees, columns=WITH_STATUS)
    extra = [pl.lit(None, pl.String).alias("state"), pl.lit(due, pl.Date).alias("due")]
    made = replace(given, batch=given.batch.with_columns(extra), history=given.history.with_columns(extra))
    assert [flag for flag in analyze_audit(made).flags if flag.type == "duplicate_payment"] == []


def test_debits_stand_on_the_side_that_most_records_have() -> None:
    sided = tuple(
        Column(name=c.name, role=Role.CATEGORY, field=Field.DEBIT_CREDIT) if c.name == "text" else c
        for c in COLUMNS.columns
    )
    columns = COLUMNS.model_copy(update={"columns": sided})
    credit = FIRST | {"id": "D13691", "text": "H", "paid": FIRST["paid"] + timedelta(days=1)}
    quiet = [payment(number) for number in range(60, 90)]
    assert analyze(material([FIRST, credit, SECOND, *quiet], columns=columns)).findings == ()
    assert len(analyze(material([FIRST, SECOND, *quiet], columns=columns)).findings) == 1


def test_the_first_of_two_payments_may_lie_in_history() -> None:
    earlier = FIRST | {"id": "D1", "paid": MONDAY - timedelta(days=30)}
    [found] = findings([FIRST], [*ordinary(), earlier])
    assert found.facts[0].values["days"] == 30


def test_what_was_credited_and_billed_again_is_no_duplicate() -> None:
    credit = FIRST | {"id": "D13691", "amount": -FIRST["amount"], "paid": FIRST["paid"] + timedelta(days=1)}
    again = FIRST | {"id": "D13692", "paid": FIRST["paid"] + timedelta(days=2)}
    assert findings([FIRST, credit, again]) == []
    assert findings([FIRST, credit | {"number": "CN-1", "reverses": FIRST["id"]}, again]) == []
    # One credit undoes one payment: the third is one too many.
    third = FIRST | {"id": "D13693", "paid": FIRST["paid"] + timedelta(days=3)}
    assert [found.records for found in findings([FIRST, credit, again, third])] == [("r-D13693",)]


@pytest.mark.parametrize("same_number", [True, False])
def test_rent_and_instalments_are_no_duplicates(same_number: bool) -> None:
    months = [
        FIRST
        | {
            "id": f"D{i}",
            "paid": MONDAY - timedelta(days=90 - 30 * i),
            "number": "LN-4711" if same_number else f"M-10{i}",
        }
        for i in range(4)
    ]
    assert findings(months[3:], [*ordinary(), *months[:3]]) == []


def test_consecutive_numbers_are_no_slip_and_padding_and_marks_no_difference() -> None:
    numbers = pl.DataFrame({"number": ["inv-00123", "INV 123", "0", "--", None]}).select(normalised(pl.col("number")))
    assert numbers["number"].to_list() == ["1NV123", "1NV123", "0", None, None]
    firsts, seconds = (
        ["A1234", "A1234", "A1234", "A1234", "12", "A1234"],
        ["A1235", "A1324", "A12345", "A1234", "21", "B1243"],
    )
    expected = [False, True, True, False, False, False]
    assert one_slip(pl.Series(firsts), pl.Series(seconds)).tolist() == expected
    assert one_slip(pl.Series(seconds), pl.Series(firsts)).tolist() == expected


def test_just_below_the_limit_counts_where_the_vendor_never_bills_so_much() -> None:
    [found] = findings([payment(1, amount=Decimal(9_800))])
    assert found.type == "below_limit"
    assert found.facts[0].expected_high == 10_000
    leased = [
        payment(i, id=f"D{i}", amount=Decimal(9_800), paid=MONDAY - timedelta(days=80 - 28 * i)) for i in range(3)
    ]
    assert findings([payment(1, amount=Decimal(9_800), number="X")], [*ordinary(), *leased]) == []


def test_a_purchase_split_below_the_limit_is_one_finding_of_all_its_pieces() -> None:
    pieces = [payment(i, amount=Decimal(8_000 + 137 * i), text="machine") for i in range(3)]
    [found] = findings(pieces)
    assert (found.type, found.rows, found.exposure) == ("split_purchase", (0, 1, 2), Decimal("24411"))
    # Who is always paid as much within days splits nothing.
    busy = [
        payment(i, id=f"B{i}", number=f"B{i}", amount=Decimal(8_000 + 139 * i), paid=MONDAY - timedelta(days=80 - i))
        for i in range(60)
    ]
    assert not [found for found in findings(pieces, [*ordinary(), *busy]) if found.type == "split_purchase"]


def test_without_limits_the_limit_tests_say_so() -> None:
    outcome = analyze_audit(material([payment(1)], limits=()))
    codes = {check.name: check.code for check in outcome.checks}
    assert codes["below_limit"] == codes["split_purchase"] == "audit_no_limits"


def test_the_largest_amount_by_far_counts_unless_its_account_knows_such_amounts() -> None:
    [found] = findings([payment(1, amount=Decimal(88_000))])
    assert found.type == "relative_size"
    assert found.facts[0].kind is FactKind.RELATIVE_SIZE
    assert found.facts[0].ratio is not None
    assert found.facts[0].ratio > 10
    yearly = [
        payment(
            i, id=f"Y{i}", number=f"Y{i}", vendor=f"Y{i // 7}", iban=None, account="625",
            paid=MONDAY - timedelta(days=60 + i), amount=Decimal(50_000 if i % 7 == 0 else 300 + i),
        )
        for i in range(42)
    ]  # fmt: skip
    assert findings([payment(1, amount=Decimal(88_000), account="625")], [*ordinary(), *yearly]) == []
