"""Facts of an episode, in the measures' own units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from analyzers.columns import Columns
from analyzers.results import Direction, Fact, FactKind
from analyzers.series.charts import JOINT, SHORT, SPREAD, SUBGROUPED, Against, Aspect, Chart
from analyzers.series.episodes import Episode
from analyzers.series.limits import ALARM
from analyzers.series.numeric import Floats
from analyzers.series.watch import AssetWatch

BAND = 3.0
"""Half width of the band around a measure's own level, in usual deviations."""
RELATION = 2.0
"""The same around what others predict: the mean of many rows tells there, each row less."""
MOVED = 0.6
"""A chart moved if its mean squared deviate over the alarm is at least this share of the limit."""
RAMP_ROWS = 120
"""An episode shorter than this is no drift."""
MOST_PARTNERS = 2
UNJUDGED = 10
"""Samples after an open episode of which none was judged, from which its text says so."""
MOST_ALSO = 4
MOST_TOGETHER = 3


@dataclass(frozen=True)
class Moved:
    """An episode and what moved in it.

    strength : (charts,) mean squared deviate of each chart from the first alarm to the last; `lead` is the strongest.
    """

    watch: AssetWatch
    episode: Episode
    strength: Floats
    lead: Chart

    @property
    def rows(self) -> slice:
        """The episode's scored rows."""
        return slice(self.episode.start, self.episode.end)

    @property
    def raw(self) -> bool:
        """Whether the leading measure left its own level, not only its relation to others."""
        if self.lead.aspect in SUBGROUPED:
            return self.lead.against is Against.ITSELF
        return self.has(self.lead.measure, Aspect.LEVEL, (Against.ITSELF,))

    @property
    def joint(self) -> bool:
        """Whether only the charts of all measures together moved, and none of a single one."""
        moved = self.strength >= MOVED * ALARM
        joint = np.array([chart.measure == JOINT for chart in self.watch.charted.charts])
        return bool((moved & joint).any() and not (moved & ~joint).any())

    def has(self, measure: int, aspect: Aspect, against: tuple[Against, ...]) -> bool:
        """Whether a chart of the measure moved."""
        return self.force(measure, aspect, against) >= MOVED * ALARM

    def force(self, measure: int, aspect: Aspect, against: tuple[Against, ...]) -> float:
        """The largest strength among some charts of a measure, 0 where there is none."""
        return max(
            (
                float(strength)
                for strength, chart in zip(self.strength, self.watch.charted.charts, strict=True)
                if chart.measure == measure and chart.aspect is aspect and chart.against in against
            ),
            default=0.0,
        )

    def relation(self, measure: int) -> Against:
        """Against what the measure's relation moved most."""
        load, others = (self.force(measure, Aspect.LEVEL, (one,)) for one in (Against.LOAD, Against.OTHERS))
        return Against.LOAD if load > others else Against.OTHERS


def what_moved(watch: AssetWatch, episode: Episode) -> Moved:
    """Finds the leading chart of an episode."""
    strength = np.mean(watch.scored.deviations[episode.alarm : episode.end] ** 2, axis=0)
    single = np.array([chart.measure != JOINT for chart in watch.charted.charts])
    return Moved(watch, episode, strength, watch.charted.charts[int(np.argmax(np.where(single, strength, -1.0)))])


def distance(watch: AssetWatch, measure: int, against: Against, lead: Chart | None = None) -> Floats:
    """A measure's distance from what is expected of it, (m,), in its usual deviations.

    Expected is the level that the quick chart follows, or the slower one of a `lead` that watches subgroups.
    """
    view = watch.views[against]
    chart = Chart(measure, against, Aspect.LEVEL, SHORT) if lead is None or lead.aspect not in SUBGROUPED else lead
    reference = watch.charted.references[:, watch.charted.charts.index(chart)]
    away: Floats = (view.rest[:, measure] - reference) / view.deviation[measure]
    return away


def expected(watch: AssetWatch, measure: int, against: Against, lead: Chart | None = None) -> tuple[Floats, Floats]:
    """Expected reading and usual deviation of a measure at each scored row, in its units; `lead` as in `distance`."""
    usual = watch.levels.scale[watch.state, measure] * watch.views[against].deviation[measure]
    return readings(watch, measure) - distance(watch, measure, against, lead) * usual, usual


def readings(watch: AssetWatch, measure: int) -> Floats:
    """A measure's readings at the scored rows, in its units; NaN where missing or bad."""
    values = watch.samples.values[watch.rows, measure]
    return np.where(np.isfinite(watch.views[Against.ITSELF].values[:, measure]), values, np.nan)


