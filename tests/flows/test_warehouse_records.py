from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.errors import SourceError
from flows.warehouse import Warehouse, records, sql

AT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
DAY = timedelta(days=1)
PAYMENTS = Columns(
    shape=Shape.EVENTS,
    columns=(
        Column(name="number", role=Role.KEY),
        Column(name="paid", role=Role.TIME),
        Column(name="vendor", role=Role.ENTITY),
        Column(name="amount", role=Role.EXPOSURE),
        Column(name="days", role=Role.MEASURE),
        Column(name="due", role=Role.IGNORE, field=Field.DUE_DATE),
    ),
)


def payments(count: int = 4) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": [f"00{i}" for i in range(count)],
            "paid": [AT - DAY * (count - i) for i in range(count)],
            "vendor": ["A", "B", None, "A"][:count],
            "amount": [Decimal("10.0001"), Decimal("99999999999999.9999"), None, Decimal("-0.3")][:count],
            "days": [1.5, None, 2.0, 0.1 + 0.2][:count],
            "due": [date(2026, 4, 1 + i) for i in range(count)],
        },
        schema_overrides={"amount": pl.Decimal(18, 4), "paid": pl.Datetime("us", "UTC")},
    )


def without_time(columns: Columns, *dropped: str) -> Columns:
    return Columns(shape=columns.shape, columns=tuple(c for c in columns.columns if c.name not in dropped))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


def ingest(connection: sql.Connection, frame: pl.DataFrame, columns: Columns = PAYMENTS, at: datetime = AT) -> object:
    counts = records.ingest(connection, "pay", columns, frame, f"ingest-{at:%d}", at=at)
    return counts.new, counts.changed, counts.unchanged


def test_what_goes_in_comes_out_exactly(connection: sql.Connection) -> None:
    frame = payments()
    ingest(connection, frame)
    loaded = records.load(connection, "pay", PAYMENTS)
    assert loaded.drop("record_id").equals(frame)
    assert loaded.schema == {**frame.schema, "record_id": pl.String}
    assert loaded["record_id"].str.contains("^r1:[0-9a-f]{32}$").all()
    kinds = {row[0]: row[1] for row in sql.rows(connection, "DESCRIBE records_pay")}
    assert kinds["amount"] == "DECIMAL(18,4)"
    assert kinds["paid"] == "TIMESTAMP WITH TIME ZONE"


def test_the_same_again_changes_nothing_and_a_changed_record_only_itself(connection: sql.Connection) -> None:
    frame = payments()
    assert ingest(connection, frame) == (4, 0, 0)
    before = records.fingerprint(connection, "pay", PAYMENTS)
    assert ingest(connection, frame.reverse(), at=AT + DAY) == (0, 0, 4)
    assert sql.rows(connection, "SELECT DISTINCT ingest_id, first_seen_at FROM records_pay") == [("ingest-01", AT)]
    assert records.fingerprint(connection, "pay", PAYMENTS) == before

    changed = frame.with_columns(days=pl.when(pl.col("number") == "001").then(9.0).otherwise("days"))
    assert ingest(connection, changed, at=AT + DAY) == (0, 1, 3)
    assert records.fingerprint(connection, "pay", PAYMENTS) != before
    assert sql.rows(connection, "SELECT ingest_id, first_seen_at, days FROM records_pay WHERE number = '001'") == [
        ("ingest-02", AT, 9.0)
    ]


