"""From text to types: which kind a column is, and which of its cells do not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from analyzers.errors import SourceError
from flows.sources import instants, numbers
from flows.sources.instants import ClockChanges, Format
from flows.sources.kinds import INSTANT, ColumnKind, Kind, blanked, is_missing, sample

BAD_SHARE = 0.01
"""A column of which a larger share does not fit the inferred kind is text."""
_SURE = 0.97
"""Share of a sample that must fit before the whole column is tried."""
_TRUE = ("true", "t", "yes", "y", "1", "sí", "si", "s", "ja", "j", "wahr", "verdadero", "x")
_FALSE = ("false", "f", "no", "n", "0", "nein", "falsch", "falso")


@dataclass(frozen=True)
class Reading:
    """How a file's cells are read."""

    timezone: str
    decimal: str | None = None
    """Decimal sign that the file as a whole shows; None where it shows none."""


@dataclass(frozen=True)
class TypedColumn:
    """One column with its type, its kind and the cells that do not fit (their positions)."""

    values: pl.Series
    kind: ColumnKind
    bad: pl.Series
    clock_changes: ClockChanges = field(default_factory=ClockChanges)


def decimal_sign(frame: pl.DataFrame) -> str | None:
    """The decimal sign that the text columns of a file show together; None where there is no evidence."""
    point = comma = 0
    for column in frame.select(pl.col(pl.String)).iter_columns():
        votes = numbers.decimal_votes(sample(column, 100)[:100])
        point, comma = point + votes[0], comma + votes[1]
    return None if point == comma else ("." if point > comma else ",")


def infer_column(text: pl.Series, reading: Reading) -> TypedColumn:
    """The column as the first kind that (nearly) all its cells fit: boolean, number, money, instant, else text."""
    shown = sample(text)
    if not shown:
        return _text(text, "no values")
    if {value.lower() for value in shown} <= {"true", "false"}:
        return _accept(text, _booleans(text), ColumnKind(Kind.BOOLEAN, "only true and false")) or _text(text, "words")
    return _infer_number(text, shown, reading) or _infer_instant(text, shown, reading) or _text(text, "words")


def state_column(text: pl.Series, kind: Kind, reading: Reading) -> TypedColumn:
    """The column as the kind that a person stated; SourceError where most of its cells do not fit it."""
    stated = ColumnKind(kind, "stated", stated=True)
    if kind is Kind.TEXT:
        return TypedColumn(text, stated, _none())
    values, changes = _parse(text, kind, reading)
    bad = _unread(text, values)
    present = text.len() - int(is_missing(text).sum()) if bad.len() else 0
    if bad.len() and bad.len() * 2 > present:
        shown = str(text[int(bad[0])])[:40]
        raise SourceError(
            f"column {text.name!r} is stated as {kind.value}, but {bad.len():,} of its {present:,} values are "
            f"not, such as {shown!r}; give the column another role"
        )
    return TypedColumn(values, stated, bad, changes)


def _parse(text: pl.Series, kind: Kind, reading: Reading) -> tuple[pl.Series, ClockChanges]:
    shown = sample(text)
    if kind is Kind.BOOLEAN:
        return _booleans(text), ClockChanges()
    if kind is Kind.INSTANT:
        values, changes, _ = _instants(text, shown, reading)
        return values, changes
    parse = numbers.parse_money if kind is Kind.MONEY else numbers.parse_numbers
    return parse(text, _decimal(shown, reading)[0]), ClockChanges()


def _infer_number(text: pl.Series, shown: list[str], reading: Reading) -> TypedColumn | None:
    decimal, why = _decimal(shown, reading)
    if numbers.fits(shown, decimal) < _SURE:
        return None
    if code := numbers.code_like(text):
        return _text(text, code)
    if numbers.has_currency(shown):
        kind = ColumnKind(Kind.MONEY, f"amounts with a currency, {why}")
        return _accept(text, numbers.parse_money(text, decimal), kind)
    return _accept(text, numbers.parse_numbers(text, decimal), ColumnKind(Kind.NUMBER, why))


