"""Readings that the source itself rejected, and readings in another unit than before."""

from __future__ import annotations

import numpy as np

from analyzers.results import Fact, FactKind
from analyzers.sensors.sensor import Fault, Sensor, between, usual_longest
from analyzers.series.numeric import runs
from analyzers.series.samples import BAD_QUALITY, OTHER_UNIT

SHORTEST = 10
LONGER = 4
"""A rejected stretch is abnormal if it is so many times as long as such stretches usually are."""


def marked_bad(sensor: Sensor) -> list[Fault]:
    """Stretches whose readings the historian's quality column calls bad."""
    bad = sensor.rejected == BAD_QUALITY
    limit = max(SHORTEST, LONGER * usual_longest(bad, sensor.learnt))
    faults = []
    for first, last in runs(bad):
        if last - first >= limit:
            fact = Fact(
                kind=FactKind.BAD_QUALITY,
                feature=sensor.name,
                at=sensor.samples.instant(first),
                values={"count": last - first},
            )
            faults.append(Fault("sensor_bad_quality", first, last, 70.0, (fact,), between(sensor, first, last)))
    return faults


def unit_changed(sensor: Sensor) -> list[Fault]:
    """Readings of the batch in another unit than the history's: they are not compared with it."""
    other = sensor.rejected == OTHER_UNIT
    batch = np.flatnonzero(other[sensor.samples.first_batch :]) + sensor.samples.first_batch
    if len(batch) == 0:
        return []
    fact = Fact(
        kind=FactKind.UNIT_CHANGED,
        feature=sensor.name,
        values={
            "previous": sensor.unit,
            "current": sensor.samples.other_units.get(sensor.name),
            "count": len(batch),
        },
    )
    return [Fault("sensor_unit_changed", int(batch[0]), int(batch[-1]) + 1, 75.0, (fact,), other)]
