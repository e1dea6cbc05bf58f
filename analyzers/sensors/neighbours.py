"""The neighbour test: two sensors that measure the same thing no longer agree, from one moment on.

One that leaves its neighbour little by little is the charts' business (`sensor_drift`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Direction, Fact, FactKind
from analyzers.sensors.sensor import LEAST_BASELINE, Fault, Sensor, between
from analyzers.series.numeric import Floats, runs
from analyzers.series.redundancy import ALIKE, alike

SHORTEST = 10
"""Samples that they disagree at least."""
BEFORE = 60
"""Samples before, which tell which of the two left its place."""
WIDER = 0.5
"""The usual range of the difference is widened by this share to each side."""
ABRUPT = 1.5
"""How many times the allowed distance they are apart at once."""
MOST_ROWS = 2_000


def disagreements(sensors: list[Sensor], columns: Columns, stated: Mapping[str, str]) -> list[tuple[int, Fault]]:
    """Faults of sensors beside a neighbour, each with its sensor's place.

    Parameters
    ----------
    stated : redundant sensors by name; where none are stated, those of one unit that have always read alike.
    """
    if not sensors or sensors[0].samples.ranking:
        return []
    found = []
    for first, second in _pairs(sensors, columns, stated):
        for start, end in _apart(sensors[first], sensors[second]):
            places = (first, second)
            moved = [_moved(sensors[place].values, start) for place in places]
            blamed = places[int(moved[1] > moved[0])]
            other = places[int(moved[1] <= moved[0])]
            found.append((blamed, _fault(sensors[blamed], sensors[other], start, end)))
    return found


def _pairs(sensors: list[Sensor], columns: Columns, stated: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    places = {sensor.name: place for place, sensor in enumerate(sensors)}
    if stated:
        yield from ((places[one], places[two]) for one, two in stated.items() if one in places and two in places)
        return
    learnt = np.flatnonzero(sensors[0].learnt)
    rows = learnt[:: max(1, len(learnt) // MOST_ROWS)]
    if len(rows) < LEAST_BASELINE:
        return
    table = np.column_stack([sensor.values[rows] for sensor in sensors])
    spread = np.nan_to_num(np.nanstd(table, axis=0)) if np.isfinite(table).any() else np.zeros(len(sensors))
    z = np.nan_to_num((table - np.nan_to_num(table).mean(axis=0)) / np.where(spread > 0, spread, np.inf))
    near = z.T @ z / len(rows)
    for first, second in np.argwhere(np.triu(near, 1) >= ALIKE - 0.05).tolist():
        same = columns.get(sensors[first].name).unit == columns.get(sensors[second].name).unit
        if same and alike(table[:, first], table[:, second]):
            yield int(first), int(second)


def _apart(first: Sensor, second: Sensor) -> list[tuple[int, int]]:
    """Stretches of abrupt disagreement."""
    difference = first.values - second.values
    usual = difference[first.learnt & np.isfinite(difference)]
    if len(usual) < LEAST_BASELINE:
        return []
    low, high = np.quantile(usual, [0.001, 0.999])
    center, half = (low + high) / 2, (0.5 + WIDER) * max(float(high - low), 1e-12)
    away = np.abs(difference - center)
    return [
        (start, end)
        for start, end in runs((away > half) & first.active)
        if end - start >= SHORTEST and float(np.median(away[start : start + SHORTEST])) > ABRUPT * half
    ]


def _moved(values: Floats, start: int) -> float:
    """How far a sensor went from where it was before."""
    before, after = values[max(start - BEFORE, 0) : start], values[start : start + SHORTEST]
    if not (np.isfinite(before).any() and np.isfinite(after).any()):
        return 0.0
    return abs(float(np.nanmedian(after)) - float(np.nanmedian(before)))


def _fault(sensor: Sensor, other: Sensor, start: int, end: int) -> Fault:
    difference = sensor.values - other.values
    usual = difference[sensor.learnt & np.isfinite(difference)]
    low, high = (float(end) for end in np.quantile(usual, [0.005, 0.995]))
    actual = float(np.nanmean(difference[start:end]))
    center, deviation = float(usual.mean()), max(float(usual.std()), 1e-12)
    fact = Fact(
        kind=FactKind.NEIGHBOUR,
        feature=sensor.name,
        actual=actual,
        expected_low=low,
        expected_high=high,
        ratio=abs(actual - center) / deviation,
        direction=Direction.ABOVE if actual > center else Direction.BELOW,
        unit=sensor.unit,
        at=sensor.samples.instant(start),
        values={"neighbour": other.name},
    )
    return Fault("sensor_neighbour", start, end, 65.0, (fact,), between(sensor, start, end))
