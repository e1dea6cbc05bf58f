from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.errors import SourceError
from flows.sources import column_types, instants, numbers
from flows.sources.column_types import Reading
from flows.sources.instants import ClockChanges
from flows.sources.kinds import Kind

UTC_READING = Reading("UTC")
MADRID = Reading("Europe/Madrid")


def _infer(*texts: str | None, reading: Reading = UTC_READING) -> column_types.TypedColumn:
    return column_types.infer_column(pl.Series("a", texts, dtype=pl.String), reading)


def _european(amount: Decimal) -> str:
    whole, _, cents = f"{amount:,.2f}".partition(".")
    return whole.replace(",", ".") + "," + cents


def _american(amount: Decimal) -> str:
    return f"{amount:,.2f}"


@given(st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=2), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_money_is_read_as_it_was_written(amounts: list[Decimal]) -> None:
    for write, decimal in ((_european, ","), (_american, "."), (str, ".")):
        text = pl.Series([write(amount) for amount in amounts])
        assert numbers.parse_money(text, decimal).to_list() == amounts
        assert numbers.parse_numbers(text, decimal).to_list() == [float(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("€ 1.234,50", ",", "1234.5"),
        ("1.234,50 EUR", ",", "1234.5"),
        ("(12.50)", ".", "-12.5"),
        ("12,50-", ",", "-12.5"),
        ("-$3", ".", "-3"),
        ("1'234.50", ".", "1234.5"),
        ("1 234,50", ",", "1234.5"),
        ("1\u00a0234\u00a0567", ",", "1234567"),
        ("1e3", ".", "1000"),
        ("12.5", ",", None),
        ("1,23,456", ".", None),
        ("twelve", ".", None),
        ("0x10", ".", None),
        ("nan", ".", None),
        ("99999999999999999", ".", None),
    ],
)
def test_unusual_amounts(text: str, decimal: str, value: str | None) -> None:
    expected = None if value is None else Decimal(value)
    assert numbers.parse_money(pl.Series([text]), decimal)[0] == expected


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("1", "22", "-3"), Kind.NUMBER),
        (("007", "12", "13"), Kind.TEXT),
        (("4111111111111111", "4222222222222222"), Kind.TEXT),
        (("€ 12,50", "€ 3,00"), Kind.MONEY),
        (("true", "FALSE"), Kind.BOOLEAN),
        (("yes", "no"), Kind.TEXT),
        (("2026-01-31", "2026-02-01"), Kind.INSTANT),
        (("31.12.2025 10:00", "01.02.2026 09:30"), Kind.INSTANT),
        (("10:00", "11:00"), Kind.TEXT),
        ((None, None), Kind.TEXT),
        (("1", "N/A", "NaN", "-", None), Kind.NUMBER),
        (("a", "1", "2"), Kind.TEXT),
    ],
)
def test_kinds(texts: tuple[str | None, ...], kind: Kind) -> None:
    column = _infer(*texts)
    assert column.rule.kind.kind is kind
    assert column.bad.is_empty()


def test_the_file_decides_where_the_column_cannot() -> None:
    assert _infer("1.234", "2.500").values.to_list() == [1.234, 2.5]
    assert _infer("1.234", "2.500", reading=Reading("UTC", ",")).values.to_list() == [1234, 2500]


def test_whole_numbers_keep_their_digits() -> None:
    assert _infer("10012", "7").values.dtype == pl.Int64
    assert _infer("10012", "7.5").values.dtype == pl.Float64


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (("31/12/2025", "01/02/2026"), datetime(2025, 12, 31, tzinfo=UTC)),
        (("12/31/2025", "02/01/2026"), datetime(2025, 12, 31, tzinfo=UTC)),
        (("05/04/2026", "06/07/2026"), datetime(2026, 4, 5, tzinfo=UTC)),
        (("05/04/26", "31/07/26"), datetime(2026, 4, 5, tzinfo=UTC)),
        (("2026-01-01T10:00:00.25+02:00",), datetime(2026, 1, 1, 8, 0, 0, 250_000, tzinfo=UTC)),
        (("2026-01-01 10:00:00Z",), datetime(2026, 1, 1, 10, tzinfo=UTC)),
        (("01/25/2026 03:05 PM",), datetime(2026, 1, 25, 15, 5, tzinfo=UTC)),
        (("15-Nov-2026",), datetime(2026, 11, 15, tzinfo=UTC)),
    ],
)
def test_dates(texts: tuple[str, ...], first: datetime) -> None:
    column = _infer(*texts)
    assert column.rule.kind.kind is Kind.INSTANT
    assert column.values[0] == first


def test_zones_may_be_mixed() -> None:
    column = _infer("2026-01-01T10:00:00Z", "2026-01-01T10:00:00", "2026-01-01", reading=MADRID)
    hours = (10, 9, -1)
    assert column.values.to_list() == [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]


def test_hours_that_clocks_skip_or_repeat() -> None:
    column = _infer("2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-10-25 03:30:00", reading=MADRID)
    assert column.values.to_list() == [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
    ]
    assert column.clock_changes == ClockChanges(absent=1, repeated=1)


@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20))  # noqa: DTZ001
@settings(max_examples=30, deadline=None)
def test_instants_are_read_as_they_were_written(moments: list[datetime]) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    for written in ("%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"):
        column = column_types.state_column(
            pl.Series([moment.strftime(written) for moment in [*whole, datetime(2025, 12, 31)]]),  # noqa: DTZ001
            Kind.INSTANT,
            UTC_READING,
        )
        assert column.values.to_list()[:-1] == [moment.replace(tzinfo=UTC) for moment in whole]


def test_epochs_by_their_size() -> None:
    for factor in (1, 1_000, 1_000_000, 1_000_000_000):
        read = instants.from_epoch(pl.Series([1_700_000_000 * factor]))
        assert read[0] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_rare_misfit_is_bad_and_a_common_one_makes_text() -> None:
    column = _infer(*["1.5"] * 300, "oops")
    assert column.rule.kind.kind is Kind.NUMBER
    assert column.bad.rows() == [(300, "oops")]
    assert _infer(*["1.5"] * 30, *["oops"] * 3).rule.kind.kind is Kind.TEXT


def test_a_stated_kind_that_does_not_fit_is_an_error() -> None:
    column = column_types.state_column(pl.Series("a", ["x", "y", "1"]), Kind.NUMBER, UTC_READING)
    with pytest.raises(SourceError, match="column 'a' is stated as number, but 2 of its 3 values"):
        column_types.check_stated(column, 3)
