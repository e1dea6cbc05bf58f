"""What the measures of an asset are compared with: their own level, the other measures, and the load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.series.baseline import Levels, Relations, fit_relations, slow_means
from analyzers.series.charts import LEAST_SCALE, Against
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.series.season import Clock, season_of

FOLDS = 4
"""Stretches of the baseline, each of which is predicted from the others."""


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
class Scorable:
    """The scored samples that every pass works on, and the readings of all samples."""

    rows: Integers
    all_values: Floats
    values: Floats
    state: Integers
    states: int
    stretches: Integers
    unsettled: Booleans
    clock: Clock
    drivers: Booleans


def compared(levels: Levels, work: Scorable, normal: Booleans, *, robust: bool) -> tuple[dict[Against, View], Floats]:
    """Every measure as it is, against all others, and against the load where the operating rule names it.

    Returns the views, and the share of each measure's variance that the others explain.
    """
    z = levels.standardised(work.values, work.state)
    slow = slow_means(work.all_values, work.rows, normal)
    effects = levels.charted & ~work.drivers
    # Others and load tell what a measure should be while it settles; its own level does not.
    views = {Against.ITSELF: _view(np.where(work.unsettled, np.nan, z), levels.charted, work, normal, robust=robust)}
    by_others = _relations(z, slow, levels.charted, work, normal)
    if int(levels.charted.sum()) >= 2:
        prediction = _predicted(by_others, z, slow, levels.charted, work, normal)
        views[Against.OTHERS] = _view(z - prediction, effects, work, normal, robust=robust)
    if (levels.charted & work.drivers).any() and int(levels.charted.sum()) >= 3:
        by_load = _relations(z, slow, levels.charted, work, normal, work.drivers)
        prediction = _predicted(by_load, z, slow, levels.charted, work, normal, work.drivers)
        views[Against.LOAD] = _view(z - prediction, effects, work, normal, robust=robust)
    return views, by_others.explained


def _relations(
    z: Floats,
    slow: Floats | None,
    charted: Booleans,
    work: Scorable,
    normal: Booleans,
    sources: Booleans | None = None,
) -> Relations:
    past = None if slow is None else slow[normal]
    return fit_relations(z[normal], work.stretches[normal], charted, past, sources)


def _predicted(
    whole: Relations,
    z: Floats,
    slow: Floats | None,
    charted: Booleans,
    work: Scorable,
    normal: Booleans,
    sources: Booleans | None = None,
) -> Floats:
    """What the sources say of each measure, and within the baseline what they say without having seen it.

    Residuals of the rows that a regression was learnt from are smaller than those of any others: charts that are
    calibrated on them raise false alarms for ever after. So each stretch of the baseline is predicted from the rest.
    """
    prediction = whole.predicted(z, work.stretches, slow)
    for fold in np.array_split(np.flatnonzero(normal), FOLDS):
        rest = normal.copy()
        rest[fold] = False
        apart = _relations(z, slow, charted, work, rest, sources)
        past = None if slow is None else slow[fold]
        prediction[fold] = apart.predicted(z[fold], work.stretches[fold], past)
    return prediction


def _view(values: Floats, charted: Booleans, work: Scorable, normal: Booleans, *, robust: bool) -> View:
    season = season_of(values, work.clock, normal)
    deviation = np.ones(values.shape[1])
    for measure in np.flatnonzero(charted):
        rest = (values - season)[normal, measure]
        rest = rest[np.isfinite(rest)]
        if len(rest):
            # Rows that may hold the failure itself would make it look usual: their bulk tells what is.
            low, high = np.quantile(rest, [0.25, 0.75]) if robust else (0.0, 0.0)
            deviation[measure] = max(float(high - low) / 1.349 or float(rest.std()), LEAST_SCALE)
    return View(values, season, charted, deviation)