def test_a_parquet_file_gives_the_same_as_its_frame(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.writing() as connection:
        ingest(connection, payments())
        before = records.fingerprint(connection, "pay", PAYMENTS)
    path = tmp_path / "work" / 'it\'s a "file".parquet'
    payments().write_parquet(path)
    with warehouse.writing() as connection:
        counts = records.ingest(connection, "pay", PAYMENTS, path, "again", at=AT + DAY)
        assert (counts.new, counts.changed, counts.unchanged) == (0, 0, 4)
        assert records.fingerprint(connection, "pay", PAYMENTS) == before


def test_history_and_batch_are_half_open_and_in_order(connection: sql.Connection) -> None:
    ingest(connection, payments().sample(fraction=1, shuffle=True, seed=3))
    history = records.load(connection, "pay", PAYMENTS, end=AT - DAY)
    batch = records.load(connection, "pay", PAYMENTS, start=AT - DAY, end=AT)
    assert history["number"].to_list() == ["000", "001", "002"]
    assert batch["number"].to_list() == ["003"]
    assert records.newest_time(connection, "pay", PAYMENTS) == AT - DAY


def test_late_records_are_those_first_seen_after(connection: sql.Connection) -> None:
    frame = payments()
    ingest(connection, frame[:3])
    ingest(connection, frame, at=AT + DAY)
    late = records.load(connection, "pay", PAYMENTS, arrived_after=AT)
    assert late["number"].to_list() == ["003"]
    # What came with a run is stamped with its very start, and was judged by it.
    assert records.load(connection, "pay", PAYMENTS, arrived_after=AT + DAY).is_empty()


def test_a_monitor_without_records_loads_typed_and_empty(connection: sql.Connection) -> None:
    loaded = records.load(connection, "pay", PAYMENTS, start=AT - DAY, end=AT)
    assert loaded.height == 0
    assert loaded.columns == [*payments().columns, "record_id"]
    assert loaded.schema["amount"] == pl.Decimal(18, 4)
    assert records.fingerprint(connection, "pay", PAYMENTS) == "i1:none"
    assert records.newest_time(connection, "pay", PAYMENTS) is None


def test_repeated_keys_are_all_kept_and_counted(connection: sql.Connection) -> None:
    frame = pl.concat([payments(), payments()[:1].with_columns(days=7.0), payments()[:1]])
    counts = records.ingest(connection, "pay", PAYMENTS, frame, "one", at=AT)
    assert (counts.new, counts.repeated) == (6, 2)
    assert ingest(connection, frame.sample(fraction=1, shuffle=True, seed=1)) == (0, 0, 6)
    loaded = records.load(connection, "pay", PAYMENTS)
    assert loaded["record_id"].n_unique() == 6


def test_without_a_key_equal_records_stay_apart(connection: sql.Connection) -> None:
    columns = without_time(PAYMENTS, "number")
    frame = pl.concat([payments(2), payments(2)]).drop("number")
    assert ingest(connection, frame, columns) == (4, 0, 0)
    assert ingest(connection, frame.reverse(), columns) == (0, 0, 4)
    assert ingest(connection, pl.concat([frame, frame[:1]]), columns) == (1, 0, 4)


def test_a_corrected_sample_of_a_series_replaces_the_old_one(connection: sql.Connection) -> None:
    columns = Columns(
        shape=Shape.SERIES,
        columns=(
            Column(name="t", role=Role.TIME),
            Column(name="pump", role=Role.ENTITY),
            Column(name="bar", role=Role.MEASURE),
        ),
    )
    frame = pl.DataFrame({"t": [AT, AT], "pump": ["p1", "p2"], "bar": [1.0, 2.0]})
    assert ingest(connection, frame, columns) == (2, 0, 0)
    assert ingest(connection, frame.with_columns(bar=pl.lit(5.0)), columns) == (0, 2, 0)


def test_a_new_column_is_added_and_said_and_rewrites_nothing_by_itself(connection: sql.Connection) -> None:
    narrow = without_time(PAYMENTS, "due")
    ingest(connection, payments().drop("due"), narrow)
    before = records.fingerprint(connection, "pay", narrow)
    arriving = payments().with_columns(due=pl.lit(None, pl.Date), extra=pl.lit(1))
    counts = records.ingest(connection, "pay", PAYMENTS, arriving, "two", at=AT)
    assert counts.drift.added == ("due",)
    assert counts.drift.undeclared == ("extra",)
    assert counts.unchanged == 4
    assert records.fingerprint(connection, "pay", PAYMENTS) == before

    counts = records.ingest(connection, "pay", PAYMENTS, payments().drop("days"), "three", at=AT)
    assert counts.drift.missing == ("days",)
    assert records.load(connection, "pay", PAYMENTS)["days"].null_count() == 4


def test_a_changed_role_converts_what_is_stored_or_says_why_not(connection: sql.Connection) -> None:
    columns = Columns(shape=Shape.EVENTS, columns=(Column(name="a", role=Role.CATEGORY),))
    measured = Columns(shape=Shape.EVENTS, columns=(Column(name="a", role=Role.MEASURE),))
    ingest(connection, pl.DataFrame({"a": ["1", "2.5"]}), columns)
    counts = records.ingest(connection, "pay", measured, pl.DataFrame({"a": [3.0]}), "two", at=AT)
    assert counts.drift.retyped == ("a",)
    assert sorted(records.load(connection, "pay", measured)["a"]) == [1.0, 2.5, 3.0]

    ingest(connection, pl.DataFrame({"a": ["x"]}), columns)
    with pytest.raises(SourceError, match="1 stored values are VARCHAR and cannot become DOUBLE"):
        ingest(connection, pl.DataFrame({"a": [3.0]}), measured)


@pytest.mark.parametrize("amount", ["a fortune", 1e20])
def test_values_that_do_not_fit_are_refused_in_one_line(connection: sql.Connection, amount: str | float) -> None:
    frame = payments().with_columns(amount=pl.lit(amount))
    with pytest.raises(SourceError, match="does not fit the type of its column"):
        ingest(connection, frame)


def test_hostile_column_names_are_names_and_nothing_else(connection: sql.Connection) -> None:
    names = [
        'a"; DROP TABLE runs; --',
        "'; SELECT 1; '",
        "Amount",
        "amount",
        "AMOUNT",
        "x" * 300,
        "x" * 299 + "y",
        "",
        " ",
        "tab\tand\nnewline\0nul",
        "record_hash",
        "row_hash",
        "ROWID",
        "first_seen_at",
        "select",
        "c0",
        "ñandú",
        "ÑANDÚ",
        "{brace} $1 ? :name",
    ]
    columns = Columns(shape=Shape.EVENTS, columns=tuple(Column(name=name, role=Role.TEXT) for name in names))
    frame = pl.DataFrame({name: [f"{i}-{row}" for row in range(3)] for i, name in enumerate(names)})
    assert ingest(connection, frame, columns) == (3, 0, 0)
    assert ingest(connection, frame.select(reversed(frame.columns)), columns) == (0, 0, 3)
    loaded = records.load(connection, "pay", columns)
    assert loaded.drop("record_id").sort(names[0]).equals(frame)
    assert sql.scalar(connection, "SELECT count(*) FROM runs") == 0


def test_hostile_monitor_names_do_not_meet(connection: sql.Connection) -> None:
    frame, columns = pl.DataFrame({"a": ["1"]}), Columns(shape="events", columns=(Column(name="a", role=Role.TEXT),))
    for name in ('x"; DROP TABLE runs; --', "A", "a", "../a", "a.b"):
        assert records.ingest(connection, name, columns, frame, "one", at=AT).new == 1


def test_a_source_with_record_ids_keeps_them(connection: sql.Connection) -> None:
    columns = Columns(
        shape=Shape.EVENTS, columns=(Column(name="record_id", role=Role.KEY), Column(name="a", role=Role.TEXT))
    )
    frame = pl.DataFrame({"record_id": ["7", "8", None, None], "a": ["p", "q", "r", "r"]})
    assert ingest(connection, frame, columns) == (4, 0, 0)
    loaded = records.load(connection, "pay", columns)
    assert loaded.columns == ["a", "record_id"]
    assert {"7", "8"} <= set(loaded["record_id"])
    assert loaded["record_id"].n_unique() == 4


cells = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=12), data=st.data())
def test_fingerprint_depends_on_the_records_and_not_on_their_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]], data: st.DataObject
) -> None:
    columns = Columns(shape=Shape.EVENTS, columns=(Column(name="a", role=Role.TEXT), Column(name="b", role=Role.TEXT)))
    shuffled = data.draw(st.permutations(rows))
    swapped = [(b, a) for a, b in rows]
    prints = []
    with Warehouse(tmp_path_factory.mktemp("order") / "w.duckdb").writing() as connection:
        for name, content in (("one", rows), ("two", shuffled), ("three", swapped), ("four", rows[1:])):
            frame = pl.DataFrame(content, schema={"a": pl.String, "b": pl.String}, orient="row")
            records.ingest(connection, name, columns, frame, "i", at=AT)
            prints.append(records.fingerprint(connection, name, columns))
    assert prints[1] == prints[0]
    assert (prints[2] == prints[0]) == (sorted(map(repr, swapped)) == sorted(map(repr, rows)))
    assert prints[3] != prints[0]
