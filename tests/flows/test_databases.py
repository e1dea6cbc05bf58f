"""SQLite and DuckDB files as sources, watermarks, and what the settings of databases may say."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

from analyzers.errors import DatabaseError, MonitorError, SourceError
from flows import credentials
from flows.sources.databases import sqlite
from flows.sources.databases.reading import Extract, Read, databases
from flows.sources.databases.watermark import Form, Watermark, highest
from flows.sources.files import Kind
from flows.warehouse import Warehouse
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, payments
from tests.flows.nights import run_night

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SETTINGS = """\
timezone: UTC
narration: false
databases:
  shop: {kind: sqlite, file: shop.db}
  lake: {kind: duckdb, file: lake.duckdb}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "sereno.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "monitors").mkdir()
    return Workspace.open(tmp_path)


def read(workspace: Workspace, database: str, table: str | None = "t", query: str | None = None, **how: object) -> Read:
    with databases(workspace) as opened:
        extract = Extract(database, table, query, **how)  # type: ignore[arg-type]
        return opened.read(extract, kinds={"amount": Kind.MONEY}, timezone="UTC", now=NOW)


def fill_sqlite(path: Path, statements: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(statements)
    connection.close()


def test_sqlite_cells_keep_their_types_and_mixed_columns_are_text(workspace: Workspace) -> None:
    fill_sqlite(
        workspace.folder / "shop.db",
        """CREATE TABLE t (code TEXT, amount DECIMAL(18,4), n INTEGER, mixed, raw BLOB, at TEXT);
        INSERT INTO t VALUES ('00123', 12.5, 1, 1, x'00ff', '2026-01-15 10:00:00'),
            ('7', 3, 2, 'one', NULL, '2026-01-16 10:00:00'), (NULL, NULL, NULL, NULL, NULL, NULL),
            ('8', 1, 1, 1, NULL, NULL);""",
    )
    table = read(workspace, "shop").table
    frame = table.frame
    assert frame["code"].to_list() == ["00123", "7", "8"]
    assert frame["amount"].to_list() == [Decimal("12.5"), Decimal(3), Decimal(1)]
    assert frame["n"].dtype == pl.Int64
    assert frame["mixed"].to_list() == ["1", "one", "1"]
    assert frame["raw"].to_list() == ["00ff", None, None]
    assert frame["at"].to_list()[0] == datetime(2026, 1, 15, 10, tzinfo=UTC)


def test_columns_that_change_their_type_between_batches_are_one_column(workspace: Workspace) -> None:
    fill_sqlite(workspace.folder / "shop.db", "CREATE TABLE t (n, w)")
    connection = sqlite3.connect(workspace.folder / "shop.db")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, i) for i in range(100_000)] + [(0.5, "x")] * 5_000)
    connection.commit()
    connection.close()
    frame = read(workspace, "shop").table.frame
    assert frame.schema == {"n": pl.Float64, "w": pl.String}
    assert (frame.height, frame["n"][-1], frame["w"][0], frame["w"][-1]) == (105_000, 0.5, "0", "x")


