"""Reading figures as English and Spanish write them, and comparing them within the rounding that they show."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from reports.contents import Lang

_NUMBER = {
    "en": r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e-?\d{1,3})?",
    "es": r"-?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?(?:e-?\d{1,3})?",
}


@dataclass(frozen=True)
class Figure:
    """A number in a text, with the precision it shows."""

    value: float
    step: float
    """The unit of its last digit."""
    start: int
    end: int

    def rounds(self, exact: object, *, scale: float = 1.0) -> bool:
        """Whether it is the exact value, times the scale, rounded to the digits shown."""
        if isinstance(exact, bool) or not isinstance(exact, int | float) or not math.isfinite(exact):
            return False
        if not math.isfinite(self.value):
            return False
        wanted = exact * scale
        return abs(self.value - wanted) <= self.step * 0.5 * (1 + 1e-6) + abs(wanted) * 1e-12


def figures(text: str, lang: Lang) -> list[Figure]:
    """All numbers of a text, in order."""
    found = []
    for match in re.finditer(rf"(?<![\w.,]){_NUMBER[lang]}(?![.,]?\d)", text):
        thousands, decimal = (",", ".") if lang == "en" else (".", ",")
        plain = match[0].replace(thousands, "").replace(decimal, ".")
        mantissa, _, exponent = plain.partition("e")
        decimals = len(mantissa.partition(".")[2])
        # What a name makes look like a huge power is infinite here.
        step = float(f"1e{int(exponent or 0) - decimals}")
        found.append(Figure(float(plain), step, match.start(), match.end()))
    return found
