"""How the plant is run: who is on duty, at which speed, and the routines that look odd and are normal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flows.demo.pumps import Curve, Pump

DAY = 1_440


@dataclass
class Happening:
    """Something on one pump between two minutes (the second excluded)."""

    kind: str
    pump: str
    start: int
    end: int
    measures: tuple[str, ...] = ()


@dataclass
class Plant:
    """The plant's state while it is simulated; minutes count from the first reading."""

    rng: np.random.Generator
    minutes: int
    hours: Curve
    """Local hour of day of each minute."""
    pumps: dict[str, Pump] = field(default_factory=dict)
    decoys: list[Happening] = field(default_factory=list)
    planted: list[Happening] = field(default_factory=list)

    def decoy(self, kind: str, pump: str, start: int, end: int, *measures: str) -> None:
        """Note a decoy, cut to the simulated time."""
        if start < self.minutes:
            self.decoys.append(Happening(kind, pump, max(int(start), 0), min(int(end), self.minutes), measures))

    def daily(self, hour: float, scatter: float) -> NDArray[np.int64]:
        """One minute a day about a local hour."""
        days = np.arange(self.minutes // DAY + 1)
        first = int((hour - self.hours[0]) % 24 * 60)
        moments = first + days * DAY + self.rng.normal(0, scatter, size=len(days)).astype(np.int64)
        return moments[(moments > 10) & (moments < self.minutes - 10)]


def run_plant(plant: Plant) -> None:
    """Pumps P1 and P2 take turns round the clock; P3 serves a process by day."""
    duty = _turns(plant)
    for name, on_duty in (("P1", duty), ("P2", ~duty)):
        plant.pumps[name] = Pump(name, np.where(on_duty, _loads(plant, (1_230, 1_300, 1_370, 1_440)), 0.0))
    shift = _shifts(plant)
    plant.pumps["P3"] = Pump("P3", np.where(shift, _loads(plant, (1_150, 1_240, 1_340, 1_420)), 0.0))
    _products(plant, plant.pumps["P3"])
    for pump in plant.pumps.values():
        _test_runs(plant, pump)
        _flushing(plant, pump)
    _note_changes(plant)
    _backwashes(plant)
    _afternoons(plant)


def _turns(plant: Plant) -> NDArray[np.bool_]:
    """Whether P1 (not P2) is on duty; the last changeover lies more than a day before the end."""
    rng = plant.rng
    back = [plant.minutes - int(rng.integers(27 * 60, 40 * 60))]
    while back[-1] > 0:
        back.append(back[-1] - int(rng.integers(44 * 60, 53 * 60)))
    duty = np.zeros(plant.minutes, dtype=bool)
    for number, moment in enumerate(back):
        if moment > 0:
            duty[:moment] = number % 2 == 0
            plant.decoy("duty_changeover", "P1", moment - 5, moment + 45)
            plant.decoy("duty_changeover", "P2", moment - 5, moment + 45)
        else:
            break
    starts = [moment for moment in back if moment > 0]
    for number, moment in enumerate(starts):
        begin = back[number + 1] if number + 1 < len(back) else 0
        duty[max(begin, 0) : moment] = number % 2 == 0
    duty[starts[0] :] = False
    return duty


def _shifts(plant: Plant) -> NDArray[np.bool_]:
    """Two shifts a day with a pause between."""
    shift = np.zeros(plant.minutes, dtype=bool)
    for begin in plant.daily(5.5, 12):
        pause = begin + int(plant.rng.integers(7 * 60, 8 * 60))
        shift[begin : begin + int(plant.rng.integers(15 * 60 + 30, 16 * 60 + 45))] = True
        shift[pause : pause + int(plant.rng.integers(25, 55))] = False
    return shift


def _loads(plant: Plant, levels: tuple[int, ...]) -> Curve:
    """Speeds that follow demand in steps: high by day, low at night."""
    rng, speeds = plant.rng, np.zeros(plant.minutes)
    at = 0
    while at < plant.minutes:
        lasts = int(rng.integers(80, 300))
        demand = 0.5 - 0.5 * np.cos((plant.hours[at] - 3) / 24 * 2 * np.pi)
        wanted = demand * (len(levels) - 1) + rng.normal(0, 0.7)
        speeds[at : at + lasts] = levels[int(np.clip(np.round(wanted), 0, len(levels) - 1))] + rng.integers(-8, 9)
        at += lasts
    return speeds


def _products(plant: Plant, pump: Pump) -> None:
    """Two products on P3, one of them thicker; each change is seen in flow and pressure at equal speed."""
    at, thick = 0, False
    while at < plant.minutes:
        lasts = int(plant.rng.integers(5 * 60, 14 * 60))
        if thick:
            pump.resistance[at : at + lasts] *= 1.14
        if at and pump.running[at]:
            plant.decoy("product_change", pump.name, at - 5, at + 30, "flow", "pressure")
        at, thick = at + lasts, not thick


def _test_runs(plant: Plant, pump: Pump) -> None:
    """A standing pump is turned for a quarter of an hour, every morning."""
    for start in plant.daily(9.5 if pump.name != "P3" else 2.5, 25):
        end = start + int(plant.rng.integers(12, 18))
        if not pump.running[max(start - 120, 0) : end + 120].any():
            pump.setpoint[start:end] = 1_200
            plant.decoy("test_run", pump.name, start - 2, end + 60)


def _flushing(plant: Plant, pump: Pump) -> None:
    """Once a week the line is flushed at full speed."""
    for start in range(int(plant.rng.integers(0, 5 * DAY)), plant.minutes - 60, 7 * DAY):
        running = np.flatnonzero(pump.running[start : start + 2 * DAY]) + start
        if running.size > 200:
            at = int(running[running.size // 2])
            speed = pump.setpoint[at : at + 35]
            speed[speed > 0] = 1_500
            plant.decoy("line_flushing", pump.name, at - 2, at + 60)


def _note_changes(plant: Plant) -> None:
    """Note every start, stop and change of load."""
    for pump in plant.pumps.values():
        before, after = pump.setpoint[:-1], pump.setpoint[1:]
        for kind, hit, lasts in (
            ("start", (before == 0) & (after > 0), 60),
            ("stop", (before > 0) & (after == 0), 30),
            ("load_change", (before > 0) & (after > 0) & (before != after), 20),
        ):
            for at in np.flatnonzero(hit) + 1:
                plant.decoy(kind, pump.name, int(at) - 2, int(at) + lasts)


def _backwashes(plant: Plant) -> None:
    """Every eight hours the filter is washed: for some minutes the running pumps work against more resistance."""
    for at in range(int(plant.rng.integers(60, 480)), plant.minutes - 40, 480):
        start, lasts = at + int(plant.rng.integers(-15, 15)), int(plant.rng.integers(9, 15))
        for pump in plant.pumps.values():
            if pump.running[start : start + lasts].all():
                pump.resistance[start : start + lasts] *= 1.7
                plant.decoy("filter_backwash", pump.name, start - 2, start + lasts + 5, "flow", "pressure")


def _afternoons(plant: Plant) -> None:
    """The warmest hours of each day."""
    for start in plant.daily(15.0, 0.1):
        for pump in plant.pumps.values():
            if pump.running[start : start + 240].mean() > 0.8:
                plant.decoy("warm_afternoon", pump.name, int(start), int(start) + 240, "temperature")
