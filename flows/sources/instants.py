"""Instants as people write them, and how times without a zone are read where clocks change."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from flows.sources.kinds import INSTANT, blanked

_DATES = {
    r"\d{4}-\d{1,2}-\d{1,2}": ("%Y-%m-%d",),
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{4}\.\d{1,2}\.\d{1,2}": ("%Y.%m.%d",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y", "%m/%d/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y", "%m-%d-%Y"),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}/\d{1,2}/\d{2}": ("%d/%m/%y", "%m/%d/%y"),
    r"\d{1,2}\.\d{1,2}\.\d{2}": ("%d.%m.%y",),
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": ("%d-%b-%Y",),
    r"\d{1,2} [A-Za-z]{3} \d{4}": ("%d %b %Y",),
    r"[A-Za-z]{3} \d{1,2}, \d{4}": ("%b %d, %Y",),
}
_TIMES = {
    r"": "",
    r"T\d{1,2}:\d{2}": "T%H:%M",
    r"T\d{1,2}:\d{2}:\d{2}(?:\.\d+)?": "T%H:%M:%S%.f",
    r" \d{1,2}:\d{2}": " %H:%M",
    r" \d{1,2}:\d{2}:\d{2}(?:\.\d+)?": " %H:%M:%S%.f",
    r", \d{1,2}:\d{2}:\d{2}(?:\.\d+)?": ", %H:%M:%S%.f",
    r" \d{1,2}:\d{2} ?[AaPp][Mm]": " %I:%M %p",
    r" \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]": " %I:%M:%S %p",
}
_ZONES = {
    r"": "",
    r"(?:Z|[+-]\d{2}(?::?\d{2})?)": "%#z",
    r" (?:Z|[+-]\d{2}(?::?\d{2})?)": " %#z",
    r" (?:UTC|GMT)": " UTC",
}
_SHAPES = [
    (re.compile(date + time + zone), tuple((d, t, z) for d in dates))
    for date, dates in _DATES.items()
    for time, t in _TIMES.items()
    for zone, z in _ZONES.items()
    if time or not zone
]
_DATE = re.compile("|".join(_DATES))
Format = tuple[str, str, str]


@dataclass(frozen=True)
class ClockChanges:
    """Times without a zone that fell into a change of clocks."""

    absent: int = 0
    """Hours that do not exist in spring; read an hour later."""
    repeated: int = 0
    """Hours that exist twice in autumn; read as the first of the two."""


def find_formats(texts: list[str]) -> tuple[list[Format], float]:
    """Formats of the texts, the most frequent first, and the share of texts that have one.

    Day and month are told apart by what is possible; where both orders are, the day comes first.
    """
    shapes: Counter[tuple[Format, ...]] = Counter()
    for text in texts:
        # Most texts are no instants: one look spares them three hundred.
        formats = next((f for shape, f in _SHAPES if shape.fullmatch(text)), None) if _DATE.match(text) else None
        if formats:
            shapes[formats] += 1
    month_first = any(len(formats) == 2 for formats in shapes) and _month_first(texts)
    chosen = [formats[-1] if month_first else formats[0] for formats, _ in shapes.most_common()]
    return chosen, shapes.total() / max(len(texts), 1)


def _month_first(texts: list[str]) -> bool:
    """Whether the first number of `03/25/2026` is never above 12 and the second one is."""
    pairs = [match.groups() for text in texts if (match := re.match(r"(\d{1,2})[/-](\d{1,2})[/-]\d{2}", text))]
    first, second = (max((int(pair[i]) for pair in pairs), default=0) for i in (0, 1))
    return first <= 12 < second


def other_order(formats: list[Format]) -> list[Format]:
    """The same formats with day and month exchanged where that is a format too."""
    swapped = {pair[0]: pair[1] for pair in _DATES.values() if len(pair) == 2}
    swapped |= {second: first for first, second in swapped.items()}
    return [(swapped.get(date, date), time, zone) for date, time, zone in formats]


def parse_instants(text: pl.Series, formats: list[Format], timezone: str) -> tuple[pl.Series, ClockChanges]:
    """Instants in UTC, null where a text has none of the formats; times without a zone are read in `timezone`."""
    bare = text.str.strip_chars()
    parsed = pl.Series(text.name, [None], dtype=INSTANT).new_from_index(0, text.len())
    absent = repeated = 0
    rest = bare.is_not_null().arg_true()
    for date, time, zone in formats:
        if rest.len() == 0:
            break
        found = _parse(bare.gather(rest) if rest.len() < bare.len() else bare, date + time + zone, zone)
        if zone in ("", " UTC"):
            found, changes = localize(found, "UTC" if zone else timezone)
            absent, repeated = absent + changes.absent, repeated + changes.repeated
        parsed = found if rest.len() == bare.len() else parsed.scatter(rest, found)
        rest = (parsed.is_null() & bare.is_not_null()).arg_true()
    return parsed.alias(text.name), ClockChanges(absent, repeated)


def _parse(text: pl.Series, written: str, zone: str) -> pl.Series:
    kind = "UTC" if "z" in zone else None
    parsed = text.str.to_datetime(written, time_unit="us", time_zone=kind, strict=False, exact=True)
    # "%Y" also reads "26" as the year 26; no record is that old.
    return blanked(parsed, parsed.dt.year() < 1600)


def localize(naive: pl.Series, timezone: str) -> tuple[pl.Series, ClockChanges]:
    """Naive instants read in a zone, as UTC: a repeated hour is the first of the two, an absent one an hour later."""
    if timezone == "UTC":
        return naive.dt.replace_time_zone("UTC"), ClockChanges()
    certain = naive.dt.replace_time_zone(timezone, ambiguous="null", non_existent="null")
    doubtful = (certain.is_null() & naive.is_not_null()).arg_true()
    if doubtful.len() == 0:
        return certain.dt.convert_time_zone("UTC"), ClockChanges()
    times = naive.gather(doubtful)
    read = times.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    later = times.dt.offset_by("1h").dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    absent = read.is_null().sum()
    both = certain.scatter(doubtful, read.zip_with(read.is_not_null(), later))
    return both.dt.convert_time_zone("UTC"), ClockChanges(int(absent), doubtful.len() - int(absent))


def from_epoch(numbers: pl.Series) -> pl.Series:
    """Instants from seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size."""
    typical = numbers.drop_nulls().abs().median()
    size = float(typical) if isinstance(typical, (int, float)) else 0.0
    factor = next((f for limit, f in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0)) if size < limit), 1e-3)
    return (
        (numbers.cast(pl.Float64) * factor)
        .round()
        .cast(pl.Int64, strict=False)
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
    )


def described(written: Format) -> str:
    """A format as people write it: `dd/mm/yyyy hh:mm:ss`."""
    shown = "".join(written).replace("%.f", "").replace("%#z", " and a zone")
    names = {
        "%Y": "yyyy",
        "%m": "mm",
        "%d": "dd",
        "%y": "yy",
        "%b": "mmm",
        "%H": "hh",
        "%I": "hh",
        "%M": "mm",
        "%S": "ss",
    }
    for code, name in (names | {"%p": "am/pm"}).items():
        shown = shown.replace(code, name)
    return shown