def test_a_duckdb_file_is_read_with_its_types(workspace: Workspace) -> None:
    with duckdb.connect(str(workspace.folder / "lake.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT '00' || i AS code, (i * 0.01)::DECIMAL(18,2) AS amount, "
            "TIMESTAMPTZ '2026-01-01 00:00:00+01' + to_minutes(i) AS at, DATE '2026-01-01' AS day, i::HUGEINT AS big, "
            "[i, 2] AS items FROM range(250000) AS r(i)"
        )
    found = read(workspace, "lake", watermark="at")
    frame = found.table.frame
    assert frame.height == 250_000
    assert frame.row(1, named=True) == {
        "code": "001", "amount": Decimal("0.01"), "at": datetime(2025, 12, 31, 23, 1, tzinfo=UTC),
        "day": datetime(2026, 1, 1, tzinfo=UTC), "big": 1.0, "items": frame["items"][1],
    }  # fmt: skip
    assert found.watermark == Watermark(Form.INSTANT, "2026-04-02 12:00:00+00:00")
    since = Watermark(Form.INSTANT, "2026-06-23 13:00:00+02:00")
    assert read(workspace, "lake", watermark="at", since=since).table.frame.height == 250_000 - 249_840
    assert read(workspace, "lake", None, "SELECT day, amount FROM t", columns=["day"], most=5).names == (
        "day",
        "amount",
    )


@pytest.mark.parametrize(
    ("database", "query", "expected"),
    [
        ("shop", "SELECT * FROM missing", "no such table: missing"),
        ("shop", "SELECT missing FROM t", "no such column: missing"),
        ("shop", "SELECT 1; DELETE FROM t", "shop"),
        ("shop", "SELECT load_extension('x')", "shop"),
        ("lake", "SELECT * FROM missing", "missing"),
        ("lake", "SELECT * FROM read_csv('/etc/passwd')", "lake"),
        ("lake", "SELECT 1) AS x; DROP TABLE t; SELECT * FROM (SELECT 1", "lake"),
    ],
)
def test_a_query_can_only_read_and_only_this_database(
    workspace: Workspace, database: str, query: str, expected: str
) -> None:
    fill_sqlite(workspace.folder / "shop.db", "CREATE TABLE t (n); INSERT INTO t VALUES (1)")
    with duckdb.connect(str(workspace.folder / "lake.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    with pytest.raises(SourceError, match=expected) as caught:
        read(workspace, database, None, query)
    assert str(caught.value).startswith(f"database {database} (")
    assert read(workspace, database).table.frame.height == 1


def test_files_that_are_missing_wrong_or_in_use_are_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for database, file in (("shop", "shop.db"), ("lake", "lake.duckdb")):
        with pytest.raises(SourceError, match="there is no such file"):
            read(workspace, database)
        (workspace.folder / file).write_bytes(b"no database at all, only words " * 500)
        with pytest.raises(SourceError, match="not a"):
            read(workspace, database)
    (workspace.folder / "shop.db").unlink()
    fill_sqlite(workspace.folder / "shop.db", "CREATE TABLE t (n)")
    holder = sqlite3.connect(workspace.folder / "shop.db", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    with pytest.raises(DatabaseError, match="another program holds it"):
        read(workspace, "shop")
    holder.close()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 5, None, 3], Watermark(Form.NUMBER, "5")),
        ([Decimal("1.5"), Decimal("0.5")], Watermark(Form.NUMBER, "1.5")),
        ([date(2026, 3, 1), date(2206, 1, 1)], Watermark(Form.DATE, "2026-03-01")),
        ([datetime(2026, 3, 1, 10), datetime(2206, 1, 1)], Watermark(Form.LOCAL, "2026-03-01 10:00:00")),  # noqa: DTZ001
        (["2026-03-01T10:00", "2026-02-01T10:00"], Watermark(Form.WRITTEN, "2026-03-01T10:00")),
        (["2026-03-01", "9999-12-31"], Watermark(Form.WRITTEN, "2026-03-01")),
        ([None, None], None),
    ],
)
def test_the_highest_value_counts_but_not_the_far_future(values: list[object], expected: Watermark | None) -> None:
    assert highest(pl.Series("w", values), now=NOW) == expected


@pytest.mark.parametrize("value", ["1 March", "2026-03-01T10:00:00+02:00", "2026-13-01' OR 1=1 --"])
def test_other_texts_are_no_watermark(value: str) -> None:
    with pytest.raises(SourceError, match="cannot be a watermark"):
        highest(pl.Series("w", [value]), now=NOW)


@pytest.mark.parametrize(
    ("mark", "look_back", "expected"),
    [
        (Watermark(Form.NUMBER, "100"), 3, "97"),
        (Watermark(Form.DATE, "2026-03-01"), 3, "2026-02-26"),
        (Watermark(Form.INSTANT, "2026-03-01 10:00:00+00:00"), 0.5, "2026-02-28 22:00:00+00:00"),
        (Watermark(Form.WRITTEN, "2026-03-01T10:00"), 1, "2026-02-28T10:00:00"),
        (Watermark(Form.WRITTEN, "2026-03-01"), 1, "2026-02-28"),
    ],
)
def test_a_look_back_lowers_it(mark: Watermark, look_back: float, expected: str) -> None:
    assert mark.less(look_back) == Watermark(mark.form, expected)


MONITOR = """\
title: Payments
timezone: UTC
batch: 5
currency: EUR
records: {database: shop, table: payments, watermark: number, look_back: 10}
columns:
  payment: {role: key, field: document}
  paid_at: time
  supplier: entity
  amount: exposure
  number: ignore
  note: ignore
"""


