"""The parts of the series analyzers, each against a slow and obvious twin or a known answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.errors import MonitorError
from analyzers.series import pivot_long
from analyzers.series.charts import Calibration
from analyzers.series.episodes import find_episodes
from analyzers.series.limits import return_level
from analyzers.series.numeric import runs, stretch_starts, trailing_mean
from analyzers.series.plotting import thinned
from analyzers.series.season import local_clock, season_of
from analyzers.series.states import running_rule


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 1_000))
def test_trailing_mean_is_the_mean_of_the_window_within_its_stretch(rows: int, window: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 2))
    values[rng.random((rows, 2)) < 0.2] = np.nan
    labels = np.cumsum(rng.random(rows) < 0.1).astype(np.int64)
    starts = stretch_starts(labels)
    got = trailing_mean(values, window, starts)
    for row in range(rows):
        part = values[max(row - window + 1, 0) : row + 1]
        for column in range(2):
            known = part[np.isfinite(part[:, column]), column]
            whole = row - starts[row] >= window - 1 and len(known) >= 0.6 * window
            assert got[row, column] == pytest.approx(known.mean() if whole else np.nan, nan_ok=True)


def test_deviations_are_normal_deviates_of_students_t() -> None:
    calibration = Calibration(np.zeros(1), np.ones(1), np.array([10.0]))
    distances = np.linspace(-4, 4, 9)[:, None]
    factor = np.sqrt(0.9 / 1.1)
    exact = norm.ppf(t.cdf(distances * factor, df=9))
    assert calibration.deviations(distances) == pytest.approx(exact, abs=0.05)
    assert calibration.deviations(calibration.distance_at(3.5)[None]) == pytest.approx(np.array([[3.5]]))


def test_an_episode_looks_back_joins_close_alarms_and_may_stay_open() -> None:
    score = np.zeros(400)
    score[95:100], score[100:120], score[130:140] = 10, 30, 30
    score[390:] = 40
    first, second = find_episodes(score)
    assert (first.start, first.alarm, first.end, first.open) == (95, 100, 140, False)
    assert (second.start, second.end, second.open) == (390, 400, True)
    assert find_episodes(score, on_delay=50) == []


def test_the_return_level_of_normal_maxima_lies_beyond_them() -> None:
    rng = np.random.default_rng(0)
    maxima = rng.normal(size=(200, 100)).max(axis=1)
    level = return_level(maxima, 1e-4, rng)
    exact = norm.isf(1e-6)
    assert exact * 0.95 < level < exact * 1.35
    spoilt = maxima.copy()
    spoilt[:6] = 50
    assert return_level(spoilt, 1e-4, rng) < exact * 1.4
    assert return_level(spoilt, 1e-4, rng, clean=False) < exact * 1.4


def test_a_season_is_kept_only_where_other_days_support_it() -> None:
    rng = np.random.default_rng(1)
    times = np.arange(12 * 288, dtype=np.int64) * 300_000_000
    clock = local_clock(times, "Europe/Madrid", 300)
    wave = np.sin(2 * np.pi * clock.bin / clock.bins)
    values = np.column_stack([wave + 0.3 * rng.normal(size=len(times)), rng.normal(size=len(times))])
    season = season_of(values, clock, np.ones(len(times), dtype=bool))
    assert np.abs(season[:, 0] - wave).mean() < 0.1
    assert not season[:, 1].any()


def test_rules_are_read_with_and_before_or_and_quoted_names() -> None:
    frame = pl.DataFrame({"speed": [10.0, 60.0, None], "oil pressure": [2, 1, 3]})
    rule, named = running_rule('speed>50 AND "oil pressure" > 1.5 or "oil pressure" >= 3e0', frame)
    assert frame.select(rule.fill_null(value=False)).to_series().to_list() == [False, False, True]
    assert named == ("speed", "oil pressure")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=900))
def test_thinning_keeps_the_extremes(numbers: list[float]) -> None:
    values = np.array(numbers)
    kept = thinned(values, 100)
    assert len(kept) <= 100
    assert (np.diff(kept) > 0).all()
    if np.isfinite(values).any():
        assert np.nanmax(values[kept]) == np.nanmax(values)
        assert np.nanmin(values[kept]) == np.nanmin(values)


def test_runs_cover_exactly_what_is_chosen() -> None:
    chosen = np.array([True, True, False, True])
    assert runs(chosen) == [(0, 2), (3, 4)]


LONG = Columns(
    shape=Shape.LONG,
    columns=(
        Column(name="ts", role=Role.TIME),
        Column(name="tag", role=Role.CATEGORY, field=Field.TAG),
        Column(name="value", role=Role.MEASURE, field=Field.VALUE),
        Column(name="quality", role=Role.CATEGORY, field=Field.QUALITY),
    ),
)


def readings(*lines: tuple[int, str | None, str, str]) -> pl.DataFrame:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        pl.DataFrame(
            [(start + timedelta(minutes=minute), *rest) for minute, *rest in lines],
            schema={"ts": pl.Datetime("us", "UTC"), "tag": pl.String, "value": pl.String, "quality": pl.String},
            orient="row",
        )
        .with_row_index()
        .with_columns(record_id=pl.col("index").cast(pl.String))
        .drop("index")
    )


def test_a_historians_export_becomes_a_wide_frame() -> None:
    frame = readings(
        (1, "T2", "5", "Good"),
        (0, "T1", "1", "Good"),
        (0, "T1", "3", "192"),
        (0, "T2", "99", "Bad"),
        (2, "T1", "x", "Good"),
        (3, None, "1", "Good"),
        (1, "ts", "7", "Good"),
    )
    wide, columns = pivot_long(frame, LONG)
    assert columns.shape is Shape.SERIES
    assert columns.names(Role.MEASURE) == ["T1", "T2", "ts_"]
    assert wide["T1"].to_list() == [2.0, None, None]
    assert wide["T2"].to_list() == [None, 5.0, None]
    assert wide["bad_readings"].to_list() == [1, 0, 0]
    assert wide["record_id"].null_count() == 0


def test_a_historians_export_without_a_tag_column_is_refused() -> None:
    columns = Columns(shape=Shape.LONG, columns=LONG.columns[:1])
    with pytest.raises(MonitorError, match="tag"):
        pivot_long(readings((0, "T1", "1", "Good")), columns)
