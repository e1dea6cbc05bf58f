"""What goes wrong in the plant's batch: machine faults, and sensors that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flows.demo.operation import Happening, Plant
from flows.demo.pumps import MEASURES, Curve, Pump

RULE_LIKE = {
    "bearing_wear": False,
    "cavitation": False,
    "leak": False,
    "overheating": False,
    "blockage": False,
    "winding_fault": False,
    "impeller_wear": False,
    "sensor_stuck": True,
    "sensor_silent": True,
}
"""Every kind, and whether a plain rule finds it."""


def _rise(start: int, end: int, minutes: int) -> Curve:
    """From 0 to 1 within so many minutes, then 1."""
    return np.clip((np.arange(end - start) + 1) / minutes, 0, 1)


def _bearing_wear(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """Vibration grows from nothing to twice its usual level, and the bearing warms."""
    grown = ((np.arange(end - start) + 1) / (end - start)) ** 0.7
    pump.extra_vibration[start:end] += grown * plant.rng.uniform(1.7, 2.4)
    pump.heat[start:end] += grown * plant.rng.uniform(3, 5)


def _cavitation(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """Vapour in the inlet: flow and pressure become restless and a little less, vibration rises."""
    risen = _rise(start, end, 5)
    pump.unrest[start:end] += risen * plant.rng.uniform(4, 6)
    pump.head[start:end] *= 1 - 0.04 * risen
    pump.extra_vibration[start:end] += risen * plant.rng.uniform(0.3, 0.6)


def _leak(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """Behind the flow meter something is open: more flow, less pressure at the same speed."""
    pump.resistance[start:end] *= 1 - _rise(start, end, 20) * plant.rng.uniform(0.26, 0.34)


def _blockage(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """Something closes: less flow, more pressure at the same speed."""
    pump.resistance[start:end] *= 1 + _rise(start, end, 40) * plant.rng.uniform(0.5, 0.7)


def _overheating(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """The bearing's cooling or grease fails: it settles some ten degrees higher."""
    pump.heat[start:end] += plant.rng.uniform(9, 13)


