"""From text to types: which kind a column is, and which of its cells do not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from analyzers.errors import SourceError
from flows.sources import instants, numbers
from flows.sources.instants import ClockChanges, Format
from flows.sources.kinds import ColumnKind, Kind, blanked, is_missing, sample

BAD_SHARE = 0.01
"""A column of which a larger share does not fit the inferred kind is text."""
BAD_CELLS = {"row": pl.Int64, "value": pl.String}
_SURE = 0.94
"""Share of a sample that must fit before the whole column is tried."""
_SHOWN = 200
_TRUE = ("true", "t", "yes", "y", "1", "sí", "si", "s", "ja", "j", "wahr", "verdadero", "x")
_FALSE = ("false", "f", "no", "n", "0", "nein", "falsch", "falso")


@dataclass(frozen=True)
class Reading:
    """How a file's cells are read."""

    timezone: str
    decimal: str | None = None
    """Decimal sign that the file as a whole shows; None where it shows none."""


@dataclass(frozen=True)
class Rule:
    """How the cells of one column are read."""

    kind: ColumnKind
    decimal: str = "."
    formats: tuple[Format, ...] = ()
    certain: bool = True
    """Whether the column's own cells decided it; else the first cell that does not fit may tell better."""


@dataclass(frozen=True)
class TypedColumn:
    """One column, or a part of it, with its type.

    bad : the cells that do not fit: `row` within the part and `value` (cut).
    """

    values: pl.Series
    rule: Rule
    bad: pl.DataFrame
    clock_changes: ClockChanges = field(default_factory=ClockChanges)


def decimal_sign(frame: pl.DataFrame) -> str | None:
    """The decimal sign that the text columns of a file show together; None where there is no evidence."""
    point = comma = 0
    for column in frame.iter_columns():
        if column.dtype == pl.String:
            votes = numbers.decimal_votes(sample(column, 100)[:100])
            point, comma = point + votes[0], comma + votes[1]
    return None if point == comma else ("." if point > comma else ",")


def infer_column(text: pl.Series, reading: Reading) -> TypedColumn:
    """The column as the first kind that (nearly) all its cells fit: boolean, number, money, instant, else text."""
    shown = sample(text)
    if not shown:
        return _as_text(text, "no values", certain=False)
    if {value.lower() for value in shown} <= {"true", "false"}:
        rule = Rule(ColumnKind(Kind.BOOLEAN, "only true and false"))
        return _accepted(text, rule, reading) or _as_text(text, "words")
    return _infer_number(text, shown, reading) or _infer_instant(text, shown, reading) or _as_text(text, "words")


def state_column(text: pl.Series, kind: Kind, reading: Reading) -> TypedColumn:
    """The column as the kind that a person stated, whatever does not fit it."""
    stated, shown = ColumnKind(kind, "stated", stated=True), sample(text)
    if kind is Kind.INSTANT:
        formats, order_known = _formats(text, shown, reading)
        return read_column(text, Rule(stated, formats=formats, certain=order_known), reading)
    decimal, _, certain = _decimal(shown, reading)
    return read_column(text, Rule(stated, decimal, certain=certain), reading)


def read_column(text: pl.Series, rule: Rule, reading: Reading) -> TypedColumn:
    """The cells read by a rule."""
    kind, changes = rule.kind.kind, ClockChanges()
    if kind is Kind.TEXT:
        return TypedColumn(text, rule, no_bad_cells())
    if kind is Kind.INSTANT and rule.formats:
        values, changes = instants.parse_instants(text, list(rule.formats), reading.timezone)
    elif kind is Kind.INSTANT:
        values = instants.from_epoch(numbers.parse_numbers(text, "."))
    elif kind is Kind.BOOLEAN:
        values = _booleans(text)
    else:
        parse = numbers.parse_money if kind is Kind.MONEY else numbers.parse_numbers
        values = parse(text, rule.decimal)
    bad = _unread(text, values)
    cells = pl.DataFrame({"row": bad, "value": text.gather(bad).str.head(_SHOWN)}, schema_overrides=BAD_CELLS)
    return TypedColumn(values, rule, cells, changes)


def fit_badly(bad: int, present: int) -> bool:
    """Whether more cells do not fit than an inferred kind may have, of so many that are there."""
    return bad > max(BAD_SHARE * present, 1 if present >= 20 else 0)


