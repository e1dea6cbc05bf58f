"""Missing document numbers (completeness of a sequence; Nigrini, Forensic Analytics, gap tests; ACL/IDEA "gaps").

Invoices of suppliers are numbered by the suppliers; only the house's own `document` numbers are expected without gaps,
and only where the history had basically none.
"""

from __future__ import annotations

import polars as pl

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, record_flag
from analyzers.results import Fact, FactKind, Flag

USUAL_GAPS = 0.002
"""Share of gaps among the steps of a sequence from which gaps mean nothing."""
_LEAST_NUMBERS = 200
_SEVERITY = 60.0
_MOST_FLAGS = 50


def sequence_gaps(books: Books) -> Found:
    """Numbers missing between two documents of one series, the later of them in the batch."""
    steps = _steps(books)
    if steps.height < _LEAST_NUMBERS:
        return Skip("sequence_too_few", {"count": steps.height, "needed": _LEAST_NUMBERS})
    gaps = steps.filter((pl.col("missing") > 0) & (pl.col("missing") < pl.col("numbers")))
    before = gaps.filter(pl.col("row").is_null()).height if not books.material.ranking else gaps.height
    known = steps.filter(pl.col("row").is_null()).height if not books.material.ranking else steps.height
    if known >= _LEAST_NUMBERS and before / known > USUAL_GAPS:
        return Skip("sequence_gaps_usual", {"count": before})
    found = gaps.filter(pl.col("row").is_not_null())
    if found.height > max(10, USUAL_GAPS * steps.height):
        return Skip("sequence_gaps_usual", {"count": found.height})
    return _flags(books, found)


def _steps(books: Books) -> pl.DataFrame:
    """Each document with the number before it in its series; long jumps are a new range, not missing documents."""
    numbered = books.frame.select(
        "order",
        "row",
        "document",
        prefix=pl.col("document").str.extract(r"^(.*?)(\d{1,18})\D*$", 1),
        number=pl.col("document").str.extract(r"^(.*?)(\d{1,18})\D*$", 2).cast(pl.Int64, strict=False),
    ).drop_nulls(["number"])
    # A document's first line stands for it: a journal entry has several.
    first = numbered.sort("order").unique(["prefix", "number"], keep="first", maintain_order=True)
    ordered = first.sort("prefix", "number")
    return ordered.with_columns(
        missing=(pl.col("number").diff() - 1).over("prefix"),
        previous=pl.col("document").shift().over("prefix"),
        numbers=pl.len().over("prefix"),
    ).drop_nulls("missing")


def _flags(books: Books, gaps: pl.DataFrame) -> list[Flag]:
    widest = gaps.sort(["missing", "order"], descending=[True, False]).head(_MOST_FLAGS)
    lines = widest.select("order", "missing", "previous").join(books.frame, on="order").sort("order")
    return [
        record_flag(
            "sequence_gap",
            line,
            _SEVERITY,
            exposure=None,
            facts=(
                Fact(
                    kind=FactKind.SEQUENCE_GAP,
                    feature=books.source("document"),
                    actual=float(line["missing"]),
                    weight=0.9,
                    values={"after": line["previous"], "before": line["document"]},
                ),
            ),
        )
        for line in lines.to_dicts()
    ]
