"""Charts of an entity's behaviour: its records a week, and the sizes of its latest records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from analyzers.behaviour.clock import Floats
from analyzers.results import Fact, SeriesChart, WeeksChart

MOST_WEEKS = 52
MOST_RECORDS = 200
_WEEK = timedelta(days=7)


def weeks_chart(
    label: str,
    times: Sequence[datetime],
    end: datetime,
    start: datetime,
    value: str | None,
    texts: Sequence[str] | None,
) -> WeeksChart:
    """Records a week of the last year up to `end`.

    times : of the entity's records, in order; texts : the value of each in the column that changed, if one did.
    value : the one of them to be counted apart.
    """
    number = max(1, min(MOST_WEEKS, int((end - times[0]) / _WEEK) + 1))
    weeks = [end - _WEEK * (number - at) for at in range(number)]
    edges = [week.timestamp() for week in [*weeks, end]]
    seconds = np.array([time.timestamp() for time in times])
    counts, _ = np.histogram(seconds, edges)
    before = counts[np.array(edges[1:]) <= start.timestamp()]
    low, high = np.quantile(before, [0.1, 0.9]) if len(before) else (0.0, float(counts.max(initial=0)))
    marked: tuple[int, ...] = ()
    if texts is not None:
        same = np.array([text == value for text in texts])
        marked = tuple(int(one) for one in np.histogram(seconds[same], edges)[0])
    return WeeksChart(
        label=label,
        weeks=tuple(weeks),
        counts=tuple(int(one) for one in counts),
        low=float(low),
        high=float(high),
        start=start,
        value=value if marked else None,
        with_value=marked,
    )


def value_chart(
    times: Sequence[datetime],
    values: Floats,
    fact: Fact,
    usual: tuple[float | None, float | None],
    start: datetime,
) -> SeriesChart:
    """The latest values against the usual range of one of them."""
    latest = slice(max(0, len(times) - MOST_RECORDS), None)
    shown = tuple(None if not np.isfinite(value) else float(value) for value in values[latest])
    return SeriesChart(
        feature=fact.feature or "",
        unit=fact.unit,
        times=tuple(times[latest]),
        actual=shown,
        low=(usual[0],) * len(shown),
        high=(usual[1],) * len(shown),
        start=start,
        end=None,
    )
