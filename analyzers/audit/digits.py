"""Digits of amounts: the leading ones against Benford's law, the last ones against what is usual.

Nigrini, Benford's Law (2012): first-two digits, amounts of at least 10, deviation as mean absolute deviation (MAD)
with 0.0022 as the border of nonconformity. That border ignores the number of amounts: even perfect Benford data has an
expected MAD of about 1/sqrt(158.8 n), so the excess over it is what is compared. Consistent endings are named by
ISA 240 and AS 2401.61, without a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, Line, entity_flag
from analyzers.results import DigitsChart, Direction, Fact, FactKind, Family, Flag, Scalar, Subject, SubjectKind

_LEAST_SPREAD = 0.35
"""Standard deviation of log10 amounts below which no distribution of theirs comes near Benford's."""
_TRAILING_DAYS = 365
_MOST_ENTITIES = 20
_FACTS = 3
_SEVERITY = 58.0
_DIGITS = np.arange(10, 100)
BENFORD: NDArray[np.float64] = np.log10(1 + 1 / _DIGITS)
"""Share of each pair of leading digits, 10 to 99."""

_LEAST_DISTINCT = 6
_ENDINGS_LEVEL = 1e-6
_ENDINGS_SHRINK = 20.0
_ENDINGS_SEVERITY = 55.0


def benford(books: Books) -> Found:
    """The first two digits of a trailing year, of all records and of each entity with enough of them.

    Reported where the year does not conform and the history before the batch did: amounts that never conformed
    (prices, wages, rents) are not of the kind that the law is about.
    """
    year = _trailing_year(books)
    needed = books.settings.benford_amounts
    if year.height < needed:
        return Skip("benford_too_few", {"count": year.height, "needed": needed})
    if reason := _unfit(books, year):
        return reason
    if _never_conformed(books, year):
        return Skip("benford_never_conformed", {"mad": round(_excess(_counts(year)), 5)})
    flags = _benford_flag(books, year, Subject(kind=SubjectKind.BATCH, id="benford", label=books.source("amount")))
    if books.has("entity"):
        sizes = year.group_by("entity").len().filter(pl.col("len") >= needed).drop_nulls()
        for entity in sizes.sort("len", "entity", descending=[True, False])["entity"].head(_MOST_ENTITIES).to_list():
            own = year.filter(pl.col("entity") == entity)
            if _unfit(books, own) is None and not _never_conformed(books, own):
                flags += _benford_flag(books, own, Subject(kind=SubjectKind.ENTITY, id=entity, label=entity))
    return flags


def _trailing_year(books: Books) -> pl.DataFrame:
    amounts = books.frame.lazy().filter(pl.col("cents").abs() >= 1_000)
    last = books.batch["at"].max() if books.has("at") else None
    if last is not None:
        amounts = amounts.filter(pl.col("at") > pl.lit(last) - pl.duration(days=_TRAILING_DAYS))
    digits = pl.col("cents").abs().cast(pl.String).str.slice(0, 2).cast(pl.Int64)
    owner = ["entity"] if books.has("entity") else []
    return amounts.select("row", "cents", *owner, digits=digits).collect()


def _unfit(books: Books, year: pl.DataFrame) -> Skip | None:
    """Why Benford's law is not to be expected of these amounts."""
    sizes = np.log10(year["cents"].abs().to_numpy())
    orders = float(sizes.max() - sizes.min())
    needed = books.settings.benford_orders
    if orders < needed or float(np.std(sizes)) < _LEAST_SPREAD:
        return Skip("benford_too_narrow", {"orders": round(orders, 1), "needed": needed})
    return None


def _never_conformed(books: Books, year: pl.DataFrame) -> bool:
    history, settings = year.filter(pl.col("row").is_null()), books.settings
    return history.height >= settings.benford_amounts and _excess(_counts(history)) > settings.benford_deviation


def _counts(amounts: pl.DataFrame) -> NDArray[np.int64]:
    counted: NDArray[np.int64] = np.bincount(amounts["digits"].to_numpy(), minlength=100)[10:100]
    return counted


def _mad(counts: NDArray[np.int64]) -> float:
    return float(np.abs(counts / counts.sum() - BENFORD).mean())


def _excess(counts: NDArray[np.int64]) -> float:
    """MAD beyond what chance gives in as many amounts."""
    return _mad(counts) - 1 / float(np.sqrt(158.8 * counts.sum()))


