"""Odd circumstances of an entry, each weak alone: round sums, unusual days and hours, seldom pairs, no description.

ISA 240 (revised, application material on journal entries) and PCAOB AS 2401.61 name these characteristics of
fraudulent entries: made by people who seldom post or to seldom-used accounts, at the end of a period or as a closing
entry with little or no explanation, in round numbers or with a consistent ending. Neither gives a threshold; how rare
each is in the books themselves decides (`analyzers.audit.rarity`), alone and together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from analyzers.audit.audit_test import Skip
from analyzers.audit.books import Books, Line, record_flag
from analyzers.audit.rarity import LEAST_EVIDENCE, marked_records
from analyzers.results import Direction, Fact, FactKind, Flag, Scalar

MOST_FLAGS = 2_000
"""Flags of one circumstance, the rarest first."""
_PERIOD_END_DAYS = 2
_IMMATERIAL = 30.0
"""Most severity of a circumstance of an amount below the median."""
_ESTABLISHED = 20
"""Records from which a person or an account counts as known."""
_SELDOM = 1
"""Other records up to which a pair counts as seldom."""


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
        worth = worth.sort(["severity", "order"], descending=[True, False]).head(MOST_FLAGS)
        lines = worth.join(books.frame, on="order").sort("order").to_dicts()
        fact = entries[name].fact
        results[name] = [
            record_flag(name, line, line["severity"], facts=(fact(books, line, shares[name]),)) for line in lines
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
    """Made on a Saturday or Sunday, local time (ISA 240, unusual times)."""
    return pl.col("made").dt.weekday() >= 6


def _holiday(books: Books) -> pl.Expr | Skip:
    """Made on a day of the reference table `holidays` (ISA 240, unusual times)."""
    days = holidays(books)
    if days is None:
        return Skip("audit_no_reference", {"table": "holidays"})
    return pl.col("made").dt.date().is_in(days["day"].implode())


def _night(books: Books) -> pl.Expr | Skip:
    """Made outside `office_hours` (ISA 240, unusual times). Needs times of day, not dates."""
    at_midnight = books.frame.select((pl.col("made").dt.time() == pl.time(0, 0)).mean()).item()
    if at_midnight is None or at_midnight > 0.5:
        return Skip("audit_no_time_of_day")
    first, last = books.settings.office_hours
    hour = pl.col("made").dt.hour()
    return (hour < first) | (hour > last)


def _period_end(books: Books) -> pl.Expr:
    """Manual and dated within two days of a month's end (AS 2401.61: end of the period or post-closing)."""
    day = pl.col("posting_day") if books.has("posting_day") else pl.col("day")
    return pl.col("manual") & (_days_to_month_end(day) <= _PERIOD_END_DAYS)


def _days_to_month_end(day: pl.Expr) -> pl.Expr:
    return (day.dt.month_end() - day).dt.total_days()


def _seldom_pair(books: Books) -> pl.Expr:
    """A known person posts to an account for the first or second time (AS 2401.61: seldom-used accounts, people)."""
    pair, user = pl.len().over("account", "created_by"), pl.len().over("created_by")
    both = pl.col("account").is_not_null() & pl.col("created_by").is_not_null()
    return both & (pair <= _SELDOM + 1) & (user >= _ESTABLISHED)


def _no_description(books: Books) -> pl.Expr:
    """No description, or no account (AS 2401.61: little or no explanation; entries without account numbers)."""
    return pl.any_horizontal([pl.col(name).is_null() for name in ("description", "account") if books.has(name)])


def holidays(books: Books) -> pl.DataFrame | None:
    """The reference table `holidays` as `day` (Date) and `name` (String), or None."""
    table = books.material.references.get("holidays")
    if table is None:
        return None
    day = next((name for name, dtype in table.schema.items() if dtype.is_temporal()), None)
    if day is None:
        return None
    name = next((name for name, dtype in table.schema.items() if dtype == pl.String), None)
    value = pl.col(day)
    if isinstance(table.schema[day], pl.Datetime) and table.schema[day].time_zone:  # type: ignore[attr-defined]
        value = value.dt.convert_time_zone(books.material.settings.timezone)
    label = pl.col(name) if name else pl.lit("", pl.String)
    return table.select(day=value.dt.date(), name=label).drop_nulls("day").unique("day", keep="first").sort("day")


# -- facts ------------------------------------------------------------------------------------------------------------


def _round_fact(books: Books, line: Line, share: float) -> Fact:
    values: dict[str, Scalar] = {"unit_of": float(books.settings.round_unit), "share": round(share, 6)}
    return Fact(
        kind=FactKind.ROUND_AMOUNT, feature=books.source("amount"), actual=line["amount"],
        unit=books.unit(line), weight=0.5, values=values,
    )  # fmt: skip


def _at_fact(kind: FactKind, line: Line, **values: Scalar) -> Fact:
    return Fact.model_validate({"kind": kind, "at": line["at"], "weight": 0.5, "values": values})


def _weekend_fact(books: Books, line: Line, share: float) -> Fact:
    return _at_fact(FactKind.WEEKEND, line, weekday=line["made"].weekday(), share=round(share, 6))


def _holiday_fact(books: Books, line: Line, share: float) -> Fact:
    days = holidays(books)
    names = [] if days is None else days.filter(pl.col("day") == line["made"].date())["name"].to_list()
    return _at_fact(FactKind.HOLIDAY, line, holiday=names[0] if names else "")


def _night_fact(books: Books, line: Line, share: float) -> Fact:
    first, last = books.settings.office_hours
    hour = line["made"].hour
    direction = Direction.ABOVE if hour > last else Direction.BELOW
    return _at_fact(FactKind.NIGHT, line).model_copy(
        update={
            "actual": float(hour), "expected_low": float(first), "expected_high": float(last), "unit": "h",
            "direction": direction,
        }
    )  # fmt: skip


def _period_end_fact(books: Books, line: Line, share: float) -> Fact:
    day = line.get("posting_day") or line["day"]
    left = pl.select(_days_to_month_end(pl.lit(day, pl.Date))).item()
    return _at_fact(FactKind.PERIOD_END, line, days=int(left))


def _seldom_fact(books: Books, line: Line, share: float) -> Fact:
    same = books.pair_counts[line["account"], line["created_by"]]
    values: dict[str, Scalar] = {
        "first": books.source("account"), "second": books.source("created_by"), "count": same - 1,
        "total": books.frame.height,
    }  # fmt: skip
    pair = f"{line['account']} + {line['created_by']}"
    return Fact(kind=FactKind.SELDOM_PAIR, actual=pair, weight=0.6, values=values)


def _no_description_fact(books: Books, line: Line, share: float) -> Fact:
    empty = next(name for name in ("description", "account") if name in line and line[name] is None)
    return Fact(kind=FactKind.NO_DESCRIPTION, feature=books.source(empty), weight=0.4)


CIRCUMSTANCES: tuple[Circumstance, ...] = (
    Circumstance("weekend_posting", ("made",), _weekend, _weekend_fact),
    Circumstance("holiday_posting", ("made",), _holiday, _holiday_fact),
    Circumstance("night_posting", ("made",), _night, _night_fact),
    Circumstance("round_amount", ("cents",), _round, _round_fact),
    Circumstance("period_end_manual", ("manual", "day"), _period_end, _period_end_fact, ("manual",)),
    Circumstance("seldom_pair", ("account", "created_by"), _seldom_pair, _seldom_fact, ("account", "created_by")),
    Circumstance("no_description", ("description",), _no_description, _no_description_fact),
)
