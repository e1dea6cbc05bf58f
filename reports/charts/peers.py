"""A record among its peers: how their values are spread, and where this one lies."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.ticker import LogLocator, MaxNLocator

from analyzers.results import PeersChart
from reports.charts.canvas import BAND, INK, LINE, MARK, bars, legend, number_ticks
from reports.phrases import Phrases

FEW = 30
"""Up to so many peers each is a dot; more are bars."""
BINS = 28
MOST_SPREAD = 1e9
"""Beyond this ratio of largest to smallest value a logarithmic scale shows nothing but its ends."""
LOG_SPREAD = 12
"""From this ratio of largest to middle value the scale is logarithmic, or the peers are one bar at the left edge."""


def caption(chart: PeersChart, phrases: Phrases) -> str:
    """The line that names the chart."""
    return phrases.text("chart.peers_caption", feature=_named(chart), label=_label(chart, phrases))


def is_empty(chart: PeersChart) -> bool:
    """Whether there is nothing to compare with."""
    return not (len(_peers(chart)) and np.isfinite(chart.actual))


def draw(chart: PeersChart, axes: Axes, phrases: Phrases) -> None:
    """Draws the peers as bars (few as dots), their usual range as a band, and the record as a marked line."""
    if is_empty(chart):
        return
    peers = _peers(chart)
    low, high = np.quantile(peers, [0.1, 0.9])
    if chart.actual > 0 and low > 0:
        # A few refunds or zeros must not press everything else into one bar: what is not positive is left out.
        peers = peers[peers > 0]
    everything = np.append(peers, chart.actual)
    log = _asks_for_log(everything)
    axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0.5, label=phrases.text("chart.usual"))
    if log:
        axes.set_xscale("log")
    top = _dots(axes, peers, phrases) if len(peers) <= FEW else _histogram(axes, peers, everything, phrases, log=log)
    label = phrases.text("chart.this_record")
    axes.plot([chart.actual] * 2, [0, top], color=MARK, linewidth=2.4, zorder=3, label=label)
    axes.plot([chart.actual], [top], color=MARK, marker="v", markersize=8, linestyle="none", zorder=3)
    axes.set_ylim(0, top * 1.08)
    _scale(axes, everything, phrases, log=log)
    legend(axes)


def describe(chart: PeersChart, phrases: Phrases) -> str:
    """The record's value, and its peers' middle and usual range."""
    actual = phrases.quantity(chart.actual, chart.unit)
    if is_empty(chart):
        return phrases.text("chart.peers_empty", feature=chart.feature, actual=actual)
    peers = _peers(chart)
    low, median, high = (phrases.quantity(float(value), chart.unit) for value in np.quantile(peers, [0.1, 0.5, 0.9]))
    return phrases.text(
        "chart.peers_text",
        feature=chart.feature,
        actual=actual,
        label=_label(chart, phrases),
        count=len(peers),
        median=median,
        low=low,
        high=high,
        share=phrases.percent(float(np.mean(peers < chart.actual))),
    )


def _label(chart: PeersChart, phrases: Phrases) -> str:
    return chart.peers_label or phrases.text("chart.peers")


def _named(chart: PeersChart) -> str:
    return f"{chart.feature} ({chart.unit})" if chart.unit else chart.feature


def _peers(chart: PeersChart) -> np.ndarray:
    peers = np.array(chart.peers, dtype=float)
    finite: np.ndarray = peers[np.isfinite(peers)]
    return finite


def _asks_for_log(values: np.ndarray) -> bool:
    within = values.min() > 0 and values.min() > values.max() / MOST_SPREAD
    return bool(within and values.max() > LOG_SPREAD * np.median(values))


def _dots(axes: Axes, peers: np.ndarray, phrases: Phrases) -> float:
    """Each peer a dot, at heights that repeat, so that equal values stay visible."""
    heights = 0.3 + 0.14 * (np.arange(len(peers)) % 4)
    label = phrases.text("chart.peers")
    axes.plot(np.sort(peers), heights, color=LINE, marker="o", markersize=5.5, linestyle="none", label=label)
    axes.yaxis.set_visible(False)
    return 1.0


def _histogram(axes: Axes, peers: np.ndarray, everything: np.ndarray, phrases: Phrases, *, log: bool) -> float:
    low, high = float(everything.min()), float(everything.max())
    if low == high:
        low, high = (low * 0.9, low * 1.1) if log else (low - 0.5, high + 0.5)
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    edges[0], edges[-1] = low, high
    counts, _ = np.histogram(peers, edges)
    gap = 0.06
    left, right = edges[:-1], edges[1:]
    if log:
        left, right = left * (right / left) ** gap, right * (left / right) ** gap
    else:
        left, right = left + gap * (right - left), right - gap * (right - left)
    filled = counts > 0
    path = bars(left[filled], right[filled], counts[filled].astype(float))
    label = phrases.text("chart.peers")
    axes.add_patch(PathPatch(path, facecolor=LINE, linewidth=0, zorder=2, label=label))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    return float(counts.max()) * 1.12


def _scale(axes: Axes, values: np.ndarray, phrases: Phrases, *, log: bool) -> None:
    low, high = float(values.min()), float(values.max())
    if log:
        room = (high / low) ** 0.04
        axes.set_xlim(low / room, high * room)
        subs = (1.0,) if high / low > 100 else (1.0, 3.0)
        candidates = LogLocator(base=10, subs=subs).tick_values(low / room, high * room)
        axes.minorticks_off()
    else:
        room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
        axes.set_xlim(low - room, high + room)
        candidates = MaxNLocator(nbins=5).tick_values(low - room, high + room)
    first, last = axes.get_xlim()
    ticks = np.array([tick for tick in candidates if first <= tick <= last])
    axes.set_xticks(ticks, _labels(ticks, phrases, log=log))
    axes.tick_params(axis="x", colors=INK)
    lowest, highest = axes.get_ylim()
    counts = np.array([tick for tick in axes.get_yticks() if lowest <= tick <= highest])
    axes.set_yticks(counts, number_ticks(counts, phrases))


def _labels(ticks: np.ndarray, phrases: Phrases, *, log: bool) -> list[str]:
    if not log:
        return number_ticks(ticks, phrases)
    large_or_tiny = (ticks >= 1e5) | (ticks < 1e-4)
    return [
        phrases.short_number(float(tick)) if short else phrases.number(float(tick))
        for tick, short in zip(ticks, large_or_tiny, strict=True)
    ]
