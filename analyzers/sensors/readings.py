"""Tests of one sensor's readings by themselves: flat line, silence, gross range, spikes and attenuated signal."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from analyzers.results import Direction, Fact, FactKind
from analyzers.sensors.sensor import LEAST_BASELINE, Fault, Sensor, between, flat_readings, range_fault, usual_longest
from analyzers.series.numeric import Booleans, Floats, filled_forward, runs

SHORTEST_FLAT = 30
SHORTEST_SILENCE = 10
LONGER = 4
"""A flat or silent stretch is abnormal if it is so many times as long as such stretches usually are."""
SETPOINT = 0.5
"""Share of readings in flat stretches above which a measure is a setpoint or a counter, which may rest."""
SPIKE = 10.0
"""Usual deviations from the mean of its neighbours that make a single reading a spike."""
LEAST_SPIKES = 4
CLUSTER = 120
"""Spikes closer than so many samples belong together."""
NOISE = 61
NOISE_LOST = 0.2
"""Share of its usually lowest noise below which a signal is attenuated."""
FAR = 6.0
"""Usual deviations from the half hour around it that make a resting reading an excursion."""
RESTING = 0.7
"""Share of an excursion's readings that equal the one before."""
SENTINELS = (-9999.0, -9999.9, -999.25, -999.9, -999.0, -99.0, -99.9, 999.0, 999.9, 9999.0, 9999.9, 99999.0, 65535.0)
"""Numbers that loggers write in place of a reading."""


def stuck(sensor: Sensor) -> list[Fault]:
    """Stretches of one and the same reading, far longer than usual, while the machine runs."""
    flat = flat_readings(sensor)
    if float(flat[sensor.learnt].mean()) > SETPOINT:
        return []
    limit = max(SHORTEST_FLAT, LONGER * usual_longest(flat, sensor.learnt))
    read = np.cumsum(sensor.known)
    return [
        _stuck_fault(sensor, first - 1, last)
        for first, last in runs(flat)
        if read[last - 1] - read[first - 1] >= max(limit, (last - first) / 2)
    ]


def _stuck_fault(sensor: Sensor, first: int, last: int) -> Fault:
    start = sensor.samples.instant(first)
    minutes = (sensor.samples.instant(last - 1) - start).total_seconds() / 60
    fact = Fact(
        kind=FactKind.FLAT_LINE,
        feature=sensor.name,
        actual=float(sensor.values[first:last][sensor.known[first:last]][0]),
        unit=sensor.unit,
        at=start,
        values={"minutes": minutes},
    )
    return Fault("sensor_stuck", first, last, 75.0, (fact,), between(sensor, first, last))


def silent(sensor: Sensor) -> list[Fault]:
    """Stretches without a reading while the asset's other measures are recorded."""
    learnt = sensor.learnt if sensor.samples.first_batch else np.ones_like(sensor.learnt)
    if not learnt.any() or float(sensor.known[learnt].mean()) < 0.5:
        return []
    heard = np.isfinite(sensor.samples.values).any(axis=1)
    missing = ~sensor.known & heard & (sensor.rejected == 0)
    limit = max(SHORTEST_SILENCE, LONGER * usual_longest(missing, learnt))
    faults = []
    for first, last in runs(missing):
        if last - first >= limit:
            start = sensor.samples.instant(first)
            fact = Fact(
                kind=FactKind.SILENT,
                feature=sensor.name,
                actual=(sensor.samples.instant(last - 1) - start).total_seconds() / 60 + sensor.lasting,
                expected_high=sensor.lasting,
                unit="min",
                at=start,
            )
            faults.append(Fault("sensor_silent", first, last, 70.0, (fact,), between(sensor, first, last)))
    return faults


def implausible(sensor: Sensor) -> tuple[Booleans, tuple[float | None, float | None]]:
    """Readings outside the stated range, or numbers that stand for no reading and lie far outside the usual range."""
    low, high = sensor.plausible
    if low is not None or high is not None:
        below = sensor.values < (-np.inf if low is None else low)
        return below | (sensor.values > (np.inf if high is None else high)), (low, high)
    usual = sensor.values[sensor.learnt & sensor.known]
    if len(usual) < LEAST_BASELINE:
        return np.zeros(len(sensor.values), dtype=bool), (None, None)
    lowest, highest = (float(limit) for limit in np.quantile(usual, [0.01, 0.99]))
    margin = 5 * (highest - lowest)
    far = (sensor.values < lowest - margin) | (sensor.values > highest + margin)
    return far & np.isin(sensor.values, SENTINELS), (lowest, highest)


def out_of_range(sensor: Sensor) -> list[Fault]:
    """Readings that no working sensor gives."""
    outside, (low, high) = implausible(sensor)
    return range_fault(sensor, FactKind.GROSS_RANGE, outside, low, high, fault="sensor_out_of_range", severity=80.0)


