"""A figure of every night as bars: the trend that the archive shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.ticker import MaxNLocator

from reports.charts.canvas import LINE, MARK, bars, inline_svg, number_ticks
from reports.phrases import Phrases

TREND_NIGHTS = 90
"""Most nights in one drawing."""
_WIDTH, _HEIGHT = 1032, 190
_MOST_LABELS = 8


def trend_svg(
    name: str,
    dates: Sequence[date],
    values: Sequence[float],
    failed: Sequence[bool],
    phrases: Phrases,
    *,
    prefix: str,
) -> str:
    """Bars by date, of equal length with `values`; dates on which a monitor failed carry a cross.

    A date without a report leaves its place empty, so that a missed night shows.
    """

    def draw(axes: Axes) -> None:
        days = np.array([day.toordinal() for day in dates], dtype=float)
        heights = np.asarray(values, dtype=float)
        axes.add_patch(PathPatch(bars(days - 0.4, days + 0.4, heights), facecolor=LINE, linewidth=0, zorder=2))
        top = max(float(heights.max()), 1.0)
        crossed = np.flatnonzero(np.asarray(failed, dtype=bool))
        marks = heights[crossed] + 0.06 * top
        axes.plot(days[crossed], marks, "x", color=MARK, markersize=7, markeredgewidth=2, zorder=3, clip_on=False)
        axes.set_xlim(days.min() - 0.7, days.max() + 0.7)
        axes.set_ylim(0, top * 1.12)
        chosen = np.unique(np.linspace(0, len(dates) - 1, min(len(dates), _MOST_LABELS)).round().astype(int))
        axes.set_xticks(days[chosen], [phrases.day(dates[at]) for at in chosen])
        ticks = np.array([tick for tick in MaxNLocator(nbins=4, integer=True).tick_values(0, top) if tick <= top])
        axes.set_yticks(ticks, number_ticks(ticks, phrases))

    return inline_svg(
        draw, prefix=prefix, title=name, text=_text(dates, values, failed, phrases), width=_WIDTH, height=_HEIGHT
    )


def _text(dates: Sequence[date], values: Sequence[float], failed: Sequence[bool], phrases: Phrases) -> str:
    most = int(np.argmax(values))
    said = phrases.text(
        "archive.trend_text",
        count=len(dates),
        start=phrases.day(dates[0]),
        end=phrases.day(dates[-1]),
        most=phrases.number(float(values[most])),
        day=phrases.day(dates[most]),
        median=phrases.number(float(np.median(values))),
    )
    broken = sum(failed)
    return f"{said} {phrases.text('archive.trend_failed', count=broken)}" if broken else said