def creeps(away: Floats) -> bool:
    """Whether the distance grows steadily over the episode."""
    if len(away) < RAMP_ROWS:
        return False
    tenths = np.array([float(part.mean()) for part in np.array_split(away, 10)]) * np.sign(away.mean())
    order = float(np.corrcoef(np.arange(10), tenths)[0, 1]) if tenths.std() > 0 else 0.0
    return order > 0.85 and bool(tenths[:3].mean() < 0.5 * tenths[-3:].mean())


def instants(watch: AssetWatch, episode: Episode) -> tuple[datetime, datetime]:
    """First and last instant of an episode."""
    first, last = int(watch.rows[episode.start]), int(watch.rows[episode.end - 1])
    return watch.samples.instant(first), watch.samples.instant(last)


def facts_of(moved: Moved, columns: Columns) -> tuple[Fact, ...]:
    """What speaks for an episode: the leading measure's facts, the episode, and what else moved."""
    lead = moved.lead.measure
    about = [_level(moved, columns), _band(moved, columns), _relation(moved, lead, columns), _spread(moved, columns)]
    found = [fact for fact in about if fact is not None]
    if moved.joint:
        found = [_joint_distance(moved), *found]
    elif moved.lead.aspect in SUBGROUPED:
        found = [*found, _one_sided(moved)]
    if not found:
        # Faint and lasting: no single reading is far off, the mean of many is.
        found = [_mean_relation(moved, columns)]
    return (*found, *_partners(moved, columns), _episode(moved), *_also_moved(moved))


def _direction(actual: float, usual: float) -> Direction:
    return Direction.ABOVE if actual > usual else Direction.BELOW


def _level(moved: Moved, columns: Columns) -> Fact | None:
    """The mean over the episode, where it lies beyond the usual variation of single readings."""
    if not moved.raw:
        return None
    return _mean_fact(moved, FactKind.LEVEL_SHIFT, Against.ITSELF, columns, least=1.0)


def _one_sided(moved: Moved) -> Fact:
    """The mean of a small difference that lasts."""
    watch, lead = moved.watch, moved.lead
    away = distance(watch, lead.measure, lead.against, lead)[moved.rows]
    away = away[np.isfinite(away)]
    mean = float(away.mean()) if len(away) else 0.0
    name = watch.samples.measures[lead.measure]
    return Fact(kind=FactKind.ONE_SIDED, feature=name, ratio=abs(mean), direction=_direction(mean, 0.0))


def _joint_distance(moved: Moved) -> Fact:
    """How far all measures together went, and the three that went farthest."""
    watch = moved.watch
    joint = np.array([chart.measure == JOINT for chart in watch.charted.charts])
    ratio = float(np.sqrt(np.max(np.where(joint, moved.strength, 0.0))))
    view = watch.views[Against.ITSELF]
    means = {}
    for measure in np.flatnonzero(view.charted).tolist():
        away = distance(watch, measure, Against.ITSELF)[moved.rows]
        means[measure] = abs(float(away[np.isfinite(away)].mean())) if np.isfinite(away).any() else 0.0
    farthest = sorted(means, key=lambda measure: -means[measure])[:MOST_TOGETHER]
    names = ",".join(watch.samples.measures[measure] for measure in farthest)
    return Fact(kind=FactKind.JOINT_DISTANCE, ratio=ratio, values={"columns": names})


def _mean_relation(moved: Moved, columns: Columns) -> Fact:
    fact = _mean_fact(moved, FactKind.RELATION_BROKEN, moved.lead.against, columns, least=0.0)
    return fact or Fact(kind=FactKind.RELATION_BROKEN, feature=moved.watch.samples.measures[moved.lead.measure])


def _mean_fact(moved: Moved, kind: FactKind, against: Against, columns: Columns, *, least: float) -> Fact | None:
    watch, measure = moved.watch, moved.lead.measure
    center, usual = expected(watch, measure, against)
    parts = np.column_stack([readings(watch, measure), center, usual])[moved.rows]
    parts = parts[np.isfinite(parts).all(axis=1)]
    if len(parts) == 0:
        return None
    actual, level, deviation = (float(mean) for mean in parts.mean(axis=0))
    if abs(actual - level) < least * deviation:
        return None
    name = watch.samples.measures[measure]
    return Fact(
        kind=kind,
        feature=name,
        actual=actual,
        expected_low=level - deviation,
        expected_high=level + deviation,
        ratio=abs(actual - level) / deviation,
        direction=_direction(actual, level),
        unit=columns.get(name).unit,
    )


def _band(moved: Moved, columns: Columns) -> Fact | None:
    return _extreme(moved, moved.lead.measure, Against.ITSELF, BAND, columns)


