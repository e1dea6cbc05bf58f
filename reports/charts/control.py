"""A control chart of subgroups: its statistic with its limits, what lies beyond them marked."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from analyzers.results import ControlChart
from reports.charts.canvas import LINE, MARK, MUTED, SHADE, legend
from reports.charts.series import days, scale
from reports.phrases import Phrases


def caption(chart: ControlChart, phrases: Phrases) -> str:
    """The line that names the chart."""
    return phrases.text(
        "chart.control_caption", statistic=_statistic(chart, phrases), feature=chart.feature, span=_span(chart, phrases)
    )


def is_empty(chart: ControlChart) -> bool:
    """Whether there is nothing to draw."""
    return len(chart.values) < 2 or not np.isfinite(chart.values).all()


def draw(chart: ControlChart, axes: Axes, phrases: Phrases) -> None:
    """Draws the statistic, its limits on both sides, the textbook's, and marks the points beyond the limits."""
    if is_empty(chart):
        return
    times, values = np.array([days(time) for time in chart.times]), np.array(chart.values)
    end = float(times[-1]) if chart.end is None else days(chart.end)
    axes.axvspan(days(chart.start), end, color=SHADE, linewidth=0, zorder=0.5, label=phrases.text("chart.episode"))
    for sign in (1, -1):
        label = phrases.text("chart.limit") if sign > 0 else None
        axes.axhline(sign * chart.limit, color=MARK, linewidth=1.2, linestyle=(0, (6, 3)), zorder=1.5, label=label)
    if chart.textbook < chart.limit:
        label = phrases.text("chart.textbook")
        axes.axhline(chart.textbook, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)), zorder=1.4, label=label)
        axes.axhline(-chart.textbook, color=MUTED, linewidth=1.0, linestyle=(0, (1, 2)), zorder=1.4)
    axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1.3)
    axes.plot(times, values, color=LINE, linewidth=1.4, zorder=2)
    beyond = np.abs(values) >= chart.limit
    axes.plot(times[beyond], values[beyond], color=MARK, linestyle="", marker="o", markersize=3.5, zorder=3)
    reach = max(float(np.abs(values).max()), chart.limit) * 1.08
    lowest = -reach if values.min() <= -chart.textbook / 2 else min(float(values.min()) * 1.08, -reach / 4)
    highest = reach if values.max() >= chart.textbook / 2 else max(float(values.max()) * 1.08, reach / 4)
    axes.set_ylim(lowest, highest)
    axes.set_xlim(float(times[0]), float(times[-1]))
    scale(axes, phrases)
    legend(axes)


def describe(chart: ControlChart, phrases: Phrases) -> str:
    """Span, limits, the furthest point, how many points lie beyond the limits, and the episode."""
    if is_empty(chart):
        return phrases.text("chart.series_empty", feature=chart.feature)
    values = np.array(chart.values)
    furthest = float(values[int(np.argmax(np.abs(values)))])
    said = phrases.text(
        "chart.control_text",
        statistic=_statistic(chart, phrases),
        feature=chart.feature,
        span=_span(chart, phrases),
        start=phrases.instant(chart.times[0]),
        end=phrases.instant(chart.times[-1]),
        limit=phrases.number(chart.limit, 1),
        textbook=phrases.number(chart.textbook, 1),
        furthest=phrases.number(furthest, 1),
        beyond=int((np.abs(values) >= chart.limit).sum()),
        count=len(values),
    )
    start = phrases.instant(chart.start)
    if chart.end is None:
        return f"{said} {phrases.text('chart.series_open', start=start)}"
    return f"{said} {phrases.text('chart.series_episode', start=start, end=phrases.instant(chart.end))}"


def _statistic(chart: ControlChart, phrases: Phrases) -> str:
    return phrases.text(f"chart.statistic.{chart.statistic.value}")


def _span(chart: ControlChart, phrases: Phrases) -> str:
    hours = chart.minutes / 60
    return phrases.quantity(hours, "h") if hours >= 1 else phrases.quantity(chart.minutes, "min")
