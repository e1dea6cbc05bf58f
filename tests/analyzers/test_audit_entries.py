from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.audit import analyze_audit
from analyzers.audit.books import open_books
from analyzers.audit.digits import BENFORD
from analyzers.audit.rarity import marked_records, severity_of_share
from analyzers.columns import Column, Field, Role
from analyzers.errors import MonitorError
from analyzers.results import DigitsChart, FactKind, Flag
from analyzers.settings import CalendarSettings, SqlRule
from tests.analyzers.ledger_records import COLUMNS, MONDAY, NUMBERED, material, ordinary, payment

SATURDAY = MONDAY + timedelta(days=5)


def types(batch: list[dict[str, Any]], history: list[dict[str, Any]] | None = None, **settings: Any) -> list[str]:
    quiet = [payment(number) for number in range(60, 90)]
    return [found.type for found in analyze(material(batch + quiet, history, **settings)).findings]


def test_self_approval_counts_where_it_is_rare() -> None:
    assert types([payment(1, clerk="manager1", manager="manager1")]) == ["self_approved"]
    habit = [row | {"manager": row["clerk"]} if i % 20 == 0 else row for i, row in enumerate(ordinary())]
    assert types([payment(1, clerk="manager1", manager="manager1")], habit) == []


def test_an_odd_circumstance_alone_is_weak_and_several_together_are_a_finding() -> None:
    odd = payment(1, paid=SATURDAY, amount=Decimal(7_000), text=None)
    usual = ordinary()
    # One in two hundred records of history on Saturdays, round or without text: each is rare, none is unheard of.
    for i in range(0, len(usual), 200):
        usual[i] |= {"paid": usual[i]["paid"] - timedelta(days=usual[i]["paid"].weekday() + 2)}
        usual[i + 1] |= {"amount": Decimal(2_000)}
        usual[i + 2] |= {"text": None}
    assert types([payment(1, paid=SATURDAY)], usual) == []
    assert types([payment(1, amount=Decimal(3_000))], usual) == []
    [found] = analyze(material([odd, *[payment(number) for number in range(60, 90)]], usual)).findings
    assert {found.type, *found.also} == {"weekend_posting", "round_amount", "no_description"}


def test_a_run_at_night_and_a_vendor_of_weekends_are_not_odd() -> None:
    late = MONDAY.replace(hour=23)
    night = [
        payment(100 + i, vendor=f"V{i % 60}", amount=Decimal("300.17") + i, paid=late + timedelta(seconds=i))
        for i in range(300)
    ]
    assert types(night) == []
    usual = ordinary()
    debits = [
        row | {"paid": row["paid"] - timedelta(days=row["paid"].weekday() + 2)} if row["vendor"] == "V1" else row
        for row in usual
    ]
    assert types([payment(1, paid=SATURDAY, text=None)], debits) == []


def test_severity_is_logarithmic_in_rarity_and_meets_the_line_at_one_in_3000() -> None:
    shares = np.array([1.0, 1 / 3000, 1 / 9_000_000, 0.0])
    assert severity_of_share(shares) == pytest.approx([0.0, 50.0, 95.0, 95.0])


def test_marks_together_are_at_least_as_rare_as_each() -> None:
    rng = np.random.default_rng(1)
    books = open_books(material([payment(i, amount=Decimal(int(rng.integers(1, 50)))) for i in range(200)]))
    marks = {"odd": pl.col("cents") % 300 == 0, "small": pl.col("cents") < 1_000, "few": pl.col("entity") == "V7"}
    marked = marked_records(books, marks)
    assert marked.height > 10
    joint = marked["joint"].to_numpy()
    for name in marks:
        own = marked[name].fill_null(0.0).to_numpy()
        assert (joint >= own - 1e-9).all()


