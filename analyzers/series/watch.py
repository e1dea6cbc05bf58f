"""One asset's charts over its scored samples, from baseline to score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.series.baseline import Levels, fit_levels, fit_relations, slow_means
from analyzers.series.charts import LEAST_SCALE, QUICK, SLOW, Against, Charted, Statistic, draw_charts, joined
from analyzers.series.episodes import Episode, find_episodes, members
from analyzers.series.limits import LEAST_BASELINE, Scored, score_charts
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.series.samples import Samples
from analyzers.series.season import Clock, local_clock, season_of
from analyzers.series.states import Phases
from analyzers.settings import AnalysisSettings

LEAST_SCORED = 120
"""Scored baseline samples that charts need: twice the spread chart's window."""
MOST_SUSPECT = 0.3
"""A baseline of which more looks abnormal has several habits; none of it is left out then."""
PASSES = 3


@dataclass(frozen=True)
class View:
    """The measures compared with something: all arrays have a row per scored sample and a column per measure.

    values : standardised readings less what they are compared with. season : the seasonal part of that.
    charted : (measures,) bool. deviation : (measures,) usual deviation of single values around the season.
    """

    values: Floats
    season: Floats
    charted: Booleans
    deviation: Floats

    @property
    def rest(self) -> Floats:
        """What is charted."""
        return self.values - self.season


@dataclass(frozen=True)
class AssetWatch:
    """Charts and score over the scored samples.

    rows : (m,) int, the samples that are scored. state : (m,) int. baseline_rows : (m,) bool, rows that the baseline
    was learnt from. explained : (measures,) share of each measure's variance that the others explain.
    """

    samples: Samples
    rows: Integers
    state: Integers
    baseline_rows: Booleans
    levels: Levels
    views: dict[Against, View]
    explained: Floats
    charted: Charted
    scored: Scored
    episodes: list[Episode]

    @property
    def first_batch(self) -> int:
        """The first row of the batch among the scored ones."""
        return int(np.searchsorted(self.rows, self.samples.first_batch))


@dataclass(frozen=True)
class _Material:
    """The scored samples that every pass works on, and the readings of all samples."""

    all_values: Floats
    values: Floats
    state: Integers
    states: int
    stretches: Integers
    unsettled: Booleans
    clock: Clock
    drivers: Booleans


def watch_asset(
    samples: Samples, phases: Phases, bad: Booleans, drivers: tuple[str, ...], settings: AnalysisSettings
) -> AssetWatch | None:
    """Charts an asset's scored samples; None where the baseline has too few or nothing varies.

    A long history, and always a batch that is its own baseline, is first looked through with the same charts, and
    what looks abnormal there is not learnt from.

    Parameters
    ----------
    bad : (n, measures) bool, readings that the sensor tests failed.
    drivers : measures that define the operating state: causes rather than effects.
    """
    rows = np.flatnonzero(phases.scored)
    normal = samples.baseline[rows]
    if int(normal.sum()) < LEAST_SCORED:
        return None
    values = np.where(bad, np.nan, samples.values)
    work = _Material(
        all_values=values,
        values=values[rows],
        unsettled=phases.unsettled[rows],
        state=phases.state[rows],
        states=len(samples.state_names),
        stretches=_stretches(rows, phases.state[rows], samples.segments[rows]),
        clock=local_clock(samples.times[rows], settings.timezone, samples.interval),
        drivers=np.isin(samples.measures, drivers),
    )
    long = int(normal.sum()) >= LEAST_BASELINE
    passes = PASSES if samples.ranking else 2 if long else 1
    watch = None
    for number in range(passes):
        robust = samples.ranking or number < passes - 1
        watch = _one_pass(samples, rows, work, normal, settings, robust=robust)
        if watch is None:
            return None
        normal = _unsuspicious(watch, samples.baseline[rows])
    return watch


def _unsuspicious(watch: AssetWatch, baseline: Booleans) -> Booleans:
    suspect = members(watch.episodes, len(watch.rows)) & baseline
    few = int(suspect.sum()) <= MOST_SUSPECT * int(baseline.sum())
    return np.logical_and(baseline, ~suspect) if few else baseline


