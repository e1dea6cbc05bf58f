"""The control chart of an episode that a chart of subgroups raised: its statistic with its limits."""

from __future__ import annotations

import numpy as np

from analyzers.results import ControlChart, Statistic
from analyzers.series.charts import Aspect
from analyzers.series.facts import Moved, instants
from analyzers.series.limits import ALARM
from analyzers.series.plotting import MOST_POINTS, shown_around, thinned
from analyzers.series.subgroups import DECISION, SIGMAS

_STATISTICS = {
    Aspect.CUSUM: (Statistic.CUSUM, DECISION),
    Aspect.EWMA: (Statistic.EWMA, SIGMAS),
    Aspect.RUNS: (Statistic.RUNS, SIGMAS),
}
"""What each aspect plots, and its textbook limit."""
_CONTEXT = 40
"""Subgroups before the episode that are shown at least."""


def control_chart(moved: Moved) -> ControlChart | None:
    """The control chart of the leading chart; None where that is not one of subgroups, or shows nothing."""
    watch, lead = moved.watch, moved.lead
    if lead.aspect not in _STATISTICS:
        return None
    statistic, textbook = _STATISTICS[lead.aspect]
    column = watch.charted.charts.index(lead)
    drawn, judged = watch.charted.deviations[:, column], watch.scored.deviations[:, column]
    begin, finish = shown_around(
        moved.episode.start, moved.episode.end - 1, len(watch.rows), context=_CONTEXT * lead.window
    )
    # One point a subgroup: its value is held from its last row to the next one's.
    last_rows = np.arange(begin // lead.window * lead.window + lead.window - 1, finish, lead.window)
    if len(last_rows) < 2:
        return None
    values = drawn[last_rows] / np.sqrt(ALARM) * textbook
    kept = thinned(values, MOST_POINTS)
    start, end = instants(watch, moved.episode)
    return ControlChart(
        feature=watch.samples.measures[lead.measure],
        statistic=statistic,
        minutes=lead.window * watch.samples.interval / 60,
        times=tuple(watch.samples.instant(int(watch.rows[row])) for row in last_rows[kept]),
        values=tuple(values[kept].tolist()),
        limit=textbook * _widened(drawn, judged),
        textbook=textbook,
        start=start,
        end=None if moved.episode.open else end,
    )


def _widened(drawn: np.ndarray, judged: np.ndarray) -> float:
    """How far the limit lies beyond the textbook's: all deviates of a chart were divided by it."""
    largest = int(np.argmax(np.abs(drawn)))
    return float(drawn[largest] / judged[largest]) if judged[largest] else 1.0
