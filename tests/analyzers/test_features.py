from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.features import FeatureKind, Records, build_features, canonical_order
from analyzers.features.amounts import OwnPast
from analyzers.features.frequency import Timeline
from analyzers.features.groups import GroupedValues, by_group
from analyzers.features.rarity import novelty, others_with, pair_rarity, rarity
from analyzers.settings import AnalysisSettings, Material

DAY = 86_400_000_000


def columns(**roles: Role) -> Columns:
    return Columns(shape=Shape.EVENTS, columns=tuple(Column(name=name, role=role) for name, role in roles.items()))


def records(history: pl.DataFrame, batch: pl.DataFrame, roles: Columns) -> Records:
    return Records.of(Material(roles, history, batch, AnalysisSettings()))


groups = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(-5, 5)), st.booleans()), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(groups, st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_group_quantiles_leave_the_record_itself_out(rows: list[tuple[int, int | None, bool]], share: float) -> None:
    codes = np.array([row[0] for row in rows])
    values = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64)
    reference = np.array([row[2] for row in rows])
    grouped = GroupedValues(codes, values, reference)
    quantiles, gaps = grouped.quantile(share), grouped.nearest_gap()
    for i in range(len(rows)):
        others = [
            values[j]
            for j in range(len(rows))
            if j != i and reference[j] and codes[j] == codes[i] and np.isfinite(values[j])
        ]
        assert grouped.counts()[i] == len(others)
        assert quantiles[i] == pytest.approx(np.quantile(others, share) if others else np.nan, nan_ok=True)
        if np.isfinite(values[i]):
            assert gaps[i] == pytest.approx(min((abs(values[i] - other) for other in others), default=np.inf))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20 * 24)), min_size=1, max_size=40), st.sampled_from([2, 7])
)
def test_windows_count_what_lies_in_them_and_nothing_later(rows: list[tuple[int, int]], days: int) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    codes = np.array([row[0] for row in rows])
    instants = np.array([row[1] * 3_600_000_000 for row in rows], dtype=np.int64)
    counts = Timeline(codes, instants).counts(days)
    for i, (entity, _) in enumerate(rows):
        inside = [
            j for j in range(i + 1) if codes[j] == entity and instants[i] - days * DAY < instants[j] <= instants[i]
        ]
        assert counts[i] == len(inside)


def test_more_records_than_ever_are_an_excess_and_the_rhythm_of_before_is_none() -> None:
    steady = np.arange(0, 100, 5) * DAY
    burst = 97 * DAY + np.arange(10) * 3_600_000_000
    instants = np.sort(np.concatenate([steady, burst]))
    excess = Timeline(np.zeros(len(instants), dtype=np.int64), instants).excess(2)
    assert excess[-2] > 4
    assert (excess[:19] == 0).all()


def test_rare_values_and_pairs_surprise_and_common_ones_do_not() -> None:
    values = np.array([0] * 500 + [1] * 499 + [2])
    assert rarity(values)[-1] > 2
    assert (rarity(values)[:-1] == 0).all()
    first = np.array([0] * 500 + [1] * 500)
    second = first.copy()
    second[0] = 1
    assert pair_rarity(first, second)[0] > 1.5
    assert (pair_rarity(first, second)[1:] == 0).all()
    assert others_with(values)[-1] == 0


def test_a_new_value_surprises_more_the_steadier_its_entity_and_less_the_more_it_befalls() -> None:
    entity = np.repeat(np.arange(40), 30)
    values = np.repeat(np.arange(40) % 3, 30)
    one = values.copy()
    one[0] = 5
    many = values.copy()
    many[::30] = 5
    assert novelty(entity, one)[0] > 2
    assert (novelty(entity, one)[1:] == 0).all()
    assert (novelty(entity, many) < 0.5).all()


def payments(amounts: list[float], suppliers: list[str], start: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "record_id": [f"{start}-{i}" for i in range(len(amounts))],
            "at": [datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(days=start + i) for i in range(len(amounts))],
            "supplier": suppliers,
            "amount": pl.Series(amounts, dtype=pl.Float64).cast(pl.Decimal(18, 4)),
        }
    )


ROLES = columns(at=Role.TIME, supplier=Role.ENTITY, amount=Role.EXPOSURE)


