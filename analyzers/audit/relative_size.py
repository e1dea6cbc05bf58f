"""Relative size factor: an entity's largest amount against its second largest (Nigrini, Forensic Analytics, ch. 11)."""

from __future__ import annotations

import polars as pl

from analyzers.audit.audit_test import Found
from analyzers.audit.books import Books, Line, record_flag
from analyzers.audit.rarity import LEAST_EVIDENCE, marked_records
from analyzers.results import Direction, Fact, FactKind

_LEAST_RECORDS = 6
_MATERIAL = 0.75
"""Quantile of all amounts below which a large factor does not matter."""
_MOST_FLAGS = 500


def relative_size(books: Books) -> Found:
    """Amounts at least `size_factor` times the next largest of their entity, unless such accounts work that way.

    Nigrini reports factors of ten and more: the usual slip of a decimal point.

    A yearly premium among monthly ones is as large in every year and for every insurer; the share of such records
    among those of the same account or category decides (`analyzers.audit.rarity`).
    """
    sizes = books.payments.filter(pl.col("entity").is_not_null())
    group = ["entity", "currency"]
    candidates = sizes.select(
        "order",
        "cents",
        next=pl.col("cents").top_k(2).min().over(group),
        largest=pl.col("cents").max().over(group),
        records=pl.len().over(group),
        material=pl.col("cents").quantile(_MATERIAL).over("currency"),
    ).filter(
        (pl.col("records") >= _LEAST_RECORDS)
        & (pl.col("cents") == pl.col("largest"))
        & (pl.col("cents") >= books.settings.size_factor * pl.col("next"))
        & (pl.col("cents") >= pl.col("material"))
    )
    ranked = candidates.select("order", "next").collect()
    mark = pl.col("order").is_in(ranked["order"].implode())
    marked = marked_records(books, {"size": mark}, {"size": ("entity",)}).filter(pl.col("joint") >= LEAST_EVIDENCE)
    chosen = marked.join(ranked, on="order").sort("order").head(_MOST_FLAGS)
    return [
        record_flag("relative_size", line, line["joint"], facts=(_fact(books, line),)) for line in books.lines(chosen)
    ]


def _fact(books: Books, line: Line) -> Fact:
    return Fact(
        kind=FactKind.RELATIVE_SIZE, feature=books.source("amount"), actual=line["amount"],
        expected_high=line["next"] / 100, ratio=line["cents"] / line["next"], direction=Direction.ABOVE,
        unit=books.unit(line), weight=0.9, values={"entity": line["entity"]},
    )  # fmt: skip