def _stretches(rows: Integers, state: Integers, segments: Integers) -> Integers:
    """Numbers the stretches of adjacent scored samples of one state without a gap."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    broken = (np.diff(rows) != 1) | (np.diff(state) != 0) | (np.diff(segments) != 0)
    numbers: Integers = np.r_[0, np.cumsum(broken)].astype(np.int64)
    return numbers


def _one_pass(
    samples: Samples, rows: Integers, work: _Material, normal: Booleans, settings: AnalysisSettings, *, robust: bool
) -> AssetWatch | None:
    levels = fit_levels(work.values[normal], work.state[normal], work.states, robust=robust)
    if not levels.charted.any():
        return None
    views, explained = _views(levels, rows, work, normal)

    def scored_and_episodes(charted: Charted) -> tuple[Scored, list[Episode]]:
        per_year, seconds = settings.series.false_alarms_per_year, samples.interval
        scored = score_charts(
            charted,
            normal,
            work.stretches,
            interval=seconds,
            per_year=per_year,
            clean=not samples.ranking,
            seed=settings.seed,
        )
        return scored, find_episodes(scored.score, **_delays(settings, seconds))

    charted = _draw(views, QUICK, normal, work, robust=robust)
    scored, episodes = scored_and_episodes(charted)
    if int(normal.sum()) >= min(statistic.needs for statistic in SLOW):
        # A slow chart would hold an episode for hours after its end; what the quick ones saw is kept from it.
        hidden = members(episodes, len(rows))
        charted = joined([charted, _draw(views, SLOW, normal, work, robust=robust, hidden=hidden)])
        scored, episodes = scored_and_episodes(charted)
    return AssetWatch(samples, rows, work.state, normal, levels, views, explained, charted, scored, episodes)


def _draw(
    views: dict[Against, View],
    statistics: tuple[Statistic, ...],
    normal: Booleans,
    work: _Material,
    *,
    robust: bool,
    hidden: Booleans | None = None,
) -> Charted:
    shown = {
        against: (view.rest if hidden is None else np.where(hidden[:, None], np.nan, view.rest), view.charted)
        for against, view in views.items()
    }
    return draw_charts(shown, statistics, normal, work.stretches, robust=robust)


def _views(levels: Levels, rows: Integers, work: _Material, normal: Booleans) -> tuple[dict[Against, View], Floats]:
    """Every measure as it is, against all others, and against the load where the operating rule names it."""
    z = levels.standardised(work.values, work.state)
    slow = slow_means(work.all_values, rows, normal)
    learnt = (z[normal], work.stretches[normal], levels.charted, None if slow is None else slow[normal])
    effects = levels.charted & ~work.drivers
    # Others and load tell what a measure should be while it settles; its own level does not.
    views = {Against.ITSELF: _view(np.where(work.unsettled, np.nan, z), levels.charted, work, normal)}
    by_others = fit_relations(*learnt)
    if int(levels.charted.sum()) >= 2:
        views[Against.OTHERS] = _view(z - by_others.predicted(z, work.stretches, slow), effects, work, normal)
    if (levels.charted & work.drivers).any() and int(levels.charted.sum()) >= 3:
        by_load = fit_relations(*learnt, sources=work.drivers)
        views[Against.LOAD] = _view(z - by_load.predicted(z, work.stretches, slow), effects, work, normal)
    return views, by_others.explained


def _view(values: Floats, charted: Booleans, work: _Material, normal: Booleans) -> View:
    season = season_of(values, work.clock, normal)
    deviation = np.ones(values.shape[1])
    for measure in np.flatnonzero(charted):
        rest = (values - season)[normal, measure]
        rest = rest[np.isfinite(rest)]
        deviation[measure] = max(float(rest.std()), LEAST_SCALE) if len(rest) else 1.0
    return View(values, season, charted, deviation)


def _delays(settings: AnalysisSettings, seconds: float) -> dict[str, int]:
    """The monitor's delays as rows; what it leaves at 0 keeps its default."""
    stated = {"on_delay": settings.series.on_delay, "off_delay": settings.series.off_delay}
    return {name: int(np.ceil(delay / seconds)) for name, delay in stated.items() if delay}
