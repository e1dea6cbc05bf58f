"""One asset's charts over its scored samples, from baseline to score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.series.baseline import Baseline, fit_baseline
from analyzers.series.charts import Charted, draw_charts
from analyzers.series.episodes import Episode, find_episodes, members
from analyzers.series.limits import LEAST_BASELINE, Scored, score_charts
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.series.samples import Samples
from analyzers.series.season import local_clock, season_of
from analyzers.series.states import Phases
from analyzers.settings import AnalysisSettings

LEAST_SCORED = 120
"""Scored baseline samples that charts need: twice the spread chart's window."""
MOST_SUSPECT = 0.3
"""A baseline of which more looks abnormal has several habits; none of it is left out then."""
PASSES = 3


@dataclass(frozen=True)
class Watch:
    """Charts and score over the scored samples.

    rows : (m,) int, the samples that are scored; all else here has m rows or one per measure.
    values : readings, NaN where missing or bad. z : standardised. adjusted : less what the others predict.
    season, adjusted_season : the seasonal part of both. baseline_rows : (m,) bool, rows the baseline was learnt from.
    """

    samples: Samples
    rows: Integers
    state: Integers
    baseline: Baseline
    baseline_rows: Booleans
    z: Floats
    adjusted: Floats
    season: Floats
    adjusted_season: Floats
    charted: Charted
    scored: Scored
    episodes: list[Episode]

    @property
    def first_batch(self) -> int:
        """The first row of the batch among the scored ones."""
        return int(np.searchsorted(self.rows, self.samples.first_batch))


@dataclass(frozen=True)
class _Material:
    """The scored samples that every pass works on."""

    values: Floats
    state: Integers
    states: int
    stretches: Integers
    seconds: float


def watch_asset(samples: Samples, phases: Phases, bad: Booleans, settings: AnalysisSettings) -> Watch | None:
    """Charts an asset's scored samples; None where the baseline has too few or nothing varies.

    A long history, and always a batch that is its own baseline, is first looked through with the same charts, and
    what looks abnormal there is not learnt from.

    Parameters
    ----------
    bad : (n, measures) bool, readings that the sensor tests failed.
    """
    rows = np.flatnonzero(phases.scored)
    normal = samples.baseline[rows]
    if int(normal.sum()) < LEAST_SCORED:
        return None
    work = _Material(
        values=np.where(bad, np.nan, samples.values)[rows],
        state=phases.state[rows],
        states=len(samples.state_names),
        stretches=_stretches(rows, phases.state[rows], samples.segments[rows]),
        seconds=samples.interval,
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


def _unsuspicious(watch: Watch, baseline: Booleans) -> Booleans:
    suspect = members(watch.episodes, len(watch.rows)) & baseline
    few = int(suspect.sum()) <= MOST_SUSPECT * int(baseline.sum())
    return np.logical_and(baseline, ~suspect) if few else baseline


def _stretches(rows: Integers, state: Integers, segments: Integers) -> Integers:
    """Numbers the stretches of adjacent scored samples of one state without a gap."""
    if len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    broken = (np.diff(rows) != 1) | (np.diff(state) != 0) | (np.diff(segments) != 0)
    return np.r_[0, np.cumsum(broken)].astype(np.int64)


def _one_pass(
    samples: Samples, rows: Integers, work: _Material, normal: Booleans, settings: AnalysisSettings, *, robust: bool
) -> Watch | None:
    baseline = fit_baseline(work.values[normal], work.state[normal], work.states, work.stretches[normal], robust=robust)
    if not baseline.charted.any():
        return None
    z = baseline.standardised(work.values, work.state)
    adjusted = z - baseline.predicted(z, work.stretches)
    clock = local_clock(samples.times[rows], settings.timezone)
    season, adjusted_season = season_of(z, clock, normal), season_of(adjusted, clock, normal)
    charted = draw_charts(
        z - season, adjusted - adjusted_season, baseline.charted, normal, work.stretches, robust=robust
    )
    per_year = settings.series.false_alarms_per_year
    scored = score_charts(charted, normal, work.stretches, interval=work.seconds, per_year=per_year, seed=settings.seed)
    episodes = find_episodes(scored.score, **_delays(settings, work.seconds))
    return Watch(
        samples, rows, work.state, baseline, normal, z, adjusted, season, adjusted_season, charted, scored, episodes
    )


def _delays(settings: AnalysisSettings, seconds: float) -> dict[str, int]:
    """The monitor's delays as rows; what it leaves at 0 keeps its default."""
    stated = {"on_delay": settings.series.on_delay, "off_delay": settings.series.off_delay}
    return {name: int(np.ceil(delay / seconds)) for name, delay in stated.items() if delay}
