"""Personal data: `person` columns leave the sources as a keyed hash, so that patterns stay visible and names do not."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from hashlib import blake2b

import polars as pl

from analyzers.columns import Columns, Field, Role
from analyzers.persons import mask_of

TEXT_HASH = "text-"
"""How hashes of free texts begin."""
_UNSPACED = re.compile(r"[\W_]")


def mask_persons(frame: pl.DataFrame, columns: Columns, key: bytes) -> pl.DataFrame:
    """The frame with every `person` column's values replaced by `person-` and ten hex digits.

    The same person gets the same mask in every column and night of a workspace; nulls and empty texts stay null.
    """
    for name in columns.names(Role.PERSON):
        if name in frame.columns:
            is_account = columns.get(name).field is Field.BANK_ACCOUNT
            frame = mask_accounts(frame, name, key) if is_account else mask_column(frame, name, key)
    return frame


def masks_of(value: str, key: bytes) -> frozenset[str]:
    """All masks that a value may have: as a name, and as a bank account."""
    return frozenset(mask_of(each, key) for each in (value, _UNSPACED.sub("", value)) if each.strip())


def without_persons(frame: pl.DataFrame, names: Iterable[str], erased: Container[str], key: bytes) -> pl.DataFrame:
    """The frame with null in the place of every person who was erased.

    names : columns of persons. erased : hashes of their masks, as `erased_hash` gives them.
    """
    for name in names:
        if name in frame.columns:
            written = frame.get_column(name).cast(pl.String)
            gone = [
                value
                for value in written.unique().drop_nulls().to_list()
                if any(erased_hash(mask, key) in erased for mask in masks_of(value, key))
            ]
            if gone:
                frame = frame.with_columns(pl.when(written.is_in(gone).not_()).then(pl.col(name)).alias(name))
    return frame


def erased_hash(mask: str, key: bytes) -> str:
    """What is kept of an erased person, so that the next night does not bring them back: a keyed hash of the mask."""
    return blake2b(mask.encode(), key=key[:64], digest_size=16, person=b"erased").hexdigest()


def without_texts(frame: pl.DataFrame, names: Iterable[str], erased: Container[str], key: bytes) -> pl.DataFrame:
    """The frame with null in the place of free texts that were emptied on request.

    names : columns of free text. erased : hashes of the texts, as `text_hash` gives them.
    """
    for name in names:
        if name in frame.columns:
            texts = frame.get_column(name).cast(pl.String).unique().drop_nulls().to_list()
            gone = [text for text in texts if text_hash(text, key) in erased]
            if gone:
                kept = pl.col(name).cast(pl.String).is_in(gone).not_()
                frame = frame.with_columns(pl.when(kept).then(pl.col(name)).alias(name))
    return frame


def text_hash(text: str, key: bytes) -> str:
    """What is kept of a free text that was emptied on request, so that the next night does not bring it back."""
    return TEXT_HASH + blake2b(text.encode(), key=key[:64], digest_size=16, person=b"text").hexdigest()


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
