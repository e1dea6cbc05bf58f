"""The paper that charts are drawn on: size, colours, and the way from matplotlib's figure to SVG or PNG.

matplotlib is used by its objects only, never through pyplot, whose figures are global state.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.path import Path

from reports.phrases import Phrases, printable

WIDTH, HEIGHT = 460, 230
"""Size of a chart in points; in the page a point is a CSS pixel."""
POINTS_PER_INCH = 72
FONT_SIZE = 12.0

# Blue against orange stays apart for every kind of colour vision, and dark against pale in greyscale.
INK = "#1f2a33"
MUTED = "#56626c"
GRID = "#dde3e8"
BAND = "#c9dcec"
SHADE = "#fbe6d3"
LINE = "#1d5c96"
MARK = "#b3470b"

_VARIABLES = {
    INK: "--chart-ink",
    MUTED: "--chart-muted",
    GRID: "--chart-grid",
    BAND: "--chart-band",
    SHADE: "--chart-shade",
    LINE: "--chart-line",
    MARK: "--chart-mark",
}
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": FONT_SIZE,
    "axes.unicode_minus": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "sereno",
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
    "text.parse_math": False,
}
# matplotlib's settings are global to the process: one drawing at a time.
_drawing = threading.Lock()

Draw = Callable[[Axes], None]


@contextmanager
def _figure(draw: Draw, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Figure]:
    with _drawing, mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), layout="constrained")
        axes = figure.add_subplot()
        _calm(axes)
        draw(axes)
        yield figure


def _calm(axes: Axes) -> None:
    """Only what carries meaning: faint horizontal lines, no frame."""
    axes.set_axisbelow(True)
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(length=0, colors=MUTED, labelsize=FONT_SIZE - 0.5, pad=5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["bottom"].set_linewidth(0.8)


def legend(axes: Axes, columns: int = 3) -> None:
    """A frameless legend above the axes, from its labelled artists."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        fontsize=FONT_SIZE - 0.5,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.4,
        borderaxespad=0.2,
        borderpad=0.1,
    )


def number_ticks(values: np.ndarray, phrases: Phrases) -> list[str]:
    """Labels for an axis' ticks, all with the same decimals; large ones in short."""
    step = float(np.min(np.diff(np.sort(values)))) if len(values) > 1 else 1.0
    if len(values) and (np.max(np.abs(values)) >= 1e5 or step < 1e-5):
        return [phrases.short_number(float(value)) for value in values]
    decimals = int(np.clip(np.ceil(-np.log10(step) - 1e-9), 0, 6)) if step > 0 else 0
    return [phrases.number(float(value), decimals) for value in values]


def bars(left: np.ndarray, right: np.ndarray, height: np.ndarray, foot: float = 0.0) -> Path:
    """All bars as one path, which keeps a drawing small."""
    foots = np.full(len(left), foot)
    corners = [(left, foots), (left, height), (right, height), (right, foots), (left, foots)]
    vertices = np.stack([np.column_stack(corner) for corner in corners], axis=1).reshape(-1, 2)
    codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(left))
    return Path(vertices, codes)


def png(draw: Draw) -> bytes:
    """The drawing as a PNG on white."""
    with _figure(draw) as figure:
        FigureCanvasAgg(figure)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=2 * POINTS_PER_INCH, metadata={"Software": None})
    return stream.getvalue()


def inline_svg(draw: Draw, *, prefix: str, title: str, text: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """The drawing as an `<svg>` element without ids of its own that could meet another's."""
    with _figure(draw, width, height) as figure:
        FigureCanvasSVG(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    drawing = stream.getvalue()
    body = drawing[drawing.index(">", drawing.index("<svg")) + 1 : drawing.rindex("</svg>")]
    title_id, text_id = f"{prefix}-title", f"{prefix}-text"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-labelledby="{title_id} {text_id}">'
        f'<title id="{title_id}">{escape(printable(title))}</title>'
        f'<desc id="{text_id}">{escape(printable(text))}</desc>{_slim(body, prefix)}</svg>'
    )


_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="[^"]*"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')
_PATH = re.compile(r'\bd="([^"]*)"')
_COORDINATE = re.compile(r"-?\d+\.\d+")
_FONT = re.compile(r"font: (?:\w+ )*?([\d.]+)px [^;\"]*")
_COLOUR = re.compile("|".join(_VARIABLES))
_BETWEEN_TAGS = re.compile(r">\s+<")
_EMPTY_GROUP = re.compile(r"<g>\s*</g>")


def _slim(body: str, prefix: str) -> str:
    """Takes out what carries nothing, rounds coordinates to a tenth of a point, and names colours as variables."""
    body = _COMMENT.sub("", _METADATA.sub("", body))
    body = _GROUP_ID.sub("<g", body)
    body = _ID.sub(rf"\g<1>{prefix}-", body)
    body = _PATH.sub(lambda found: f'd="{_slim_path(found[1])}"', body)
    body = _FONT.sub(r"font-size: \1px", body)
    body = _COLOUR.sub(lambda found: f"var({_VARIABLES[found[0]]}, {found[0]})", body)
    return _EMPTY_GROUP.sub("", _BETWEEN_TAGS.sub("><", body.strip()))


def _slim_path(path: str) -> str:
    rounded = _COORDINATE.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), path)
    return re.sub(r"\s+", " ", re.sub(r"\s*([MLQCz])\s*", r"\1", rounded)).strip()
