from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.analyze import analyze
from analyzers.findings import MOST_FACTS, build_findings, fingerprint
from analyzers.merging import merge
from analyzers.results import Condition, Fact, FactKind, Family, Finding, Flag, Subject, SubjectKind
from tests.analyzers.ledger_records import material, payment

START = datetime(2026, 3, 2, tzinfo=UTC)
BATCH = [payment(number, amount=Decimal(100 * (number + 1))) for number in range(8)]
GIVEN = material(BATCH)


def flag(name: str, family: Family, *rows: int, severity: float = 60.0, about: str | None = None, **rest: Any) -> Flag:
    identity = about or f"r-{BATCH[rows[0]]['id']}"
    facts = rest.pop("facts", (Fact(kind=FactKind.STRANGENESS, feature=name, actual=severity),))
    return Flag(
        analyzer=name, type=name, family=family, rows=rows, severity=severity, facts=facts,
        subject=Subject(kind=rest.pop("kind", SubjectKind.RECORD), id=identity, label=identity), **rest,
    )  # fmt: skip


def series(name: str, family: Family, about: str, first: int, last: int | None, **rest: Any) -> Flag:
    return flag(
        name, family, 0, about=about, kind=SubjectKind.SERIES, time_from=START + timedelta(hours=first),
        time_to=None if last is None else START + timedelta(hours=last), **rest,
    )  # fmt: skip


def test_reasons_about_one_record_are_one_finding_and_a_rule_leads() -> None:
    flags = [
        flag("unusual_amount", Family.TABULAR, 0, severity=95.0, p_value=0.001),
        flag("below_limit", Family.AUDIT, 0, severity=65.0),
        flag("round_amount", Family.AUDIT, 0, severity=30.0),
    ]
    [found] = build_findings(GIVEN, flags)
    assert (found.type, found.also) == ("below_limit", ("round_amount", "unusual_amount"))
    assert found.severity > 95
    assert found.p_value == 0.001
    assert found.exposure == Decimal(100)
    assert found.fields["amount"] == "100.00 EUR"
    assert found.records == (f"r-{BATCH[0]['id']}",)


def test_weak_audit_reasons_are_not_reported_alone_and_statistical_flags_are() -> None:
    weak = [
        flag("round_amount", Family.AUDIT, 0, severity=30.0),
        flag("weekend_posting", Family.AUDIT, 1, severity=40.0),
    ]
    assert build_findings(GIVEN, weak) == ()
    assert len(build_findings(GIVEN, [flag("unusual_amount", Family.TABULAR, 0, severity=10.0)])) == 1
    assert len(build_findings(GIVEN, [weak[0], flag("no_description", Family.AUDIT, 0, severity=48.0)])) == 1
    assert len(build_findings(GIVEN, [*weak, flag("unusual_amount", Family.TABULAR, 0, severity=10.0)])) == 1


def test_a_record_joins_the_group_that_it_is_part_of() -> None:
    split = flag("split_purchase", Family.AUDIT, 1, 2, 3, severity=70.0, exposure=Decimal(900), currency="EUR")
    inside = flag("unusual_amount", Family.TABULAR, 2, severity=90.0)
    apart = flag("unusual_amount", Family.TABULAR, 5, severity=90.0)
    found = {item.type: item for item in build_findings(GIVEN, [inside, split, apart])}
    assert found["split_purchase"].also == ("unusual_amount",)
    assert found["split_purchase"].rows == (1, 2, 3)
    assert found["split_purchase"].exposure == Decimal(900)
    assert found["unusual_amount"].rows == (5,)


def test_a_bad_sensor_swallows_the_episodes_of_that_sensor_at_that_time() -> None:
    facts = (Fact(kind=FactKind.FLAT_LINE, feature="temp"),)
    fault = series("flat_line", Family.SENSOR, "P1/temp", 0, 5, facts=facts, open=False)
    same = series("level_shift", Family.SERIES, "P1/temp", 2, 6, facts=facts, open=False)
    later = series("level_shift", Family.SERIES, "P1/temp", 9, None, facts=facts, open=True)
    other = series("level_shift", Family.SERIES, "P2/temp", 2, 6, facts=facts, open=True)
    built = build_findings(GIVEN, [same, later, other, fault])
    found = sorted(built, key=lambda item: (item.subject.id, item.type))
    assert [(item.type, item.also, item.condition) for item in found] == [
        ("flat_line", ("level_shift",), Condition.ENDED),
        ("level_shift", (), Condition.ACTIVE),
        ("level_shift", (), Condition.ACTIVE),
    ]
    assert len({item.fingerprint for item in found}) == 3


def test_facts_are_numbered_by_weight_without_repeats_and_money_is_always_among_them() -> None:
    facts = tuple(Fact(kind=FactKind.PEERS, feature=f"c{i % 12}", weight=i / 20) for i in range(20))
    [found] = build_findings(GIVEN, [flag("unusual_amount", Family.TABULAR, 3, facts=facts)])
    assert [fact.id for fact in found.facts] == [f"f{i}" for i in range(1, MOST_FACTS + 1)]
    assert [fact.feature for fact in found.facts[:2]] == ["c7", "c6"]
    assert (found.facts[-1].kind, found.facts[-1].actual, found.facts[-1].unit) == (FactKind.EXPOSURE, 400.0, "EUR")
    assert len({fact.feature for fact in found.facts}) == len(found.facts)