def spiking(sensor: Sensor) -> Booleans:
    """Single readings far from both neighbours, which agree with each other."""
    values = sensor.values
    before, after = np.r_[np.nan, values[:-1]], np.r_[values[1:], np.nan]
    apart = values - (before + after) / 2
    usual = apart[sensor.learnt & np.isfinite(apart)]
    if len(usual) < LEAST_BASELINE:
        return np.zeros(len(values), dtype=bool)
    low, high = np.quantile(usual, [0.05, 0.95])
    least = max(float(high - low) / 3.29, 1e-9 + 1e-9 * float(np.abs(usual).max()))
    # A restless process has no spikes: each reading is measured by the noise around it.
    deviation = np.maximum(least, 1.4826 * median_filter(np.abs(np.nan_to_num(apart)), NOISE))
    steady = np.r_[False, sensor.active[:-2] & sensor.active[1:-1] & sensor.active[2:], False]
    alone: Booleans = (np.abs(apart) > SPIKE * deviation) & (np.abs(after - before) < 0.3 * np.abs(apart))
    single: Booleans = alone & steady
    return single


def calibrating(sensor: Sensor) -> Booleans:
    """Short excursions without the sensor's own noise, as while it is calibrated or its line is cut.

    A reading that jumps far, rests there (perhaps at two or three values) and comes back within half an hour of
    samples says nothing of the process, and is too short to be a fault.
    """
    flat = flat_readings(sensor)
    out = np.zeros(len(flat), dtype=bool)
    if int((sensor.known & sensor.learnt).sum()) < LEAST_BASELINE or float(flat[sensor.learnt].mean()) > SETPOINT:
        return out
    filled = filled_forward(sensor.values[:, None])[:, 0]
    apart = filled - median_filter(filled, 2 * SHORTEST_FLAT + 1)
    low, high = np.quantile(apart[sensor.learnt], [0.05, 0.95])
    far = np.abs(apart) > FAR * max(float(high - low) / 3.29, 1e-12)
    for first, last in runs(far & sensor.active):
        if 3 <= last - first <= SHORTEST_FLAT and float(flat[first + 1 : last].mean()) >= RESTING:
            out[max(first - 1, 0) : last + 1] = True
    return out


def spikes(sensor: Sensor) -> list[Fault]:
    """Bursts of single readings far from their neighbours."""
    single = spiking(sensor)
    places = np.flatnonzero(single)
    learnt = max(int(sensor.learnt.sum()), 1)
    rate = 0.0 if sensor.samples.ranking else float(single[sensor.learnt].sum()) / learnt
    faults = []
    for cluster in np.split(places, np.flatnonzero(np.diff(places) > CLUSTER) + 1):
        if len(cluster) < LEAST_SPIKES:
            continue
        first, last = int(cluster[0]), int(cluster[-1]) + 1
        expected = rate * (last - first + 2 * CLUSTER)
        if len(cluster) > 3 * expected + 3:
            fact = Fact(
                kind=FactKind.SPIKES,
                feature=sensor.name,
                actual=float(len(cluster)),
                expected_high=expected,
                at=sensor.samples.instant(first),
            )
            faults.append(Fault("sensor_spikes", first, last, 65.0, (fact,), single & between(sensor, first, last)))
    return faults


def _noise(sensor: Sensor) -> Floats:
    """Trailing noise of the readings: root mean square of steps over the square root of two, without running mean."""
    steps = np.diff(sensor.values, prepend=np.nan)
    usable = np.isfinite(steps) & sensor.active & np.r_[False, sensor.active[:-1]]
    squares = np.cumsum(np.r_[0.0, np.where(usable, steps**2, 0.0)])
    counts = np.cumsum(np.r_[0, usable])
    rows = np.arange(1, len(steps) + 1)
    first = np.maximum(rows - NOISE, 0)
    number = counts[rows] - counts[first]
    noise: Floats = np.sqrt(np.maximum(squares[rows] - squares[first], 0) / np.maximum(number, 1) / 2)
    return np.where(number == NOISE, noise, np.nan)


def noise_lost(sensor: Sensor) -> list[Fault]:
    """Stretches whose noise is far below the lowest that is usual."""
    if sensor.samples.ranking or float(flat_readings(sensor)[sensor.learnt].mean()) > SETPOINT:
        return []
    noise = _noise(sensor)
    usual = noise[sensor.learnt & np.isfinite(noise)]
    if len(usual) < 2 * NOISE:
        return []
    lowest = float(np.quantile(usual, 0.01))
    faults = []
    for first, last in runs(noise < NOISE_LOST * lowest):
        if last - first < NOISE // 2:
            continue
        begin = first - NOISE + 1
        actual = float(np.median(noise[first:last]))
        typical = float(np.median(usual))
        fact = Fact(
            kind=FactKind.LESS_VARIATION,
            feature=sensor.name,
            actual=actual,
            expected_low=lowest,
            ratio=actual / typical,
            direction=Direction.BELOW,
            unit=sensor.unit,
            at=sensor.samples.instant(first),
        )
        faults.append(Fault("sensor_noise_lost", begin, last, 60.0, (fact,), between(sensor, begin, last)))
    return faults
