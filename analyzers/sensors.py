"""Sensor quality: is the reading worth charting, or is the sensor itself at fault?

The tests follow QARTOD (flags 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing), with limits learnt from the
sensor's own baseline; a stated plausible range comes first.

References
----------
U.S. Integrated Ocean Observing System, Manual for Real-Time Quality Control of In-situ Temperature and Salinity Data,
version 2.1 (2020), tests 1 (gap), 4 (gross range), 6 (spike), 7 (rate of change), 8 (flat line), 10 (attenuated
signal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.ndimage import median_filter

from analyzers.columns import Columns
from analyzers.results import Direction, Fact, FactKind, Family, Flag
from analyzers.series.evidence import subject_of
from analyzers.series.numeric import Booleans, Floats, filled_forward, runs
from analyzers.series.plotting import plot_points
from analyzers.series.samples import Samples
from analyzers.series.states import Phases
from analyzers.settings import SeriesSettings

LEAST_BASELINE = 60
"""Readings of a sensor that its limits are learnt from at least."""
SHORTEST_FLAT = 30
SHORTEST_SILENCE = 10
LONGER = 4
"""A flat or silent stretch is abnormal if it is so many times as long as such stretches usually are."""
BLOCKS = 6
MOST_SENSORS = 4
"""Sensors whose evidence is shown where several have one fault."""
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
RATE = 3.0
"""Usual deviations of a step (and beyond every usual step) that make the rate of change suspect."""
SENTINELS = (-9999.0, -9999.9, -999.25, -999.9, -999.0, -99.0, -99.9, 999.0, 999.9, 9999.0, 9999.9, 99999.0, 65535.0)
"""Numbers that loggers write in place of a reading."""


class Quality(IntEnum):
    """QARTOD's flags of a reading."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


@dataclass(frozen=True)
class SensorReport:
    """What the tests found.

    flags : one per fault and interval. counts : of the batch's readings by quality.
    quality : (n, measures) int, the worst QARTOD flag of each reading.
    bad : (n, measures) bool, readings kept out of the process charts. faulty : (n,) bool, samples within a flag.
    """

    flags: tuple[Flag, ...]
    counts: dict[str, int]
    quality: np.ndarray
    bad: Booleans
    faulty: Booleans


@dataclass(frozen=True)
class _Sensor:
    """One measure's readings with what the tests need to know of it."""

    samples: Samples
    measure: int
    values: Floats
    active: Booleans
    known: Booleans
    learnt: Booleans
    plausible: tuple[float | None, float | None]
    unit: str | None

    @property
    def name(self) -> str:
        return self.samples.measures[self.measure]

    @property
    def lasting(self) -> float:
        """Minutes between samples."""
        return self.samples.interval / 60


@dataclass(frozen=True)
class _Fault:
    """An interval of a faulty sensor: samples `first` to `last` (one past), and the evidence."""

    type: str
    first: int
    last: int
    severity: float
    facts: tuple[Fact, ...]
    bad: Booleans


def inspect_sensors(samples: Samples, phases: Phases, columns: Columns, settings: SeriesSettings) -> SensorReport:
    """Tests every measure of an asset; a fault within the batch becomes a flag.

    A stopped machine's readings may rest: flat, attenuated and spiking readings are looked for while it runs.
    """
    count = len(samples.measures)
    quality = np.full((len(samples), count), int(Quality.PASS))
    bad = np.zeros((len(samples), count), dtype=bool)
    faulty = np.zeros(len(samples), dtype=bool)
    found: list[tuple[_Sensor, _Fault]] = []
    for measure in range(count):
        sensor = _sensor(samples, phases, measure, columns, settings)
        quality[:, measure] = _quality(sensor)
        for fault in _faults(sensor):
            bad[:, measure] |= fault.bad
            quality[fault.bad, measure] = np.maximum(quality[fault.bad, measure], int(Quality.FAIL))
            if fault.last > samples.first_batch:
                found.append((sensor, fault))
                faulty[fault.first : fault.last] = True
        quality[_calibrating(sensor), measure] = int(Quality.FAIL)
        bad[:, measure] |= quality[:, measure] == int(Quality.FAIL)
    flags = tuple(_flag(group, columns) for group in _shared(found))
    return SensorReport(flags, _counts(samples, quality), quality, bad, faulty)


def _shared(found: list[tuple[_Sensor, _Fault]]) -> list[list[tuple[_Sensor, _Fault]]]:
    """Faults of one type that several sensors have at the same time are one matter: a frozen logger, a cut cable."""
    groups: list[list[tuple[_Sensor, _Fault]]] = []
    for sensor, fault in sorted(found, key=lambda one: one[1].first - one[1].last):
        for group in groups:
            first = group[0][1]
            overlap = min(fault.last, first.last) - max(fault.first, first.first)
            if fault.type == first.type and overlap > (fault.last - fault.first) / 2:
                group.append((sensor, fault))
                break
        else:
            groups.append([(sensor, fault)])
    return groups


