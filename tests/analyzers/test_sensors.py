"""Sensor faults are told from process faults, setpoints and stopped machines."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analyzers.results import FactKind, Family, Flag
from analyzers.series import analyze_series
from analyzers.settings import SeriesSettings
from tests.analyzers.test_series import material, plant


def replaced(frame: pl.DataFrame, name: str, first: int, last: int, values: np.ndarray | float | None) -> pl.DataFrame:
    out = frame[name].to_numpy().copy()
    out[first:last] = np.nan if values is None else values
    return frame.with_columns(pl.Series(name, out).fill_nan(None))


def only_flag(frame: pl.DataFrame, series: SeriesSettings | None = None) -> Flag:
    (flag,) = analyze_series(material(frame, 2_000, series=series)).flags
    assert flag.family is Family.SENSOR
    return flag


def test_a_stuck_sensor_is_no_process_finding() -> None:
    frame = plant(3_000)
    flag = only_flag(replaced(frame, "flow", 2_400, 2_600, float(frame["flow"][2_400])))
    assert flag.type == "sensor_stuck"
    assert flag.subject.id == "flow"
    fact = flag.facts[0]
    assert fact.kind is FactKind.FLAT_LINE
    assert fact.actual == frame["flow"][2_400]
    assert fact.values["minutes"] == 199
    assert flag.rows == tuple(range(400, 600))


def test_lost_telegrams_do_not_split_a_stuck_sensor() -> None:
    frame = replaced(plant(3_000), "flow", 2_400, 2_600, 101.0)
    assert only_flag(replaced(frame, "flow", 2_500, 2_503, None)).rows == tuple(range(400, 600))


def test_a_silent_sensor_says_since_when() -> None:
    flag = only_flag(replaced(plant(3_000), "flow", 2_900, 3_000, None))
    assert flag.type == "sensor_silent"
    assert flag.open is True
    assert flag.facts[0].actual == 100


def test_a_burst_of_single_spikes_is_the_sensors() -> None:
    frame = plant(3_000)
    values = frame["vibration"].to_numpy().copy()
    values[2_400:2_500:12] += 5
    flag = only_flag(frame.with_columns(vibration=pl.Series(values)))
    assert flag.type == "sensor_spikes"
    assert flag.facts[0].actual == 9


def test_readings_outside_the_stated_range() -> None:
    frame = replaced(plant(3_000), "flow", 2_400, 2_403, -50.0)
    flag = only_flag(frame, SeriesSettings(plausible={"flow": (0, None)}))
    assert flag.type == "sensor_out_of_range"
    assert (flag.facts[0].actual, flag.facts[0].expected_low, flag.facts[0].values["count"]) == (-50, 0, 3)


def test_a_signal_that_lost_its_noise() -> None:
    frame = plant(3_000)
    faint = 2 + 0.002 * np.random.default_rng(5).normal(size=200)
    assert only_flag(replaced(frame, "vibration", 2_400, 2_600, faint)).type == "sensor_noise_lost"


def test_a_setpoint_may_rest() -> None:
    frame = plant(3_000).with_columns(flow=pl.Series(np.repeat([90.0, 100.0, 95.0], 1_000)))
    types = {flag.type for flag in analyze_series(material(frame, 2_000)).flags}
    assert "sensor_stuck" not in types


def test_a_stopped_machines_sensors_may_rest() -> None:
    frame = plant(3_000)
    for name in ("flow", "pressure", "vibration"):
        frame = replaced(frame, name, 2_400, 2_600, 0.0)
    outcome = analyze_series(material(frame, 2_000, series=SeriesSettings(running="flow > 50")))
    assert outcome.flags == ()


def test_a_frozen_logger_is_one_finding() -> None:
    frame = plant(3_000)
    for name in ("flow", "pressure", "vibration"):
        frame = replaced(frame, name, 2_400, 2_600, float(frame[name][2_400]))
    flag = only_flag(frame)
    assert {fact.feature for fact in flag.facts if fact.kind is FactKind.FLAT_LINE} == {"flow", "pressure", "vibration"}


@pytest.mark.parametrize("value", [0.0, 200.0])
def test_a_calibration_is_masked_and_not_reported(value: float) -> None:
    assert analyze_series(material(replaced(plant(3_000), "flow", 2_400, 2_411, value), 2_000)).flags == ()


def test_a_sensor_that_drifts_from_its_redundant_neighbour() -> None:
    frame = plant(3_000)
    second = frame["flow"].to_numpy() + 0.3 * np.random.default_rng(7).normal(size=3_000)
    second[2_400:] += np.linspace(0, 4, 600)
    flag = only_flag(frame.with_columns(pressure=pl.Series(second)))
    assert flag.type == "sensor_drift"
    assert flag.subject.id == "pressure"
    assert flag.facts[0].values["neighbour"] == "flow"
    difference = (second - frame["flow"].to_numpy())[2_000:][list(flag.rows)]
    assert flag.facts[0].actual == pytest.approx(difference.mean())
