"""Reading dates, instants, hours and weekdays, and comparing them with those of a fact."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from analyzers.results import Fact
from reports.contents import Lang

MONTHS = {
    "en": [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
    "es": [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
}
WEEKDAYS = {
    "en": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    "es": ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
}
_SPELT = {
    "en": rf"(\d{{1,2}}) ({'|'.join(MONTHS['en'])}) (\d{{1,4}})(?: at (\d\d):(\d\d))?",
    "es": rf"(\d{{1,2}}) de ({'|'.join(MONTHS['es'])}) de (\d{{1,4}})(?: a las? (\d\d):(\d\d))?",
}
_UNTIL = {"en": r"until\s*$", "es": r"hasta el\s*$"}
_CLOCK = re.compile(r"(?<!\d)(\d\d):(\d\d)(?!\d)")


class WrongTimeError(Exception):
    """A date or time that no slot of the fact backs."""


def without_times(text: str, fact: Fact, lang: Lang, timezone: str) -> str:
    """The text without its dates, hours and weekdays; WrongTimeError for one that the fact does not hold."""
    zone = ZoneInfo(timezone)
    kept, position = "", 0
    for match in re.finditer(_SPELT[lang], text, re.IGNORECASE):
        until = re.search(_UNTIL[lang], text[: match.start()]) is not None
        if not _is_date_of(match, fact, lang, zone, until=until):
            raise WrongTimeError(f"the date {match[0]!r} is not that of the fact")
        kept, position = kept + text[position : match.start()] + " ", match.end()
    text = kept + text[position:]
    text = _without_hours(text, fact, zone)
    names = "|".join(WEEKDAYS[lang])
    for match in re.finditer(rf"\b({names})\b", text, re.IGNORECASE):
        if WEEKDAYS[lang].index(match[1].lower()) not in _weekdays(fact, zone):
            raise WrongTimeError(f"the weekday {match[0]!r} is not that of the fact")
    return re.sub(rf"\b({names})\b", " ", text, flags=re.IGNORECASE)


def _is_date_of(match: re.Match[str], fact: Fact, lang: Lang, zone: ZoneInfo, *, until: bool) -> bool:
    month = MONTHS[lang].index(match[2].lower()) + 1
    instants = list(_instants(fact, zone, until=until))
    if match[4] is not None:
        shown = (int(match[3]), month, int(match[1]), int(match[4]), int(match[5]))
        return any((at.year, at.month, at.day, at.hour, at.minute) == shown for at in instants)
    days = {(at.year, at.month, at.day) for at in instants} | {(d.year, d.month, d.day) for d in _days(fact, zone)}
    return (int(match[3]), month, int(match[1])) in days


def _instants(fact: Fact, zone: ZoneInfo, *, until: bool) -> Iterator[datetime]:
    end = fact.values.get("end")
    if until and isinstance(end, str):
        try:
            yield datetime.fromisoformat(end).astimezone(zone)
        except (ValueError, OverflowError):
            return
    if not until and fact.at is not None:
        try:
            yield fact.at.astimezone(zone)
        except OverflowError:
            return


def _days(fact: Fact, zone: ZoneInfo) -> Iterator[date]:
    """Days among the fact's values; an instant counts as its local day."""
    for key in ("other_at", "since", "until"):
        text = fact.values.get(key)
        if isinstance(text, str):
            try:
                when = datetime.fromisoformat(text)
                yield (when.astimezone(zone) if when.tzinfo else when).date()
            except (ValueError, OverflowError):
                continue


def _without_hours(text: str, fact: Fact, zone: ZoneInfo) -> str:
    """Hours of the day in brackets are the expected ones, in their order; others are the fact's own."""
    expected = [_minutes(fact.expected_low), _minutes(fact.expected_high)]
    for match in re.finditer(r"\((\d\d):(\d\d) (?:to|a) (\d\d):(\d\d)\)", text):
        shown = [int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])]
        if shown != expected:
            raise WrongTimeError(f"the hours {match[0]} are not the expected ones")
    text = re.sub(r"\(\d\d:\d\d (?:to|a) \d\d:\d\d\)", " ", text)
    for match in _CLOCK.finditer(text):
        own = [at.hour * 60 + at.minute for at in _instants(fact, zone, until=False)] + [_minutes(fact.actual)]
        if int(match[1]) * 60 + int(match[2]) not in own:
            raise WrongTimeError(f"the hour {match[0]} is not that of the fact")
    return _CLOCK.sub(" ", text)


def _minutes(hour: object) -> int | None:
    known = isinstance(hour, int | float) and 0 <= hour <= 24
    return round(timedelta(hours=float(hour)).total_seconds() / 60) if known else None  # type: ignore[arg-type]


def _weekdays(fact: Fact, zone: ZoneInfo) -> set[int]:
    stated = fact.values.get("weekday")
    if isinstance(stated, int | float) and stated in range(7):
        return {int(stated)}
    return {at.weekday() for at in _instants(fact, zone, until=False)}