def _sensor(samples: Samples, phases: Phases, measure: int, columns: Columns, settings: SeriesSettings) -> _Sensor:
    values = samples.values[:, measure]
    known = np.isfinite(values)
    name = samples.measures[measure]
    return _Sensor(
        samples=samples,
        measure=measure,
        values=values,
        active=phases.running,
        known=known,
        learnt=samples.baseline & phases.running,
        plausible=settings.plausible.get(name, (None, None)),
        unit=columns.get(name).unit,
    )


def _faults(sensor: _Sensor) -> list[_Fault]:
    """All faults of a sensor; a test that needs a baseline is left out where there is too little of it."""
    found = [*_out_of_range(sensor), *_silent(sensor)]
    if int((sensor.known & sensor.learnt).sum()) >= LEAST_BASELINE:
        tests: tuple[Callable[[_Sensor], list[_Fault]], ...] = (_stuck, _spikes, _noise_lost)
        for test in tests:
            found.extend(fault for fault in test(sensor) if not _covered(fault, found))
    return found


def _covered(fault: _Fault, others: list[_Fault]) -> bool:
    """Whether another fault of the sensor already explains most of this one."""
    length = fault.last - fault.first
    return any(min(fault.last, other.last) - max(fault.first, other.first) > length / 2 for other in others)


def _usual_longest(condition: Booleans, learnt: Booleans) -> float:
    """How long a run of the condition usually gets: the median over stretches of the baseline of their longest."""
    known = np.flatnonzero(learnt)
    longest = [
        max((last - first for first, last in runs(condition[block])), default=0)
        for block in np.array_split(known, BLOCKS)
        if len(block)
    ]
    return float(np.median(longest)) if longest else 0.0


def _flat(sensor: _Sensor) -> Booleans:
    """Samples whose reading equals the last one before, while running; a lost telegram between does not matter."""
    filled = filled_forward(sensor.values[:, None])[:, 0]
    steps = np.abs(np.diff(filled, prepend=np.nan))
    usual = steps[sensor.learnt & (steps > 0)]
    tolerance = 0.01 * float(np.median(usual)) if len(usual) else 0.0
    flat: Booleans = (steps <= tolerance) & sensor.active & np.r_[False, sensor.active[:-1]]
    return flat


def _stuck(sensor: _Sensor) -> list[_Fault]:
    flat = _flat(sensor)
    if float(flat[sensor.learnt].mean()) > SETPOINT:
        return []
    limit = max(SHORTEST_FLAT, LONGER * _usual_longest(flat, sensor.learnt))
    read = np.cumsum(sensor.known)
    return [
        _stuck_fault(sensor, first - 1, last)
        for first, last in runs(flat)
        if read[last - 1] - read[first - 1] >= max(limit, (last - first) / 2)
    ]


def _stuck_fault(sensor: _Sensor, first: int, last: int) -> _Fault:
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
    return _Fault("sensor_stuck", first, last, 75.0, (fact,), _between(sensor, first, last))


def _between(sensor: _Sensor, first: int, last: int) -> Booleans:
    chosen = np.zeros(len(sensor.values), dtype=bool)
    chosen[first:last] = True
    return chosen


def _silent(sensor: _Sensor) -> list[_Fault]:
    """Stretches without a reading while the asset's other measures are recorded."""
    learnt = sensor.learnt if sensor.samples.first_batch else np.ones_like(sensor.learnt)
    if not learnt.any() or float(sensor.known[learnt].mean()) < 0.5:
        return []
    heard = np.isfinite(sensor.samples.values).any(axis=1)
    missing = ~sensor.known & heard
    limit = max(SHORTEST_SILENCE, LONGER * _usual_longest(missing, learnt))
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
            faults.append(_Fault("sensor_silent", first, last, 70.0, (fact,), _between(sensor, first, last)))
    return faults


def _implausible(sensor: _Sensor) -> tuple[Booleans, tuple[float | None, float | None]]:
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


def _out_of_range(sensor: _Sensor) -> list[_Fault]:
    outside, (low, high) = _implausible(sensor)
    batch = np.flatnonzero(outside[sensor.samples.first_batch :]) + sensor.samples.first_batch
    if len(batch) == 0:
        return []
    readings = sensor.values[batch]
    over = np.maximum(readings - (np.inf if high is None else high), (-np.inf if low is None else low) - readings)
    extreme = int(batch[np.argmax(over)])
    actual = float(sensor.values[extreme])
    fact = Fact(
        kind=FactKind.GROSS_RANGE,
        feature=sensor.name,
        actual=actual,
        expected_low=low,
        expected_high=high,
        direction=Direction.ABOVE if high is not None and actual > high else Direction.BELOW,
        unit=sensor.unit,
        at=sensor.samples.instant(extreme),
        values={"count": len(batch)},
    )
    return [_Fault("sensor_out_of_range", int(batch[0]), int(batch[-1]) + 1, 80.0, (fact,), outside)]


