"""Charts of findings: actual against expected band, control charts, a record among its peers, weeks, leading digits.

Each kind of chart is one entry of a table: how it is drawn and how it is told in words. No text from a record enters a
drawing; feature names and labels stand in its alternative text and in the caption beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from analyzers.results import Chart, ControlChart, DigitsChart, PeersChart, SeriesChart, WeeksChart
from reports.charts import control, digits, peers, series, weeks
from reports.charts.canvas import inline_svg, png
from reports.contents import Lang
from reports.phrases import Phrases


@dataclass(frozen=True)
class _Kind:
    """How one kind of chart is drawn and told."""

    draw: Callable[[Any, Axes, Phrases], None]
    describe: Callable[[Any, Phrases], str]
    caption: Callable[[Any, Phrases], str]
    empty: Callable[[Any], bool]


_KINDS: dict[type[Chart], _Kind] = {
    SeriesChart: _Kind(series.draw, series.describe, series.caption, series.is_empty),
    ControlChart: _Kind(control.draw, control.describe, control.caption, control.is_empty),
    PeersChart: _Kind(peers.draw, peers.describe, peers.caption, peers.is_empty),
    WeeksChart: _Kind(weeks.draw, weeks.describe, weeks.caption, weeks.is_empty),
    DigitsChart: _Kind(digits.draw, digits.describe, digits.caption, digits.is_empty),
}


def is_empty(chart: Chart) -> bool:
    """Whether there is nothing to draw; its description still says so."""
    return _KINDS[type(chart)].empty(chart)


def describe(chart: Chart, lang: Lang, timezone: str = "UTC") -> str:
    """What the chart shows, in words: the alternative text of its picture."""
    return _KINDS[type(chart)].describe(chart, Phrases(lang, timezone))


def caption(chart: Chart, lang: Lang, timezone: str = "UTC") -> str:
    """The line that names the chart."""
    return _KINDS[type(chart)].caption(chart, Phrases(lang, timezone))


def draw_svg(chart: Chart, lang: Lang, timezone: str = "UTC", *, prefix: str = "chart") -> str:
    """The chart as an `<svg>` element to stand in a page, with its title and description as text alternative.

    `prefix` begins every id within the drawing and must differ between the charts of one page. Colours are CSS
    variables (`--chart-ink`, `--chart-muted`, `--chart-grid`, `--chart-band`, `--chart-shade`, `--chart-line`,
    `--chart-mark`) with fallbacks for light paper. The same chart gives the same text.
    """
    phrases, kind = Phrases(lang, timezone), _KINDS[type(chart)]
    title, text = kind.caption(chart, phrases), kind.describe(chart, phrases)
    return inline_svg(lambda axes: kind.draw(chart, axes, phrases), prefix=prefix, title=title, text=text)


def draw_png(chart: Chart, lang: Lang, timezone: str = "UTC") -> bytes:
    """The chart as a PNG of twice its size on paper, for mail."""
    phrases, kind = Phrases(lang, timezone), _KINDS[type(chart)]
    return png(lambda axes: kind.draw(chart, axes, phrases))


__all__ = ["caption", "describe", "draw_png", "draw_svg", "is_empty"]