def test_a_part_that_is_read_changes_no_types_and_a_new_column_reads_all_again(workspace: Workspace) -> None:
    path = workspace.folder / "monitors" / "payments.yaml"
    path.write_text(MONITOR, encoding="utf-8")
    rows = payments().select("payment", "paid_at", "supplier", pl.col("amount").cast(pl.Float64), "account").rows()
    fill_sqlite(
        workspace.folder / "shop.db",
        "CREATE TABLE payments (payment TEXT, paid_at TEXT, supplier TEXT, amount REAL, account TEXT, number, note)",
    )
    connection = sqlite3.connect(workspace.folder / "shop.db", isolation_level=None)
    connection.executemany(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?)", [(*row, i + 0.5, 1.5) for i, row in enumerate(rows)]
    )
    assert run_night(workspace.folder, DATA_DATE)[0].status == "done"
    connection.execute("INSERT INTO payments VALUES ('NEW', '2026-04-01 10:00:00', 'S01', 5.0, '621', 2000, NULL)")
    outcome, analysis = run_night(workspace.folder, date(2026, 4, 1))
    assert outcome.status == "done"
    assert next(check for check in analysis.checks if check.name == "schema").code == "schema_usual"
    with Warehouse.of(workspace).reading() as opened:
        stored = opened.execute('SELECT count(*), sum("number") % 1, sum(note) FROM records_payments').fetchall()
        ingested = opened.execute("SELECT count(DISTINCT ingest_id) FROM records_payments").fetchall()
        types = dict(opened.execute("SELECT name, type FROM stored_columns").fetchall())
    assert stored == [(904, 0.5, 903 * 1.5)]
    assert ingested == [(2,)]
    assert (types["number"], types["note"]) == ("DOUBLE", "DOUBLE")

    path.write_text(MONITOR + "  account: category\n", encoding="utf-8")
    assert run_night(workspace.folder, date(2026, 4, 2))[0].status == "done"
    with Warehouse.of(workspace).reading() as opened:
        assert opened.execute("SELECT count(account) FROM records_payments").fetchall() == [(904,)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop: {kind: sqlite}", "databases.shop.file: missing; add this key"),
        ("shop: {kind: sqlit, file: a}", "databases.shop: 'sqlit' is no 'kind': did you mean 'sqlite'?"),
        ("shop: {file: a}", "databases.shop: names no 'kind'; add this key"),
        ("shop: {kind: sqlite, fil: a, file: b}", "databases.shop.fil: unknown key; did you mean 'file'?"),
        ("Shop: {kind: sqlite, file: b}", "databases.Shop"),
        ("e: {kind: postgresql, host: 'a,b', database: d, user: u}", "databases.e.host: 'a,b' is not one"),
        ("e: {kind: postgresql, host: a, database: d, user: u, tls: requre}",
         "databases.e.tls: Input should be 'disable', 'prefer', 'require' or 'verify-full'; did you mean 'require'?"),
        ("e: {kind: odbc, options: {Pwd: x}, driver: D}", "databases.e.options: 'Pwd': write `user`"),
        ("e: {kind: odbc, options: {Server: x}}", "databases.e: name a `driver`, or a DSN"),
        ('e: {kind: postgresql, host: a, database: d, user: u, password: "a\\nb"}', "databases.e.password"),
    ],
)  # fmt: skip
def test_settings_of_databases_say_what_is_wrong_with_them(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "sereno.yaml").write_text(f"databases:\n  {text}\n", encoding="utf-8")
    with pytest.raises(MonitorError) as caught:
        Workspace.open(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/sereno.yaml:2: {expected}")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("{}", "records: name `files`, or a `database`"),
        ("{files: a, database: shop, table: t}", "records: name `files`, or a `database`"),
        ("{database: shop}", "records: a `database` needs either a `table` or a `query`"),
        ("{database: shop, table: t, query: q}", "records: a `database` needs either a `table` or a `query`"),
        ("{files: a, table: t}", "records: a `database` needs either a `table` or a `query`"),
        ("{files: a, watermark: at}", "records: `watermark` goes with a `database`"),
        ("{database: shop, table: t, watermark: a}", "file: the watermark 'a' is none of the columns"),
        ("{database: shop, table: t, watermark: at}", "file: a watermark reads rows again, so a column needs the role"),
        (
            "{database: ship, table: t}",
            "records.database: 'ship' is not under `databases` in sereno.yaml; did you mean",
        ),
    ],
)
def test_a_monitor_names_one_source(workspace: Workspace, records: str, expected: str) -> None:
    text = f"title: T\nrecords: {records}\ncolumns: {{at: time, n: exposure}}\n"
    (workspace.folder / "monitors" / "m.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MonitorError) as caught:
        workspace.monitor("m")
    assert str(caught.value).split(": ", 1)[1].startswith(expected)


def test_a_credential_may_be_a_secret_of_prefect(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"erp-password": "from prefect"}

    def load(name: str) -> Secret[str]:
        if name not in kept:
            raise ValueError(f"Unable to find block document named {name}")
        return Secret(value=kept[name])

    monkeypatch.setattr(Secret, "load", load)
    monkeypatch.setattr(credentials, "prepare", lambda workspace: None)
    path = workspace.folder / "sereno.yaml"
    path.write_text(
        "databases:\n  e: {kind: postgresql, host: a, database: d, user: u, password: '${secret:erp-password}'}\n",
        encoding="utf-8",
    )
    settings = Workspace.open(workspace.folder).settings
    assert "from prefect" not in json.dumps(settings.model_dump(mode="json"))
    assert credentials.revealed(workspace, settings.databases["e"].password) == "from prefect"  # type: ignore[union-attr]
    with pytest.raises(MonitorError, match="no Secret block 'other'"):
        credentials.revealed(workspace, SecretStr("${secret:other}"))
