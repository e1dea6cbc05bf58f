"""Building blocks of the patterns that claims are read with: names, figures, ranges, times in either language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from benchmarks.claims.figures import MONTHS, WEEKDAYS

Table = tuple[tuple[str, str], ...]
NUMBER = r"[-−]?\d(?:[\d.,]*\d)?(?:e-?\d{1,3})?"
# A plain name as it stands, or anything in quotes.
NAME = r"(?:“[^”]*”|«[^»]*»|…?[\w•](?:[\w\-./&·•@#º°+]|[ ](?![ ])){0,79}?)"
CUT = "\u2029"
"""Stands for the space between two sentences."""
COLUMN = "@COLUMN@"
# What follows a name that is not in quotes.
END = rf"(?=[,;:)(\0]|\.?[ ]?$|\.?[ ]?[{CUT}\0]|[ ]\(|[ ](?:y|e)[ ]|…)"


def number(slot: str, percent: bool = False) -> str:
    """A bare number, or one in per cent."""
    return rf"(?P<{slot}>{NUMBER})" + ("\u00a0%" if percent else "")


def quantity(slot: str) -> str:
    """A number with its unit, where it has one."""
    return rf"(?P<{slot}>{NUMBER})(?:\u00a0(?P<{slot}_unit>[^\s,;:()]*[^\s,;:().]))?(?![\d])"


def between(word: str, low: str = "low", high: str = "high", only: str = "only", percent: bool = False) -> str:
    """A range as `a to b`, or the one figure that both ends print as."""
    if percent:
        return rf"(?:{number(low)} {word} {number(high, True)}|{number(only, True)})"
    return rf"(?:(?P<{low}>{NUMBER}) {word} {quantity(high)}|{quantity(only)})"


def name(slot: str) -> str:
    """A name from the records."""
    return rf"(?P<{slot}>{NAME})"


def column(slot: str) -> str:
    """A column's name, one of those that the input has."""
    return rf"(?P<{slot}>{COLUMN})"


def quoted(slot: str) -> str:
    """A text that is always in quotes."""
    return rf"(?P<{slot}>“[^”]*”|«[^»]*»)"


def instant(slot: str, lang: str) -> str:
    """A day, with or without a time of day."""
    return rf"(?P<{slot}>{DAY[lang]}(?: {CLOCK[lang]})?)"


def weekday(slot: str, lang: str) -> str:
    """The name of a weekday."""
    return rf"(?P<{slot}>{'|'.join(WEEKDAYS[lang])})"


DAY = {
    "en": rf"\d{{1,2}} (?:{'|'.join(MONTHS['en'])}) \d{{4}}",
    "es": rf"\d{{1,2}} de (?:{'|'.join(MONTHS['es'])}) de \d{{4}}",
}
CLOCK = {"en": r"at \d\d:\d\d", "es": r"a las? \d\d:\d\d"}
LASTING = {
    "en": r"(?:\d+ days?(?: \d+ h)?|\d+ h(?: \d+ min)?|[\d.]+ minutes?)",
    "es": r"(?:\d+ días?(?: \d+ h)?|\d+ h(?: \d+ min)?|[\d,]+ minutos?)",
}


def lasting(slot: str, lang: str) -> str:
    """A length of time."""
    return rf"(?P<{slot}>{LASTING[lang]})"


def compiled(table: Table, columns: Iterable[str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The patterns of a language for an input with these columns, in the order in which they are tried.

    A slot may occur several times in a pattern; `slot_of` finds it behind the unique name that each place gets.
    """
    names = sorted({form for name in columns for form in _printed(name)}, key=len, reverse=True)
    known = f"(?:{'|'.join(re.escape(name) for name in names)})" if names else "(?!)"
    return tuple((kind, re.compile(_unique(pattern.replace(COLUMN, known)))) for kind, pattern in table)


def _printed(name: str) -> set[str]:
    """A name as it may be printed: as it is, in quotes, with the capital of a sentence's first word."""
    bare = " ".join(re.sub("[\"'“”„«»‹›`]", "'", "".join(sign if sign.isprintable() else " " for sign in name)).split())
    cut = bare if len(bare) <= 80 else bare[:79].rstrip() + "…"
    return {form for form in (name, cut, f"“{cut}”", f"«{cut}»", cut[:1].upper() + cut[1:]) if form.strip("“”«»")}


def slot_of(group: str) -> str:
    """The slot behind a group of a compiled pattern."""
    return group.partition("__")[0]


def _unique(pattern: str) -> str:
    numbers = itertools.count()
    return re.sub(r"\(\?P<(\w+)>", lambda match: f"(?P<{match[1]}__{next(numbers)}>", pattern)
