"""The flag of an episode: its type, leading measure, rows and chart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Family, Flag, SeriesChart, Subject, SubjectKind
from analyzers.series.charts import SUBGROUPED, Against, Aspect
from analyzers.series.control import control_chart
from analyzers.series.episodes import Episode
from analyzers.series.facts import BAND, Moved, creeps, distance, expected, facts_of, instants, what_moved
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Floats
from analyzers.series.plotting import plot_points
from analyzers.series.redundancy import drift_fact, moved_more, predicted_drift, redundant_neighbour
from analyzers.series.samples import series_id
from analyzers.series.watch import AssetWatch


def severity_of(score: Floats) -> Floats:
    """Strangeness from 0 to 100 of a score: 50 at the limit, halving the rest with every further limit.

    >>> severity_of(np.array([0.0, 22.0, 44.0])).tolist()
    [0.0, 50.0, 75.0]
    """
    severity: Floats = 100 * (1 - np.exp2(-np.maximum(score, 0) / ALARM))
    return severity


def flag_episode(watch: AssetWatch, episode: Episode, columns: Columns) -> Flag:
    """The flag of one episode."""
    moved = what_moved(watch, episode)
    chosen = np.zeros(len(watch.samples), dtype=bool)
    chosen[watch.rows[episode.start : episode.end]] = True
    start, end = instants(watch, episode)
    peak = watch.scored.score[episode.peak]
    neighbour = None if moved.lead.aspect is Aspect.SPREAD else redundant_neighbour(moved, columns)
    if neighbour is not None and moved_more(moved, neighbour):
        moved, neighbour = replace(moved, lead=replace(moved.lead, measure=neighbour)), moved.lead.measure
    drifted = predicted_drift(moved, columns) if neighbour is None else drift_fact(moved, neighbour, columns)
    facts = facts_of(moved, columns)
    return Flag(
        analyzer="sensors" if drifted else "series",
        type="sensor_drift" if drifted else _type(moved),
        family=Family.SENSOR if drifted else Family.SERIES,
        subject=subject_of(watch.samples.asset, watch.samples.measures[moved.lead.measure], columns),
        rows=watch.samples.rows_of(chosen),
        severity=float(severity_of(np.array([peak]))[0]),
        score=float(peak),
        time_from=start,
        time_to=end,
        open=episode.open,
        facts=(drifted, *facts) if drifted else facts,
        chart=control_chart(moved) or _chart(moved, columns),
    )


def subject_of(asset: str, measure: str, columns: Columns) -> Subject:
    """A measure of an asset as the subject of a finding."""
    label = columns.get(measure).label or measure
    return Subject(
        kind=SubjectKind.SERIES,
        id=series_id(asset, measure),
        label=f"{asset} {label}" if asset else label,
    )


def _type(moved: Moved) -> str:
    if moved.joint:
        return "joint_change"
    if moved.lead.aspect is Aspect.SPREAD:
        return "variation_change"
    if moved.lead.against is not Against.ITSELF and not moved.raw:
        return "relation_change"
    away = distance(moved.watch, moved.lead.measure, Against.ITSELF, moved.lead)[moved.rows]
    if moved.lead.aspect in SUBGROUPED:
        return "drift" if creeps(away[np.isfinite(away)]) else "level_shift"
    return _shape(away)


def _shape(away: Floats) -> str:
    """How a measure left its level: slowly, at once and for good, in bursts, or otherwise."""
    away = away[np.isfinite(away)]
    if len(away) == 0:
        return "outside_band"
    middle, largest = float(np.median(away)), float(np.max(np.abs(away)))
    if largest > 6 and abs(middle) < min(largest / 4, 2):
        return "spike_burst"
    if creeps(away):
        return "drift"
    return "level_shift" if abs(float(away.mean())) > float(away.std()) else "outside_band"


def _chart(moved: Moved, columns: Columns) -> SeriesChart:
    """The leading measure against the band that it left."""
    watch, measure = moved.watch, moved.lead.measure
    against = Against.ITSELF if moved.raw else moved.lead.against
    center, usual = expected(watch, measure, against, moved.lead)
    low, high = np.full(len(watch.samples), np.nan), np.full(len(watch.samples), np.nan)
    low[watch.rows], high[watch.rows] = center - BAND * usual, center + BAND * usual
    first, last = int(watch.rows[moved.episode.start]), int(watch.rows[moved.episode.end - 1])
    unit = columns.get(watch.samples.measures[measure]).unit
    return plot_points(watch.samples, measure, low, high, first, last, unit=unit, still=moved.episode.open)
