"""All tests of an asset's sensors: faults become flags, each reading gets its QARTOD flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Fact, FactKind, Family, Flag
from analyzers.sensors.limits import beyond_rate, jumps, off_season, outside_usual_hours
from analyzers.sensors.neighbours import disagreements
from analyzers.sensors.readings import (
    calibrating,
    implausible,
    noise_lost,
    out_of_range,
    silent,
    spikes,
    spiking,
    stuck,
)
from analyzers.sensors.rejected import marked_bad, unit_changed
from analyzers.sensors.sensor import LEAST_BASELINE, Fault, Quality, Sensor, between
from analyzers.series.evidence import subject_of
from analyzers.series.numeric import Booleans, Integers
from analyzers.series.plotting import plot_points
from analyzers.series.samples import Samples
from analyzers.series.season import local_clock
from analyzers.series.states import Phases
from analyzers.settings import AnalysisSettings

MOST_SENSORS = 4
"""Sensors whose evidence is shown where several have one fault."""
MOST_COMPARED = 200
"""Measures of an asset up to which neighbours are looked for among all of them."""


@dataclass(frozen=True)
class SensorReport:
    """What the tests found.

    flags : one per fault and interval. counts : of the batch's readings by quality.
    quality : (n, measures) int, the worst QARTOD flag of each reading.
    bad : (n, measures) bool, readings kept out of the process charts. faulty : (n,) bool, samples within a flag.
    """

    flags: tuple[Flag, ...]
    counts: dict[str, int]
    quality: Integers
    bad: Booleans
    faulty: Booleans


def inspect_sensors(samples: Samples, phases: Phases, columns: Columns, settings: AnalysisSettings) -> SensorReport:
    """Tests every measure of an asset; a fault within the batch becomes a flag.

    A stopped machine's readings may rest: flat, attenuated and spiking readings are looked for while it runs.
    """
    sensors = _sensors(samples, phases, columns, settings)
    quality = np.column_stack([_quality(sensor) for sensor in sensors])
    bad = np.zeros(quality.shape, dtype=bool)
    faulty = np.zeros(len(samples), dtype=bool)
    faults = [_faults(sensor) for sensor in sensors]
    for place, fault in _between_sensors(sensors, columns, settings):
        if not _covered(fault, faults[place]):
            faults[place].append(fault)
    found = [(sensor, fault) for sensor, own in zip(sensors, faults, strict=True) for fault in own]
    for sensor, fault in found:
        bad[:, sensor.measure] |= fault.bad
        if fault.last > samples.first_batch:
            faulty[fault.first : fault.last] = True
    for sensor in sensors:
        bad[calibrating(sensor), sensor.measure] = True
    quality[bad] = np.maximum(quality[bad], int(Quality.FAIL))
    bad |= quality == int(Quality.FAIL)
    current = [(sensor, fault) for sensor, fault in found if fault.last > samples.first_batch]
    flags = tuple(_flag(group, columns) for group in _shared(current))
    return SensorReport(flags, _counts(samples, quality), quality, bad, faulty)


def _between_sensors(sensors: list[Sensor], columns: Columns, settings: AnalysisSettings) -> list[tuple[int, Fault]]:
    """Faults that only a comparison with others shows: a neighbour that disagrees, one signal that jumps alone."""
    found = [(place, fault) for place, sensor in enumerate(sensors) for fault in jumps(sensor, sensors)]
    stated = settings.series.redundant
    if stated or len(sensors) <= MOST_COMPARED:
        found += disagreements(sensors, columns, stated)
    return found


def _shared(found: list[tuple[Sensor, Fault]]) -> list[list[tuple[Sensor, Fault]]]:
    """Faults of one type that several sensors have at the same time are one matter: a frozen logger, a cut cable."""
    groups: list[list[tuple[Sensor, Fault]]] = []
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


def _sensors(samples: Samples, phases: Phases, columns: Columns, settings: AnalysisSettings) -> list[Sensor]:
    series = settings.series
    clock = local_clock(samples.times, settings.timezone, samples.interval)
    return [
        Sensor(
            samples=samples,
            measure=measure,
            values=samples.values[:, measure],
            active=phases.running,
            known=np.isfinite(samples.values[:, measure]),
            learnt=samples.baseline & phases.running,
            plausible=series.plausible.get(name, (None, None)),
            seasons=series.climatology.get(name, ()),
            rate=series.rate_of_change.get(name),
            clock=clock,
            unit=columns.get(name).unit,
        )
        for measure, name in enumerate(samples.measures)
    ]


def _faults(sensor: Sensor) -> list[Fault]:
    """All faults of a sensor; a test that needs a baseline is left out where there is too little of it."""
    by_themselves = (out_of_range, off_season, silent, marked_bad, unit_changed)
    found = [fault for test in by_themselves for fault in test(sensor)]
    if int((sensor.known & sensor.learnt).sum()) >= LEAST_BASELINE:
        tests: tuple[Callable[[Sensor], list[Fault]], ...] = (stuck, spikes, noise_lost)
        for test in tests:
            found.extend(fault for fault in test(sensor) if not _covered(fault, found))
    return found


def _covered(fault: Fault, others: list[Fault]) -> bool:
    """Whether another fault of the sensor already explains most of this one."""
    length = fault.last - fault.first
    return any(min(fault.last, other.last) - max(fault.first, other.first) > length / 2 for other in others)


def _quality(sensor: Sensor) -> Integers:
    """QARTOD flag of each reading by the tests of single readings.

    These are: missing, rejected, gross range, climatology, spike, rate of change.
    """
    out = np.full(len(sensor.values), int(Quality.PASS))
    usual = sensor.values[sensor.learnt & sensor.known]
    if len(usual) < LEAST_BASELINE:
        out[:] = int(Quality.NOT_EVALUATED)
    else:
        out[outside_usual_hours(sensor) | beyond_rate(sensor)] = int(Quality.SUSPECT)
        out[spiking(sensor)] = int(Quality.FAIL)
    out[implausible(sensor)[0]] = int(Quality.FAIL)
    out[~sensor.known] = int(Quality.MISSING)
    out[sensor.rejected > 0] = int(Quality.FAIL)
    return out


def _flag(group: list[tuple[Sensor, Fault]], columns: Columns) -> Flag:
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
        rows=samples.rows_of(between(sensor, fault.first, fault.last)),
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


def _counts(samples: Samples, quality: Integers) -> dict[str, int]:
    """Number of readings in the batch, and of those that did not pass."""
    batch = quality[samples.first_batch :]
    counts = {"readings": int(batch.size)}
    for flag in (Quality.SUSPECT, Quality.FAIL, Quality.MISSING, Quality.NOT_EVALUATED):
        counts[flag.name.lower()] = int((batch == int(flag)).sum())
    return counts
