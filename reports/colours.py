"""Colours that people can read: contrast as WCAG 2.2 defines it."""

from __future__ import annotations

import re

LEAST_CONTRAST = 4.5
"""Contrast of text against its paper (WCAG 2.2, success criterion 1.4.3, level AA)."""
_PAPER = "#f5f6f7"


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21."""
    lights = sorted((_luminance(first), _luminance(second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def check_legible(colour: str) -> str:
    """The colour as it is; ValueError where it is no `#rrggbb`, or too pale for text on light paper."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"{colour[:20]!r} is not a colour such as '#1d5c96'; write it so, in quotes")
    found = contrast(colour, _PAPER)
    if found < LEAST_CONTRAST:
        raise ValueError(
            f"{colour} is too pale for text: its contrast is {found:.1f}, at least {LEAST_CONTRAST} is needed; "
            "choose a darker one"
        )
    return colour


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
