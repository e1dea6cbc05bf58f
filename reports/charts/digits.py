"""Leading digits of amounts against Benford's law."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.ticker import MaxNLocator

from analyzers.results import DigitsChart
from reports.charts.canvas import BAND, INK, LINE, MARK, bars, legend
from reports.phrases import Phrases

MARKED_SPREADS = 3.0
"""Digits further above Benford's share than so many standard deviations of chance are marked."""


def caption(chart: DigitsChart, phrases: Phrases) -> str:
    """The line that names the chart."""
    return phrases.text("chart.digits_caption", count=chart.count)


def is_empty(chart: DigitsChart) -> bool:
    """Whether no amount was counted."""
    return not (chart.digits and chart.count)


def draw(chart: DigitsChart, axes: Axes, phrases: Phrases) -> None:
    """Draws observed shares as bars, those far in excess marked, and the expected shares as a line."""
    if is_empty(chart):
        return
    digits, observed, expected = (np.array(values, dtype=float) for values in _columns(chart))
    marked = _in_excess(observed, expected, chart.count)
    for chosen, colour, label in ((~marked, BAND, phrases.text("chart.observed")), (marked, MARK, "")):
        if chosen.any():
            path = bars(digits[chosen] - 0.42, digits[chosen] + 0.42, observed[chosen])
            axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0, zorder=2, label=label or None))
    axes.plot(digits, expected, color=LINE, linewidth=1.6, zorder=3, label=phrases.text("chart.benford"))
    axes.set_xlim(float(digits.min()) - 0.8, float(digits.max()) + 0.8)
    axes.set_ylim(0, float(max(observed.max(), expected.max())) * 1.08)
    ticks = digits if len(digits) < 10 else digits[digits % 10 == 0]
    axes.set_xticks(ticks, [str(int(digit)) for digit in ticks])
    axes.tick_params(axis="x", colors=INK)
    shares = [tick for tick in MaxNLocator(nbins=5).tick_values(*axes.get_ylim()) if tick <= axes.get_ylim()[1]]
    decimals = 0 if len(shares) < 2 or shares[1] - shares[0] >= 0.0099 else 1
    axes.set_yticks(shares, [phrases.percent(share, decimals) for share in shares])
    legend(axes)


def describe(chart: DigitsChart, phrases: Phrases) -> str:
    """The digits with the largest excess over Benford's law."""
    if is_empty(chart):
        return phrases.text("chart.digits_empty")
    digits, observed, expected = (np.array(values, dtype=float) for values in _columns(chart))
    at = int(np.argmax(observed - expected))
    return phrases.text(
        "chart.digits_text",
        count=chart.count,
        digits=str(int(digits[at])),
        observed=phrases.percent(float(observed[at]), 1),
        expected=phrases.percent(float(expected[at]), 1),
    )


def _columns(chart: DigitsChart) -> tuple[tuple[float, ...], ...]:
    return chart.digits, chart.observed, chart.expected


def _in_excess(observed: np.ndarray, expected: np.ndarray, count: int) -> np.ndarray:
    spread = np.sqrt(expected * (1 - expected) / count)
    excess: np.ndarray = observed - expected > MARKED_SPREADS * spread
    return excess
