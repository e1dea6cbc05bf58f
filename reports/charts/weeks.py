"""An entity's records a week, against its usual number, and how many of them are of the value that changed."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.ticker import MaxNLocator

from analyzers.results import WeeksChart
from reports.charts.canvas import BAND, LINE, MARK, SHADE, bars, legend, number_ticks
from reports.phrases import Phrases

_DAY = 86_400
_WEEK = 7
_GAP = 0.6
"""Days between two bars."""
_MOST_LABELS = 5


def caption(chart: WeeksChart, phrases: Phrases) -> str:
    """The line that names the chart."""
    return phrases.text("chart.weeks_caption", label=chart.label)


def is_empty(chart: WeeksChart) -> bool:
    """Whether there is not one record."""
    return not any(chart.counts)


def draw(chart: WeeksChart, axes: Axes, phrases: Phrases) -> None:
    """Draws the usual number as a band, the weeks as bars, and the records with the value over them."""
    if is_empty(chart):
        return
    left = np.array([_days(week) for week in chart.weeks])
    counts = np.array(chart.counts, dtype=float)
    end, since = float(left[-1]) + _WEEK, max(_days(chart.start), float(left[0]))
    axes.axvspan(since, end, color=SHADE, linewidth=0, zorder=0.5, label=phrases.text("chart.episode"))
    band = phrases.text("chart.usual")
    axes.fill_between([float(left[0]), end], chart.low, chart.high, color=BAND, linewidth=0, zorder=1, label=band)
    _bars(axes, left, counts, LINE, phrases.text("chart.weeks"))
    if chart.with_value:
        # The value itself is told in the description: no text from a record enters a drawing.
        marked = np.array(chart.with_value, dtype=float)
        _bars(axes, left, marked, MARK, phrases.text("chart.weeks_marked"))
    axes.set_xlim(float(left[0]), end)
    top = max(float(counts.max()), chart.high, 1.0) * 1.1
    axes.set_ylim(0, top)
    chosen = np.unique(np.linspace(0, len(left) - 1, min(len(left), _MOST_LABELS)).round().astype(int))
    axes.set_xticks(left[chosen], [phrases.moment(chart.weeks[at], "d MMM") for at in chosen])
    ticks = np.array([tick for tick in MaxNLocator(nbins=4, integer=True).tick_values(0, top) if tick <= top])
    axes.set_yticks(ticks, number_ticks(ticks, phrases))
    legend(axes, columns=2)


def describe(chart: WeeksChart, phrases: Phrases) -> str:
    """Span, most, usual number, the last week, since when it is otherwise, and how often the value stands in them."""
    if is_empty(chart):
        return phrases.text("chart.weeks_empty", label=chart.label)
    said = phrases.text(
        "chart.weeks_text",
        label=chart.label,
        start=phrases.moment(chart.weeks[0], _PATTERNS[phrases.lang]),
        end=phrases.moment(chart.weeks[-1], _PATTERNS[phrases.lang]),
        most=phrases.number(float(max(chart.counts))),
        low=phrases.number(chart.low),
        high=phrases.number(chart.high),
        last=phrases.number(float(chart.counts[-1])),
        since=phrases.moment(chart.start, _PATTERNS[phrases.lang]),
    )
    if not chart.with_value:
        return said
    late = sum(
        n for n, week in zip(chart.with_value, chart.weeks, strict=True) if _days(week) + _WEEK > _days(chart.start)
    )
    named = phrases.text(
        "chart.weeks_with_text",
        value=chart.value or "",
        count=phrases.number(float(sum(chart.with_value))),
        late=phrases.number(float(late)),
    )
    return f"{said} {named}"


_PATTERNS = {"en": "d MMMM y", "es": "d 'de' MMMM 'de' y"}


def _days(moment: datetime) -> float:
    """Days since 1970 in UTC."""
    return moment.timestamp() / _DAY


def _bars(axes: Axes, left: np.ndarray, heights: np.ndarray, colour: str, label: str) -> None:
    filled = heights > 0
    path = bars(left[filled] + _GAP, left[filled] + _WEEK - _GAP, heights[filled])
    axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0, zorder=2, label=label))
