"""Figures, dates and times as they are printed in English and Spanish, with how exactly they are printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
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
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "es": ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
}


@dataclass(frozen=True)
class Figure:
    """A stated number and half a unit of its last printed digit; `unit` is what stands behind it."""

    value: float
    half: float
    unit: str | None = None

    def shows(self, truth: float | None) -> bool:
        """Whether it is what the true value rounds to."""
        if truth is None or truth != truth:  # noqa: PLR0124
            return False
        return abs(self.value - truth) <= self.half * (1 + 1e-6) + 1e-9 * abs(truth)

    def __str__(self) -> str:
        return f"{self.value:g}" + (f" {self.unit}" if self.unit else "")


def exact(value: float, unit: str | None = None) -> Figure:
    """A figure of a JSON fact, which is printed in full."""
    return Figure(value, 1e-6 * abs(value) + 1e-9, unit)


def read_number(text: str, lang: str, unit: str | None = None) -> Figure:
    """A printed number. In English a comma groups thousands, in Spanish a period does."""
    plain = text.replace("\N{MINUS SIGN}", "-")
    mantissa, _, exponent = plain.partition("e")
    group, point = (",", ".") if lang == "en" else (".", ",")
    whole, _, decimals = mantissa.replace(group, "").partition(point)
    scale = float(f"1e{int(exponent or 0)}")
    return Figure(float(f"{whole}.{decimals or 0}") * scale, 0.5 * 10.0 ** -len(decimals) * scale, unit)


def read_day(text: str, lang: str) -> date:
    """`3 May 2026` or `3 de mayo de 2026`."""
    number, month, year = text.replace(" de ", " ").split(" ")
    return date(int(year), MONTHS[lang].index(month) + 1, int(number))


def read_instant(text: str, lang: str, zone: str) -> datetime:
    """A day, with the time of day where one is printed, as an instant in UTC."""
    clock = re.search(r"\d\d:\d\d$", text)
    day = read_day(re.sub(r" (?:at|a las?) \d\d:\d\d$", "", text), lang)
    at = time.fromisoformat(clock[0]) if clock else time()
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def read_minutes(text: str) -> Figure:
    """A time such as `2 days 4 h`, `3 h 20 min` or `45 minutos`, in minutes."""
    if text in ("minute", "minuto"):
        return Figure(1.0, 0.5)
    total, finest = 0.0, 1440.0
    for number, unit in re.findall(r"([\d.,]+) (d|h|m)", text):
        each = {"d": 1440.0, "h": 60.0, "m": 1.0}[unit]
        value = float(number.replace(",", "."))
        total, finest = total + value * each, min(finest, each)
        if value != int(value):
            return Figure(total, 0.005)
    # Whole days are told to the hour.
    return Figure(total, 0.5 * min(finest, 60.0))


def read_hour(text: str) -> float:
    """`06:30` as hours."""
    hours, minutes = text.split(":")
    return int(hours) + int(minutes) / 60
