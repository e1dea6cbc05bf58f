"""Segregation of duties: entered and approved by the same person (ISA 315 on control activities; COSO principle 10)."""

from __future__ import annotations

import polars as pl

from analyzers.audit.audit_test import Found, Skip
from analyzers.audit.books import Books, record_flag
from analyzers.audit.rarity import marked_records
from analyzers.results import Fact, FactKind

HABITUAL = 0.02
"""Share of self-approved records from which the books have no such control to break."""
_MORE_THAN_RARE = 15.0
"""Added to what its rarity gives: a broken control is a reason, not only odd."""
_MOST_FLAGS = 1_000


def self_approved(books: Books) -> Found:
    """Records whose creator approved them, in books where that is rare."""
    same = (pl.col("created_by") == pl.col("approved_by")).fill_null(False)
    share = books.frame.select(same.mean()).item() or 0.0
    if share > HABITUAL:
        return Skip("audit_self_approval_usual", {"share": round(share, 4)})
    marked = marked_records(books, {"self": same}, {"self": ("approved_by",)})
    lines = marked.sort("joint", "order", descending=[True, False]).head(_MOST_FLAGS).join(books.frame, on="order")
    return [
        record_flag(
            "self_approved",
            line,
            min(line["joint"] + _MORE_THAN_RARE, 90.0) if line["joint"] > 0 else 0.0,
            facts=(
                Fact(
                    kind=FactKind.SELF_APPROVED,
                    feature=books.source("approved_by"),
                    actual=line["approved_by"],
                    weight=0.9,
                ),
            ),
        )
        for line in lines.sort("order").to_dicts()
    ]
