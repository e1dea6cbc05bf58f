"""The sensor tests beyond single readings: seasons, rates, neighbours, clocks, silence, and the source's own marks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.results import FactKind, Family, SeriesChart
from analyzers.sensors import Quality, inspect_sensors
from analyzers.series import analyze_series
from analyzers.series.samples import samples_by_asset
from analyzers.series.states import operating_phases
from analyzers.settings import AnalysisSettings, Material, SeasonalRange, SeriesSettings
from tests.analyzers.test_sensors import only_flag, replaced
from tests.analyzers.test_series import START, changed, material, plant, process_flags


def test_a_range_of_the_season_is_stated_by_month() -> None:
    frame = replaced(plant(3_000), "vibration", 2_400, 2_410, 2.6)
    winter = SeasonalRange(months=(1,), low=1.4, high=2.5)
    flag = only_flag(frame, SeriesSettings(climatology={"vibration": (winter,)}))
    assert flag.type == "sensor_climatology"
    fact = flag.facts[0]
    assert (fact.actual, fact.expected_low, fact.expected_high) == (2.6, 1.4, 2.5)
    assert fact.values["count"] == 10 + int((frame["vibration"][2_000:] < 1.4).sum())
    summer = SeasonalRange(months=(7,), low=1.4, high=2.5)
    types = {
        f.type
        for f in analyze_series(
            material(frame, 2_000, series=SeriesSettings(climatology={"vibration": (summer,)}))
        ).flags
    }
    assert "sensor_climatology" not in types


def test_readings_unusual_for_their_hour_are_suspect() -> None:
    rows = 8 * 1_440
    wave = 10 * np.sin(2 * np.pi * np.arange(rows) / 1_440)
    frame = plant(rows).with_columns(vibration=pl.Series(wave + np.random.default_rng(1).normal(size=rows) * 0.1))
    frame = replaced(frame, "vibration", rows - 1_440 + 355, rows - 1_440 + 358, -9.0)
    given = material(frame, 7 * 1_440)
    (samples,) = samples_by_asset(given, None)
    report = inspect_sensors(samples, operating_phases(samples), given.columns, given.settings)
    day = report.quality[7 * 1_440 :, 2]
    assert (day[355:358] >= Quality.SUSPECT).all()
    assert (day[400:] == Quality.PASS).all()


def test_one_signal_that_jumps_again_and_again_is_the_sensors() -> None:
    jumping = changed(plant(3_000), "vibration", 2_400, 2_480, np.repeat(np.resize([2.0, 0.0], 16), 5))
    flag = only_flag(jumping)
    assert flag.type == "sensor_rate_of_change"
    assert flag.facts[0].values["count"] == 16
    both = changed(jumping, "flow", 2_400, 2_480, np.repeat(np.resize([40.0, 0.0], 16), 5))
    assert "sensor_rate_of_change" not in {flag.type for flag in analyze_series(material(both, 2_000)).flags}
    assert only_flag(jumping, SeriesSettings(rate_of_change={"vibration": 1.2})).facts[0].expected_high == 1.2


def test_a_sensor_that_no_longer_agrees_with_its_neighbour() -> None:
    frame = plant(3_000)
    second = frame["flow"].to_numpy() + 0.3 * np.random.default_rng(7).normal(size=3_000)
    second[2_400:2_700] += 6
    flag = only_flag(frame.with_columns(pressure=pl.Series(second)))
    assert (flag.type, flag.subject.id) == ("sensor_neighbour", "pressure")
    fact = flag.facts[0]
    assert fact.values["neighbour"] == "flow"
    assert fact.actual == pytest.approx((second - frame["flow"].to_numpy())[2_400:2_700].mean())
    stated = SeriesSettings(redundant={"vibration": "flow"})
    types = {
        f.type
        for f in analyze_series(material(frame.with_columns(pressure=pl.Series(second)), 2_000, series=stated)).flags
    }
    assert "sensor_neighbour" not in types


def test_a_sensor_that_drifts_from_what_the_others_add_up_to() -> None:
    rng = np.random.default_rng(3)
    frame = plant(3_000)
    parts = [100 + np.convolve(rng.normal(size=3_200), np.ones(200) / 10, mode="valid")[:3_000] for _ in range(2)]
    total = parts[0] + parts[1] + 0.05 * rng.normal(size=3_000)
    total[2_400:] += np.linspace(0, 1.5, 600)
    frame = frame.with_columns(flow=pl.Series(parts[0]), pressure=pl.Series(parts[1]), vibration=pl.Series(total))
    flags = analyze_series(material(frame, 2_000)).flags
    assert {(flag.type, flag.family) for flag in flags} == {("sensor_drift", Family.SENSOR)}


def test_a_clock_that_stands_still() -> None:
    frame = plant(3_000)
    stuck = frame.with_columns(
        time=pl.when(pl.int_range(pl.len()).is_between(2_400, 2_440))
        .then(pl.lit(frame["time"][2_400]))
        .otherwise("time")
    )
    flags = [flag for flag in analyze_series(material(stuck, 2_000)).flags if flag.type == "sensor_clock"]
    (flag,) = flags
    assert flag.facts[0].kind is FactKind.CLOCK_STUCK
    assert flag.facts[0].values["count"] == 41
    assert flag.rows == tuple(range(400, 441))


def assets(frame: pl.DataFrame, history: int) -> Material:
    """Two assets with the same readings, of which the history holds so many rows."""
    both = pl.concat([frame.with_columns(asset=pl.lit(name)) for name in ("A", "B")])
    cut = frame["time"][history]
    given = material(both, 0, extra=(Column(name="asset", role=Role.ENTITY),))
    return replace(
        given,
        history=both.filter(pl.col("time") < cut).with_columns(record_id=pl.lit("h")),
        batch=both.filter(pl.col("time") >= cut).with_columns(record_id=pl.int_range(pl.len()).cast(pl.String)),
    )


def test_an_asset_that_is_not_heard_any_more_is_a_finding() -> None:
    given = assets(plant(3_000), 2_000)
    gone = replace(given, batch=given.batch.filter(pl.col("asset") != "B"))
    (finding,) = analyze(gone).findings
    assert (finding.type, finding.subject.label, finding.rows) == ("asset_silent", "B", ())
    assert finding.time_from == START + timedelta(minutes=1_999)
    assert finding.facts[0].actual == 1_000


def test_an_asset_that_falls_silent_within_the_batch() -> None:
    given = assets(plant(3_000), 2_000)
    late = START + timedelta(minutes=2_800)
    quiet = replace(given, batch=given.batch.filter((pl.col("asset") != "B") | (pl.col("time") < late)))
    (flag,) = analyze_series(quiet).flags
    assert (flag.type, flag.open, flag.time_from) == ("asset_silent", True, late - timedelta(minutes=1))
    hole = pl.col("time").is_between(START + timedelta(minutes=2_300), START + timedelta(minutes=2_500))
    paused = replace(given, batch=given.batch.filter((pl.col("asset") != "B") | ~hole))
    (flag,) = analyze_series(paused).flags
    assert (flag.type, flag.open, flag.facts[0].actual) == ("asset_silent", False, 202)


EXPORT = Columns(
    shape=Shape.LONG,
    columns=(
        Column(name="time", role=Role.TIME),
        Column(name="tag", role=Role.IGNORE, field=Field.TAG),
        Column(name="value", role=Role.MEASURE, field=Field.VALUE),
        Column(name="quality", role=Role.IGNORE, field=Field.QUALITY),
        Column(name="unit", role=Role.IGNORE, field=Field.UNIT),
    ),
)


def export(frame: pl.DataFrame) -> pl.DataFrame:
    """The plant as a historian exports it."""
    long = frame.unpivot(index="time", variable_name="tag", value_name="value").sort("time", "tag")
    unit = pl.col("tag").replace_strict({"flow": "m3/h", "pressure": "bar", "vibration": "mm/s"})
    return long.with_columns(quality=pl.lit("Good"), unit=unit, record_id=pl.int_range(pl.len()).cast(pl.String))


def exported(frame: pl.DataFrame) -> Material:
    cut = START + timedelta(minutes=2_000)
    history, batch = frame.filter(pl.col("time") < cut), frame.filter(pl.col("time") >= cut)
    return Material(EXPORT, history, batch, AnalysisSettings())


def within(tag: str, first: int, last: int) -> pl.Expr:
    times = pl.col("time").is_between(START + timedelta(minutes=first), START + timedelta(minutes=last), closed="left")
    return (pl.col("tag") == tag) & times


def test_readings_that_the_source_marks_bad_are_its_own_finding() -> None:
    bad = within("flow", 2_400, 2_600)
    frame = export(plant(3_000)).with_columns(
        quality=pl.when(bad).then(pl.lit("Bad")).otherwise("quality"), value=pl.when(bad).then(0.0).otherwise("value")
    )
    analysis = analyze(exported(frame))
    (finding,) = analysis.findings
    (fact,) = [fact for fact in finding.facts if fact.kind is FactKind.BAD_QUALITY]
    assert (finding.type, fact.values["count"]) == ("sensor_bad_quality", 200)
    (check,) = [check for check in analysis.checks if check.code == "sensors_tested"]
    assert (check.values["fail"], check.values["missing"]) == (200, 0)


def test_a_change_of_unit_is_reported_and_not_compared() -> None:
    changed_unit = within("pressure", 2_500, 3_000)
    frame = export(plant(3_000)).with_columns(
        unit=pl.when(changed_unit).then(pl.lit("psi")).otherwise("unit"),
        value=pl.when(changed_unit).then(pl.col("value") * 14.5).otherwise("value"),
    )
    (finding,) = analyze(exported(frame)).findings
    assert finding.type == "sensor_unit_changed"
    (fact,) = [fact for fact in finding.facts if fact.kind is FactKind.UNIT_CHANGED]
    assert fact.values == {"previous": "bar", "current": "psi", "count": 500}
    assert isinstance(finding.chart, SeriesChart)
    assert finding.chart.unit == "bar"


def test_a_long_export_gives_what_a_wide_table_gives() -> None:
    frame = changed(plant(3_000), "vibration", 2_500, 2_700, 0.5)
    (wide,) = process_flags(analyze_series(material(frame, 2_000)))
    (long,) = analyze(exported(export(frame))).findings
    assert (long.type, long.time_from, long.time_to) == (wide.type, wide.time_from, wide.time_to)


@pytest.mark.parametrize("order", ["backwards", "summer time", "one row", "two rows"])
def test_odd_times_are_read_as_they_are(order: str) -> None:
    frame = plant(3_000)
    given = material(frame, 2_000)
    if order == "backwards":
        given = replace(given, batch=given.batch.reverse())
    elif order == "summer time":
        # A night in which Madrid has no hour from two to three: in UTC nothing is missing.
        shifted = frame.with_columns(pl.col("time") + (datetime(2026, 3, 28, tzinfo=UTC) - START))
        given = replace(
            material(shifted, 2_000), settings=AnalysisSettings(timezone="Europe/Madrid", series=SeriesSettings())
        )
    else:
        given = replace(given, batch=given.batch[: 1 if order == "one row" else 2])
    outcome = analyze_series(given)
    assert outcome.flags == ()
    assert outcome.scores is not None
    assert outcome.scores.height == given.batch.height