def check_stated(column: TypedColumn, present: int) -> None:
    """SourceError where most of the cells do not fit the stated kind."""
    if column.bad.height and column.bad.height * 2 > present:
        raise SourceError(
            f"column {column.values.name!r} is stated as {column.rule.kind.kind.value}, but {column.bad.height:,} of "
            f"its {present:,} values are not, such as {column.bad['value'][0][:40]!r}; give the column another role"
        )


def is_code(text: pl.Series) -> bool:
    """Whether digits turn out to be a code."""
    return numbers.code_like(text) is not None


def no_bad_cells() -> pl.DataFrame:
    """An empty frame of bad cells."""
    return pl.DataFrame(schema=BAD_CELLS)


def _infer_number(text: pl.Series, shown: list[str], reading: Reading) -> TypedColumn | None:
    decimal, why, certain = _decimal(shown, reading)
    if numbers.fits(shown, decimal) < _SURE:
        return None
    if code := numbers.code_like(text):
        return _as_text(text, code)
    if numbers.has_currency(shown):
        kind = ColumnKind(Kind.MONEY, f"amounts with a currency, {why}")
    else:
        kind = ColumnKind(Kind.NUMBER, why)
    return _accepted(text, Rule(kind, decimal, certain=certain), reading)


def _decimal(shown: list[str], reading: Reading) -> tuple[str, str, bool]:
    """The decimal sign of a column by its own cells, else by the file's, else a point; why, and if it is sure."""
    point, comma = numbers.decimal_votes(shown)
    if point != comma:
        return (".", "decimal point", True) if point > comma else (",", "decimal comma", True)
    if reading.decimal == ",":
        return ",", "decimal comma, as in the file's other columns", False
    return ".", "digits", False


def _infer_instant(text: pl.Series, shown: list[str], reading: Reading) -> TypedColumn | None:
    if instants.find_formats(shown)[1] < _SURE:
        return None
    formats, order_known = _formats(text, shown, reading)
    kind = ColumnKind(Kind.INSTANT, f"written as {instants.described(formats[0])}")
    return _accepted(text, Rule(kind, formats=formats, certain=order_known), reading)


def _formats(text: pl.Series, shown: list[str], reading: Reading) -> tuple[tuple[Format, ...], bool]:
    """Formats of a sample, with day and month exchanged where only that fits all cells; whether their order is sure."""
    formats, _ = instants.find_formats(shown)
    other = instants.other_order(formats)
    if other == formats:
        return tuple(formats), True
    bad, bad_other = (
        _unread(text, instants.parse_instants(text, order, reading.timezone)[0]).len() for order in (formats, other)
    )
    return tuple(other if bad_other < bad else formats), bad != bad_other


def _booleans(text: pl.Series) -> pl.Series:
    lower = text.str.strip_chars().str.to_lowercase()
    known = lower.is_in([*_TRUE, *_FALSE])
    return blanked(lower.is_in(list(_TRUE)), ~known.fill_null(False)).alias(text.name)


def _unread(text: pl.Series, values: pl.Series) -> pl.Series:
    """Positions of the cells that stand for something and could not be read."""
    if values.null_count() == text.null_count():
        return pl.Series([], dtype=pl.UInt32)
    suspects = (values.is_null() & text.is_not_null()).arg_true()
    return suspects.filter(~is_missing(text.gather(suspects)))


def _accepted(text: pl.Series, rule: Rule, reading: Reading) -> TypedColumn | None:
    """The typed column, unless too many cells do not fit."""
    column = read_column(text, rule, reading)
    return None if fit_badly(column.bad.height, text.count()) else column


def _as_text(text: pl.Series, reason: str, *, certain: bool = True) -> TypedColumn:
    return TypedColumn(text, Rule(ColumnKind(Kind.TEXT, reason), certain=certain), no_bad_cells())


_NATIVE: dict[Kind, Callable[[pl.DataType], bool]] = {
    Kind.MONEY: lambda dtype: dtype.is_decimal(),
    Kind.NUMBER: lambda dtype: dtype.is_numeric(),
    Kind.INSTANT: lambda dtype: dtype.is_temporal(),
    Kind.BOOLEAN: lambda dtype: dtype == pl.Boolean,
    Kind.TEXT: lambda dtype: True,
}


def native_kind(dtype: pl.DataType) -> Kind:
    """The kind that a typed source gives a column by its type."""
    return next(kind for kind, fits in _NATIVE.items() if fits(dtype))
