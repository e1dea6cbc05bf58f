"""Odd circumstances of an entry, each weak alone: round sums, unusual days and hours, seldom pairs, no description.

ISA 240 (revised, application material on journal entries) and PCAOB AS 2401.61 name these characteristics of
fraudulent entries: made by people who seldom post or to seldom-used accounts, at the end of a period or as a closing
entry with little or no explanation, in round numbers or with a consistent ending. Neither gives a threshold; how rare
each is in the books themselves decides (`analyzers.audit.rarity`), alone and together.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from analyzers.audit.audit_test import Skip
from analyzers.audit.books import Books, Line, record_flag
from analyzers.audit.rarity import LEAST_EVIDENCE, marked_records
from analyzers.calendars import WEEKDAYS, closing_days, holiday_names
from analyzers.results import Direction, Fact, FactKind, Flag, Scalar

MOST_FLAGS = 2_000
"""Flags of one circumstance, the rarest first."""
_IMMATERIAL = 30.0
"""Most severity of a circumstance of an amount below the median."""
_ESTABLISHED = 20
"""Records from which a person or an account counts as known."""


@dataclass(frozen=True)
class Circumstance:
    """One entry of the table: the mark it sets, what it needs, and the fact that it states."""

    name: str
    needs: tuple[str, ...]
    mark: Callable[[Books], pl.Expr | Skip]
    fact: Callable[[Books, Line, float], Fact]
    """From the line and the share of all records that have the mark."""
    without: tuple[str, ...] = ()
    """Contexts that define the mark."""


def circumstance_flags(books: Books, skip: Sequence[str]) -> dict[str, list[Flag] | Skip]:
    """Flags of every circumstance, by its name; the strongest reason of a record carries their joint severity."""
    results: dict[str, list[Flag] | Skip] = {}
    marks: dict[str, pl.Expr] = {}
    for entry in CIRCUMSTANCES:
        if entry.name in skip:
            continue
        if missing := [name for name in entry.needs if not books.has(name)]:
            results[entry.name] = Skip("audit_missing_columns", {"columns": ", ".join(missing)})
            continue
        mark = entry.mark(books)
        results[entry.name] = mark if isinstance(mark, Skip) else []
        if not isinstance(mark, Skip):
            marks[entry.name] = mark
    if marks:
        _flag(books, marks, results)
    return results


def _flag(books: Books, marks: dict[str, pl.Expr], results: dict[str, list[Flag] | Skip]) -> None:
    """Fill the results with flags on marked records."""
    entries = {entry.name: entry for entry in CIRCUMSTANCES}
    names = list(marks)
    means = [mark.fill_null(False).mean().alias(name) for name, mark in marks.items()]
    shares = books.frame.select(means).row(0, named=True)
    marked = marked_records(books, marks, {name: entries[name].without for name in names})
    marked = _immaterial_capped(books, marked.filter(pl.col("joint") >= LEAST_EVIDENCE), names)
    marked = marked.with_columns(top=pl.max_horizontal(names))
    for name in names:
        leads = (pl.col(name) == pl.col("top")) & ~pl.any_horizontal(
            [pl.col(other) == pl.col("top") for other in names[: names.index(name)]] or [pl.lit(False)]
        ).fill_null(False)
        severity = pl.when(leads).then(pl.col("joint")).otherwise(pl.col(name))
        worth = marked.filter(pl.col(name).is_not_null()).select("order", severity=severity)
        worth = worth.sort(["severity", "order"], descending=[True, False]).head(MOST_FLAGS).sort("order")
        fact = entries[name].fact
        results[name] = [
            record_flag(name, line, line["severity"], facts=(fact(books, line, shares[name]),))
            for line in books.lines(worth)
        ]


def _immaterial_capped(books: Books, marked: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Keep amounts below the usual (their currency's median) under the reporting line: circumstances alone do not
    make a small amount worth a person's time, beside another reason they still speak.
    """
    if not books.has("cents"):
        return marked
    size = pl.col("cents").abs()
    small = books.frame.select("order", small=size < size.median().over("currency"))
    joined = marked.join(small, on="order", how="left").sort("order")
    capped = [
        pl.when(pl.col("small") & pl.col(name).is_not_null())
        .then(pl.min_horizontal(name, pl.lit(_IMMATERIAL)))
        .otherwise(name)
        .alias(name)
        for name in ("joint", *names)
    ]
    return joined.with_columns(capped).drop("small")


