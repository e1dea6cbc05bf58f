"""A table into the frame that analyzers take: one type for each role, and an id for each record."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from analyzers.columns import Column, Columns, Field, Role
from analyzers.errors import SourceError
from flows.sources import column_types, native
from flows.sources.column_types import Reading
from flows.sources.files import QUARANTINE, Table
from flows.sources.identity import with_record_ids
from flows.sources.kinds import ColumnKind, Kind

_ROLES = {
    Role.KEY: Kind.TEXT,
    Role.TIME: Kind.INSTANT,
    Role.ENTITY: Kind.TEXT,
    Role.EXPOSURE: Kind.MONEY,
    Role.MEASURE: Kind.NUMBER,
    Role.CATEGORY: Kind.TEXT,
    Role.TEXT: Kind.TEXT,
    Role.PERSON: Kind.TEXT,
    Role.STATE: Kind.TEXT,
}
_FIELDS = {
    Field.ENTRY_DATE: Kind.INSTANT,
    Field.POSTING_DATE: Kind.INSTANT,
    Field.DUE_DATE: Kind.INSTANT,
    Field.VALUE: Kind.NUMBER,
}


class Conformed(NamedTuple):
    """`frame` holds the described columns and `record_id`; its rows are those of the inputs that `quarantined`
    (all of the table's, and those that did not fit here) does not name, in their order.
    """

    frame: pl.DataFrame
    quarantined: pl.DataFrame


def kind_of(column: Column) -> Kind | None:
    """The kind that a column's role or, where that leaves it open, its field asks for; None where neither does."""
    if column.role is Role.IGNORE:
        return _FIELDS.get(column.field, Kind.TEXT) if column.field else None
    return Kind.NUMBER if column.field is Field.VALUE else _ROLES[column.role]


def conform(table: Table, columns: Columns, *, timezone: str, monitor: str = "scan") -> Conformed:
    """Cast a table to the types of `analyzers.settings.Material`, and give each record its id.

    Cells that do not fit (an amount beyond Decimal(18, 4), a text in a measure) put their row in quarantine.

    Raises SourceError where a described column is absent, or most of its cells do not fit its role.
    """
    reading = Reading(timezone)
    typed, parts, bad = [], [table.quarantined], []
    for column in columns.columns:
        if column.name not in table.frame.columns:
            shown = ", ".join(table.frame.columns[:12])
            raise SourceError(f"there is no column {column.name!r}; the source has: {shown}")
        values = table.frame[column.name]
        result = _fit(values, kind_of(column), reading)
        typed.append(_material_type(result.values, column.role))
        if result.bad.len():
            bad.append(result.bad.cast(pl.Int64))
            parts.append(_cells(table, column.name, result.bad, result.kind.kind))
    frame = pl.DataFrame(typed)
    if bad:
        frame = frame.filter(~pl.int_range(frame.height, eager=True).is_in(pl.concat(bad).unique().to_list()))
    return Conformed(with_record_ids(frame, columns, monitor), pl.concat(parts).sort("row", maintain_order=True))


def _fit(values: pl.Series, kind: Kind | None, reading: Reading) -> column_types.TypedColumn:
    if kind is None:
        return column_types.TypedColumn(
            values, ColumnKind(column_types.native_kind(values), "as read"), pl.Series([], dtype=pl.UInt32)
        )
    if values.dtype == pl.String:
        return column_types.state_column(values, kind, reading)
    return native.convert(values, kind, reading)


def _material_type(values: pl.Series, role: Role) -> pl.Series:
    return values.cast(pl.Float64) if role is Role.MEASURE else values


def _cells(table: Table, name: str, bad: pl.Series, kind: Kind) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": table.rows.gather(bad),
            "column": pl.Series([name]).new_from_index(0, bad.len()),
            "value": native.as_text(table.frame[name].gather(bad)).str.head(200),
            "reason": pl.Series([f"is no {kind.value}, or too large for it"]).new_from_index(0, bad.len()),
        },
        schema=QUARANTINE,
    )
