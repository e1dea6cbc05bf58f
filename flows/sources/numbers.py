"""Numbers as people write them: 1234.56, 1,234.56, 1.234,56, 1'234.56, 1 234,56, (12), 12-, € 12, 12 EUR."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import polars as pl

from flows.sources.kinds import MONEY, blanked

_CURRENCY = r"€|\$|£|¥|(?:EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|JPY|MXN|CAD|AUD)\b"
_SPACES = " \u00a0\u202f\u2009'’"
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_POINT = re.compile(rf"[+-]?(?:\d{{1,3}}(?:[,{_SPACES}]\d{{3}})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
_COMMA = re.compile(rf"[+-]?(?:\d{{1,3}}(?:[.{_SPACES}]\d{{3}})+|\d+)?(?:,\d*)?(?:[eE][+-]?\d+)?")
_CODE_LIKE = re.compile(r"[+-]?0\d+")
_ADORNMENT = re.compile(rf"^(?:{_CURRENCY})\s*|\s*(?:{_CURRENCY})$")
_LARGEST_EXACT = 10**15


def undress(text: str) -> str:
    """Without currency, and with the sign in front."""
    if _PLAIN.fullmatch(text):
        return text
    bare = _ADORNMENT.sub("", text.strip(), count=2).strip()
    if bare.startswith("(") and bare.endswith(")"):
        return "-" + _ADORNMENT.sub("", bare[1:-1].strip()).strip()
    if bare.endswith("-") and bare[:1].isdigit():
        return "-" + bare[:-1]
    return _ADORNMENT.sub("", bare[1:].strip()).join((bare[0], "")) if bare[:1] in "+-" and len(bare) > 1 else bare


def decimal_votes(texts: Iterable[str]) -> tuple[int, int]:
    """How many texts can only be read with a decimal point, and how many only with a decimal comma."""
    point = comma = 0
    for text in texts:
        bare = undress(text)
        if not any(digit in bare for digit in "0123456789"):
            continue
        as_point, as_comma = bool(_POINT.fullmatch(bare)), bool(_COMMA.fullmatch(bare))
        point += as_point and not as_comma
        comma += as_comma and not as_point
    return point, comma


def fits(texts: list[str], decimal: str) -> float:
    """Share of the texts that are numbers with this decimal sign."""
    pattern = _POINT if decimal == "." else _COMMA
    good = sum(bool(pattern.fullmatch(bare)) and any(map(str.isdigit, bare)) for bare in map(undress, texts))
    return good / max(len(texts), 1)


def has_currency(texts: list[str]) -> bool:
    """Whether most of them carry a currency."""
    return sum(bool(re.search(_CURRENCY, text)) for text in texts) * 2 > len(texts)


def code_like(text: pl.Series) -> str | None:
    """Why these digits are a code rather than a number; None where they are a number."""
    bare = text.str.strip_chars()
    zero = bare.filter(bare.str.starts_with("0") & (bare.str.len_bytes() > 1))
    if zero.len() and zero.str.contains(r"^0\d").any():
        return f"digits with a leading zero, such as {zero.filter(zero.str.contains(r'^0[0-9]')).first()!r}"
    long = bare.filter(bare.str.len_bytes() > 15)
    if long.len() and long.str.contains(r"^[+-]?\d{16,}$").any():
        return "digits too long for an exact number"
    return None


def parse_numbers(text: pl.Series, decimal: str) -> pl.Series:
    """Numbers as Int64 where all are whole, else Float64; null where a text is none, and for NaN and infinity."""
    plain = _fraction_with_point(text, decimal)
    whole = plain.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    parsed = plain.cast(pl.Float64, strict=False)
    parsed = blanked(parsed, ~parsed.is_finite())
    rest = (parsed.is_null() & text.is_not_null()).arg_true()
    if rest.len():
        again = _canonical(text.gather(rest), decimal).cast(pl.Float64, strict=False)
        again = blanked(again, ~again.is_finite())
        parsed = parsed.scatter(rest, again)
    return _whole_where_possible(parsed)


def parse_money(text: pl.Series, decimal: str) -> pl.Series:
    """Money as Decimal(18, 4), rounded to its last digit; null where a text is none or does not fit."""
    parsed = _to_money(_fraction_with_point(text, decimal))
    rest = (parsed.is_null() & text.is_not_null()).arg_true()
    if rest.len():
        parsed = parsed.scatter(rest, _to_money(_canonical(text.gather(rest), decimal)))
    return parsed


def money_from_numbers(numbers: pl.Series) -> pl.Series:
    """Money from integers, floats or decimals; null where it does not fit."""
    fitting = numbers.cast(pl.Float64).abs() < float(Decimal(10) ** 14 - 1)
    return blanked(numbers, ~fitting.fill_null(False)).cast(MONEY, strict=False)


def _to_money(text: pl.Series) -> pl.Series:
    digits = text.str.strip_chars()
    digits = blanked(digits, digits.str.len_bytes() > 36)
    digits = blanked(digits, digits.str.contains(r"(?i)[a-df-z_]"))
    return digits.str.to_decimal(scale=4).cast(MONEY, strict=False)


def _fraction_with_point(text: pl.Series, decimal: str) -> pl.Series:
    """Texts that are plain but for a decimal comma, with a point; the others null where they could be misread."""
    if decimal == ".":
        return text
    pointed = text.str.contains(".", literal=True)
    return blanked(text, pointed).str.replace(",", ".", literal=True)


def _canonical(text: pl.Series, decimal: str) -> pl.Series:
    """The few texts with groups, currencies or odd signs, rewritten; null where they are no number."""
    pattern = (_POINT if decimal == "." else _COMMA).pattern
    group = "," if decimal == "." else "."
    bare = text.str.strip_chars().str.replace(rf"^([+-]?)\s*(?:{_CURRENCY})\s*", "${1}")
    bare = bare.str.replace(rf"\s*(?:{_CURRENCY})$", "")
    bare = bare.str.replace(r"^\((.+)\)$", "-${1}").str.replace(r"^(\d.*)-$", "-${1}")
    bare = bare.str.replace(rf"^-\s*(?:{_CURRENCY})\s*", "-").str.replace(rf"\s*(?:{_CURRENCY})$", "")
    good = bare.str.contains(f"^(?:{pattern})$") & bare.str.contains(r"\d")
    plain = blanked(bare, ~good.fill_null(False)).str.replace_all(f"[{group}{_SPACES}]", "")
    return plain.str.replace(",", ".", literal=True) if decimal == "," else plain


def _whole_where_possible(numbers: pl.Series) -> pl.Series:
    """Int64 where the numbers are whole by their size and value, such as "1,000"; else as they are."""
    if numbers.dtype == pl.Float64 and numbers.count() and bool((numbers.abs() < _LARGEST_EXACT).all()):
        whole = numbers.cast(pl.Int64, strict=False)
        if bool((whole.cast(pl.Float64) == numbers).all()):
            return whole
    return numbers
