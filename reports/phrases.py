"""How the page, the mail and the charts say things in a reader's language: fixed texts, numbers, money and times.

Texts come from `locales/page.<lang>.yaml`, names of finding types and sentences of checks from `locales/<lang>.yaml`.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import (
    format_compact_decimal,
    format_decimal,
    format_percent,
    format_scientific,
    get_currency_precision,
)

from analyzers.results import Check, Scalar
from reports.contents import Lang
from reports.house_style import HouseStyle
from reports.yaml_loader import load_yaml

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

# Characters that HTML, mail and spreadsheets cannot carry: controls but tab and newline, and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Marks that reorder the text around them (UAX #9): a name must not turn a sentence round.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text without marks that reorder it; control characters and lone surrogates become U+FFFD."""
    lines = _REORDERING.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", lines)


def one_line(text: str, most: int = 300) -> str:
    """The text on one line, cut to `most` characters: what may stand in a header or a title."""
    line = " ".join(printable(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


@cache
def _texts(name: str) -> Mapping[str, Any]:
    file = resources.files("reports") / "locales" / f"{name}.yaml"
    content: Mapping[str, Any] = load_yaml(file.read_text(encoding="utf-8"))
    return content


def shipped_texts(lang: Lang) -> dict[str, str]:
    """Every text of the page, the mail and the archive by its dotted key; plural forms and scales apart."""
    found: dict[str, str] = {}

    def walk(entry: Any, key: str) -> None:
        if isinstance(entry, Mapping):
            for name, inner in entry.items():
                walk(inner, f"{key}.{name}" if key else str(name))
        elif isinstance(entry, str):
            found[key] = entry

    walk(_texts(f"page.{lang}"), "")
    return found


def shipped_types(lang: Lang) -> Mapping[str, str]:
    """Names of the finding types."""
    types: Mapping[str, str] = _texts(lang).get("types", {})
    return types


class _Sentence(string.Formatter):
    """Fills a text's `{name}` with values: bare numbers the way the language does, `{name:total}` to the cent."""

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "total" and isinstance(value, float):
            return self._phrases.number(value, 2)
        if format_spec not in ("", "total") or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return str(super().format_field(value, format_spec.removeprefix("total")))
        return self._phrases.number(value)


class Phrases:
    """Texts, numbers, money and times in one language and time zone; a house's own wording goes before ours."""

    def __init__(self, lang: Lang, timezone: str = "UTC", style: HouseStyle | None = None) -> None:
        self.lang: Lang = lang
        self._style = style or HouseStyle()
        self.zone = ZoneInfo(timezone)
        self.timezone = timezone
        self._sentence = _Sentence(self)

    def text(self, key: str, /, **values: Scalar | Decimal) -> str:
        """The text of a dotted key such as `page.findings`; where it has a plural, `count` chooses the form.

        Raises KeyError for an unknown key or a value that the text names and `values` lacks.
        """
        entry = self._entry(key)
        if isinstance(entry, Mapping):
            entry = entry["one" if values["count"] == 1 else "other"]
        return self._sentence.vformat(str(entry), (), values)

    def scale(self, key: str) -> list[str]:
        """The words of a scale, from its low end."""
        return [str(word) for word in self._entry(key)]

    def _entry(self, key: str) -> Any:
        entry: Any = _texts(f"page.{self.lang}")
        for part in key.split("."):
            entry = entry[part]
        own = self._style.texts.get(key)
        return entry if own is None else own if isinstance(own, str) else {**entry, **own}

    def type_title(self, finding_type: str) -> str:
        """The name of a finding type; a type without a name is spelt out from its code."""
        named = self._style.types.get(finding_type) or _texts(self.lang).get("types", {}).get(finding_type)
        return str(named) if named else finding_type.replace("_", " ").capitalize()

    def check_sentence(self, check: Check) -> str:
        """What a check says; a code without a sentence is spelt out with its values."""
        template = _texts(self.lang).get("checks", {}).get(check.code)
        try:
            return self._sentence.vformat(str(template), (), check.values) if template else self._spelt_out(check)
        except (KeyError, ValueError, IndexError):
            return self._spelt_out(check)

    def _spelt_out(self, check: Check) -> str:
        said = check.code.replace("_", " ").capitalize()
        values = ", ".join(f"{name.replace('_', ' ')} {self._value(value)}" for name, value in check.values.items())
        return f"{said}: {values}" if values else said

    def _value(self, value: Scalar) -> str:
        return str(value) if isinstance(value, bool | str | None) else self.number(value)

    def number(self, value: float | Decimal, decimals: int | None = None) -> str:
        """A number with the language's separators; without `decimals` to four significant digits, integers whole."""
        if not math.isfinite(value):
            return "–"
        if decimals is None:
            decimals = _decimals_for(value)
        pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
        return str(format_decimal(value, pattern, locale=self.lang)).replace("-", MINUS)

    def short_number(self, value: float) -> str:
        """A number for a chart's axis: `20K`, `20 mil`; the very small and the very large by their power of ten."""
        if value and not 1e-4 <= abs(value) < 1e15:
            return str(format_scientific(value, "0.##E0", locale=self.lang)).replace("-", MINUS)
        return str(format_compact_decimal(value, locale=self.lang, fraction_digits=1)).replace("-", MINUS)

    def money(self, amount: float | Decimal, currency: str | None) -> str:
        """An amount with as many decimals as its currency has and the currency's code (at most 12 characters)."""
        decimals = get_currency_precision(currency) if currency else 2
        return self.number(amount, decimals) + (f"{NBSP}{one_line(currency, 12)}" if currency else "")

    def quantity(self, value: float | Decimal, unit: str | None, decimals: int | None = None) -> str:
        """A value with its unit; an ISO 4217 code makes it money."""
        if unit and len(unit) == 3 and unit.isascii() and unit.isupper():
            return self.money(value, unit)
        return self.number(value, decimals) + (f"{NBSP}{unit}" if unit else "")

    def percent(self, share: float, decimals: int = 0) -> str:
        """A share (0 to 1) in per cent."""
        return str(format_percent(share, "#,##0" + ("." + "0" * decimals if decimals else "") + f"{NBSP}%", self.lang))

    def day(self, when: date) -> str:
        """A date such as `31 May 2026`."""
        return str(format_date(when, "d MMM y", locale=self.lang))

    def long_day(self, when: date) -> str:
        """A date with its weekday, such as `Sunday, 31 May 2026`."""
        pattern = "EEEE, d MMMM y" if self.lang == "en" else "EEEE, d 'de' MMMM 'de' y"
        said = str(format_date(when, pattern, locale=self.lang))
        return said[0].upper() + said[1:]

    def month(self, when: date) -> str:
        """The month of a date, such as `May 2026`."""
        pattern = "MMMM y" if self.lang == "en" else "MMMM 'de' y"
        said = str(format_date(when, pattern, locale=self.lang))
        return said[0].upper() + said[1:]

    def instant(self, when: datetime) -> str:
        """An instant in the reader's time zone, such as `31 May 2026, 02:10`."""
        return self.moment(when, "d MMM y, HH:mm")

    def moment(self, when: datetime, pattern: str) -> str:
        """An instant in the reader's time zone by a CLDR pattern."""
        return str(format_datetime(when, pattern, tzinfo=self.zone, locale=self.lang))

    def span(self, start: datetime, end: datetime | None) -> str:
        """An interval; within one day the date is said once."""
        if end is None or end == start:
            return self.instant(start)
        same_day = start.astimezone(self.zone).date() == end.astimezone(self.zone).date()
        return f"{self.instant(start)} – {self.moment(end, 'HH:mm') if same_day else self.instant(end)}"

    def enumeration(self, items: Sequence[str]) -> str:
        """`a, b and c`."""
        return str(format_list(list(items), locale=self.lang))


def _decimals_for(value: float | Decimal) -> int:
    """Decimals that leave four significant digits, without trailing zeros; amounts of cents keep their cents."""
    if value == 0 or value == int(value):
        return 0
    decimals = max(0, 3 - math.floor(math.log10(abs(float(value)))))
    cents = float(value) * 100
    if 100 <= abs(cents) < 1e11 and math.isclose(cents, round(cents), abs_tol=1e-6):
        decimals = max(decimals, 2)
    written = f"{value:.{decimals}f}"
    return len(written.rstrip("0").partition(".")[2])