def _winding_fault(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """The motor draws more current for the same work."""
    pump.overcurrent[start:end] *= 1 + _rise(start, end, 5) * plant.rng.uniform(0.09, 0.12)
    pump.heat[start:end] += 1.5


def _impeller_wear(plant: Plant, pump: Pump, start: int, end: int) -> None:
    """The impeller lost material: less flow and pressure at the same speed, out of balance."""
    risen = _rise(start, end, 10)
    pump.head[start:end] *= 1 - risen * plant.rng.uniform(0.08, 0.11)
    pump.extra_vibration[start:end] += risen * plant.rng.uniform(0.4, 0.6)


@dataclass(frozen=True)
class _Fault:
    kind: str
    measures: tuple[str, ...]
    hours: tuple[float, float]
    pumps: tuple[str, ...]
    apply: Callable[[Plant, Pump, int, int], None] | None = None
    """None for a sensor's fault, which touches the readings only."""


_ALL = ("P1", "P2", "P3")
_FAULTS = (
    _Fault("bearing_wear", ("vibration", "temperature"), (10, 14), ("P1", "P2"), _bearing_wear),
    _Fault("sensor_stuck", ("temperature",), (9, 13), ("P1", "P2")),
    _Fault("impeller_wear", ("flow", "pressure", "vibration"), (6, 9), _ALL, _impeller_wear),
    _Fault("leak", ("flow", "pressure"), (6, 9), _ALL, _leak),
    _Fault("overheating", ("temperature",), (5, 8), _ALL, _overheating),
    _Fault("blockage", ("flow", "pressure"), (5, 8), _ALL, _blockage),
    _Fault("winding_fault", ("current",), (4, 7), _ALL, _winding_fault),
    _Fault("leak", ("flow", "pressure"), (4, 6), _ALL, _leak),
    _Fault("overheating", ("temperature",), (4, 6), _ALL, _overheating),
    _Fault("sensor_silent", ("pressure",), (4, 6), ("P3",)),
    _Fault("cavitation", ("flow", "pressure", "vibration"), (2.5, 4), _ALL, _cavitation),
    _Fault("cavitation", ("flow", "pressure", "vibration"), (2, 3), _ALL, _cavitation),
)
_GAP = 240
"""Minutes between two planted episodes of one pump."""


def plant_all(plant: Plant, batch_start: int) -> None:
    """Plant every fault while its pump runs; one bearing still wears when the batch ends."""
    on_duty = next(pump for name, pump in plant.pumps.items() if name != "P3" and pump.running[-1])
    taken = {name: np.zeros(plant.minutes, dtype=bool) for name in plant.pumps}
    last = plant.minutes - int(plant.rng.integers(9 * 60, 13 * 60))
    _note(plant, _FAULTS[0], on_duty, (last, plant.minutes), taken)
    for fault in _FAULTS:
        lasts = int(plant.rng.uniform(*fault.hours) * 60)
        place = _place(plant, fault, lasts, batch_start, taken)
        _note(plant, fault, plant.pumps[place[0]], (place[1], place[1] + lasts), taken)


def _place(plant: Plant, fault: _Fault, lasts: int, batch_start: int, taken: dict[str, Curve]) -> tuple[str, int]:
    """A pump and a minute from which it runs nearly all the time, clear of other episodes."""
    places = []
    for name in fault.pumps:
        runs = np.concatenate([[0], np.cumsum(plant.pumps[name].running)])
        busy = np.concatenate([[0], np.cumsum(taken[name])])
        starts = np.arange(batch_start + 120, plant.minutes - lasts - 60)
        mostly = runs[starts + lasts] - runs[starts] >= 0.88 * lasts
        warm = runs[starts + 30] - runs[starts - 60] == 90
        free = busy[starts + lasts] - busy[starts] == 0
        places += [(name, int(start)) for start in starts[mostly & warm & free]]
    if not places:
        raise ValueError(f"no room for {fault.kind} in the batch")
    return places[int(plant.rng.integers(len(places)))]


def _note(plant: Plant, fault: _Fault, pump: Pump, when: tuple[int, int], taken: dict[str, Curve]) -> None:
    start, end = when
    if fault.apply is not None:
        fault.apply(plant, pump, start, end)
    taken[pump.name][max(start - _GAP, 0) : end + _GAP] = True
    plant.planted.append(Happening(fault.kind, pump.name, start, end, fault.measures))


def break_sensors(plant: Plant, readings: dict[str, dict[str, Curve]]) -> None:
    """Let the planted sensor faults and the everyday noise of instruments into the readings."""
    for happening in plant.planted:
        for measure in happening.measures:
            values = readings[happening.pump][measure]
            if happening.kind == "sensor_stuck":
                values[happening.start : happening.end] = values[happening.start]
            elif happening.kind == "sensor_silent":
                values[happening.start : happening.end] = np.nan


def disturb(plant: Plant, readings: dict[str, dict[str, Curve]]) -> None:
    """Calibrations, lost telegrams and single spikes: normal life of instruments, all through the period."""
    rng = plant.rng
    for name, measures in readings.items():
        for at in range(int(rng.integers(60, 2 * 1_440)), plant.minutes - 60, 3 * 1_440):
            start, measure = at + int(rng.integers(0, 1_440)), str(rng.choice(["pressure", "flow"]))
            if start + 12 >= plant.minutes:
                continue
            full = {"pressure": 6.0, "flow": 250.0}[measure]
            measures[measure][start : start + 6] = 0.0
            measures[measure][start + 6 : start + 11] = full
            plant.decoy("calibration", name, start - 1, start + 12, measure)
        for start in rng.integers(10, plant.minutes - 10, size=plant.minutes // 600):
            lasts = int(rng.integers(1, 5))
            for measure in MEASURES:
                measures[measure][start : start + lasts] = np.nan
            plant.decoy("lost_telegrams", name, int(start), int(start) + lasts, *MEASURES)
        for start in rng.integers(10, plant.minutes - 10, size=plant.minutes // 2_000):
            measure = str(rng.choice(["pressure", "vibration", "current"]))
            measures[measure][start] *= rng.uniform(1.6, 2.5)
            plant.decoy("single_spike", name, int(start) - 1, int(start) + 2, measure)