def test_benford_needs_enough_amounts_and_reports_a_change_only() -> None:
    rng = np.random.default_rng(0)
    natural = [Decimal(int(100 * 10 ** rng.uniform(1, 5))) / 100 for _ in range(6_000)]
    past = [row | {"amount": amount} for row, amount in zip(ordinary(4_000), natural, strict=False)]
    clean = [
        payment(i % 60, id=f"N{i}", vendor=f"V{i % 60}", number=f"N{i}", amount=natural[4_000 + i])
        for i in range(2_000)
    ]
    forged = [row | {"amount": Decimal("5100.13") + i % 89} if i % 2 else row for i, row in enumerate(clean)]

    def benford(batch: list[dict[str, Any]], history: list[dict[str, Any]]) -> Any:
        outcome = analyze_audit(material(batch, history))
        return [flag for flag in outcome.flags if flag.type == "benford"], next(
            check.code for check in outcome.checks if check.name == "benford"
        )

    assert benford(clean, past) == ([], "audit_done")
    assert benford(clean[:50], past[:500]) == ([], "benford_too_few")
    [flag], _ = benford(forged, past)
    assert isinstance(flag.chart, DigitsChart)
    assert flag.facts[0].values["digits"] in (51, 52)
    assert sum(flag.chart.expected) == pytest.approx(1.0)
    assert pytest.approx(1.0) == BENFORD.sum()
    always = [row | {"amount": Decimal("51.23") + i % 3} if i % 4 == 0 else row for i, row in enumerate(past)]
    assert benford(forged, always) == ([], "benford_never_conformed")


def test_missing_document_numbers_count_where_the_history_misses_none() -> None:
    def gaps(batch: list[dict[str, Any]], history: list[dict[str, Any]]) -> list[Flag]:
        outcome = analyze_audit(material(batch, history, columns=NUMBERED))
        return [flag for flag in outcome.flags if flag.type == "sequence_gap"]

    batch = [payment(number) for number in (0, 1, 5, 6)]
    batch += [payment(number) for number in range(7, 20)]
    assert [flag.facts[0].values for flag in gaps(batch, ordinary())] == [{"after": "D13601", "before": "D13605"}]
    torn = [row for i, row in enumerate(ordinary()) if i % 50]
    assert gaps(batch, torn) == []


def test_house_rules_flag_what_they_say_and_bad_ones_name_the_rule() -> None:
    rule = SqlRule(name="big", where="amount > 5000 AND vendor <> 'V2'", text="Ask the director.")
    batch = [payment(1, amount=Decimal(6_000)), payment(2, amount=Decimal(6_000), vendor="V2"), payment(3)]
    flags = [flag for flag in analyze_audit(material(batch, rules=(rule,))).flags if flag.type == "house_rule"]
    assert [flag.rows for flag in flags] == [(0,)]
    assert flags[0].severity == pytest.approx(70.0)
    for where, said in [
        ("amont > 1", "did you mean 'amount'"),
        ("amount >", "no SQL predicate"),
        ("amount", "true or false"),
        ("sum(amount) > 1", "one record"),
        ("vendor IN (SELECT 1)", "subquery"),
        ("read_csv('/etc/passwd') IS NULL", "no SQL predicate"),
        ("true; DROP TABLE records", "no SQL predicate"),
        ("EXISTS (SELECT 1)", "no SQL predicate"),
        ("amount > (SELECT max(amount) FROM records)", "no SQL predicate"),
        ("getenv('HOME') = 'x'", "no SQL predicate"),
        ("current_setting('x') = 'y'", "no SQL predicate"),
        ("paid < CURRENT_TIMESTAMP", "cannot use 'current_timestamp'"),
        ("now() IS NULL", "cannot use 'now'"),
        ("lpad(text, 2000000000, 'x') = 'x'", "cannot use 'lpad'"),
        ("row_number() OVER (ORDER BY amount) = 1", "cannot use 'over'"),
        ("CAST(text AS INT) > 1", "no SQL predicate"),
        ("(" * 5_000, "longer than"),
        ("(" * 3_900, "no SQL predicate"),
        ("", "no SQL predicate"),
    ]:
        with pytest.raises(MonitorError, match=r"rule 'big'.*" + said):
            analyze_audit(material(batch, rules=(rule.model_copy(update={"where": where}),)))


@pytest.mark.parametrize(
    ("where", "hits"),
    [
        ("text = 'none'", []),
        ("text IS NULL", [0]),
        ("NOT (text = 'goods')", []),
        ("COALESCE(text, '') = ''", [0]),
        ("text = 'now() over CURRENT_DATE' OR amount > 5000", [1]),
        ("text LIKE '%goo%' AND amount BETWEEN 5000 AND 7000", [1]),
    ],
)
def test_an_unknown_answer_is_no_hit_and_words_in_texts_are_no_functions(where: str, hits: list[int]) -> None:
    batch = [payment(1, text=None), payment(2, amount=Decimal(6_000)), payment(3)]
    rule = SqlRule(name="r", where=where, text="Look.")
    flags = [flag for flag in analyze_audit(material(batch, rules=(rule,))).flags if flag.type == "house_rule"]
    assert [flag.rows[0] for flag in flags] == hits