def _relation(moved: Moved, measure: int, columns: Columns) -> Fact | None:
    if not moved.has(measure, Aspect.LEVEL, (Against.OTHERS, Against.LOAD)):
        return None
    return _extreme(moved, measure, moved.relation(measure), RELATION, columns)


def _extreme(moved: Moved, measure: int, against: Against, width: float, columns: Columns) -> Fact | None:
    """The episode's farthest reading on the side where most lie, None where it is within the band."""
    watch = moved.watch
    away = distance(watch, measure, against)[moved.rows]
    known = np.isfinite(away)
    if not known.any():
        return None
    side = float(np.sign(away[known].mean())) or 1.0
    row = moved.episode.start + int(np.argmax(np.where(known, away * side, -np.inf)))
    center, usual = (float(part[row]) for part in expected(watch, measure, against))
    actual = float(watch.samples.values[watch.rows[row], measure])
    ratio = abs(actual - center) / usual
    if not ratio > width:
        return None
    name = watch.samples.measures[measure]
    return Fact(
        kind=FactKind.OUTSIDE_BAND if against is Against.ITSELF else FactKind.RELATION_BROKEN,
        feature=name,
        actual=actual,
        expected_low=center - width * usual,
        expected_high=center + width * usual,
        ratio=ratio,
        direction=_direction(actual, center),
        unit=columns.get(name).unit,
        at=watch.samples.instant(int(watch.rows[row])),
    )


def _spread(moved: Moved, columns: Columns) -> Fact | None:
    """Spread of the readings over the spread chart's window where that chart is farthest off, against the usual."""
    watch, measure = moved.watch, moved.lead.measure
    if not moved.has(measure, Aspect.SPREAD, (Against.ITSELF,)):
        return None
    place = watch.charted.charts.index(Chart(measure, Against.ITSELF, Aspect.SPREAD, SPREAD))
    first = moved.episode.alarm
    row = first + int(np.argmax(np.abs(watch.scored.deviations[first : moved.episode.end, place])))
    scale = float(watch.levels.scale[watch.state[row], measure])
    usual = scale * float(np.exp(watch.charted.references[row, place]))
    actual = scale * float(np.nanstd(watch.views[Against.ITSELF].rest[max(row - SPREAD + 1, 0) : row + 1, measure]))
    more = actual > usual
    name = watch.samples.measures[measure]
    return Fact(
        kind=FactKind.MORE_VARIATION if more else FactKind.LESS_VARIATION,
        feature=name,
        actual=actual,
        expected_low=None if more else usual,
        expected_high=usual if more else None,
        ratio=actual / usual,
        direction=_direction(actual, usual),
        unit=columns.get(name).unit,
        at=watch.samples.instant(int(watch.rows[row])),
    )


def _episode(moved: Moved) -> Fact:
    start, end = instants(moved.watch, moved.episode)
    still, samples = moved.episode.open, moved.watch.samples
    # Since then nothing may have been judged: the machine stands still, or runs in a state that is not known.
    silent_since = (samples.instant(len(samples) - 1) - end).total_seconds() > UNJUDGED * samples.interval
    return Fact(
        kind=FactKind.EPISODE,
        actual=(end - start).total_seconds() / 60,
        unit="min",
        at=start,
        values={"open": still, "end": None if still else end.isoformat()}
        | ({"paused": True} if still and silent_since else {}),
    )


def _partners(moved: Moved, columns: Columns) -> list[Fact]:
    """Other measures whose relations broke as well: which of them is to blame the readings do not say."""
    relations = (Against.OTHERS, Against.LOAD)
    forces = {
        measure: moved.force(measure, Aspect.LEVEL, relations)
        for measure in range(len(moved.watch.samples.measures))
        if measure != moved.lead.measure
    }
    strongest = sorted(forces, key=lambda measure: -forces[measure])[:MOST_PARTNERS]
    facts = [_relation(moved, measure, columns) for measure in strongest]
    return [fact for fact in facts if fact is not None]


def _also_moved(moved: Moved) -> list[Fact]:
    """The other measures that left their own level, the farthest first."""
    watch, facts = moved.watch, []
    for measure in np.flatnonzero(watch.views[Against.ITSELF].charted).tolist():
        if measure == moved.lead.measure or not moved.has(measure, Aspect.LEVEL, (Against.ITSELF,)):
            continue
        away = distance(watch, measure, Against.ITSELF)[moved.rows]
        mean = float(away[np.isfinite(away)].mean()) if np.isfinite(away).any() else 0.0
        if abs(mean) >= 1:
            name = watch.samples.measures[measure]
            direction = _direction(mean, 0.0)
            facts.append(Fact(kind=FactKind.ALSO_MOVED, feature=name, ratio=abs(mean), direction=direction))
    return sorted(facts, key=lambda fact: -(fact.ratio or 0))[:MOST_ALSO]
