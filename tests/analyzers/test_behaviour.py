"""Who stops or changes is told once, since when and by how much; what all others do too is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from analyzers.analyze import analyze, analyze_at
from analyzers.behaviour.clock import DAY, Clock
from analyzers.results import CheckStatus, Condition, FactKind, Finding, GuaranteeKind
from analyzers.settings import BehaviourSettings
from tests.analyzers.customer_records import WATCHED, material, since, visits


def _told(changed: pl.DataFrame, **analysis: Any) -> dict[str, Finding]:
    return {finding.subject.label: finding for finding in analyze(material(changed, **analysis)).findings}


def test_nobody_is_told_where_nothing_changes() -> None:
    assert len(_told(visits(3))) <= 2


def test_who_stops_is_told_since_the_last_record() -> None:
    found = _told(visits().filter(~since("C007", 60)))["C007"]
    assert found.type == "stopped"
    assert found.condition is Condition.ACTIVE
    assert found.subject.id == "customer=C007"
    fact = next(fact for fact in found.facts if fact.kind is FactKind.SILENCE)
    assert isinstance(fact.actual, float)
    assert fact.actual >= 60
    assert fact.expected_high is not None
    assert fact.expected_high < 12
    assert fact.at == found.time_from
    # What it usually spends in four weeks: seven visits of about 55.
    assert found.exposure is not None
    assert 200 < found.exposure < 700
    assert found.currency == "EUR"
    assert found.rows == ()


def test_who_comes_more_often_is_told_with_the_records_of_the_batch() -> None:
    more = visits(8, customers=1, gap=0.9).filter(since("C000", 28))
    found = _told(pl.concat([visits(), more]))["C000"]
    assert found.type == "faster_rhythm"
    fact = found.facts[0]
    assert fact.kind is FactKind.FREQUENCY
    assert fact.ratio is not None
    assert fact.ratio > 3
    assert len(found.rows) >= 7


def test_who_comes_less_often_is_told() -> None:
    thinned = visits().filter(~since("C011", 90) | (pl.int_range(pl.len()) % 5 == 0))
    assert _told(thinned)["C011"].type in {"slower_rhythm", "stopped"}


@pytest.mark.parametrize(
    ("column", "type_"), [("store", "moved_place"), ("section", "changed_mix")], ids=["place", "mix"]
)
def test_another_place_or_mix_is_told_with_both_values(column: str, type_: str) -> None:
    changed = visits().with_columns(
        pl.when(since("C003", 28)).then(pl.lit("elsewhere")).otherwise(pl.col(column)).alias(column)
    )
    found = _told(changed)["C003"]
    assert found.type == type_
    new, old = (fact for fact in found.facts if fact.kind is FactKind.CATEGORY_SHIFT)
    assert new.actual == "elsewhere"
    assert new.values["count"] == new.values["total"]
    assert new.values["before"] == 0
    assert old.values["count"] == 0
    assert found.time_from is not None
    assert found.time_to is not None
    assert found.time_to - found.time_from <= timedelta(days=28)


def test_larger_amounts_are_told_but_one_large_amount_is_not() -> None:
    tripled = visits().with_columns(
        amount=pl.when(since("C004", 28)).then(pl.col("amount") * 3).otherwise(pl.col("amount"))
    )
    found = _told(tripled)["C004"]
    assert found.type == "changed_amounts"
    level = found.facts[0]
    assert level.kind is FactKind.RECENT_LEVEL
    # Medians of windows vary less than single values: the usual range is theirs.
    single = visits().filter((pl.col("customer") == "C004") & ~since("C004", 28))["amount"].to_numpy()
    low, high = np.quantile(single, [0.1, 0.9])
    assert low < (level.expected_low or 0) < (level.expected_high or 0) < high < (level.actual or 0)
    last = pl.col("day") == pl.col("day").filter(pl.col("customer") == "C005").max()
    once = visits().with_columns(amount=pl.when(last).then(pl.col("amount") * 30).otherwise(pl.col("amount")))
    assert "C005" not in _told(once)


def test_what_everybody_does_is_nobodys_change() -> None:
    base = len(_told(visits(5)))
    pause = visits(5).filter(pl.col("day") < 420 - 40)
    few = pl.concat([pause, visits(5).filter((pl.col("day") >= 420 - 40) & (pl.int_range(pl.len()) % 4 == 0))])
    closed = visits(5).with_columns(
        store=pl.when((pl.col("day") >= 420 - 30) & (pl.col("store") == "store 0"))
        .then(pl.lit("store 1"))
        .otherwise("store")
    )
    assert len(_told(few)) <= base + 2
    assert len([one for one in _told(closed).values() if one.type == "moved_place"]) <= 1


def test_the_order_of_rows_changes_nothing() -> None:
    changed = material(visits().filter(~since("C007", 60)))
    shuffled = replace(changed, history=changed.history.sample(fraction=1.0, shuffle=True, seed=5))
    one, other = analyze(changed).findings, analyze(shuffled).findings
    assert [(f.fingerprint, f.severity, f.facts) for f in one] == [(f.fingerprint, f.severity, f.facts) for f in other]


def test_a_larger_rate_tells_no_less() -> None:
    both = analyze_at(material(visits(1).filter(~since("C007", 60))), (0.02, 0.2))
    strict, loose = ({f.subject.id for f in both[rate].findings} for rate in (0.02, 0.2))
    assert strict <= loose
    assert "customer=C007" in loose


def test_the_report_says_what_was_compared_and_promises_accordingly() -> None:
    analysis = analyze(material(visits()))
    check = next(check for check in analysis.checks if check.name == "behaviour")
    assert check.code == "behaviour_done"
    assert check.values["entities"] == 60
    assert {guarantee.kind for guarantee in analysis.guarantees} == {GuaranteeKind.BEHAVIOUR}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"behaviour": BehaviourSettings()}, "behaviour_off"),
        ({"behaviour": BehaviourSettings(entity="client")}, "behaviour_no_column"),
        ({"behaviour": BehaviourSettings(entity="customer", place=("shop",))}, "behaviour_no_column"),
        ({"behaviour": BehaviourSettings(entity="customer", window=100)}, "behaviour_short_history"),
        ({"behaviour": WATCHED, "skip": ("ensemble", "audit", "behaviour")}, "skipped_by_settings"),
    ],
)
def test_where_it_does_not_apply_it_says_so(changed: dict[str, Any], code: str) -> None:
    analysis = analyze(material(visits(customers=30), **changed))
    check = next(check for check in analysis.checks if check.name == "behaviour")
    assert (check.status, check.code) == (CheckStatus.SKIPPED, code)
    assert analysis.findings == ()


def test_few_entities_and_no_history_are_said() -> None:
    few = analyze(material(visits(customers=5)))
    assert "behaviour_few_entities" in {check.code for check in few.checks}
    alone = material(visits(customers=30))
    alone = replace(alone, history=alone.history.clear())
    assert "behaviour_no_history" in {check.code for check in analyze(alone).checks}


def test_nulls_and_nonsense_are_borne() -> None:
    odd = visits(2, customers=30).with_columns(
        pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise("store").alias("store"),
        pl.when(pl.int_range(pl.len()) % 11 == 0).then(None).otherwise("amount").alias("amount"),
        pl.when(pl.int_range(pl.len()) % 13 == 0).then(None).otherwise("customer").alias("customer"),
    )
    found = material(odd)
    found = replace(found, history=found.history.with_columns(amount=pl.col("amount") * 0 - 1))
    assert all(0 <= finding.severity <= 100 for finding in analyze(found).findings)


def test_the_crowds_clock_runs_slower_where_all_do_less() -> None:
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.integers(0, 100 * DAY, 5_000))
    seconds = seconds[(seconds < 40 * DAY) | (seconds >= 60 * DAY) | (rng.random(len(seconds)) < 0.2)]
    codes = rng.integers(0, 50, len(seconds))
    clock = Clock.of(seconds, codes, np.zeros(50, dtype=np.int64))
    zero = np.asarray(0)
    quiet = clock.at(np.asarray(60 * DAY), zero) - clock.at(np.asarray(40 * DAY), zero)
    usual = clock.at(np.asarray(40 * DAY), zero) - clock.at(np.asarray(20 * DAY), zero)
    assert quiet < 0.5 * usual
