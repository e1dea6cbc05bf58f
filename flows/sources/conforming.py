"""A table into the frame that analyzers take: one type for each role, and an id for each record."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from analyzers.columns import Column, Columns, Field, Role
from analyzers.errors import SourceError
from flows.sources import column_types, native
from flows.sources.column_types import Reading, Rule, TypedColumn
from flows.sources.files import Table
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
    typed, parts, bad = [], [table.quarantined], []
    for column in columns.columns:
        if column.name not in table.frame.columns:
            shown = ", ".join(table.frame.columns[:12])
            raise SourceError(f"there is no column {column.name!r}; the source has: {shown}")
        result = _fit(table.frame[column.name], kind_of(column), timezone)
        typed.append(result.values.cast(pl.Float64) if column.role is Role.MEASURE else result.values)
        if result.bad.height:
            bad.append(result.bad["row"])
            parts.append(_cells(table, column.name, result))
    frame = pl.DataFrame(typed)
    if bad:
        kept = ~pl.int_range(frame.height, dtype=pl.Int64, eager=True).is_in(pl.concat(bad).unique().implode())
        frame = frame.filter(kept)
    return Conformed(with_record_ids(frame, columns, monitor), pl.concat(parts).sort("row", maintain_order=True))


def _fit(values: pl.Series, kind: Kind | None, timezone: str) -> TypedColumn:
    if kind is None:
        own = ColumnKind(column_types.native_kind(values.dtype), "as read")
        return TypedColumn(values, Rule(own), column_types.no_bad_cells())
    if values.dtype != pl.String:
        return native.convert(values, kind, timezone)
    column = column_types.state_column(values, kind, Reading(timezone))
    column_types.check_stated(column, values.count())
    return column


def _cells(table: Table, name: str, column: TypedColumn) -> pl.DataFrame:
    reason = f"is no {column.rule.kind.kind.value}, or too large for it"
    return column.bad.select(
        table.rows.gather(column.bad["row"]).alias("row"),
        pl.lit(name).alias("column"),
        "value",
        pl.lit(reason).alias("reason"),
    )
