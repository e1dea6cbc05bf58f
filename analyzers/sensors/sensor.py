"""One sensor of an asset as its tests see it, the faults that they find, and QARTOD's flags."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from analyzers.results import Direction, Fact, FactKind
from analyzers.series.numeric import Booleans, Floats, Integers, filled_forward, runs
from analyzers.series.samples import Samples
from analyzers.series.season import Clock
from analyzers.settings import SeasonalRange

LEAST_BASELINE = 60
"""Readings of a sensor that its limits are learnt from at least."""
BLOCKS = 6


class Quality(IntEnum):
    """QARTOD's flags of a reading."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


@dataclass(frozen=True)
class Sensor:
    """One measure's readings with what the tests need to know of it."""

    samples: Samples
    measure: int
    values: Floats
    active: Booleans
    known: Booleans
    learnt: Booleans
    plausible: tuple[float | None, float | None]
    seasons: tuple[SeasonalRange, ...]
    rate: float | None
    clock: Clock
    unit: str | None

    @property
    def rejected(self) -> Integers:
        """Why the source's own reading does not count: 0 where it does, else `BAD_QUALITY` or `OTHER_UNIT`."""
        return self.samples.rejected[:, self.measure]

    @property
    def name(self) -> str:
        """The measure's name."""
        return self.samples.measures[self.measure]

    @property
    def lasting(self) -> float:
        """Minutes between samples."""
        return self.samples.interval / 60


@dataclass(frozen=True)
class Fault:
    """An interval of a faulty sensor: samples `first` to `last` (one past), and the evidence."""

    type: str
    first: int
    last: int
    severity: float
    facts: tuple[Fact, ...]
    bad: Booleans


def usual_longest(condition: Booleans, learnt: Booleans) -> float:
    """How long a run of the condition usually gets: the median over stretches of the baseline of their longest."""
    known = np.flatnonzero(learnt)
    longest = [
        max((last - first for first, last in runs(condition[block])), default=0)
        for block in np.array_split(known, BLOCKS)
        if len(block)
    ]
    return float(np.median(longest)) if longest else 0.0


def flat_readings(sensor: Sensor) -> Booleans:
    """Samples whose reading equals the last one before, while running; a lost telegram between does not matter."""
    filled = filled_forward(sensor.values[:, None])[:, 0]
    steps = np.abs(np.diff(filled, prepend=np.nan))
    usual = steps[sensor.learnt & (steps > 0)]
    tolerance = 0.01 * float(np.median(usual)) if len(usual) else 0.0
    flat: Booleans = (steps <= tolerance) & sensor.active & np.r_[False, sensor.active[:-1]]
    return flat


def between(sensor: Sensor, first: int, last: int) -> Booleans:
    """The samples from `first` to one before `last`."""
    chosen = np.zeros(len(sensor.values), dtype=bool)
    chosen[first:last] = True
    return chosen


def range_fault(
    sensor: Sensor,
    kind: FactKind,
    outside: Booleans,
    low: float | None,
    high: float | None,
    *,
    fault: str,
    severity: float,
    least: int = 1,
) -> list[Fault]:
    """The fault of a sensor with at least `least` readings of the batch `outside` a range, told by the furthest one."""
    batch = np.flatnonzero(outside[sensor.samples.first_batch :]) + sensor.samples.first_batch
    if len(batch) < least:
        return []
    readings = sensor.values[batch]
    over = np.maximum(readings - (np.inf if high is None else high), (-np.inf if low is None else low) - readings)
    extreme = int(batch[np.argmax(over)])
    actual = float(sensor.values[extreme])
    fact = Fact(
        kind=kind,
        feature=sensor.name,
        actual=actual,
        expected_low=low,
        expected_high=high,
        direction=Direction.ABOVE if high is not None and actual > high else Direction.BELOW,
        unit=sensor.unit,
        at=sensor.samples.instant(extreme),
        values={"count": len(batch)},
    )
    return [Fault(fault, int(batch[0]), int(batch[-1]) + 1, severity, (fact,), outside)]
