"""Times as people state them: a date, an instant, or a span from now."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from analyzers.errors import UsageError

_SPAN = re.compile(r"(\d{1,4})\s*(h|d|w)")
_HOURS = {"h": 1, "d": 24, "w": 168}


def parse_instant(value: str, option: str, *, now: datetime, timezone: str) -> datetime:
    """`2026-05-31` (until its end), `2026-05-31T14:00`, or `12h`, `7d`, `2w` from now, as an instant in UTC.

    What names no offset is read in the workspace's time zone. UsageError names the option.
    """
    zone, plain = ZoneInfo(timezone), value.strip().casefold()
    if span := _SPAN.fullmatch(plain):
        return now + timedelta(hours=int(span[1]) * _HOURS[span[2]])
    try:
        if len(plain) <= len("2026-05-31"):
            return datetime.combine(date.fromisoformat(plain) + timedelta(days=1), time.min, zone).astimezone(UTC)
        stated = datetime.fromisoformat(plain.upper())
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {value[:40]!r} is no time; write 2026-05-31, 2026-05-31T14:00, or a span such as 12h, 7d or 2w"
        ) from None
    return (stated if stated.tzinfo else stated.replace(tzinfo=zone)).astimezone(UTC)


def parse_start(value: str, option: str, *, now: datetime, timezone: str) -> datetime:
    """The same as a beginning: a date stands for its first instant."""
    try:
        return datetime.combine(date.fromisoformat(value.strip()), time.min, ZoneInfo(timezone)).astimezone(UTC)
    except ValueError:
        return parse_instant(value, option, now=now, timezone=timezone)


def parse_last_day(value: str, option: str, *, now: datetime, timezone: str) -> date:
    """The last day on which something holds: a date, or a span of days or weeks from today."""
    if value.strip().casefold().endswith(("d", "w")):
        return parse_instant(value, option, now=now, timezone=timezone).astimezone(ZoneInfo(timezone)).date()
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise UsageError(f"{option} {value[:40]!r} is not a date; write 2026-05-31, or a span such as 90d") from None
