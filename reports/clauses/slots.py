"""A fact's slots, ready to be printed: cleaned of what a hostile record could carry, in a language's own formats.

Each method gives the printed text, or None where the slot is missing or of no use, so that a template can leave it out.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

from analyzers.results import Direction, Fact, Scalar
from reports.contents import Lang
from reports.phrases import NBSP, Phrases

LONGEST_NAME = 80
"""Characters of a name from a record that a sentence shows."""

_PLAIN_NAME = re.compile(r"…?[\w•](?:[\w\-./&·•@#º°+]|[ ](?![ ])){0,59}")
_QUOTES = {"en": "“{}”", "es": "«{}»"}
_CURRENCY = re.compile(r"[A-Z]{3}")
_LONGEST_UNIT = 16


@cache
def phrases(lang: Lang, timezone: str) -> Phrases:
    """The number, money and time formats of a language and time zone."""
    return Phrases(lang, timezone)


def cleaned(text: str, most: int = LONGEST_NAME) -> str:
    """Text of a record as one line of at most `most` characters, without controls, marks of direction and quotes."""
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    line = " ".join(re.sub('["“”„«»‹›`]', "'", kept).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def finite(value: Scalar) -> float | None:
    """The value as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


@dataclass(frozen=True)
class Slots:
    """The printed slots of one fact in one language and time zone."""

    fact: Fact
    lang: Lang
    timezone: str

    @property
    def _formats(self) -> Phrases:
        return phrases(self.lang, self.timezone)

    # -- names ---------------------------------------------------------------------------------------------------------
    def name(self, text: Scalar) -> str | None:
        """A name as given, in quotes where it is more than a plain name."""
        line = cleaned(text) if isinstance(text, str) else None
        if not line:
            return None
        return line if _PLAIN_NAME.fullmatch(line) and line[-1] not in ". " else self.quoted(line)

    def quoted(self, text: Scalar) -> str | None:
        """Text as given, always in quotes."""
        line = cleaned(text, 200) if isinstance(text, str) else None
        return _QUOTES[self.lang].format(line) if line else None

    @property
    def feature(self) -> str | None:
        """The column that the fact is about."""
        return self.name(self.fact.feature)

    def value(self, key: str) -> str | None:
        """A text among the fact's values."""
        return self.name(self.fact.values.get(key))

    # -- figures -------------------------------------------------------------------------------------------------------
    @property
    def unit(self) -> str | None:
        """The unit or currency code, cleaned."""
        return cleaned(self.fact.unit or "", _LONGEST_UNIT) or None

    @property
    def is_money(self) -> bool:
        """Whether the unit is a currency code."""
        return bool(self.unit and _CURRENCY.fullmatch(self.unit))

    def number(self, value: Scalar) -> str | None:
        """A bare number to four significant digits, whole numbers in full."""
        known = finite(value)
        if known is None:
            return None
        if known != 0 and not 1e-6 <= abs(known) < 1e15:
            mantissa, exponent = f"{known:.3e}".split("e")
            return f"{self._formats.number(float(mantissa))}e{int(exponent)}"
        return self._formats.number(known)

    def quantity(self, value: Scalar, *, unit: bool = True) -> str | None:
        """A number with the fact's unit; money with the decimals of its currency."""
        known = finite(value)
        if known is None:
            return None
        if self.is_money and abs(known) < 1e15:
            said = self._formats.money(known, self.unit)
            return said if unit else said.removesuffix(f"{NBSP}{self.unit}")
        return f"{self.number(known)}{NBSP}{self.unit}" if unit and self.unit else self.number(known)

    @property
    def actual(self) -> str | None:
        """The actual number with its unit."""
        return self.quantity(self.fact.actual)

    def times(self) -> str | None:
        """How many times what is usual, from 1.95 times on, where the ratio has that sense."""
        ratio, actual = finite(self.fact.ratio), finite(self.fact.actual)
        if ratio is None or ratio < 1.95 or self.direction is Direction.BELOW or (actual is not None and actual <= 0):
            return None
        return self.number(round(ratio, 1 if ratio < 9.95 else 0)) if ratio < 1e6 else None

    def portion(self) -> str | None:
        """What per cent of the usual it is, below 51 %, where the ratio has that sense."""
        ratio, actual = finite(self.fact.ratio), finite(self.fact.actual)
        if ratio is None or not 0.001 <= ratio < 0.51 or self.direction is Direction.ABOVE:
            return None
        return None if actual is not None and actual <= 0 else self.percent(ratio)

    def deviations(self) -> str | None:
        """Distance in usual deviations; None where it is less than a tenth or absurdly large."""
        ratio = finite(self.fact.ratio)
        if ratio is None or not 0.1 <= abs(ratio) < 1e6:
            return None
        return self.number(round(abs(ratio), 1 if abs(ratio) < 99.5 else 0))

    def percent(self, share: Scalar) -> str | None:
        """A share (0 to 1) in per cent, with decimals enough to tell it from 0 % and 100 %."""
        known = finite(share)
        if known is None or not 0 <= known <= 1:
            return None
        for decimals in (0, 1, 2, 3, 4):
            shown = round(known * 100, decimals)
            enough = known in (0, 1) or (
                0 < shown < 100 and abs(shown - known * 100) <= min(0.05 * shown, 0.1 * (100 - shown))
            )
            if enough:
                return self._formats.percent(known, decimals)
        return None

    def whole(self, key: str) -> int | None:
        """A count among the fact's values, not negative."""
        known = finite(self.fact.values.get(key))
        return int(known) if known is not None and 0 <= known < 1e15 else None

    def counted(self, count: int) -> str:
        """A count with the language's separators."""
        return self._formats.number(count)

    def is_seldom(self, share: Scalar) -> bool:
        """Whether a share is below a tenth, so that a sentence may say "only"."""
        known = finite(share)
        return known is not None and known < 0.1

    # -- against what is expected --------------------------------------------------------------------------------------
    @property
    def direction(self) -> Direction | None:
        """The stated direction; where none is, the one that actual and expected values show."""
        if self.fact.direction is not None:
            return self.fact.direction
        actual, low, high = (finite(v) for v in (self.fact.actual, self.fact.expected_low, self.fact.expected_high))
        if actual is not None and high is not None and actual > high:
            return Direction.ABOVE
        return Direction.BELOW if actual is not None and low is not None and actual < low else None

    def is_within(self) -> bool:
        """Whether the actual value lies within the expected range, both of whose ends are known."""
        actual, low, high = (finite(v) for v in (self.fact.actual, self.fact.expected_low, self.fact.expected_high))
        return actual is not None and low is not None and high is not None and low <= actual <= high

    @property
    def is_of_the_past(self) -> bool:
        """Whether the records that are counted precede the batch; without a history they are the rest of it."""
        return self.fact.values.get("earlier") is not False

    def expected(self, *, percent: bool = False) -> str | None:
        """The expected range as `a to b`, one figure where both ends print alike or only one is known."""
        low, high = finite(self.fact.expected_low), finite(self.fact.expected_high)
        shown = [self.percent(v) if percent else self.quantity(v) for v in (low, high)]
        if any(value is not None and text is None for value, text in zip((low, high), shown, strict=True)):
            return None
        if shown[0] is None or shown[1] is None or shown[0] == shown[1]:
            return shown[0] or shown[1]
        first = shown[0] if percent else self.quantity(low, unit=False)
        return f"{first} {'to' if self.lang == 'en' else 'a'} {shown[1]}"

    def expected_hours(self) -> str | None:
        """The expected hours as `06:00 to 21:00`, where both are known."""
        ends = [self.clock(self.fact.expected_low), self.clock(self.fact.expected_high)]
        return None if None in ends else f"{ends[0]} {'to' if self.lang == 'en' else 'a'} {ends[1]}"

    # -- times ---------------------------------------------------------------------------------------------------------
    @staticmethod
    def clock(hour: Scalar) -> str | None:
        """An hour of the day (0 to 24) as `06:30`."""
        known = finite(hour)
        if known is None or not 0 <= known <= 24:
            return None
        minutes = round(known * 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    def moment(self, what: Literal["day", "clock", "instant", "weekday"], when: datetime | None = None) -> str | None:
        """The fact's instant, or another, in the reader's time zone."""
        when = when or self.fact.at
        if when is None or when.tzinfo is None:
            return None
        return self._at(when, what)

    def occasion(self) -> str | None:
        """The fact's instant; at midnight the day alone, which is what a date without a time of day reads as."""
        when = self.fact.at
        if when is None or when.tzinfo is None:
            return None
        local = when.astimezone(self._formats.zone)
        return self.moment("day" if (local.hour, local.minute, local.second) == (0, 0, 0) else "instant")

    def day(self, key: str) -> str | None:
        """An ISO date among the fact's values, or the local day of an ISO instant, printed in full."""
        text = self.fact.values.get(key)
        try:
            when = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            return None
        if when is None:
            return None
        return self._at(when if when.tzinfo else when.replace(hour=12, tzinfo=self._formats.zone), "day")

    def instant(self, key: str) -> str | None:
        """An ISO instant among the fact's values, printed in full."""
        text = self.fact.values.get(key)
        try:
            when = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            return None
        return self.moment("instant", when) if when is not None and when.tzinfo is not None else None

    def ends_same_day(self) -> bool:
        """Whether the instant `end` falls on the local day of the fact's own instant."""
        start, end = self.moment("day"), self.instant("end")
        return bool(start and end and end.startswith(start))

    def weekday(self) -> str | None:
        """Name of the weekday among the fact's values, else of its instant."""
        number = finite(self.fact.values.get("weekday"))
        if number is not None and number in range(7):
            monday = datetime(2024, 1, 1 + int(number), 12, tzinfo=self._formats.zone)
            return self.moment("weekday", monday)
        return self.moment("weekday")

    def _at(self, when: datetime, what: str) -> str | None:
        pattern = _PATTERNS[self.lang][what]
        try:
            local = when.astimezone(self._formats.zone)
        except OverflowError:
            return None
        if self.lang == "es" and local.hour == 1:
            pattern = pattern.replace("'las'", "'la'")
        return self._formats.moment(local, pattern)


_PATTERNS = {
    "en": {"day": "d MMMM y", "clock": "HH:mm", "instant": "d MMMM y 'at' HH:mm", "weekday": "EEEE"},
    "es": {
        "day": "d 'de' MMMM 'de' y",
        "clock": "HH:mm",
        "instant": "d 'de' MMMM 'de' y 'a' 'las' HH:mm",
        "weekday": "EEEE",
    },
}
