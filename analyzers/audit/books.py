"""The books that audit tests read: history and batch in one frame under fixed names, money in cents, days local."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from analyzers.calendars import is_on_a_run
from analyzers.columns import Columns, Field, Role
from analyzers.cores import on_all_cores
from analyzers.results import Family, Flag, Subject, SubjectKind
from analyzers.settings import AuditSettings, Material
from analyzers.yes_words import says_yes

MOST_CONTEXTS = 6
Line = dict[str, Any]
"""One line of the books' frame by column name."""


@dataclass(frozen=True)
class Books:
    """One material under the audit tests' own names.

    frame : one line per record of history and batch, in order of time (ties by record id, so that the order of rows
        in a file means nothing). Always has `order` (UInt32, position), `row` (Int64, row of the batch, null in
        history), `record_id`, `label` (what people call the record), `currency` (String, "" where unknown); the
        columns of `names`, where the records have them:

        entity, invoice, document, key, account, bank_account, created_by, approved_by, reverses, status, description :
        String
        amount : Float64, signed; cents : Int64
        at : Datetime UTC; day, due, entry_day, posting_day : Date in the monitor's time zone
        made : Datetime, local and naive, when the entry was made as closely as the records say
        manual : Boolean; run : Boolean, whether it is part of a stated payment run
        category:NAME : Categorical, for each category that is no field of its own
    """

    frame: pl.DataFrame
    material: Material

    @property
    def settings(self) -> AuditSettings:
        """Parameters of the audit tests."""
        return self.material.settings.audit

    def has(self, *names: str) -> bool:
        """Whether the records have all of these columns."""
        return all(name in self.frame.columns for name in names)

    @cached_property
    def batch(self) -> pl.DataFrame:
        """The lines of the batch."""
        return self.frame if self.material.ranking else self.frame.filter(pl.col("row").is_not_null())

    @property
    def payments(self) -> pl.LazyFrame:
        """Lines with a positive amount; of millions only the columns that are asked for are copied."""
        return self.frame.lazy().filter(pl.col("cents") > 0)

    def lines(self, chosen: pl.DataFrame) -> list[Line]:
        """The chosen lines, in their order, with what `chosen` says of each beside its `order`."""
        found = self.frame[chosen["order"]].drop(chosen.columns, strict=False)
        return pl.concat([chosen, found], how="horizontal").to_dicts()

    @cached_property
    def contexts(self) -> tuple[str, ...]:
        """Columns by which something can be usual although it is rare among all records."""
        fixed = ("entity", "account", "created_by", "approved_by", "manual")
        categories = [name for name in self.frame.columns if name.startswith("category:")]
        return tuple(name for name in (*fixed, *categories[:MOST_CONTEXTS]) if name in self.frame.columns)

    @cached_property
    def pair_counts(self) -> dict[tuple[str, str], int]:
        """How many records each pair of account and creator has."""
        counts = self.frame.group_by("account", "created_by").len()
        return {(account, user): count for account, user, count in counts.rows()}

    def source(self, name: str) -> str:
        """The source column behind one of the fixed names; the name itself where there is none."""
        return _SOURCES[name](self.material.columns) or name if name in _SOURCES else name

    def unit(self, line: Line) -> str | None:
        """Currency of one line."""
        return str(line["currency"]) or None


def open_books(material: Material) -> Books:
    """Prepare the frame of `Books` from history and batch."""
    material = _signed(material)
    frames = [material.batch] if material.ranking else [material.history, material.batch]
    described = [_described(frame, material) for frame in frames]
    each = list(zip(frames, described, strict=True))
    order = _by_time(each)

    def column(name: str) -> pl.Series:
        # Beside the other columns: a currency that the settings state is one value for all lines.
        parts = [frame.with_columns(columns[name].alias(name))[name] for frame, columns in each]
        return pl.concat([part.to_frame() for part in parts], how="vertical_relaxed")[name].gather(order)

    # One column after the other: of all at once there would be a second copy while they are put in order.
    frame = pl.DataFrame(on_all_cores(column, list(described[0])))
    places = pl.int_range(-sum(part.height for part in frames[:-1]), material.batch.height, eager=True).gather(order)
    named = [name for name in ("document", "key", "invoice") if name in frame.columns]
    frame = frame.with_columns(
        label=pl.coalesce(*[pl.col(name) for name in named], "record_id"),
        row=pl.when(places >= 0).then(places),
    )
    return Books(frame.with_row_index("order"), material)


