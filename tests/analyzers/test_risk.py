from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.risk import TrackRecord, combined, consequence_scale, likelihood, priority, reviewed_likelihood

SEVERITIES = st.lists(st.floats(0, 100), min_size=1, max_size=6)


@given(SEVERITIES, st.floats(0, 100))
@settings(max_examples=100, deadline=None)
def test_a_further_reason_never_lowers_severity_and_order_means_nothing(severities: list[float], more: float) -> None:
    assert max(severities) - 1e-3 <= combined(severities) <= 100
    assert combined([*severities, more]) >= combined(severities) - 1e-3
    assert combined(sorted(severities)) == combined(severities)


def test_consequence_grows_with_money_and_compares_within_a_currency_only() -> None:
    amounts = pl.DataFrame(
        {"amount": [float(i) for i in range(1, 1_001)] * 2, "money": ["EUR"] * 1_000 + [None] * 1_000}
    ).with_columns(pl.when(pl.int_range(pl.len()) >= 1_000).then(pl.col("amount") * 100).otherwise("amount"))
    scale = consequence_scale([amounts], "amount", "money", "JPY", 0.4)
    values = [scale.of(float(size), "EUR") for size in (0, 0.001, 1, 10, 100, 500, 900, 990, 5_000, 1e9)]
    assert values == sorted(values)
    assert values[5] == pytest.approx(0.35, abs=0.01)
    assert values[-1] == 1.0
    assert scale.of(50_000.0, "JPY") == pytest.approx(scale.of(500.0, "EUR"), abs=1e-6)
    assert scale.of(None, "EUR") == scale.of(500.0, "USD") == 0.4
    assert scale.of(-500.0, "EUR") == scale.of(500.0, "EUR")


@pytest.mark.parametrize("amounts", [[], [5.0], [5.0, 5.0], [0.0, float("nan"), None]])
def test_few_or_equal_amounts_still_give_a_scale(amounts: list[float | None]) -> None:
    frame = pl.DataFrame({"amount": amounts}, schema={"amount": pl.Float64})
    scale = consequence_scale([frame], "amount", None, "EUR", 0.5)
    assert 0 <= scale.of(5.0, "EUR") <= scale.of(5_000.0, "EUR") <= 1


def test_priority_needs_both_axes_and_reviewers_move_likelihood() -> None:
    assert priority(0.0, 1.0) == priority(1.0, 0.0) == 0
    assert priority(1.0, 1.0) == 100
    assert likelihood(60.0) == 0.6
    assert reviewed_likelihood(0.6, TrackRecord()) == 0.6
    assert reviewed_likelihood(0.6, TrackRecord(dismissed=20)) < 0.25
    assert reviewed_likelihood(0.6, TrackRecord(confirmed=20)) > 0.8


def test_verdicts_on_the_like_weigh_more_than_those_on_the_type() -> None:
    of_type = TrackRecord(confirmed=12, dismissed=12)
    rent = reviewed_likelihood(0.6, of_type, TrackRecord(confirmed=2, dismissed=12))
    others = reviewed_likelihood(0.6, of_type, TrackRecord(confirmed=10))
    unknown = reviewed_likelihood(0.6, of_type)
    assert rent < 0.4 < unknown < 0.6 < others
    # Where all verdicts are on the like, or none is, both steps come to the one beta-binomial.
    alone = TrackRecord(confirmed=2, dismissed=12)
    assert reviewed_likelihood(0.6, alone, alone) == reviewed_likelihood(0.6, alone) == round((4.8 + 2) / 22, 4)