# -- marks ------------------------------------------------------------------------------------------------------------


def _round(books: Books) -> pl.Expr:
    """Whole multiples of `round_unit` (Nigrini, Forensic Analytics, 2nd ed., number duplication and rounding)."""
    unit = int(books.settings.round_unit * 100)
    return (pl.col("cents") != 0) & (pl.col("cents") % unit == 0)


def _weekend(books: Books) -> pl.Expr:
    """Made on a day of `weekend`, local time, and not by a stated payment run (ISA 240.A45, unusual times)."""
    days = [WEEKDAYS.index(day) + 1 for day in books.settings.weekend]
    return pl.col("made").dt.weekday().is_in(days) & _by_hand(books)


def _holiday(books: Books) -> pl.Expr | Skip:
    """Made on a holiday of the calendar, and not by a stated payment run (ISA 240.A45, unusual times)."""
    days = holiday_names(books.material)
    if not days:
        return Skip("audit_no_reference", {"table": "holidays"})
    return pl.col("made").dt.date().is_in(sorted(days)) & _by_hand(books)


def _night(books: Books) -> pl.Expr | Skip:
    """Made outside `office_hours`, and not by a stated payment run (ISA 240.A45). Needs times of day, not dates."""
    at_midnight = books.frame.select((pl.col("made").dt.time() == pl.time(0, 0)).mean()).item()
    if at_midnight is None or at_midnight > 0.5:
        return Skip("audit_no_time_of_day")
    first, last = books.settings.office_hours
    hour = pl.col("made").dt.hour()
    return ((hour < first) | (hour > last)) & _by_hand(books)


def _by_hand(books: Books) -> pl.Expr:
    """What no stated payment run explains."""
    return ~pl.col("run").fill_null(value=False) if books.has("run") else pl.lit(value=True)


def _period_end(books: Books) -> pl.Expr:
    """Manual, and at the end of a period or after it while it is being closed (ISA 240.33, AS 2401.61).

    With stated closing days: made on one of them or up to `period_end_days` before it. Without: dated in the last days
    of a month.
    """
    near = books.settings.period_end_days
    if closing := closing_days(books.material):
        days = {day - timedelta(days=shift) for day in closing for shift in range(near + 1)}
        return pl.col("manual") & pl.col("made").dt.date().is_in(sorted(days))
    day = pl.col("posting_day") if books.has("posting_day") else pl.col("day")
    return pl.col("manual") & ((day.dt.month_end() - day).dt.total_days() <= near)


def _days_left(books: Books, line: Line) -> int:
    """From a marked line to the closing day, or to the month's end."""
    if closing := closing_days(books.material):
        made = line["made"].date()
        return min(int((day - made).days) for day in closing if day >= made)
    day: date = line.get("posting_day") or line["day"]
    return monthrange(day.year, day.month)[1] - day.day


def _seldom_pair(books: Books) -> pl.Expr:
    """A known person posts to an account that is new to that person (AS 2401.61: seldom-used accounts, people)."""
    pair, user = pl.len().over("account", "created_by"), pl.len().over("created_by")
    both = pl.col("account").is_not_null() & pl.col("created_by").is_not_null()
    return both & (pair <= books.settings.seldom) & (user >= _ESTABLISHED)


def _no_description(books: Books) -> pl.Expr:
    """No description (AS 2401.61: little or no explanation)."""
    return pl.col("description").is_null()


