"""Payments that stay below an approval limit: just below it, or split so that each part does.

ISA 240 (appendix on fraud risk factors) and the ACFE Fraud Examiners Manual describe both; neither gives a threshold,
so `below_limit` (5 %) and `split_days` (3) are house parameters. What an entity always bills is no attempt to evade:
both tests ask for something that the entity has never done before.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, Line, money, record_flag
from analyzers.results import Fact, FactKind, Flag, Scalar, Subject, SubjectKind

UNUSUAL_FOR_ENTITY = 1.5
"""Times the entity's own largest other amount (or other window) from which an amount is new for it."""
_LEAST_OTHERS = 3
"""Other payments of an entity from which its habit is known."""
_LEAST_PIECE = 0.2
"""Share of the limit that a piece of a split purchase has at least."""
_BELOW_SEVERITY = 65.0
_UNKNOWN_ENTITY_SEVERITY = 35.0
_SPLIT_SEVERITY = {2: 42.0, 3: 62.0}
"""By pieces (three or more alike): two invoices that happen to meet are common, three are not."""
_SAME_TEXT, _SAME_HAND, _PER_RATIO = 10.0, 5.0, 5.0
_PER_NEEDLESS_PIECE = 14.0
"""Taken off for each piece more than it takes to stay below the limit: who evades a limit wastes no invoices."""
_MOST_FLAGS = 1_000


def below_limit(books: Books) -> Found:
    """Amounts within `below_limit` below one of `limits`, far above anything that the entity billed otherwise."""
    if not books.settings.limits:
        return Skip("audit_no_limits")
    flags: list[Flag] = []
    for limit in sorted(books.settings.limits):
        flags += _below(books, limit)
    return flags


def _below(books: Books, limit: Decimal) -> list[Flag]:
    top = round(float(limit) * 100)
    bottom = round(top * (1 - books.settings.below_limit))
    near = pl.col("cents").is_between(bottom, top, closed="left")
    paid = books.payments.filter(pl.col("entity").is_not_null())
    habits = paid.group_by("entity").agg(
        largest=pl.col("cents").filter(~near).max(),
        others=pl.col("cents").filter(~near).len(),
        close=near.sum(),
        close_before=(near & pl.col("row").is_null()).sum(),
    )
    found = (
        paid.filter(pl.col("row").is_not_null() & near).join(habits, on="entity").filter(pl.col("close_before") == 0)
    )
    known = pl.col("others") >= _LEAST_OTHERS
    unusual = known & (pl.col("cents") >= UNUSUAL_FOR_ENTITY * pl.col("largest"))
    severity = (
        pl.when(unusual).then(_BELOW_SEVERITY).when(~known).then(_UNKNOWN_ENTITY_SEVERITY).otherwise(pl.lit(None))
    )
    lines = found.with_columns(severity=severity).drop_nulls("severity").sort("order").head(_MOST_FLAGS).collect()
    return [
        record_flag("below_limit", line, line["severity"], facts=(_below_fact(books, line, limit),))
        for line in lines.to_dicts()
    ]


def _below_fact(books: Books, line: Line, limit: Decimal) -> Fact:
    return Fact(
        kind=FactKind.BELOW_LIMIT, feature=books.source("amount"), actual=line["amount"], expected_high=float(limit),
        ratio=line["amount"] / float(limit), unit=books.unit(line), weight=0.9, values={"count": line["close"] - 1},
    )  # fmt: skip


def split_purchases(books: Books) -> Found:
    """Payments to one entity within `split_days`, each below a limit, together above it, as it never had before."""
    if not books.settings.limits:
        return Skip("audit_no_limits")
    flags: list[Flag] = []
    for limit in sorted(books.settings.limits):
        flags += _split(books, limit)
    return _widest(flags)


def _split(books: Books, limit: Decimal) -> list[Flag]:
    """One flag per entity and stretch of days."""
    top = round(float(limit) * 100)
    paid = books.payments.filter(pl.col("entity").is_not_null() & pl.col("day").is_not_null())
    windows = _windows(paid, top, books.settings.split_days)
    usual = _usual_before(windows, books.settings.split_days)
    found = usual.filter(
        pl.col("in_batch") & (pl.col("pieces") >= 2) & (pl.col("pieces_sum") >= top) & (pl.col("largest") < top)
    )
    known = pl.col("payments_before") >= _LEAST_OTHERS
    found = found.filter(known & (pl.col("total") >= UNUSUAL_FOR_ENTITY * pl.col("total_before")))
    chosen = _one_per_stretch(found, books.settings.split_days)
    return [flag for line in chosen.to_dicts() for flag in _split_flag(books, line, limit)]


