"""A sensor that drifts away from its redundant neighbour, which measures the same thing beside it."""

from __future__ import annotations

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Direction, Fact, FactKind
from analyzers.series.charts import Against, Aspect
from analyzers.series.facts import Moved, creeps, distance, expected, readings
from analyzers.series.numeric import Floats

ALIKE = 0.95
"""Correlation in the baseline from which on two sensors may measure the same thing."""
DETERMINED = 0.98
"""Share of a measure's variance that the others explain from which on they predict it like a redundant sensor."""
APART = 0.2
"""Largest usual difference between them, as a share of their level."""


def redundant_neighbour(moved: Moved, columns: Columns) -> int | None:
    """The measure that measures the same as the leading one, and stayed where it was; None where there is none.

    Redundant sensors have the same unit, much the same level and spread, and move together. Sensors that merely
    depend on each other are no witnesses: there the machine may have changed.
    """
    watch, lead = moved.watch, moved.lead.measure
    own = _baseline(moved, lead)
    unit = columns.get(watch.samples.measures[lead]).unit
    for other in np.flatnonzero(watch.levels.charted).tolist():
        if other == lead or columns.get(watch.samples.measures[other]).unit != unit:
            continue
        if alike(own, _baseline(moved, other)) and not moved.has(other, Aspect.LEVEL, (Against.ITSELF, Against.LOAD)):
            return int(other)
    return None


def predicted_drift(moved: Moved, columns: Columns) -> Fact | None:
    """The fact of a sensor that leaves, little by little, what the others determine almost wholly; else None.

    Such a sensor is redundant by calculation, as the last of three flows that add up. No other measure may have left
    its own level: then the machine may have changed.
    """
    watch, lead = moved.watch, moved.lead
    others = (measure for measure in range(len(watch.samples.measures)) if measure != lead.measure)
    if lead.against is not Against.OTHERS or watch.explained[lead.measure] < DETERMINED:
        return None
    if any(moved.has(other, Aspect.LEVEL, (Against.ITSELF, Against.LOAD)) for other in others):
        return None
    away = distance(watch, lead.measure, Against.OTHERS)[moved.rows]
    if not creeps(away[np.isfinite(away)]):
        return None
    center, usual = expected(watch, lead.measure, Against.OTHERS)
    difference = (readings(watch, lead.measure) - center)[moved.rows]
    actual = float(difference[np.isfinite(difference)].mean())
    deviation = float(np.nanmean(usual[moved.rows]))
    name = watch.samples.measures[lead.measure]
    return Fact(
        kind=FactKind.SENSOR_DRIFT,
        feature=name,
        actual=actual,
        expected_low=-deviation,
        expected_high=deviation,
        ratio=abs(actual) / deviation,
        direction=Direction.ABOVE if actual > 0 else Direction.BELOW,
        unit=columns.get(name).unit,
    )


def moved_more(moved: Moved, neighbour: int) -> bool:
    """Whether the neighbour left its own level farther than the leading measure: then it is the one to blame."""
    far = []
    for measure in (moved.lead.measure, neighbour):
        away = distance(moved.watch, measure, Against.ITSELF)[moved.rows]
        far.append(abs(float(away[np.isfinite(away)].mean())) if np.isfinite(away).any() else 0.0)
    return far[1] > far[0]


def _baseline(moved: Moved, measure: int) -> Floats:
    return readings(moved.watch, measure)[moved.watch.baseline_rows]


def alike(first: Floats, second: Floats) -> bool:
    """Whether readings of two sensors have much the same level and spread and move together."""
    both = np.isfinite(first) & np.isfinite(second)
    if int(both.sum()) < 30:
        return False
    first, second = first[both], second[both]
    spread, other = float(first.std()), float(second.std())
    if min(spread, other) <= max(spread, other) / 2:
        return False
    level = max(abs(float(np.median(first))), abs(float(np.median(second))))
    near = abs(float(np.median(first - second))) <= max(APART * level, spread)
    return near and float(np.corrcoef(first, second)[0, 1]) >= ALIKE


def drift_fact(moved: Moved, neighbour: int, columns: Columns) -> Fact | None:
    """How far the leading measure's mean difference from its neighbour left the usual; None where it did not."""
    watch, lead = moved.watch, moved.lead.measure
    difference = readings(watch, lead) - readings(watch, neighbour)
    usual, now = difference[watch.baseline_rows], difference[moved.rows]
    usual, now = usual[np.isfinite(usual)], now[np.isfinite(now)]
    if len(usual) == 0 or len(now) == 0:
        return None
    actual, center, deviation = float(now.mean()), float(usual.mean()), max(float(usual.std()), 1e-12)
    if abs(actual - center) < deviation:
        return None
    name = watch.samples.measures[lead]
    return Fact(
        kind=FactKind.SENSOR_DRIFT,
        feature=name,
        actual=actual,
        expected_low=center - deviation,
        expected_high=center + deviation,
        ratio=abs(actual - center) / deviation,
        direction=Direction.ABOVE if actual > center else Direction.BELOW,
        unit=columns.get(name).unit,
        values={"neighbour": watch.samples.measures[neighbour]},
    )