def test_holidays_closing_days_and_payment_runs_are_data() -> None:
    wednesday = MONDAY + timedelta(days=2)
    odd = payment(1, paid=wednesday, amount=Decimal("1750.13"))
    assert types([odd]) == []
    holidays = CalendarSettings(holidays={wednesday.date(): "Founding day"})
    [found] = analyze(material([odd, *[payment(number) for number in range(60, 90)]], calendar=holidays)).findings
    assert {found.type, *found.also} >= {"holiday_posting"}
    named = [fact.values["holiday"] for fact in found.facts if fact.kind is FactKind.HOLIDAY]
    assert named == ["Founding day"]
    table = pl.DataFrame({"on": [wednesday.date().isoformat()], "what": ["Founding day"]})
    given = material([odd, *[payment(number) for number in range(60, 90)]])
    [tabled] = analyze(replace(given, references={"holidays": table})).findings
    assert tabled.facts == found.facts
    # A run on that day explains it, by date or by weekday; what is entered by hand belongs to no run.
    for runs in ((wednesday.date(),), ("wednesday",)):
        run = holidays.model_copy(update={"payment_runs": runs})
        assert types([odd], calendar=run) == []
    by_hand = tuple(
        Column(name=c.name, role=Role.CATEGORY, field=Field.MANUAL) if c.name == "text" else c for c in COLUMNS.columns
    )
    manual = COLUMNS.model_copy(update={"columns": by_hand})
    assert "holiday_posting" in {
        kind for item in analyze(material([odd | {"text": "yes"}, payment(2)], calendar=run, columns=manual)).findings
        for kind in (item.type, *item.also)
    }  # fmt: skip


def test_a_period_ends_where_the_calendar_says() -> None:
    by_hand = tuple(
        Column(name=c.name, role=Role.CATEGORY, field=Field.MANUAL) if c.name == "text" else c for c in COLUMNS.columns
    )
    columns = COLUMNS.model_copy(update={"columns": by_hand})

    def period_ends(*closing: date) -> list[Any]:
        given = material([payment(1, text="yes", amount=Decimal(9_000))], columns=columns)
        calendar = CalendarSettings(closing_days=closing)
        made = replace(given, settings=given.settings.model_copy(update={"calendar": calendar}))
        flags = [flag for flag in analyze_audit(made).flags if flag.type == "period_end_manual"]
        return [flag.facts[0].values["days"] for flag in flags]

    day = MONDAY.date()
    assert period_ends() == []
    assert period_ends(day + timedelta(days=2), day + timedelta(days=30)) == [2]
    assert period_ends(day + timedelta(days=3), day - timedelta(days=1)) == []


def test_an_entry_without_an_account_is_rarer_than_one_without_a_text() -> None:
    blank = [row | {"text": None} if i % 20 == 0 else row for i, row in enumerate(ordinary())]
    assert types([payment(1, text=None, amount=Decimal(5_500))], blank) == []
    assert types([payment(1, account=None, amount=Decimal(5_500))], blank) == ["no_account"]


def test_endings_that_agree_count_where_neither_the_entity_nor_the_others_had_them() -> None:
    alike = [payment(i, amount=Decimal(600 + 17 * i) + Decimal("0.37")) for i in range(14)]
    assert types(alike) == ["endings"]
    habit = [row | {"amount": row["amount"].to_integral_value() + Decimal("0.37")} for row in ordinary()]
    assert types(alike, habit) == []


def test_parameters_without_a_published_standard_are_named_in_the_check() -> None:
    checks = {check.name: check for check in analyze_audit(material([payment(1)])).checks}
    assert checks["below_limit"].code == checks["split_purchase"].code == "audit_done_unpublished"
    assert checks["below_limit"].values["parameters"] == "below_limit 0.05"
    assert checks["relative_size"].code == "audit_done"