def _decimal(shown: list[str], reading: Reading) -> tuple[str, str]:
    """The decimal sign of a column, by its own cells, else by the file's, else a point."""
    point, comma = numbers.decimal_votes(shown)
    if point != comma:
        return (".", "decimal point") if point > comma else (",", "decimal comma")
    if reading.decimal == ",":
        return ",", "decimal comma, as in the file's other columns"
    return ".", "digits"


def _infer_instant(text: pl.Series, shown: list[str], reading: Reading) -> TypedColumn | None:
    formats, share = instants.find_formats(shown)
    if share < _SURE:
        return None
    values, changes, formats = _instants(text, shown, reading)
    kind = ColumnKind(Kind.INSTANT, f"written as {_described(formats[0])}")
    accepted = _accept(text, values, kind)
    return accepted and TypedColumn(accepted.values, kind, accepted.bad, changes)


def _described(written: Format) -> str:
    names = {
        "%Y": "yyyy",
        "%m": "mm",
        "%d": "dd",
        "%y": "yy",
        "%b": "mmm",
        "%H": "hh",
        "%I": "hh",
        "%M": "mm",
        "%S": "ss",
    }
    shown = "".join(written).replace("%.f", "").replace("%#z", " and a zone").replace("%p", "am/pm")
    for code, name in names.items():
        shown = shown.replace(code, name)
    return shown


def _instants(text: pl.Series, shown: list[str], reading: Reading) -> tuple[pl.Series, ClockChanges, list[Format]]:
    """Instants by the formats that a sample shows; day and month change places where only that fits all cells."""
    formats, _ = instants.find_formats(shown)
    if not formats:
        if shown and numbers.fits(shown, ".") == 1:
            return instants.from_epoch(numbers.parse_numbers(text, ".")), ClockChanges(), []
        return pl.Series(text.name, [None], dtype=INSTANT).new_from_index(0, text.len()), ClockChanges(), []
    values, changes = instants.parse_instants(text, formats, reading.timezone)
    other = instants.other_order(formats)
    if other != formats and (bad := _unread(text, values)).len():
        again, again_changes = instants.parse_instants(text, other, reading.timezone)
        if _unread(text, again).len() < bad.len():
            return again, again_changes, other
    return values, changes, formats


def _booleans(text: pl.Series) -> pl.Series:
    lower = text.str.strip_chars().str.to_lowercase()
    known = lower.is_in([*_TRUE, *_FALSE])
    return blanked(lower.is_in(list(_TRUE)), ~known.fill_null(False)).alias(text.name)


def _unread(text: pl.Series, values: pl.Series) -> pl.Series:
    """Positions of the cells that stand for something and could not be read."""
    if values.null_count() == text.null_count():
        return _none()
    suspects = (values.is_null() & text.is_not_null()).arg_true()
    return suspects.filter(~is_missing(text.gather(suspects)))


def _accept(text: pl.Series, values: pl.Series, kind: ColumnKind) -> TypedColumn | None:
    """The typed column, unless too many cells do not fit."""
    bad = _unread(text, values)
    allowed = max(BAD_SHARE * text.count(), 1 if text.count() >= 20 else 0)
    return TypedColumn(values, kind, bad) if bad.len() <= allowed else None


def _text(text: pl.Series, reason: str) -> TypedColumn:
    return TypedColumn(text, ColumnKind(Kind.TEXT, reason), _none())


def _none() -> pl.Series:
    return pl.Series([], dtype=pl.UInt32)


_NATIVE: dict[Kind, Callable[[pl.Series], bool]] = {
    Kind.NUMBER: lambda values: values.dtype.is_numeric() and not values.dtype.is_decimal(),
    Kind.MONEY: lambda values: values.dtype.is_decimal(),
    Kind.INSTANT: lambda values: values.dtype.is_temporal(),
    Kind.BOOLEAN: lambda values: values.dtype == pl.Boolean,
    Kind.TEXT: lambda values: values.dtype == pl.String,
}


def native_kind(values: pl.Series) -> Kind:
    """The kind that a typed source gives a column by its type."""
    return next(kind for kind, fits in _NATIVE.items() if fits(values))