def _no_account(books: Books) -> pl.Expr:
    """No account (AS 2401.61: entries made without account numbers)."""
    return pl.col("account").is_null()


# -- facts ------------------------------------------------------------------------------------------------------------


def _round_fact(books: Books, line: Line, share: float) -> Fact:
    values: dict[str, Scalar] = {"unit_of": float(books.settings.round_unit), "share": round(share, 6)}
    return Fact(
        kind=FactKind.ROUND_AMOUNT, feature=books.source("amount"), actual=line["amount"],
        unit=books.unit(line), weight=0.5, values=values,
    )  # fmt: skip


def _at_fact(kind: FactKind, books: Books, at: datetime, **values: Scalar) -> Fact:
    """`at` is local and naive, like the column that the mark is set by."""
    instant = at.replace(tzinfo=ZoneInfo(books.material.settings.timezone)).astimezone(UTC)
    return Fact.model_validate({"kind": kind, "at": instant, "weight": 0.5, "values": values})


def _weekend_fact(books: Books, line: Line, share: float) -> Fact:
    return _at_fact(FactKind.WEEKEND, books, line["made"], weekday=line["made"].weekday(), share=round(share, 6))


def _holiday_fact(books: Books, line: Line, share: float) -> Fact:
    name = holiday_names(books.material).get(line["made"].date(), "")
    return _at_fact(FactKind.HOLIDAY, books, line["made"], holiday=name)


def _night_fact(books: Books, line: Line, share: float) -> Fact:
    first, last = books.settings.office_hours
    hour = line["made"].hour
    direction = Direction.ABOVE if hour > last else Direction.BELOW
    return _at_fact(FactKind.NIGHT, books, line["made"]).model_copy(
        update={
            "actual": float(hour), "expected_low": float(first), "expected_high": float(last), "unit": "h",
            "direction": direction,
        }
    )  # fmt: skip


def _period_end_fact(books: Books, line: Line, share: float) -> Fact:
    made, day = line["made"], line.get("posting_day") or line["day"]
    if closing_days(books.material):
        day = made.date()
    at = made if made.date() == day else datetime.combine(day, time())
    return _at_fact(FactKind.PERIOD_END, books, at, days=_days_left(books, line))


def _seldom_fact(books: Books, line: Line, share: float) -> Fact:
    same = books.pair_counts[line["account"], line["created_by"]]
    values: dict[str, Scalar] = {
        "first": books.source("account"), "second": books.source("created_by"), "count": same - 1,
        "total": books.frame.height - 1,
    }  # fmt: skip
    pair = f"{line['account']} + {line['created_by']}"
    return Fact(kind=FactKind.SELDOM_PAIR, actual=pair, weight=0.6, values=values)


def _no_description_fact(books: Books, line: Line, share: float) -> Fact:
    return Fact(kind=FactKind.NO_DESCRIPTION, feature=books.source("description"), weight=0.4)


def _no_account_fact(books: Books, line: Line, share: float) -> Fact:
    return Fact(kind=FactKind.NO_DESCRIPTION, feature=books.source("account"), weight=0.6)


CIRCUMSTANCES: tuple[Circumstance, ...] = (
    Circumstance("weekend_posting", ("made",), _weekend, _weekend_fact),
    Circumstance("holiday_posting", ("made",), _holiday, _holiday_fact),
    Circumstance("night_posting", ("made",), _night, _night_fact),
    Circumstance("round_amount", ("cents",), _round, _round_fact),
    Circumstance("period_end_manual", ("manual", "day"), _period_end, _period_end_fact, ("manual",)),
    Circumstance("seldom_pair", ("account", "created_by"), _seldom_pair, _seldom_fact, ("account", "created_by")),
    Circumstance("no_description", ("description",), _no_description, _no_description_fact),
    Circumstance("no_account", ("account",), _no_account, _no_account_fact, ("account",)),
)