def _spiking(sensor: _Sensor) -> Booleans:
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
    spiking: Booleans = alone & steady
    return spiking


def _calibrating(sensor: _Sensor) -> Booleans:
    """Short excursions without the sensor's own noise, as while it is calibrated or its line is cut.

    A reading that jumps far, rests there (perhaps at two or three values) and comes back within half an hour of
    samples says nothing of the process, and is too short to be a fault.
    """
    flat = _flat(sensor)
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


def _spikes(sensor: _Sensor) -> list[_Fault]:
    spiking = _spiking(sensor)
    places = np.flatnonzero(spiking)
    learnt = max(int(sensor.learnt.sum()), 1)
    rate = 0.0 if sensor.samples.ranking else float(spiking[sensor.learnt].sum()) / learnt
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
            faults.append(_Fault("sensor_spikes", first, last, 65.0, (fact,), spiking & _between(sensor, first, last)))
    return faults


def _noise(sensor: _Sensor) -> Floats:
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


def _noise_lost(sensor: _Sensor) -> list[_Fault]:
    if sensor.samples.ranking or float(_flat(sensor)[sensor.learnt].mean()) > SETPOINT:
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
        faults.append(_Fault("sensor_noise_lost", begin, last, 60.0, (fact,), _between(sensor, begin, last)))
    return faults


def _quality(sensor: _Sensor) -> np.ndarray:
    """QARTOD flag of each reading by the tests of single readings: missing, gross range, spike, rate of change."""
    out = np.full(len(sensor.values), int(Quality.PASS))
    usual = sensor.values[sensor.learnt & sensor.known]
    if len(usual) < LEAST_BASELINE:
        out[:] = int(Quality.NOT_EVALUATED)
    else:
        steps = np.abs(np.diff(sensor.values, prepend=np.nan))
        learnt = steps[sensor.learnt & np.isfinite(steps)]
        widest = max(float(learnt.max()), RATE * float(learnt.std())) if len(learnt) else np.inf
        out[(steps > widest) & sensor.active] = int(Quality.SUSPECT)
        out[_spiking(sensor)] = int(Quality.FAIL)
    out[_implausible(sensor)[0]] = int(Quality.FAIL)
    out[~sensor.known] = int(Quality.MISSING)
    return out


def _flag(group: list[tuple[_Sensor, _Fault]], columns: Columns) -> Flag:
    """One flag for a fault, named by the sensor that has had it longest, with the evidence of the others."""
    sensor, fault = group[0]
    samples = sensor.samples
    still = fault.last >= len(samples) - 1 and fault.type != "sensor_spikes"
    start, end = samples.instant(fault.first), samples.instant(fault.last - 1)
    episode = Fact(
        kind=FactKind.EPISODE,
        actual=(end - start).total_seconds() / 60,
        unit="min",
        at=start,
        values={"open": still, "end": None if still else end.isoformat()},
    )
    others = tuple(fact for _, other in group[1:MOST_SENSORS] for fact in other.facts)
    usual = sensor.values[sensor.learnt & sensor.known]
    low, high = np.quantile(usual, [0.005, 0.995]) if len(usual) else (np.nan, np.nan)
    band = np.where(sensor.active, 1.0, np.nan)
    return Flag(
        analyzer="sensors",
        type=fault.type,
        family=Family.SENSOR,
        subject=subject_of(samples.asset, sensor.name, columns),
        rows=samples.rows_of(_between(sensor, fault.first, fault.last)),
        severity=fault.severity,
        score=fault.severity,
        time_from=start,
        time_to=end,
        open=still,
        facts=(*fault.facts, episode, *others),
        chart=plot_points(
            samples, sensor.measure, band * low, band * high, fault.first, fault.last - 1, unit=sensor.unit, still=still
        ),
    )


def _counts(samples: Samples, quality: np.ndarray) -> dict[str, int]:
    """Number of readings in the batch, and of those that did not pass."""
    batch = quality[samples.first_batch :]
    counts = {"readings": int(batch.size)}
    for flag in (Quality.SUSPECT, Quality.FAIL, Quality.MISSING, Quality.NOT_EVALUATED):
        counts[flag.name.lower()] = int((batch == int(flag)).sum())
    return counts
