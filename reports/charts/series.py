"""A series against its expected band, with the episode shaded."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator

from analyzers.results import SeriesChart
from reports.charts.canvas import BAND, LINE, MARK, SHADE, legend, number_ticks
from reports.phrases import Phrases

DAY = 86_400
MOST_POINTS = 260
"""A chart is 460 points wide: more would only make the file larger."""


def caption(chart: SeriesChart, phrases: Phrases) -> str:
    """The line that names the chart."""
    return phrases.text("chart.series_caption", feature=_named(chart))


def is_empty(chart: SeriesChart) -> bool:
    """Whether there is not one reading."""
    return not np.isfinite(_floats(chart.actual)).any()


def draw(chart: SeriesChart, axes: Axes, phrases: Phrases) -> None:
    """Draws the band, the readings over it, and the readings within the episode in the marking colour."""
    if is_empty(chart):
        return
    times = np.array([days(time) for time in chart.times])
    actual, low, high = (_floats(values) for values in (chart.actual, chart.low, chart.high))
    kept = _thinned(actual)
    times, actual, low, high = times[kept], actual[kept], low[kept], high[kept]
    start, end = days(chart.start), _end(chart, times)
    axes.axvspan(start, end, color=SHADE, linewidth=0, zorder=0.5, label=phrases.text("chart.episode"))
    axes.fill_between(times, low, high, color=BAND, linewidth=0, zorder=1, label=phrases.text("chart.expected"))
    axes.plot(times, actual, color=LINE, linewidth=1.3, zorder=2, label=phrases.text("chart.measured"))
    within = np.where((times >= start) & (times <= end), actual, np.nan)
    axes.plot(times, within, color=MARK, linewidth=1.9, zorder=3)
    axes.set_xlim(float(times[0]), float(times[-1]) if times[-1] > times[0] else float(times[0]) + 1e-3)
    scale(axes, phrases)
    legend(axes)


def describe(chart: SeriesChart, phrases: Phrases) -> str:
    """Span, extremes, how many points lie outside the band, and the episode."""
    actual, low, high = (_floats(values) for values in (chart.actual, chart.low, chart.high))
    finite = np.isfinite(actual)
    if not finite.any():
        return phrases.text("chart.series_empty", feature=_named(chart))
    outside = int(np.sum((actual < low) | (actual > high)))
    said = phrases.text(
        "chart.series_text",
        feature=_named(chart),
        start=phrases.instant(chart.times[0]),
        end=phrases.instant(chart.times[-1]),
        low=phrases.quantity(float(actual[finite].min()), chart.unit),
        high=phrases.quantity(float(actual[finite].max()), chart.unit),
        outside=outside,
        count=int(finite.sum()),
    )
    start = phrases.instant(chart.start)
    if chart.end is None:
        return f"{said} {phrases.text('chart.series_open', start=start)}"
    return f"{said} {phrases.text('chart.series_episode', start=start, end=phrases.instant(chart.end))}"


def _named(chart: SeriesChart) -> str:
    return f"{chart.feature} ({chart.unit})" if chart.unit else chart.feature


def _floats(values: tuple[float | None, ...]) -> np.ndarray:
    """As floats with NaN for what is missing or not finite, so that a line breaks there."""
    floats = np.array([np.nan if value is None else value for value in values], dtype=float)
    return np.where(np.isfinite(floats), floats, np.nan)


def days(time: datetime) -> float:
    """Days since 1970 in UTC: matplotlib's measure of time."""
    return time.timestamp() / DAY


def _end(chart: SeriesChart, times: np.ndarray) -> float:
    return float(times[-1]) if chart.end is None else days(chart.end)


def _thinned(actual: np.ndarray) -> np.ndarray:
    """Positions to draw: of every stretch its lowest and highest reading, so that extremes stay."""
    if len(actual) <= MOST_POINTS:
        return np.arange(len(actual))
    kept = {0, len(actual) - 1}
    edges = np.linspace(0, len(actual), MOST_POINTS // 2 + 1).astype(int)
    for first, last in pairwise(edges):
        stretch = actual[first:last]
        if np.isfinite(stretch).any():
            kept |= {first + int(np.nanargmin(stretch)), first + int(np.nanargmax(stretch))}
        else:
            kept.add(int(first))
    return np.array(sorted(kept))


def scale(axes: Axes, phrases: Phrases) -> None:
    """Ticks of times and values, said in the reader's language and time zone."""
    axes.margins(y=0.08)
    first, last = axes.get_xlim()
    locator = AutoDateLocator(tz=phrases.zone, minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    span = (datetime.fromtimestamp(edge * DAY, phrases.zone) for edge in (first, last))
    candidates = [float(tick) for tick in locator.tick_values(*span)]  # type: ignore[no-untyped-call]
    ticks = [tick for tick in candidates if first <= tick <= last]
    # To the millisecond: a tick at midnight must not become the evening before by the last bit of a float.
    instants = [datetime.fromtimestamp(round(tick * DAY, 3), phrases.zone) for tick in ticks]
    axes.set_xticks(ticks, _time_labels(instants, phrases))
    axes.locator_params(axis="y", nbins=5)
    lowest, highest = axes.get_ylim()
    values = np.array([value for value in axes.get_yticks() if lowest <= value <= highest])
    axes.set_yticks(values, number_ticks(values, phrases))


def _time_labels(ticks: list[datetime], phrases: Phrases) -> list[str]:
    """Days, months or hours, as the ticks' distance asks; hours name the day where it changes."""
    if all((tick.hour, tick.minute, tick.second) == (0, 0, 0) for tick in ticks):
        months = len(ticks) > 1 and all(tick.day == 1 for tick in ticks)
        return [phrases.moment(tick, "MMM y" if months else "d MMM") for tick in ticks]
    seconds = len(ticks) > 1 and (ticks[1] - ticks[0]).total_seconds() < 60
    labels, day = [], None
    for tick in ticks:
        label = phrases.moment(tick, "HH:mm:ss" if seconds else "HH:mm")
        labels.append(label if tick.date() == day else f"{label}\n{phrases.moment(tick, 'd MMM')}")
        day = tick.date()
    return labels
