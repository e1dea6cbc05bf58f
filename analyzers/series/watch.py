"""One asset's charts over its scored samples, from baseline to score."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analyzers.series.baseline import Levels, fit_levels
from analyzers.series.charts import QUICK, SLOW, Against, Charted, draw_charts, joined
from analyzers.series.episodes import Episode, dated, find_episodes, members
from analyzers.series.joint import joint_charts
from analyzers.series.limits import ALARM, LEAST_BASELINE, SETTLED_BASELINE, SMOOTHING, Scored, score_charts
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.series.samples import Samples
from analyzers.series.season import local_clock
from analyzers.series.states import Phases
from analyzers.series.subgroups import subgroup_charts
from analyzers.series.views import Scorable, View, compared
from analyzers.settings import AnalysisSettings

LEAST_SCORED = 120
"""Scored baseline samples that charts need: twice the spread chart's window."""
MOST_SUSPECT = 0.3
"""A baseline of which more looks abnormal has several habits; none of it is left out then."""
PASSES = 3


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
    work = Scorable(
        rows=rows,
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
        watch = _one_pass(samples, work, normal, settings, robust=robust)
        if watch is None:
            return None
        normal = _unsuspicious(watch, normal, samples.baseline[rows])
    return watch and replace(watch, episodes=dated(watch.episodes, watch.scored.deviations, watch.charted))


def _unsuspicious(watch: AssetWatch, normal: Booleans, baseline: Booleans) -> Booleans:
    """The rows learnt from without this pass's episodes; what an earlier pass left out stays out."""
    left = normal & ~members(watch.episodes, len(watch.rows))
    few = int((baseline & ~left).sum()) <= MOST_SUSPECT * int(baseline.sum())
    return left if few else normal


def _stretches(rows: Integers, state: Integers, segments: Integers) -> Integers:
    """Numbers the stretches of adjacent scored samples of one state without a gap."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    broken = (np.diff(rows) != 1) | (np.diff(state) != 0) | (np.diff(segments) != 0)
    numbers: Integers = np.r_[0, np.cumsum(broken)].astype(np.int64)
    return numbers


def _one_pass(
    samples: Samples, work: Scorable, normal: Booleans, settings: AnalysisSettings, *, robust: bool
) -> AssetWatch | None:
    levels = fit_levels(work.values[normal], work.state[normal], work.states, robust=robust)
    if not levels.charted.any():
        return None
    views, explained = compared(levels, work, normal, robust=robust)
    drawing = _Drawing(samples, work, normal, views, settings, robust)
    charted = drawing.quick(held=None)
    scored, episodes = drawing.judged(charted)
    if episodes:
        # While an episode lasts no reference follows the plant into its new state.
        charted = drawing.quick(held=members(episodes, len(work.rows), beyond=SMOOTHING))
        scored, episodes = drawing.judged(charted)
    slow = drawing.slow(hidden=members(episodes, len(work.rows)))
    if slow.charts:
        charted = joined([charted, slow])
        scored, episodes = drawing.judged(charted)
    return AssetWatch(samples, work.rows, work.state, normal, levels, views, explained, charted, scored, episodes)


@dataclass(frozen=True)
class _Drawing:
    """What all charts of a pass are drawn from."""

    samples: Samples
    work: Scorable
    normal: Booleans
    views: dict[Against, View]
    settings: AnalysisSettings
    robust: bool

    def quick(self, *, held: Booleans | None) -> Charted:
        """Charts of levels, spreads and of all measures together."""
        shown = {against: (view.rest, view.charted) for against, view in self.views.items()}
        drawn = draw_charts(shown, QUICK, self.normal, self.work.stretches, robust=self.robust, held=held)
        itself, charted = shown[Against.ITSELF]
        together = joint_charts(itself, charted, self.normal, self.work.stretches, robust=self.robust, held=held)
        return joined([drawn, together])

    def slow(self, *, hidden: Booleans) -> Charted:
        """Charts of what creeps or is small and lasts, where the baseline is long enough for them.

        They would hold an episode for hours after its end; what the quick ones saw is kept from them.
        """
        count = int(self.normal.sum())
        shown = {
            against: (np.where(hidden[:, None], np.nan, view.rest), view.charted)
            for against, view in self.views.items()
        }
        drawn = draw_charts(shown, SLOW, self.normal, self.work.stretches, robust=self.robust)
        # A batch that is its own baseline has no level of its own that a small lasting difference could be against.
        if self.samples.ranking or count < SETTLED_BASELINE:
            return drawn
        rules = self.settings.series.western_electric
        itself = {Against.ITSELF: shown[Against.ITSELF]}
        # What others predict errs slowly for reasons of its own, which a sum would take for the machine's.
        return joined([drawn, subgroup_charts(itself, self.normal, rules, robust=self.robust)])

    def judged(self, charted: Charted) -> tuple[Scored, list[Episode]]:
        """Score and episodes of all charts together."""
        series, seconds = self.settings.series, self.samples.interval
        scored = score_charts(
            charted,
            self.normal,
            self.work.stretches,
            interval=seconds,
            per_year=series.false_alarms_per_year,
            clean=not self.samples.ranking,
            seed=self.settings.seed,
        )
        stated = {"on_delay": series.on_delay, "off_delay": series.off_delay}
        delays = {name: int(np.ceil(delay / seconds)) for name, delay in stated.items() if delay}
        return scored, find_episodes(scored.score, quiet=ALARM * (1 - series.deadband), **delays)