def _by_time(each: Sequence[tuple[pl.DataFrame, dict[str, pl.Expr]]]) -> pl.Series:
    """Places of all records in order of time, ties by record id."""
    by = [name for name in ("at", "record_id") if name in each[0][1]]
    keys = [frame.select(columns[name].alias(name) for name in by) for frame, columns in each]
    placed = pl.concat(keys, how="vertical_relaxed").with_row_index("place")
    return placed.sort(by, nulls_last=True, maintain_order=True)["place"]


def _signed(material: Material) -> Material:
    """The material with amounts below zero on the rarer side, where a column says debit or credit and no sign does.

    Whatever the house calls the side on which payments stand, most of them stand on it.
    """
    side, amount = material.columns.field(Field.DEBIT_CREDIT), material.columns.one(Role.EXPOSURE)
    frames = (material.history, material.batch)
    if side is None or amount is None or any(not {side, amount} <= set(frame.columns) for frame in frames):
        return material
    if any(frame.select((pl.col(amount) < 0).any()).item() for frame in frames):
        return material
    sides = pl.concat([frame.select(side=_text(pl.col(side))) for frame in frames])["side"].drop_nulls()
    if sides.is_empty():
        return material
    usual = sides.value_counts().sort("count", "side", descending=[True, False])["side"][0]
    value = pl.col(amount)
    signed = pl.when(_text(pl.col(side)) != usual).then(-value).otherwise(value).alias(amount)
    return replace(material, history=frames[0].with_columns(signed), batch=frames[1].with_columns(signed))


def money(cents: int) -> Decimal:
    """Cents as money."""
    return Decimal(int(cents)) / 100


def record_flag(kind: str, line: Line, severity: float, **rest: Any) -> Flag:
    """A flag of an audit test on one record; `rest` are further slots of `Flag`."""
    slots: dict[str, Any] = {
        "analyzer": kind,
        "type": kind,
        "family": Family.AUDIT,
        "subject": Subject(kind=SubjectKind.RECORD, id=str(line["record_id"]), label=str(line["label"])),
        "rows": (line["row"],),
        "severity": severity,
        "time_from": line.get("at"),
        "time_to": line.get("at"),
    }
    cents = line.get("cents")
    if isinstance(cents, int):
        slots |= {"exposure": abs(money(cents)), "currency": str(line["currency"]) or None}
    return Flag.model_validate(slots | rest)


def entity_flag(kind: str, lines: Sequence[Line], severity: float, **rest: Any) -> Flag:
    """A flag of an audit test on the entity of these lines, which are its records in the batch."""
    entity = str(lines[0]["entity"])
    moments = [line["at"] for line in lines if line.get("at") is not None]
    cents = [line["cents"] for line in lines if isinstance(line.get("cents"), int)]
    slots: dict[str, Any] = {
        "analyzer": kind,
        "type": kind,
        "family": Family.AUDIT,
        "subject": Subject(kind=SubjectKind.ENTITY, id=entity, label=entity),
        "rows": tuple(line["row"] for line in lines),
        "severity": severity,
        "time_from": min(moments, default=None),
        "time_to": max(moments, default=None),
    }
    if cents and len({line["currency"] for line in lines}) == 1:
        total = sum(abs(value) for value in cents)
        slots |= {"exposure": money(total), "currency": str(lines[0]["currency"]) or None}
    return Flag.model_validate(slots | rest)


def _field(field: Field) -> Callable[[Columns], str | None]:
    return lambda columns: columns.field(field)


def _role(role: Role) -> Callable[[Columns], str | None]:
    return lambda columns: columns.one(role)


def _description(columns: Columns) -> str | None:
    """The first text column that is not an audit field of another meaning."""
    return next((column.name for column in columns.columns if column.role is Role.TEXT and column.field is None), None)


_TEXTS: dict[str, Callable[[Columns], str | None]] = {
    "entity": _role(Role.ENTITY),
    "key": _role(Role.KEY),
    "invoice": _field(Field.INVOICE),
    "document": _field(Field.DOCUMENT),
    "account": _field(Field.ACCOUNT),
    "bank_account": _field(Field.BANK_ACCOUNT),
    "created_by": _field(Field.CREATED_BY),
    "approved_by": _field(Field.APPROVED_BY),
    "reverses": _field(Field.REVERSES),
    "status": _field(Field.STATUS),
    "description": _description,
}
_DAYS: dict[str, Callable[[Columns], str | None]] = {
    "due": _field(Field.DUE_DATE),
    "entry_day": _field(Field.ENTRY_DATE),
    "posting_day": _field(Field.POSTING_DATE),
}
_SOURCES = {**_TEXTS, **_DAYS, "at": _role(Role.TIME), "amount": _role(Role.EXPOSURE), "manual": _field(Field.MANUAL)}