def _benford_flag(books: Books, amounts: pl.DataFrame, subject: Subject) -> list[Flag]:
    counts = _counts(amounts)
    excess = _excess(counts)
    border = books.settings.benford_deviation
    if excess <= border:
        return []
    total = int(counts.sum())
    observed = counts / total
    z = (observed - BENFORD) / np.sqrt(BENFORD * (1 - BENFORD) / total)
    facts = tuple(
        _benford_fact(books, int(index), observed, total, excess, _mad(counts)) for index in np.argsort(-z)[:_FACTS]
    )
    chart = DigitsChart(
        digits=tuple(_DIGITS.tolist()), observed=tuple(observed.tolist()), expected=tuple(BENFORD.tolist()), count=total
    )
    severity = min(_SEVERITY + 10.0 * (excess / border - 1.0), 80.0)
    return [
        Flag(
            analyzer="benford", type="benford", family=Family.AUDIT, subject=subject, rows=(), severity=severity,
            facts=facts, chart=chart,
        )
    ]  # fmt: skip


def _benford_fact(
    books: Books, index: int, observed: NDArray[np.float64], total: int, excess: float, mad: float
) -> Fact:
    share, expected = float(observed[index]), float(BENFORD[index])
    values: dict[str, Scalar] = {
        "digits": int(_DIGITS[index]), "count": total, "mad": round(mad, 5), "excess": round(excess, 5),
    }  # fmt: skip
    return Fact(
        kind=FactKind.BENFORD, feature=books.source("amount"), actual=share, expected_low=expected,
        expected_high=expected, ratio=share / expected, direction=Direction.ABOVE if share > expected else
        Direction.BELOW, weight=round(min(1.0, share / expected / 5), 4), values=values,
    )  # fmt: skip


def endings(books: Books) -> Found:
    """Entities many of whose different amounts in the batch end alike, as neither theirs nor others' used to.

    Each entity's most frequent last two digits are tested with a binomial tail against their share in its own
    history, mixed with that of all records; a hundred endings and every entity count as tests (Bonferroni).
    """
    payments = books.payments.filter(pl.col("entity").is_not_null())
    whole = payments.select((pl.col("cents") % 100 == 0).mean()).collect().item() or 0.0
    digits = pl.col("cents") // 100 % 100 if whole > 0.9 else pl.col("cents") % 100
    paid = payments.select("order", "row", "entity", "cents", ending=digits).collect()
    past, batch = paid.filter(pl.col("row").is_null()), paid.filter(pl.col("row").is_not_null())
    past = past.unique(["entity", "cents"])
    usual = batch if books.material.ranking else past
    population = usual.group_by("ending").agg(everywhere=pl.len() / max(usual.height, 1))
    counted = batch.group_by("entity", "ending").agg(count=pl.len(), distinct=pl.col("cents").n_unique())
    counted = counted.with_columns(total=pl.col("count").sum().over("entity"))
    counted = counted.filter(
        (pl.col("total") >= books.settings.endings_amounts) & (pl.col("distinct") >= _LEAST_DISTINCT)
    )
    if counted.is_empty():
        return []
    own = past.group_by("entity", "ending").agg(before=pl.len())
    size = past.group_by("entity").agg(size=pl.len())
    tested = (
        counted.join(population, on="ending", how="left")
        .join(own, on=["entity", "ending"], how="left")
        .join(size, on="entity", how="left")
        .with_columns(pl.col("everywhere").fill_null(0.0).clip(0.01), pl.col("before", "size").fill_null(0))
        .with_columns(
            share=(pl.col("before") + _ENDINGS_SHRINK * pl.col("everywhere")) / (pl.col("size") + _ENDINGS_SHRINK)
        )
        .sort("entity", "ending")
    )
    tail = stats.binom.sf(tested["count"].to_numpy() - 1, tested["total"].to_numpy(), tested["share"].to_numpy())
    tests = 100 * batch["entity"].n_unique()
    hits = tested.with_columns(p=pl.Series(np.asarray(tail))).filter(pl.col("p") * tests < _ENDINGS_LEVEL)
    strongest = hits.sort("p", "entity", "ending").unique("entity", keep="first", maintain_order=True)
    return [_endings_flag(books, hit, batch) for hit in strongest.to_dicts()]


def _endings_flag(books: Books, hit: Line, batch: pl.DataFrame) -> Flag:
    of_hit = (pl.col("entity") == hit["entity"]) & (pl.col("ending") == hit["ending"])
    lines: Sequence[Line] = books.lines(batch.filter(of_hit).select("order").sort("order"))
    values: dict[str, Scalar] = {"ending": f"{hit['ending']:02d}", "count": hit["total"]}
    fact = Fact(
        kind=FactKind.ENDINGS, feature=books.source("amount"), actual=hit["count"] / hit["total"],
        expected_high=hit["share"], ratio=hit["count"] / hit["total"] / hit["share"], direction=Direction.ABOVE,
        weight=0.8, values=values,
    )  # fmt: skip
    return entity_flag("endings", lines, _ENDINGS_SEVERITY, facts=(fact,))