def test_the_budget_goes_by_priority_and_trivial_money_takes_no_place() -> None:
    given = replace(GIVEN, settings=GIVEN.settings.model_copy(update={"budget": 2, "trivial": Decimal(350)}))
    flags = [flag("unusual_amount", Family.TABULAR, row, severity=90.0 - 20 * (row == 2)) for row in range(8)]
    found = build_findings(given, flags)
    assert [item.priority for item in found] == sorted((item.priority for item in found), reverse=True)
    assert [item.rows for item in found if item.mailed] == [(7,), (6,)]
    assert not any(item.mailed for item in found if (item.exposure or 0) < 350)


def test_the_fingerprint_is_keyed_and_holds_no_value() -> None:
    assert fingerprint(b"a", "m", "t", "s") != fingerprint(b"b", "m", "t", "s")
    assert fingerprint(b"a", "m", "t", "s", START) != fingerprint(b"a", "m", "t", "s")
    assert fingerprint(b"a", "mt", "", "s") != fingerprint(b"a", "m", "t", "s")
    assert fingerprint(b"k" * 500, "m", "t", "s").startswith("v1:")
    [found] = build_findings(GIVEN, [flag("unusual_amount", Family.TABULAR, 0)])
    dearer = replace(GIVEN, batch=GIVEN.batch.with_columns((pl.col("amount") * 3).cast(pl.Decimal(18, 4))))
    [again] = build_findings(dearer, [flag("unusual_amount", Family.TABULAR, 0)])
    assert again.fingerprint == found.fingerprint
    assert found.fingerprint.startswith(f"v1:{found.id}")


FLAGS = st.lists(
    st.builds(
        lambda kind, family, rows, severity: flag(kind, family, *sorted(rows), severity=severity),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([Family.TABULAR, Family.AUDIT, Family.RULE]),
        st.sets(st.integers(0, 7), min_size=1, max_size=3),
        st.integers(1, 99).map(float),
    ),
    max_size=12,
)


@given(FLAGS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_merging_keeps_every_flag_once_and_does_not_depend_on_their_order(
    flags: list[Flag], order: random.Random
) -> None:
    shuffled = order.sample(flags, len(flags))
    assert merge(flags) == merge(shuffled)
    assert sum(len(group.flags) for group in merge(flags)) == len(flags)
    assert build_findings(GIVEN, flags) == build_findings(GIVEN, shuffled)


@given(st.permutations(range(8)))
@settings(max_examples=25, deadline=None)
def test_findings_do_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    def essence(found: tuple[Finding, ...]) -> list[tuple[Any, ...]]:
        return [(item.fingerprint, item.priority, item.severity, item.exposure, sorted(item.records)) for item in found]

    place = {old: new for new, old in enumerate(order)}
    flags = [
        flag("split_purchase", Family.AUDIT, 1, 2, 3, severity=70.0),
        flag("unusual_amount", Family.TABULAR, 2, severity=90.0),
        flag("unusual_amount", Family.TABULAR, 6, severity=80.0),
    ]
    moved = [item.model_copy(update={"rows": tuple(place[row] for row in item.rows)}) for item in flags]
    assert essence(build_findings(replace(GIVEN, batch=GIVEN.batch[order]), moved)) == essence(
        build_findings(GIVEN, flags)
    )


@given(st.text(max_size=30), st.text(max_size=30), st.floats(-1e9, 1e9), st.floats(1, 99), st.integers(1, 10**9))
@settings(max_examples=60, deadline=None)
def test_the_fingerprint_knows_no_value_no_text_and_no_measure(
    label: str, told: str, actual: float, severity: float, money: int
) -> None:
    plain = flag("unusual_amount", Family.TABULAR, 3)
    facts = (Fact(kind=FactKind.RARE_VALUE, feature=told, actual=told), Fact(kind=FactKind.PEERS, actual=actual))
    changed = plain.model_copy(
        update={
            "severity": severity,
            "score": actual,
            "p_value": severity / 100,
            "exposure": Decimal(money),
            "subject": plain.subject.model_copy(update={"label": label}),
            "facts": facts,
        }
    )
    [one], [other] = build_findings(GIVEN, [plain]), build_findings(GIVEN, [changed])
    assert one.fingerprint == other.fingerprint


@given(st.permutations(range(len(BATCH))), st.integers(2, 9))
@settings(max_examples=6, deadline=None)
def test_fingerprints_of_whole_analyses_stay_under_reruns_row_order_and_other_amounts(
    order: list[int], factor: int
) -> None:
    twice = {**BATCH[2], "id": "D99999", "paid": BATCH[2]["paid"] + timedelta(hours=3)}
    rows = [
        *(BATCH[i] for i in order),
        twice,
        payment(90, text=None, account=None, number="R1-X", amount=Decimal(9950)),
    ]
    dearer = [{**row, "amount": row["amount"] * factor, "text": f"other {row['text']}"} for row in rows]
    ordered = analyze(material([*BATCH, *rows[-2:]]))
    for found in (analyze(material(rows)), analyze(material(rows))):
        assert {f.fingerprint for f in found.findings} == {f.fingerprint for f in ordered.findings}
    marks = {(f.type, f.subject.id): f.fingerprint for f in ordered.findings}
    again = {(f.type, f.subject.id): f.fingerprint for f in analyze(material(dearer)).findings}
    common = marks.keys() & again.keys()
    assert ("duplicate_payment", "r-D99999") in common
    assert all(marks[key] == again[key] for key in common)
    assert len({*marks.values(), *again.values()}) == len(marks.keys() | again.keys())


@pytest.mark.parametrize("count", [0, 1])
def test_no_flag_no_finding(count: int) -> None:
    assert len(build_findings(GIVEN, [flag("unusual_amount", Family.TABULAR, 0)] * count)) == count
