"""Which payments were taken back: reversed, voided, or credited in full."""

from __future__ import annotations

import polars as pl

from analyzers.audit.books import Books


def taken_back(books: Books) -> pl.Series:
    """`order` of every payment that a later record undoes, so that a second payment of it is no duplicate.

    A record whose `status` says that it is void stands for nothing. A record undoes the payment that its `reverses`
    names (by key, document or invoice); an amount below zero without such a reference undoes an earlier payment of the
    same entity, currency and amount, one payment each.
    """
    named = pl.concat([_named(books), _voided(books)]).unique()
    rest = books.frame.lazy().filter(~pl.col("order").is_in(named.implode()))
    return pl.concat([named, _matched(rest, books)]).unique().sort()


def _voided(books: Books) -> pl.Series:
    if not books.has("status"):
        return pl.Series("order", [], dtype=pl.UInt32)
    words = [word.casefold() for word in books.settings.void_statuses]
    return books.frame.filter(pl.col("status").str.to_lowercase().is_in(words))["order"]


def _named(books: Books) -> pl.Series:
    if not books.has("reverses"):
        return pl.Series("order", [], dtype=pl.UInt32)
    targets = books.frame.filter(pl.col("reverses").is_not_null()).select(
        "entity" if books.has("entity") else pl.lit(None, pl.String).alias("entity"), name="reverses"
    )
    found = []
    for column in ("key", "document", "invoice"):
        if books.has(column):
            on = ["name", "entity"] if column == "invoice" else ["name"]
            named = books.payments.select("order", "entity", name=column).collect()
            found.append(named.join(targets.unique(), on=on, how="semi")["order"])
    reversing = books.payments.filter(pl.col("reverses").is_not_null()).select("order").collect()["order"]
    return pl.concat([reversing, *found]).unique()


def _matched(frame: pl.LazyFrame, books: Books) -> pl.Series:
    """The earliest payments, as many as there are later credits of the same size."""
    on = ["entity", "currency", "size"]
    sized = frame.filter(pl.col("entity").is_not_null() & (pl.col("cents") != 0)).with_columns(
        size=pl.col("cents").abs()
    )
    unnamed = pl.col("reverses").is_null() if books.has("reverses") else pl.lit(True)
    credited = (
        sized.filter((pl.col("cents") < 0) & unnamed).group_by(on).agg(credits=pl.len(), last=pl.col("order").max())
    )
    paid = sized.filter(pl.col("cents") > 0).join(credited, on=on).filter(pl.col("order") < pl.col("last"))
    ranked = paid.with_columns(rank=pl.col("order").rank("ordinal").over(on))
    return ranked.filter(pl.col("rank") <= pl.col("credits")).select("order").collect()["order"]