def _windows(paid: pl.LazyFrame, top: int, days: int) -> pl.DataFrame:
    """Per entity and day on which it is paid: what it was paid in the `days` days that end there."""
    piece = pl.col("cents") >= _LEAST_PIECE * top
    daily = (
        paid.group_by("entity", "currency", "day")
        .agg(
            total=pl.col("cents").sum(),
            payments=pl.len(),
            pieces=piece.sum(),
            pieces_sum=pl.col("cents").filter(piece).sum(),
            largest=pl.col("cents").max(),
            in_batch=pl.col("row").is_not_null().any(),
        )
        .sort("entity", "currency", "day")
        .collect()
    )
    rolled = daily.rolling(index_column="day", period=f"{days}d", group_by=["entity", "currency"]).agg(
        pl.col("total").sum(),
        pl.col("pieces").sum(),
        pl.col("pieces_sum").sum(),
        pl.col("largest").max(),
    )
    return rolled.join(
        daily.select("entity", "currency", "day", "payments", "in_batch"), on=["entity", "currency", "day"]
    )


def _usual_before(windows: pl.DataFrame, days: int) -> pl.DataFrame:
    """Each window with the largest window of its entity that ended before it began, and the payments until then."""
    group = ["entity", "currency"]
    ordered = windows.sort([*group, "day"])
    before = ordered.select(
        *group,
        "day",
        total_before=pl.col("total").cum_max().over(group),
        payments_before=pl.col("payments").cum_sum().over(group),
    ).sort("day")
    starts = ordered.with_columns(start=pl.col("day").dt.offset_by(f"-{days}d")).sort("start")
    return starts.join_asof(
        before.rename({"day": "day_before"}), left_on="start", right_on="day_before", by=group, check_sortedness=False
    ).sort([*group, "day"])


def _one_per_stretch(found: pl.DataFrame, days: int) -> pl.DataFrame:
    """The largest window of each stretch of overlapping windows."""
    group = ["entity", "currency"]
    gap = pl.col("day").diff().dt.total_days().over(group)
    numbered = found.sort([*group, "day"]).with_columns(stretch=(gap.is_null() | (gap >= days)).cum_sum())
    largest = numbered.sort(["stretch", "pieces_sum", "day"], descending=[False, True, False])
    return largest.unique("stretch", keep="first", maintain_order=True)


def _split_flag(books: Books, window: Line, limit: Decimal) -> list[Flag]:
    """The flag on one window; its subject is the first piece in the batch."""
    top = round(float(limit) * 100)
    pieces = books.batch.filter(
        (pl.col("entity") == window["entity"])
        & (pl.col("currency") == window["currency"])
        & pl.col("day").is_between(window["start"], window["day"], closed="right")
        & (pl.col("cents") >= _LEAST_PIECE * top)
    ).to_dicts()
    if len(pieces) < 2:
        return []
    total = sum(piece["cents"] for piece in pieces)
    days = (pieces[-1]["day"] - pieces[0]["day"]).days
    ratio = window["total"] / window["total_before"]
    severity = _SPLIT_SEVERITY[min(len(pieces), 3)] + _PER_RATIO * min(ratio - UNUSUAL_FOR_ENTITY, 3.0)
    severity -= _PER_NEEDLESS_PIECE * (len(pieces) - (total // top + 1))
    severity += _SAME_HAND * _alike(pieces, "created_by") + _SAME_TEXT * _alike(pieces, "description")
    severity = min(max(severity, 0.0), 90.0)
    values: dict[str, Scalar] = {"count": len(pieces), "days": days}
    fact = Fact(
        kind=FactKind.SPLIT, feature=books.source("amount"), actual=total / 100, expected_high=float(limit),
        ratio=total / top, unit=books.unit(pieces[0]), at=pieces[0]["at"], weight=1.0, values=values,
    )  # fmt: skip
    flag = record_flag("split_purchase", pieces[0], severity, facts=(fact,))
    label = Subject(kind=SubjectKind.GROUP, id=pieces[0]["record_id"], label=window["entity"])
    update = {
        "rows": tuple(piece["row"] for piece in pieces),
        "exposure": money(total),
        "subject": label,
        "time_to": pieces[-1]["at"],
    }
    return [flag.model_copy(update=update)]


def _alike(pieces: Sequence[Line], name: str) -> bool:
    values = {piece.get(name) for piece in pieces}
    return len(values) == 1 and None not in values


def _widest(flags: Sequence[Flag]) -> list[Flag]:
    """Of splits of the same records below several limits, the one below the highest limit."""
    by_rows: dict[str, Flag] = {}
    for flag in flags:
        by_rows[flag.subject.id] = flag
    return list(by_rows.values())
