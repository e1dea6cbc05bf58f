"""Calendars as data: holidays, closing days and payment runs, from the settings and from reference tables."""

from __future__ import annotations

from datetime import date
from typing import get_args

import polars as pl

from analyzers.columns import Field, Role
from analyzers.local_days import local_days
from analyzers.results import Check, CheckStatus, Flag
from analyzers.settings import Material, Weekday
from analyzers.yes_words import says_yes

EXPLAINED_BY_A_RUN = frozenset(
    {"unusual_frequency", "unusual_time", "night_posting", "weekend_posting", "holiday_posting"}
)
"""Types of flags that say no more than that many records came at once, or at an odd hour."""
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
"""Monday first."""


def holiday_names(material: Material) -> dict[date, str]:
    """Holidays by day, with their names (empty where the table has no text column)."""
    found = dict(material.settings.calendar.holidays)
    table = material.references.get("holidays")
    day = None if table is None else _day_column(table)
    if table is None or day is None:
        return found
    name = next((name for name, dtype in table.schema.items() if dtype == pl.String and name != day), None)
    named = table.select(
        day=local_days(table, day, material.settings.timezone),
        name=pl.col(name).fill_null("") if name else pl.lit("", pl.String),
    ).drop_nulls("day")
    return dict(named.rows()) | found


def closing_days(material: Material) -> tuple[date, ...]:
    """Days on which a period is closed, in order."""
    return tuple(sorted({*material.settings.calendar.closing_days, *_tabled_days(material, "closing_days")}))


def is_on_a_run(material: Material, frame: pl.DataFrame) -> pl.Series | None:
    """Which records fall on the day of a stated payment run and were not entered by hand.

    None where no run is stated or the records have no time.
    """
    stated = material.settings.calendar.payment_runs
    days = {*(day for day in stated if isinstance(day, date)), *_tabled_days(material, "payment_runs")}
    weekdays = {WEEKDAYS.index(day) + 1 for day in stated if isinstance(day, str)}
    time = material.columns.one(Role.TIME)
    if not (days or weekdays) or time is None or not frame.schema[time].is_temporal():
        return None
    day = local_days(frame, time, material.settings.timezone)
    on_run = day.is_in(sorted(days)) | day.dt.weekday().is_in(sorted(weekdays))
    manual = material.columns.field(Field.MANUAL)
    if manual is not None and manual in frame.columns:
        on_run = on_run & ~says_yes(frame, manual).fill_null(value=False)
    return frame.select(on_run.fill_null(value=False).alias("run"))["run"]


def without_runs(material: Material, flags: tuple[Flag, ...]) -> tuple[tuple[Flag, ...], tuple[Check, ...]]:
    """The flags that no stated payment run explains, and the check that says how many one did."""
    on_run = is_on_a_run(material, material.batch)
    if on_run is None:
        return flags, ()
    run = on_run.to_numpy()
    explained = [
        flag.type in EXPLAINED_BY_A_RUN and bool(flag.rows) and bool(run[list(flag.rows)].all()) for flag in flags
    ]
    kept = tuple(flag for flag, dropped in zip(flags, explained, strict=True) if not dropped)
    values = {"records": int(run.sum()), "flags": sum(explained)}
    said = Check(name="payment_runs", status=CheckStatus.DONE, code="payment_runs_known", values={**values})
    return kept, (said,)


def _tabled_days(material: Material, name: str) -> list[date]:
    table = material.references.get(name)
    day = None if table is None else _day_column(table)
    if table is None or day is None:
        return []
    return table.select(local_days(table, day, material.settings.timezone).alias("day"))["day"].drop_nulls().to_list()


def _day_column(table: pl.DataFrame) -> str | None:
    """The first column of dates; a text column counts where most of it are ISO dates."""
    dated = next((name for name, dtype in table.schema.items() if dtype.is_temporal()), None)
    if dated is not None:
        return dated
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    dates = {name: table[name].str.to_date(strict=False).count() for name in texts}
    return next((name for name in texts if 2 * dates[name] > table.height), None)