def _described(frame: pl.DataFrame, material: Material) -> dict[str, pl.Expr]:
    """What the frame's columns are under the fixed names; blank texts become null."""
    columns, zone = material.columns, material.settings.timezone
    wanted = [_text(pl.col(source)).alias(name) for name, source in _present(_TEXTS, columns, frame)]
    for name, source in _present(_DAYS, columns, frame):
        if frame.schema[source].is_temporal():
            wanted.append(_local(frame, source, zone).dt.date().alias(name))
    wanted += _times(frame, columns, zone)
    amount = columns.one(Role.EXPOSURE)
    if amount in frame.columns:
        value = pl.col(amount).cast(pl.Float64, strict=False)
        value = pl.when(value.is_finite() & (value.abs() < 1e15)).then(value)
        wanted += [value.alias("amount"), (value * 100).round().cast(pl.Int64).alias("cents")]
    manual = columns.field(Field.MANUAL)
    if manual in frame.columns:
        wanted.append(says_yes(frame, manual).alias("manual"))
    wanted += _categories(frame, columns)
    on_run = is_on_a_run(material, frame)
    if on_run is not None:
        wanted.append(pl.lit(on_run).alias("run"))
    wanted = [pl.col("record_id"), _currency(frame, material), *wanted]
    return {expression.meta.output_name(): expression for expression in wanted}


def _present(
    table: dict[str, Callable[[Columns], str | None]], columns: Columns, frame: pl.DataFrame
) -> list[tuple[str, str]]:
    found = [(name, find(columns)) for name, find in table.items()]
    return [(name, source) for name, source in found if source is not None and source in frame.columns]


def _text(value: pl.Expr) -> pl.Expr:
    stripped = value.cast(pl.String).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _local(frame: pl.DataFrame, source: str, zone: str) -> pl.Expr:
    dtype, value = frame.schema[source], pl.col(source)
    if isinstance(dtype, pl.Datetime):
        return value.dt.convert_time_zone(zone).dt.replace_time_zone(None) if dtype.time_zone else value
    return value.cast(pl.Datetime("us"))


def _times(frame: pl.DataFrame, columns: Columns, zone: str) -> list[pl.Expr]:
    """`at`, its local `day`, and `made`: the entry's own time where only that has a time of day."""
    time = columns.one(Role.TIME)
    if time is None or time not in frame.columns or not frame.schema[time].is_temporal():
        return []
    dtype, at = frame.schema[time], pl.col(time)
    if not isinstance(dtype, pl.Datetime):
        at = at.cast(pl.Datetime("us"))
    if getattr(dtype, "time_zone", None) is None:
        at = at.dt.replace_time_zone("UTC")
    local = _local(frame, time, zone)
    made, entry = local, columns.field(Field.ENTRY_DATE)
    if entry in frame.columns and frame.schema[entry].is_temporal():
        stamped = _local(frame, entry, zone)
        made = stamped if _has_hours(frame, stamped) and not _has_hours(frame, local) else local
    return [
        at.dt.cast_time_unit("us").alias("at"),
        local.dt.date().alias("day"),
        made.dt.cast_time_unit("us").alias("made"),
    ]


def _has_hours(frame: pl.DataFrame, local: pl.Expr) -> bool:
    """Whether most of these times are not midnight, which a plain date would be."""
    share = frame.select((local.dt.time() != pl.time(0, 0)).mean()).item()
    return share is not None and share > 0.5


def _currency(frame: pl.DataFrame, material: Material) -> pl.Expr:
    name, stated = material.columns.field(Field.CURRENCY), material.settings.currency or ""
    if name not in frame.columns:
        return pl.lit(stated, pl.String).alias("currency")
    return pl.col(name).cast(pl.String).str.strip_chars().fill_null(stated).alias("currency")


def _categories(frame: pl.DataFrame, columns: Columns) -> list[pl.Expr]:
    names = [column.name for column in columns.columns if column.role is Role.CATEGORY and column.field is None]
    # As numbers they are grouped and held at a fraction of their texts' cost.
    return [
        _text(pl.col(name)).cast(pl.Categorical).alias(f"category:{name}") for name in names if name in frame.columns
    ]
