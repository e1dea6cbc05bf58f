from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.warehouse import Warehouse, narratives, quarantine, snapshots, sql

MONDAY = date(2026, 3, 2)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


def vendors(*accounts: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"Vendor": [f"V{i}" for i in range(len(accounts))], "vendor": list(accounts)},
        schema={"Vendor": pl.String, "vendor": pl.String},
    )


def take(connection: sql.Connection, frame: pl.DataFrame, on: date) -> tuple[int, int, int]:
    counts = snapshots.take(connection, "ledger", "vendors", frame, on)
    return counts.added, counts.removed, counts.rows


def rows(frame: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(frame.rows())


def test_a_change_is_dated(connection: sql.Connection) -> None:
    assert take(connection, vendors("ES1", None), MONDAY) == (2, 0, 2)
    assert take(connection, vendors("ES1", None).reverse(), TUESDAY) == (0, 0, 2)
    assert take(connection, vendors("ES9", None), WEDNESDAY) == (1, 1, 2)
    assert rows(snapshots.as_of(connection, "ledger", "vendors", TUESDAY)) == {("V0", "ES1"), ("V1", None)}
    assert rows(snapshots.as_of(connection, "ledger", "vendors", WEDNESDAY)) == {("V0", "ES9"), ("V1", None)}
    assert rows(snapshots.history(connection, "ledger", "vendors", WEDNESDAY)) == {
        ("V0", "ES1", MONDAY, WEDNESDAY),
        ("V0", "ES9", WEDNESDAY, None),
        ("V1", None, MONDAY, None),
    }
    assert rows(snapshots.history(connection, "ledger", "vendors", TUESDAY)) == {
        ("V0", "ES1", MONDAY, None),
        ("V1", None, MONDAY, None),
    }
    assert snapshots.first_taken(connection, "ledger", "vendors") == MONDAY


def test_a_date_taken_again_is_taken_anew_and_an_older_one_is_not(connection: sql.Connection) -> None:
    take(connection, vendors("ES1"), MONDAY)
    take(connection, vendors("typo"), TUESDAY)
    assert take(connection, vendors("ES1"), TUESDAY) == (0, 0, 1)
    assert rows(snapshots.history(connection, "ledger", "vendors", WEDNESDAY)) == {("V0", "ES1", MONDAY, None)}
    assert take(connection, vendors("older"), MONDAY) == (0, 0, 1)
    assert rows(snapshots.as_of(connection, "ledger", "vendors", WEDNESDAY)) == {("V0", "ES1")}


def test_a_row_that_comes_back_has_two_spans(connection: sql.Connection) -> None:
    for day, accounts in ((MONDAY, "ES1"), (TUESDAY, "ES2"), (WEDNESDAY, "ES1")):
        take(connection, vendors(accounts), day)
    assert rows(snapshots.history(connection, "ledger", "vendors", WEDNESDAY)) == {
        ("V0", "ES1", MONDAY, TUESDAY),
        ("V0", "ES2", TUESDAY, WEDNESDAY),
        ("V0", "ES1", WEDNESDAY, None),
    }


def test_the_last_change_of_a_column_is_told_for_each_key(connection: sql.Connection) -> None:
    days = [MONDAY + timedelta(days=i) for i in range(5)]
    for day, first, second, name in zip(days, "AABBB", "XXXXX", "oonnn", strict=True):
        table = pl.DataFrame({"id": [1, 2], "iban": [first, second], "name": [name, name]})
        snapshots.take(connection, "ledger", "vendors", table, day)
    new = pl.DataFrame({"id": [1, 2, 3], "iban": [None, "X", "N"], "name": ["n", "n", "n"]})
    snapshots.take(connection, "ledger", "vendors", new, days[-1] + timedelta(days=1))

    def changes(until: date, column: str = "iban") -> list[tuple[object, ...]]:
        return snapshots.last_changes(connection, "ledger", "vendors", key="id", column=column, until=until).rows()

    assert changes(days[1]) == []
    assert changes(days[4]) == [("1", days[2], "A", "B")]
    assert changes(days[4] + timedelta(days=1)) == [("1", days[4] + timedelta(days=1), "B", None)]
    assert changes(days[4], "nothing") == []


def test_types_are_kept_until_they_change(connection: sql.Connection) -> None:
    frame = pl.DataFrame({"limit": [Decimal("1.5000")], "n": [1]}, schema_overrides={"limit": pl.Decimal(18, 4)})
    snapshots.take(connection, "ledger", "limits", frame, MONDAY)
    assert snapshots.as_of(connection, "ledger", "limits", MONDAY).equals(frame)
    snapshots.take(connection, "ledger", "limits", frame.with_columns(n=pl.lit("many")), TUESDAY)
    assert snapshots.as_of(connection, "ledger", "limits", TUESDAY)["n"].to_list() == ["many"]
    assert snapshots.as_of(connection, "ledger", "limits", MONDAY)["n"].to_list() == ["1"]


def test_what_was_never_taken_is_empty(connection: sql.Connection) -> None:
    assert snapshots.as_of(connection, "ledger", "nothing", MONDAY).is_empty()
    assert snapshots.first_taken(connection, "ledger", "nothing") is None


def test_quarantined_rows_are_kept_once_per_ingest(connection: sql.Connection) -> None:
    frame = pl.DataFrame({"row": [7, 3], "column": ["amount", None], "reason": ["no number", "too long"]})
    for _ in range(2):
        assert quarantine.store(connection, "i1", "ledger", frame.with_columns(value=pl.lit("x" * 900))) == 2
    kept = quarantine.load(connection, "i1")
    assert kept["row"].to_list() == [3, 7]
    assert kept["value"].str.len_chars().to_list() == [200, 200]
    assert quarantine.store(connection, "i2", "ledger", frame.clear()) == 0
    assert quarantine.load(connection, "i2").height == 0


def test_the_first_accepted_skeleton_stays(connection: sql.Connection) -> None:
    assert narratives.keep_skeletons(connection, {"a": '{"order": [1]}', "b": "{}"}) == 2
    assert narratives.keep_skeletons(connection, {"a": "other", "c": "{}"}) == 1
    assert narratives.load_skeletons(connection) == {"a": '{"order": [1]}', "b": "{}", "c": "{}"}
