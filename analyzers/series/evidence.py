"""What happened in an episode: its type, the leading measure, facts in the measures' own units, and the chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Direction, Fact, FactKind, Family, Flag, SeriesChart, Subject, SubjectKind
from analyzers.series.charts import SPREAD, Chart
from analyzers.series.charts import Watch as Watches
from analyzers.series.episodes import Episode
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Floats
from analyzers.series.plotting import plot_points
from analyzers.series.watch import Watch

BAND = 3.0
"""Half width of the band, in usual deviations."""
MOVED = 0.6
"""A chart moved if its mean squared deviate over the alarm is at least this share of the limit."""
MOST_ALSO = 4
RAMP_ROWS = 120
"""An episode shorter than this is no drift."""


@dataclass(frozen=True)
class Moved:
    """One episode and what moved in it.

    alarm : the rows from its first to its last alarm. strength : (charts,) mean squared deviate over them.
    lead : position of the strongest chart.
    """

    episode: Episode
    alarm: slice
    strength: Floats
    lead: int


def severity_of(score: Floats) -> Floats:
    """Strangeness from 0 to 100 of a score: 50 at the limit, halving the rest with every further limit.

    >>> severity_of(np.array([0.0, 20.0, 40.0])).tolist()
    [0.0, 50.0, 75.0]
    """
    severity: Floats = 100 * (1 - np.exp2(-np.maximum(score, 0) / ALARM))
    return severity


def what_moved(watch: Watch, episode: Episode) -> Moved:
    """Finds the leading chart of an episode."""
    alarm = slice(episode.alarm, episode.end)
    strength = np.mean(watch.scored.deviations[alarm] ** 2, axis=0)
    return Moved(episode, alarm, strength, int(np.argmax(strength)))


def flag_episode(watch: Watch, episode: Episode, columns: Columns) -> Flag:
    """The flag of one episode: leading measure, type, facts, rows and chart."""
    moved = what_moved(watch, episode)
    lead = watch.charted.charts[moved.lead]
    measure = watch.samples.measures[lead.measure]
    kind = _type(watch, moved)
    chosen = np.zeros(len(watch.samples), dtype=bool)
    chosen[watch.rows[episode.start : episode.end]] = True
    start, end = _instants(watch, episode)
    return Flag(
        analyzer="series",
        type=kind,
        family=Family.SERIES,
        subject=subject_of(watch.samples.asset, measure, columns),
        rows=watch.samples.rows_of(chosen),
        severity=float(severity_of(watch.scored.score[episode.peak : episode.peak + 1])[0]),
        score=float(watch.scored.score[episode.peak]),
        time_from=start,
        time_to=end,
        open=episode.open,
        facts=_facts(watch, moved, columns),
        chart=_chart(watch, moved, columns),
    )


def subject_of(asset: str, measure: str, columns: Columns) -> Subject:
    """A measure of an asset as the subject of a finding."""
    label = columns.get(measure).label or measure
    return Subject(
        kind=SubjectKind.SERIES,
        id=f"{asset}/{measure}" if asset else measure,
        label=f"{asset} {label}" if asset else label,
    )


def _instants(watch: Watch, episode: Episode) -> tuple[datetime, datetime]:
    return (
        watch.samples.instant(int(watch.rows[episode.start])),
        watch.samples.instant(int(watch.rows[episode.end - 1])),
    )


def _has_moved(watch: Watch, moved: Moved, measure: int, watches: Watches, *, adjusted: bool) -> bool:
    return any(
        moved.strength[place] >= MOVED * ALARM
        for place, chart in enumerate(watch.charted.charts)
        if chart.measure == measure and chart.watch is watches and chart.adjusted is adjusted
    )


def _type(watch: Watch, moved: Moved) -> str:
    lead = watch.charted.charts[moved.lead]
    if lead.watch is Watches.SPREAD:
        return "variation_change"
    if lead.adjusted and not _has_moved(watch, moved, lead.measure, Watches.LEVEL, adjusted=False):
        return "relation_change"
    return _shape(_distance(watch, lead)[moved.episode.start : moved.episode.end])


def _shape(distance: Floats) -> str:
    """How a measure left its level: slowly, at once and for good, in bursts, or otherwise."""
    distance = distance[np.isfinite(distance)]
    if len(distance) == 0:
        return "outside_band"
    middle, largest = float(np.median(distance)), float(np.max(np.abs(distance)))
    if largest > 6 and abs(middle) < largest / 4 and abs(middle) < 2:
        return "spike_burst"
    if len(distance) >= RAMP_ROWS:
        blocks = np.array([part.mean() for part in np.array_split(distance, 10)]) * np.sign(distance.mean())
        order = np.corrcoef(np.arange(10), blocks)[0, 1] if blocks.std() > 0 else 0.0
        if order > 0.85 and blocks[:3].mean() < 0.5 * blocks[-3:].mean():
            return "drift"
    return "level_shift" if abs(distance.mean()) > distance.std() else "outside_band"


def _distance(watch: Watch, chart: Chart) -> Floats:
    """A measure's distance from what is expected of it, (m,), in its usual deviations."""
    source, season = (watch.adjusted, watch.adjusted_season) if chart.adjusted else (watch.z, watch.season)
    distance: Floats = source[:, chart.measure] - season[:, chart.measure] - _reference(watch, chart)
    return distance / _row_deviation(watch, chart)


