"""Series as a whole: what is found, what is left alone, and what bad input does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.errors import MonitorError
from analyzers.results import CheckStatus, FactKind, Family, Flag, GuaranteeKind, Outcome, SeriesChart
from analyzers.series import analyze_series
from analyzers.settings import AnalysisSettings, Material, SeriesSettings

START = datetime(2026, 1, 5, tzinfo=UTC)
MEASURES = ("flow", "pressure", "vibration")


def plant(rows: int, seed: int = 0) -> pl.DataFrame:
    """Flow and pressure follow a wandering load, vibration is its own."""
    rng = np.random.default_rng(seed)
    load = np.convolve(rng.normal(size=rows + 200), np.ones(200) / 14, mode="valid")[:rows]
    return pl.DataFrame(
        {
            "time": [START + timedelta(minutes=minute) for minute in range(rows)],
            "flow": 100 + 5 * load + rng.normal(size=rows),
            "pressure": 4 + 0.2 * load + 0.04 * rng.normal(size=rows),
            "vibration": 2 + 0.1 * rng.normal(size=rows),
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )


def material(
    frame: pl.DataFrame, history: int, *, extra: tuple[Column, ...] = (), series: SeriesSettings | None = None
) -> Material:
    columns = Columns(
        shape=Shape.SERIES,
        columns=(
            Column(name="time", role=Role.TIME),
            *extra,
            *(Column(name=name, role=Role.MEASURE, unit="u") for name in MEASURES if name in frame.columns),
        ),
    )
    return Material(columns, frame[:history], frame[history:], AnalysisSettings(series=series or SeriesSettings()))


def changed(frame: pl.DataFrame, name: str, first: int, last: int, change: np.ndarray | float) -> pl.DataFrame:
    values = frame[name].to_numpy().copy()
    values[first:last] = values[first:last] + change
    return frame.with_columns(pl.Series(name, values))


def process_flags(outcome: Outcome) -> list[Flag]:
    return [flag for flag in outcome.flags if flag.family is Family.SERIES]


def test_a_shifted_level_is_one_finding_with_figures_that_can_be_recomputed() -> None:
    frame = changed(plant(3_000), "vibration", 2_500, 2_700, 0.5)
    outcome = analyze_series(material(frame, 2_000))
    (flag,) = process_flags(outcome)
    assert flag.type == "level_shift"
    assert flag.subject.id == "vibration"
    assert flag.time_from is not None
    assert abs((flag.time_from - START).total_seconds() / 60 - 2_500) <= 15
    assert flag.open is False
    facts = {fact.kind: fact for fact in flag.facts}
    shift = facts[FactKind.LEVEL_SHIFT]
    inside = frame["vibration"].to_numpy()[2_000:][list(flag.rows)]
    assert shift.actual == pytest.approx(inside.mean())
    assert isinstance(shift.actual, float)
    assert shift.expected_low is not None
    assert shift.expected_high is not None
    usual = (shift.expected_high - shift.expected_low) / 2
    assert usual == pytest.approx(0.1, rel=0.1)
    assert shift.ratio == pytest.approx((shift.actual - (shift.expected_high + shift.expected_low) / 2) / usual)
    extreme = facts[FactKind.OUTSIDE_BAND]
    assert extreme.at is not None
    assert extreme.actual == frame.filter(pl.col("time") == extreme.at)["vibration"].item()
    episode = facts[FactKind.EPISODE]
    assert flag.time_to is not None
    assert episode.actual == (flag.time_to - flag.time_from).total_seconds() / 60


def test_scores_have_a_line_per_row_and_flag_the_members_of_episodes() -> None:
    frame = changed(plant(3_000), "vibration", 2_500, 2_700, 0.5)
    outcome = analyze_series(material(frame, 2_000))
    scores = outcome.scores
    assert scores is not None
    assert scores["row"].to_list() == list(range(1_000))
    assert scores.select("score", "severity", "flagged").null_count().sum_horizontal().item() == 0
    assert set(np.flatnonzero(scores["flagged"].to_numpy())) == {row for flag in outcome.flags for row in flag.rows}
    assert [guarantee.kind for guarantee in outcome.guarantees] == [GuaranteeKind.EPISODES]


def test_a_broken_relation_is_told_from_a_change_of_load() -> None:
    frame = plant(3_000)
    loaded = changed(changed(frame, "flow", 2_400, 2_500, 5.0), "pressure", 2_400, 2_500, 0.2)
    assert process_flags(analyze_series(material(loaded, 2_000))) == []
    broken = changed(frame, "pressure", 2_400, 2_500, 0.25)
    (flag,) = process_flags(analyze_series(material(broken, 2_000)))
    assert flag.type == "relation_change"
    assert FactKind.RELATION_BROKEN in {fact.kind for fact in flag.facts}


def test_more_variation_and_an_open_end_are_said() -> None:
    noise = np.random.default_rng(9).normal(size=300) * 0.5
    (flag,) = process_flags(analyze_series(material(changed(plant(3_000), "vibration", 2_700, 3_000, noise), 2_000)))
    assert flag.open is True
    (spread,) = [fact for fact in flag.facts if fact.kind is FactKind.MORE_VARIATION]
    assert spread.actual == pytest.approx(0.51, rel=0.25)
    assert spread.ratio is not None
    assert spread.ratio > 3


def test_the_chart_is_small_keeps_extremes_and_has_a_band_in_raw_units() -> None:
    frame = changed(plant(9_000), "vibration", 5_000, 8_000, 0.5)
    frame = changed(frame, "vibration", 6_000, 6_001, 0.3)
    flag = max(process_flags(analyze_series(material(frame, 4_000))), key=lambda flag: len(flag.rows))
    chart = flag.chart
    assert isinstance(chart, SeriesChart)
    assert len(chart.times) == len(chart.actual) == len(chart.low) == len(chart.high) <= 400
    assert frame["vibration"].max() in chart.actual
    lows = [low for low in chart.low if low is not None]
    assert min(lows) > 1.5
    assert max(lows) < 2


def test_noise_alone_raises_nearly_no_alarm() -> None:
    alarms = sum(len(process_flags(analyze_series(material(plant(12_000, seed), 8_000)))) for seed in range(4))
    assert alarms <= 1


def test_stopped_and_transient_time_is_counted_and_not_scored() -> None:
    frame = plant(4_000)
    stopped = (np.arange(4_000) % 500) >= 400
    frame = frame.with_columns(
        pl.when(pl.Series(stopped)).then(0.0).otherwise(pl.col("flow")).alias("flow"),
    )
    outcome = analyze_series(material(frame, 3_000, series=SeriesSettings(running="flow > 50")))
    assert process_flags(outcome) == []
    (check,) = [check for check in outcome.checks if check.code == "series_not_scored"]
    assert check.values["stopped"] == 200
    transient = check.values["transient"]
    assert isinstance(transient, int)
    assert 0 < transient < 400
    assert outcome.scores is not None
    assert outcome.scores["score"].to_numpy()[stopped[3_000:]].max() == 0


@pytest.mark.parametrize(
    "rule", ["flow >", "flow > 5; drop", "depth > 1", "flow > 1 and", "__import__('os')", "x" * 600]
)
def test_a_bad_operating_rule_is_refused_in_one_line(rule: str) -> None:
    with pytest.raises(MonitorError) as caught:
        analyze_series(material(plant(300), 200, series=SeriesSettings(running=rule)))
    assert "running" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_states_are_compared_with_themselves_and_unknown_ones_are_skipped() -> None:
    frame = plant(4_000)
    high = np.arange(4_000) // 400 % 2 == 1
    frame = changed(frame, "vibration", 0, 4_000, 1.0 * high)
    mode = np.where(high, "high", "low")
    mode[3_900:] = "new"
    frame = frame.with_columns(pl.Series("mode", mode))
    outcome = analyze_series(material(frame, 3_000, extra=(Column(name="mode", role=Role.STATE),)))
    assert process_flags(outcome) == []
    assert "series_state_unknown" in {check.code for check in outcome.checks}


def test_assets_are_analysed_apart() -> None:
    first, second = plant(3_000, 1), changed(plant(3_000, 2), "vibration", 2_500, 2_700, 0.5)
    frame = pl.concat([first.with_columns(asset=pl.lit("A")), second.with_columns(asset=pl.lit("B"))]).sort(
        "time", "asset"
    )
    outcome = analyze_series(material(frame, 4_000, extra=(Column(name="asset", role=Role.ENTITY),)))
    (flag,) = process_flags(outcome)
    assert (flag.subject.id, flag.subject.label) == ("B/vibration", "B vibration")
    assert set(frame[4_000:][list(flag.rows)]["asset"]) == {"B"}


def test_without_history_the_batch_is_ranked_against_its_own_bulk() -> None:
    frame = changed(plant(4_000), "vibration", 3_000, 3_200, 0.6)
    outcome = analyze_series(material(frame, 0))
    (flag,) = process_flags(outcome)
    assert flag.subject.id == "vibration"
    assert [guarantee.kind for guarantee in outcome.guarantees] == [GuaranteeKind.RANKING]


def test_order_of_rows_and_repeated_times_do_not_change_the_outcome() -> None:
    frame = changed(plant(3_000), "vibration", 2_500, 2_700, 0.5)
    plain = material(frame, 2_000)
    shuffled = Material(
        plain.columns, plain.history, frame[2_000:].sample(fraction=1, shuffle=True, seed=3), plain.settings
    )
    doubled = Material(plain.columns, plain.history, pl.concat([frame[2_000:]] * 2), plain.settings)
    wanted = process_flags(analyze_series(plain))[0]
    for other in (shuffled, doubled):
        (flag,) = process_flags(analyze_series(other))
        assert (flag.time_from, flag.time_to) == (wanted.time_from, wanted.time_to)
        assert flag.score == pytest.approx(wanted.score)
    assert "series_times_repeated" in {check.code for check in analyze_series(doubled).checks}


@pytest.mark.parametrize(
    ("frame", "history", "code"),
    [
        (plant(1), 0, "series_too_short"),
        (plant(90), 60, "series_too_short"),
        (plant(400).with_columns(pl.lit(1.0).alias(name) for name in MEASURES), 300, "series_nothing_varies"),
        (
            plant(400).with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in MEASURES),
            300,
            "series_nothing_varies",
        ),
        (plant(400).select("time"), 300, "series_no_measures"),
        (
            plant(400).with_columns(pl.lit(None).cast(pl.Datetime("us", "UTC")).alias("time")),
            300,
            "series_rows_without_time",
        ),
        (plant(400).with_columns(pl.lit(5.0).alias("flow")), 300, "series_constant"),
        (pl.concat([plant(400)[:350], plant(400)[380:]]), 300, "series_gaps"),
    ],
)
def test_input_that_cannot_be_charted_is_a_check(frame: pl.DataFrame, history: int, code: str) -> None:
    outcome = analyze_series(material(frame, history))
    assert code in {check.code for check in outcome.checks}
    assert all(check.status is not CheckStatus.FAILED for check in outcome.checks)
    assert outcome.scores is not None
    assert outcome.scores.height == frame.height - history


def test_a_missing_time_column_is_a_users_error() -> None:
    columns = Columns(shape=Shape.SERIES, columns=(Column(name="flow", role=Role.MEASURE),))
    with pytest.raises(MonitorError, match="time"):
        analyze_series(Material(columns, plant(10), plant(10), AnalysisSettings()))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(1, 400),
    holes=st.lists(
        st.tuples(st.integers(0, 399), st.sampled_from([None, float("nan"), float("inf"), 1e300, -9999.0])), max_size=40
    ),
    history=st.integers(0, 300),
    seed=st.integers(0, 100),
)
def test_any_readings_give_scores_without_nulls(
    rows: int, holes: list[tuple[int, float | None]], history: int, seed: int
) -> None:
    frame = plant(rows, seed)
    values: list[float | None] = frame["flow"].to_list()
    for row, hole in holes:
        values[row % rows] = hole
    frame = frame.with_columns(pl.Series("flow", values, dtype=pl.Float64))
    outcome = analyze_series(material(frame, min(history, rows - 1)))
    assert outcome.scores is not None
    assert outcome.scores["score"].is_finite().all()
    assert outcome.scores["severity"].is_between(0, 100).all()