def test_a_repeated_amount_is_no_excess_but_a_new_one_is() -> None:
    random = np.random.default_rng(0)
    usual = random.normal(100, 10, 80).tolist()
    history = payments([*usual, 5_000.0], ["A"] * 81)
    batch = payments([5_000.0, 5_400.0], ["A", "A"], start=90)
    table = build_features(records(history, batch, ROLES), "UTC")
    own = next(i for i, feature in enumerate(table.features) if feature.kind is FeatureKind.OWN)
    assert table.values[-2, own] == 0
    assert table.values[-1, own] > 5


def test_thin_pasts_are_drawn_to_everybody() -> None:
    history = payments([10.0, 1_000.0] * 50, ["small", "large"] * 50)
    batch = payments([1_000.0, 1_000.0], ["small", "new"], start=200)
    own = OwnPast(all_records := records(history, batch, ROLES), "supplier", all_records.values("amount"))
    assert own.counts()[-2:].tolist() == [50, 0]
    assert own.distance()[-2] > 2 * abs(own.distance()[-1])


def test_features_are_finite_float32_whatever_is_missing() -> None:
    frame = payments([1.0, 2.0, 3.0, 4.0], ["a", "b", "a", "b"]).with_columns(
        amount=pl.when(pl.col("supplier") == "a").then("amount"),
        at=pl.when(pl.col("supplier") == "b").then("at"),
        note=pl.Series([None, "x", "", None], dtype=pl.String),
        kind=pl.Series([None, "k", "k", "l"]),
        level=pl.Series([float("inf"), float("nan"), None, 1.0]),
    )
    roles = columns(
        at=Role.TIME, supplier=Role.ENTITY, amount=Role.EXPOSURE, note=Role.TEXT, kind=Role.CATEGORY, level=Role.MEASURE
    )
    table = build_features(records(frame.clear(), frame, roles), "Europe/Madrid")
    assert table.values.dtype == np.float32
    assert table.values.shape == (4, len(table.features))
    assert np.isfinite(table.values).all()


def test_masks_of_persons_do_not_decide_the_order() -> None:
    columns = Columns(
        shape=Shape.EVENTS,
        columns=(Column(name="amount", role=Role.EXPOSURE), Column(name="who", role=Role.PERSON)),
    )
    amounts = [3.0, 1.0, 2.0, 5.0, 4.0]
    orders = [
        canonical_order(pl.DataFrame({"amount": amounts, "who": [f"{mask}{i}" for i in range(5)]}), columns).tolist()
        for mask in ("a", "b", "c")
    ]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize(("day", "seen"), [(4, False), (25, True)])
def test_a_day_of_the_month_without_a_past_is_no_feature(day: int, seen: bool) -> None:
    columns = Columns(
        shape=Shape.EVENTS, columns=(Column(name="at", role=Role.TIME), Column(name="x", role=Role.MEASURE))
    )
    start = datetime(2026, 6, 1, 9, tzinfo=UTC)
    history = pl.DataFrame({"at": [start + timedelta(minutes=6 * i) for i in range(7_200)], "x": [1.0, 2.0] * 3_600})
    batch = pl.DataFrame({"at": [datetime(2026, 7, day, 9, tzinfo=UTC)] * 2, "x": [1.0, 2.0]})
    frames = [frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC"))) for frame in (history, batch)]
    records = Records.of(Material(columns, frames[0], frames[1], AnalysisSettings()))
    assert records.settled.sum() < 7_200
    named = [feature.detail for feature in build_features(records, "UTC").features]
    assert ("day" in named) is seen


def test_of_a_long_history_some_get_features_and_all_are_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    history = payments(random.normal(100, 10, 600).tolist(), random.choice(["A", "B", "C"], 600).tolist())
    batch = payments([100.0, 900.0, 100.0], ["A", "B", "new"], start=700)
    whole = build_features(records(history, batch, ROLES), "UTC")
    monkeypatch.setattr("analyzers.features.records.MOST_FEATURED", 50)
    some = build_features(drawn := records(history, batch, ROLES), "UTC")
    assert drawn.n_past == 50
    assert some.values.shape == (53, len(some.features))
    assert FeatureKind.OWN in {feature.kind for feature in some.features}
    same = whole.values[:, [whole.features.index(feature) for feature in some.features]]
    np.testing.assert_array_equal(some.values[50:], same[600:])
    assert (some.values[:50, None] == same[None, :600]).all(axis=2).any(axis=1).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_places_by_group_keep_their_order(codes: list[int]) -> None:
    places = by_group(np.array(codes))
    assert places.tolist() == sorted(range(len(codes)), key=lambda place: codes[place])
