"""A trend as a line of a word's size, drawn by hand: it has no axes and takes a few hundred bytes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reports.phrases import printable

WIDTH, HEIGHT = 96, 22
_EDGE = 3.0
LIMIT = 100.0


def sparkline(values: Sequence[float], *, text: str) -> str:
    """Values from 0 to 100, oldest first, as an `<svg>` element; `text` is its text alternative.

    The last value is a dot. One value alone is a dot in the middle.
    """
    step = (WIDTH - 2 * _EDGE) / max(len(values) - 1, 1)
    across = [WIDTH / 2] if len(values) == 1 else [_EDGE + step * at for at in range(len(values))]
    down = [_EDGE + (HEIGHT - 2 * _EDGE) * (1 - min(max(value, 0.0), LIMIT) / LIMIT) for value in values]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="spark" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" aria-label="{escape(printable(text), quote=True)}">'
        f'<polyline points="{points}" fill="none" stroke="var(--chart-line, #1d5c96)" stroke-width="1.6"/>'
        f'<circle cx="{across[-1]:.1f}" cy="{down[-1]:.1f}" r="2.4" fill="var(--chart-mark, #b3470b)"/></svg>'
    )
