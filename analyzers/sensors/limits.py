"""Tests against a range of the season and against the largest step: QARTOD's climatology and rate of change."""

from __future__ import annotations

import numpy as np

from analyzers.results import Direction, Fact, FactKind
from analyzers.sensors.sensor import LEAST_BASELINE, Fault, Sensor, between, range_fault
from analyzers.series.numeric import Booleans, Floats, Integers

LEAST_OUTSIDE = 3
"""Readings outside the season's range that make a fault."""
LEAST_DAYS = 5
HOURS = 24
WIDER = 0.5
"""The usual range of an hour is widened by this share of the whole range to each side."""
RATE = 3.0
"""Usual deviations of a step (and beyond every usual step) that make the rate of change suspect."""
JUMP = 2.0
"""How many times the largest usual step the steps of a fault are, where no rate is stated."""
CALM = 2.0
"""Between jumps the steps are at most so many times the usual ones."""
LEAST_JUMPS = 6
CLUSTER = 120
"""Steps closer than so many samples belong together."""


def off_season(sensor: Sensor) -> list[Fault]:
    """Readings outside the range that the monitor states for their month."""
    outside: Booleans = np.zeros(len(sensor.values), dtype=bool)
    low = high = None
    months = (sensor.samples.times // 1_000_000).astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12 + 1
    for season in sensor.seasons:
        within = np.isin(months, season.months)
        below = sensor.values < (-np.inf if season.low is None else season.low)
        above = sensor.values > (np.inf if season.high is None else season.high)
        if (within & (below | above))[sensor.samples.first_batch :].any():
            low, high = season.low, season.high
        outside |= within & (below | above)
    return range_fault(
        sensor,
        FactKind.CLIMATOLOGY,
        outside,
        low,
        high,
        fault="sensor_climatology",
        severity=65.0,
        least=LEAST_OUTSIDE,
    )


def outside_usual_hours(sensor: Sensor) -> Booleans:
    """Readings outside what the baseline's days read at that hour, widened; none with fewer than five days.

    Suspect and no more: a machine that changes leaves its usual hours, too.
    """
    hour = (sensor.clock.bin * (HOURS / sensor.clock.bins)).astype(np.int64) % HOURS
    usable = sensor.learnt & sensor.known
    if len(np.unique(sensor.clock.day[usable])) < LEAST_DAYS:
        return np.zeros(len(hour), dtype=bool)
    low, high = np.full(HOURS, -np.inf), np.full(HOURS, np.inf)
    margin = WIDER * float(np.ptp(sensor.values[usable]))
    for part in range(HOURS):
        usual = sensor.values[usable & (hour == part)]
        if len(usual) >= LEAST_BASELINE:
            low[part], high[part] = usual.min() - margin, usual.max() + margin
    outside: Booleans = sensor.active & ((sensor.values < low[hour]) | (sensor.values > high[hour]))
    return outside


def _steps(sensor: Sensor) -> tuple[Floats, float]:
    """Each step from the reading before, and the largest usual one; a stated rate is per minute."""
    steps = np.abs(np.diff(sensor.values, prepend=np.nan))
    if sensor.rate is not None:
        return steps, sensor.rate * sensor.lasting
    usual = steps[sensor.learnt & np.isfinite(steps)]
    if len(usual) < LEAST_BASELINE:
        return steps, np.inf
    return steps, max(float(usual.max()), RATE * float(usual.std()))


def beyond_rate(sensor: Sensor) -> Booleans:
    """Readings that changed faster than is usual or stated."""
    steps, widest = _steps(sensor)
    return np.asarray((steps > widest) & sensor.active)


def jumps(sensor: Sensor, others: list[Sensor]) -> list[Fault]:
    """Stretches in which the signal jumps again and again while no other measure of the asset does.

    A process that surges shows in several measures, and one that is restless is so all the time; a loose contact shows
    in one measure, which is calm between its jumps. Where the asset has but one measure only a stated rate can tell.
    """
    steps, widest = _steps(sensor)
    if sensor.samples.ranking or (sensor.rate is None and len(others) < 2):
        return []
    limit = widest * (JUMP if sensor.rate is None else 1.0)
    places = np.flatnonzero((steps > limit) & sensor.active)
    faults = []
    for cluster in np.split(places, np.flatnonzero(np.diff(places) > CLUSTER) + 1):
        if len(cluster) < LEAST_JUMPS:
            continue
        first, last = int(cluster[0]), int(cluster[-1]) + 1
        alone = not any(beyond_rate(other)[first:last].sum() >= 2 for other in others if other is not sensor)
        calm = float(np.nanmedian(steps[first:last])) <= CALM * float(np.nanmedian(steps[sensor.learnt]))
        if (alone and calm) or sensor.rate is not None:
            faults.append(_jumping(sensor, first, last, cluster, steps, widest))
    return faults


def _jumping(sensor: Sensor, first: int, last: int, cluster: Integers, steps: Floats, widest: float) -> Fault:
    fact = Fact(
        kind=FactKind.RATE_OF_CHANGE,
        feature=sensor.name,
        actual=float(steps[cluster].max()),
        expected_high=widest,
        direction=Direction.ABOVE,
        unit=sensor.unit,
        at=sensor.samples.instant(first),
        values={"count": len(cluster)},
    )
    return Fault("sensor_rate_of_change", first, last, 65.0, (fact,), between(sensor, first, last))
