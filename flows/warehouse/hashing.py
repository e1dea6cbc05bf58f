"""Hashes of rows, as SQL expressions: versioned, independent of the order of columns, and blind to empty ones.

A row's content is written as `length:name=length:value` for each column that is not null, by name; the lengths leave
no two rows with one text. A column that arrives later, empty in old rows, changes no hash.
"""

from __future__ import annotations

from collections.abc import Iterable

from flows.warehouse import sql
from flows.warehouse.tables import StoredColumn

RECORD_ID_VERSION = "r1"
INPUT_VERSION = "i1"


def content(columns: Iterable[StoredColumn]) -> str:
    """Expression for the content of a row as text."""
    ordered = sorted(columns, key=lambda column: column.name)
    return f"concat('', {', '.join(_pair(column) for column in ordered)})" if ordered else "''"


def row_hash(content_expression: str) -> str:
    """Expression for the first 16 bytes of the content's SHA-256."""
    return f"unhex(left(sha256({content_expression}), 32))"


def record_id(identity_expression: str) -> str:
    """Expression for `r1:` and the first 128 bits of the identity's SHA-256, in hex."""
    return f"'{RECORD_ID_VERSION}:' || left(sha256({identity_expression}), 32)"


def multiset(relation: str) -> str:
    """Query for one hash of all rows of a relation with a `row_hash`, whatever their order; and their number.

    SHA-256 over the sorted row hashes, in 256 groups so that no single text grows with the table.
    """
    groups = (
        "SELECT substr(hex(row_hash), 1, 2) AS part, count(*) AS number, "
        f"sha256(string_agg(hex(row_hash), '' ORDER BY row_hash)) AS digest FROM {relation} GROUP BY part"
    )
    return (
        "SELECT sha256(coalesce(string_agg(part || digest, '' ORDER BY part), '')), "
        f"coalesce(sum(number), 0)::BIGINT FROM ({groups})"
    )


def _pair(column: StoredColumn) -> str:
    value = _as_text(column)
    visible = column.name.replace(chr(0), chr(0x2400))
    label = sql.text(f"{len(column.name)}:{visible}=")
    return f"{label} || length({value}) || ':' || {value}"


def _as_text(column: StoredColumn) -> str:
    name = sql.quoted(column.stored)
    return f"CAST(epoch_us({name}) AS VARCHAR)" if column.type == "TIMESTAMPTZ" else f"CAST({name} AS VARCHAR)"