def _reference(watch: Watch, chart: Chart) -> Floats:
    """The followed level of a measure, from its quick level chart."""
    place = next(
        place
        for place, other in enumerate(watch.charted.charts)
        if (other.measure, other.adjusted, other.watch) == (chart.measure, chart.adjusted, Watches.LEVEL)
    )
    return watch.charted.references[:, place]


def _row_deviation(watch: Watch, chart: Chart) -> float:
    """Usual deviation of single rows of a chart's series around its season, in the baseline, standardised."""
    source, season = (watch.adjusted, watch.adjusted_season) if chart.adjusted else (watch.z, watch.season)
    rest = (source - season)[watch.baseline_rows, chart.measure]
    rest = rest[np.isfinite(rest)]
    return max(float(rest.std()), 1e-6) if len(rest) else 1.0


def _expected(watch: Watch, chart: Chart) -> tuple[Floats, Floats]:
    """Expected reading and usual deviation of a measure at each row, in its units."""
    scale = watch.baseline.scale[watch.state, chart.measure]
    values = watch.samples.values[watch.rows, chart.measure]
    if chart.adjusted:
        return values - scale * _distance(watch, chart) * _row_deviation(watch, chart), scale * _row_deviation(
            watch, chart
        )
    center = watch.baseline.center[watch.state, chart.measure]
    level = watch.season[:, chart.measure] + _reference(watch, chart)
    return center + scale * level, scale * _row_deviation(watch, chart)


def _facts(watch: Watch, moved: Moved, columns: Columns) -> tuple[Fact, ...]:
    lead = watch.charted.charts[moved.lead]
    name = watch.samples.measures[lead.measure]
    unit = columns.get(name).unit
    about = [
        fact
        for fact in (
            _level_fact(watch, moved, lead, name, unit),
            _band_fact(watch, moved, lead, name, unit),
            _relation_fact(watch, moved, lead, name, unit),
            _spread_fact(watch, moved, lead, name, unit),
        )
        if fact is not None
    ]
    return (*about, _episode_fact(watch, moved.episode), *_also_moved(watch, moved, lead.measure))


def _direction(actual: float, expected: float) -> Direction:
    return Direction.ABOVE if actual > expected else Direction.BELOW


def _level_fact(watch: Watch, moved: Moved, lead: Chart, name: str, unit: str | None) -> Fact | None:
    if not _has_moved(watch, moved, lead.measure, Watches.LEVEL, adjusted=False):
        return None
    raw = Chart(lead.measure, False, Watches.LEVEL, lead.window)
    rows = slice(moved.episode.start, moved.episode.end)
    values = watch.samples.values[watch.rows, lead.measure][rows]
    expected, usual = (part[rows] for part in _expected(watch, raw))
    known = np.isfinite(values)
    if not known.any():
        return None
    actual, center, deviation = (float(part[known].mean()) for part in (values, expected, usual))
    if abs(actual - center) < deviation:
        return None
    return Fact(
        kind=FactKind.LEVEL_SHIFT,
        feature=name,
        actual=actual,
        expected_low=center - deviation,
        expected_high=center + deviation,
        ratio=abs(actual - center) / deviation,
        direction=_direction(actual, center),
        unit=unit,
    )


def _extreme(watch: Watch, chart: Chart, rows: slice) -> int | None:
    """The row of a slice that lies farthest from what is expected, on the side where most of it lies."""
    distance = _distance(watch, chart)[rows]
    known = np.isfinite(distance)
    if not known.any():
        return None
    side = float(np.sign(distance[known].mean())) or 1.0
    return int(rows.start) + int(np.argmax(np.where(known, distance * side, -np.inf)))


def _band_fact(watch: Watch, moved: Moved, lead: Chart, name: str, unit: str | None) -> Fact | None:
    raw = Chart(lead.measure, False, Watches.LEVEL, lead.window)
    return _reading_fact(watch, moved, raw, FactKind.OUTSIDE_BAND, BAND, name, unit)


