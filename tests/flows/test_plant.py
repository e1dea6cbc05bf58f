from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.demo import plant
from flows.demo.pumps import MEASURES
from flows.demo.truth import Planted
from flows.sources.files import read_files

END = date(2026, 11, 15)


@pytest.fixture(scope="module")
def pumps() -> plant.PlantData:
    return plant.simulate(1, END)


def _running(pumps: plant.PlantData, pump: str) -> pl.DataFrame:
    return pumps.readings.filter((pl.col("pump") == pump) & (pl.col("speed") > 1_100))


def _during(frame: pl.DataFrame, episode: Planted) -> pl.DataFrame:
    return frame.filter(pl.col("time").is_between(episode.start, episode.end, closed="left"))


def test_the_same_seed_gives_the_same_readings(pumps: plant.PlantData) -> None:
    again = plant.simulate(1, END)
    assert again.readings.equals(pumps.readings)
    assert again.planted == pumps.planted


# The second and third batch hold a change of clocks.
@pytest.mark.parametrize(("seed", "end"), [(0, END), (2, date(2026, 10, 27)), (3, date(2026, 3, 31))])
def test_size_and_truth(seed: int, end: date) -> None:
    made = plant.simulate(seed, end)
    assert 128_000 < made.readings.height <= 30 * 1_440 * 3
    assert len(made.planted) >= 8
    assert len({planted.kind for planted in made.planted if not planted.rule_like}) >= 4
    assert any(planted.kind in ("sensor_stuck", "sensor_silent") for planted in made.planted)
    assert len(made.decoys) >= 200
    assert len({decoy.kind for decoy in made.decoys}) >= 10
    for planted in made.planted:
        assert made.batch_start <= planted.start < planted.end <= made.batch_end
        assert set(planted.measures) <= set(MEASURES)


def test_episodes_of_one_pump_lie_apart(pumps: plant.PlantData) -> None:
    for pump in ("P1", "P2", "P3"):
        own = sorted((one.start, one.end) for one in pumps.planted if one.entity == pump)
        gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(own)]
        assert all(gap >= timedelta(hours=3) for gap in gaps)


def test_physics_of_a_healthy_pump(pumps: plant.PlantData) -> None:
    history = pumps.readings.filter((pl.col("time") < pumps.batch_start) & (pl.col("speed") > 1_100))
    for measure in ("flow", "pressure", "current"):
        together = history.filter(pl.col("pump") == "P1").select(pl.corr("speed", measure)).item()
        assert together > 0.7, measure
    standing = pumps.readings.filter(pl.col("speed") == 0)
    assert standing["flow"].median() == 0
    assert standing["current"].median() == 0


def test_episodes_show_in_the_readings(pumps: plant.PlantData) -> None:
    for episode in pumps.planted:
        running = _running(pumps, episode.entity)
        usual = running.filter(pl.col("time") < pumps.batch_start)
        now = _during(running, episode)
        if episode.kind == "sensor_silent":
            everything = pumps.readings.filter(pl.col("pump") == episode.entity)
            assert _during(everything, episode)["pressure"].null_count() > 200
        elif episode.kind == "sensor_stuck":
            assert now["temperature"].drop_nulls().n_unique() == 1
        elif episode.kind == "leak":
            assert _ratio(now) > 1.06 * _ratio(usual)
        elif episode.kind == "bearing_wear":
            late = now.tail(now.height // 3)
            assert _median(late, "vibration") > 1.4 * _median(usual, "vibration")


def _ratio(frame: pl.DataFrame) -> float:
    """Flow over pressure: what a leak raises whatever the speed."""
    value = frame.select((pl.col("flow") / pl.col("pressure")).filter(pl.col("pressure") > 0).median()).item()
    return float(value)


def _median(frame: pl.DataFrame, measure: str) -> float:
    return float(frame.select(pl.col(measure).median()).item())


def test_files_give_back_what_was_simulated(pumps: plant.PlantData, tmp_path: Path) -> None:
    plant.write(pumps, tmp_path)
    table = read_files([tmp_path / "readings-*.csv"], timezone=plant.TIMEZONE)
    assert table.quarantined.is_empty()
    assert table.frame.cast(dict.fromkeys(MEASURES, pl.Float64)).equals(pumps.readings)
