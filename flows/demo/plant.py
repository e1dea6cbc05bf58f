"""A simulated plant: three pumps with six sensors each by the minute for 30 days, with planted faults and decoys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from flows.demo import plant_planted
from flows.demo.operation import DAY, Happening, Plant, run_plant
from flows.demo.pumps import MEASURES, ambient_air
from flows.demo.truth import Decoy, Planted

TIMEZONE = "Europe/Madrid"
LENGTH = 30
"""Days of readings."""
BATCH = 7
"""The last days, in which everything planted lies."""


@dataclass(frozen=True)
class PlantData:
    """Readings and their truth.

    readings : one line per pump and minute in order of time and pump: `time` (UTC), `pump`, then `MEASURES` as
        Float64, null where a sensor was silent; lines are missing where telegrams were lost.
    batch_start, batch_end : the batch, first instant and first instant after it, UTC.
    """

    readings: pl.DataFrame
    planted: tuple[Planted, ...]
    decoys: tuple[Decoy, ...]
    batch_start: datetime
    batch_end: datetime


def simulate(seed: int, end: date) -> PlantData:
    """Simulate the `LENGTH` days that end with `end`; the same seed and date give the same readings."""
    rng = np.random.default_rng(seed)
    batch_end = _midnight(end + timedelta(days=1))
    batch_start = _midnight(end - timedelta(days=BATCH - 1))
    first = batch_end - timedelta(minutes=LENGTH * DAY)
    times = pl.datetime_range(first, batch_end, "1m", time_unit="us", closed="left", eager=True).alias("time")
    local = times.dt.convert_time_zone(TIMEZONE)
    hours = (local.dt.hour().cast(pl.Float64) + local.dt.minute().cast(pl.Float64) / 60).to_numpy()
    plant = Plant(rng, len(times), hours)
    run_plant(plant)
    plant_planted.plant_all(plant, int((batch_start - first).total_seconds() // 60))
    air = ambient_air(rng, hours)
    readings = {name: pump.read(rng, air) for name, pump in plant.pumps.items()}
    plant_planted.disturb(plant, readings)
    plant_planted.break_sensors(plant, readings)
    frames = [
        pl.DataFrame({"time": times, **measures}).select("time", pl.lit(name).alias("pump"), *MEASURES)
        for name, measures in readings.items()
    ]
    frame = pl.concat(frames).with_columns(pl.col(MEASURES).fill_nan(None).round(2))
    return PlantData(
        readings=frame.filter(~pl.all_horizontal(pl.col(MEASURES).is_null())).sort("time", "pump"),
        planted=tuple(_planted(happening, first) for happening in sorted(plant.planted, key=lambda one: one.start)),
        decoys=tuple(_decoy(one, first) for one in plant.decoys if first + timedelta(minutes=one.start) >= batch_start),
        batch_start=batch_start,
        batch_end=batch_end,
    )


def write(plant: PlantData, folder: Path) -> list[Path]:
    """Write one `readings-YYYY-MM-DD.csv` for each ten days, as a historian exports them; times are UTC (ISO 8601)."""
    folder.mkdir(parents=True, exist_ok=True)
    first = plant.readings["time"].min()
    dated = plant.readings.with_columns(
        part=pl.lit(first).dt.offset_by("0d") + pl.duration(days=((pl.col("time") - first).dt.total_days() // 10) * 10)
    )
    written = []
    for (part,), frame in dated.partition_by("part", as_dict=True, include_key=False).items():
        path = folder / f"readings-{part:%Y-%m-%d}.csv"
        frame.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(path)
        written.append(path)
    return written


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(TIMEZONE)).astimezone(UTC)


def _planted(happening: Happening, first: datetime) -> Planted:
    return Planted(
        kind=happening.kind,
        rule_like=plant_planted.RULE_LIKE[happening.kind],
        entity=happening.pump,
        start=first + timedelta(minutes=happening.start),
        end=first + timedelta(minutes=happening.end),
        measures=happening.measures,
    )


def _decoy(happening: Happening, first: datetime) -> Decoy:
    start, end = (first + timedelta(minutes=minute) for minute in (happening.start, happening.end))
    return Decoy(happening.kind, happening.pump, start, end, measures=happening.measures)
