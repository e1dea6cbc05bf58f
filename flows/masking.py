"""Personal data: `person` columns leave the sources as a keyed hash, so that patterns stay visible and names do not."""

from __future__ import annotations

import polars as pl

from analyzers.columns import Columns, Field, Role
from analyzers.persons import mask_of


def mask_persons(frame: pl.DataFrame, columns: Columns, key: bytes) -> pl.DataFrame:
    """The frame with every `person` column's values replaced by `person-` and ten hex digits.

    The same person gets the same mask in every column and night of a workspace; nulls and empty texts stay null.
    """
    for name in columns.names(Role.PERSON):
        if name in frame.columns:
            is_account = columns.get(name).field is Field.BANK_ACCOUNT
            frame = mask_accounts(frame, name, key) if is_account else mask_column(frame, name, key)
    return frame


def mask_column(frame: pl.DataFrame, name: str, key: bytes) -> pl.DataFrame:
    """The frame with one column masked."""
    return frame.with_columns(_masked(frame.get_column(name).cast(pl.String), key))


def mask_accounts(frame: pl.DataFrame, name: str, key: bytes) -> pl.DataFrame:
    """The frame with one column of bank accounts masked, however each of them is spaced."""
    plain = pl.col(name).cast(pl.String).str.replace_all(r"[^\p{L}\p{N}]", "")
    return mask_column(frame.with_columns(plain), name, key)


def _masked(values: pl.Series, key: bytes) -> pl.Series:
    distinct = values.unique().drop_nulls()
    masks = [mask_of(value, key) if value.strip() else None for value in distinct.to_list()]
    return values.replace_strict(distinct, pl.Series(masks, dtype=pl.String), default=None).alias(values.name)