def _relation_fact(watch: Watch, moved: Moved, lead: Chart, name: str, unit: str | None) -> Fact | None:
    if not _has_moved(watch, moved, lead.measure, Watches.LEVEL, adjusted=True):
        return None
    adjusted = Chart(lead.measure, True, Watches.LEVEL, lead.window)
    return _reading_fact(watch, moved, adjusted, FactKind.RELATION_BROKEN, 2.0, name, unit)


def _reading_fact(
    watch: Watch, moved: Moved, chart: Chart, kind: FactKind, width: float, name: str, unit: str | None
) -> Fact | None:
    """The episode's most extreme reading against what is expected at that moment; None where it is within."""
    row = _extreme(watch, chart, slice(moved.episode.start, moved.episode.end))
    if row is None:
        return None
    expected, usual = (float(part[row]) for part in _expected(watch, chart))
    actual = float(watch.samples.values[watch.rows[row], chart.measure])
    ratio = abs(actual - expected) / usual
    if not ratio > width:
        return None
    return Fact(
        kind=kind,
        feature=name,
        actual=actual,
        expected_low=expected - width * usual,
        expected_high=expected + width * usual,
        ratio=ratio,
        direction=_direction(actual, expected),
        unit=unit,
        at=watch.samples.instant(int(watch.rows[row])),
    )


def _spread_fact(watch: Watch, moved: Moved, lead: Chart, name: str, unit: str | None) -> Fact | None:
    if not _has_moved(watch, moved, lead.measure, Watches.SPREAD, adjusted=False):
        return None
    place = watch.charted.charts.index(Chart(lead.measure, False, Watches.SPREAD, SPREAD))
    deviations = watch.charted.deviations[moved.alarm, place]
    row = moved.alarm.start + int(np.argmax(np.abs(deviations)))
    window = watch.z[max(row - SPREAD + 1, 0) : row + 1, lead.measure]
    scale = float(watch.baseline.scale[watch.state[row], lead.measure])
    usual = scale * float(np.exp(watch.charted.references[row, place]))
    actual = scale * float(np.nanstd(window))
    more = actual > usual
    return Fact(
        kind=FactKind.MORE_VARIATION if more else FactKind.LESS_VARIATION,
        feature=name,
        actual=actual,
        expected_low=None if more else usual,
        expected_high=usual if more else None,
        ratio=actual / usual,
        direction=_direction(actual, usual),
        unit=unit,
        at=watch.samples.instant(int(watch.rows[row])),
    )


def _episode_fact(watch: Watch, episode: Episode) -> Fact:
    start, end = _instants(watch, episode)
    return Fact(
        kind=FactKind.EPISODE,
        actual=(end - start).total_seconds() / 60,
        unit="min",
        at=start,
        values={"open": episode.open, "end": None if episode.open else end.isoformat()},
    )


def _also_moved(watch: Watch, moved: Moved, lead: int) -> list[Fact]:
    """The other measures that left their own level, the farthest first."""
    facts = []
    rows = slice(moved.episode.start, moved.episode.end)
    for measure in np.flatnonzero(watch.baseline.charted):
        if measure == lead or not _has_moved(watch, moved, int(measure), Watches.LEVEL, adjusted=False):
            continue
        distance = _distance(watch, Chart(int(measure), False, Watches.LEVEL, 0))[rows]
        mean = float(np.nanmean(distance)) if np.isfinite(distance).any() else 0.0
        if abs(mean) >= 1:
            facts.append(
                Fact(
                    kind=FactKind.ALSO_MOVED,
                    feature=watch.samples.measures[measure],
                    ratio=abs(mean),
                    direction=_direction(mean, 0.0),
                )
            )
    return sorted(facts, key=lambda fact: -(fact.ratio or 0))[:MOST_ALSO]


def _chart(watch: Watch, moved: Moved, columns: Columns) -> SeriesChart:
    lead = watch.charted.charts[moved.lead]
    shown = Chart(lead.measure, _type(watch, moved) == "relation_change", Watches.LEVEL, lead.window)
    expected, usual = _expected(watch, shown)
    low, high = np.full(len(watch.samples), np.nan), np.full(len(watch.samples), np.nan)
    low[watch.rows], high[watch.rows] = expected - BAND * usual, expected + BAND * usual
    first, last = int(watch.rows[moved.episode.start]), int(watch.rows[moved.episode.end - 1])
    name = watch.samples.measures[lead.measure]
    return plot_points(
        watch.samples, lead.measure, low, high, first, last, unit=columns.get(name).unit, still=moved.episode.open
    )
