"""Records and reference tables of a real PostgreSQL server: types, one moment, watermark, errors, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analyzers.errors import DatabaseError, MonitorError, SourceError
from flows.cli import status
from flows.sources.databases import reading
from flows.sources.databases.reading import Extract, databases
from flows.sources.databases.watermark import Form, Watermark
from flows.sources.files import Kind
from flows.warehouse import Warehouse
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, MONITOR, payments
from tests.flows.nights import run_night
from tests.flows.postgresql_server import PASSWORD, READER, Server, running

pytestmark = pytest.mark.xdist_group("postgresql")

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SETTINGS = """\
name: Test company
timezone: Europe/Madrid
narration: false
databases:
  erp:
    kind: postgresql
    host: 127.0.0.1
    port: {port}
    database: postgres
    user: reader
    password: ${{SERENO_TEST_PASSWORD}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as found:
        yield found


@pytest.fixture
def workspace(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that may read the server; the schema `public` is empty."""
    monkeypatch.setenv("SERENO_TEST_PASSWORD", PASSWORD)
    # Nothing in the environment may lead libpq elsewhere.
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    server.sql(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO {READER};"
               f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {READER};")  # fmt: skip
    (tmp_path / "sereno.yaml").write_text(SETTINGS.format(port=server.port), encoding="utf-8")
    (tmp_path / "monitors").mkdir()
    return Workspace.open(tmp_path)


def read(
    workspace: Workspace, table: str = "public.t", kinds: dict[str, Kind] | None = None, **how: object
) -> pl.DataFrame:
    with databases(workspace) as opened:
        extract = Extract("erp", table, None, **how)  # type: ignore[arg-type]
        return opened.read(extract, kinds=kinds, timezone="Europe/Madrid", now=NOW).table.frame


def test_types_are_kept(server: Server, workspace: Workspace) -> None:
    server.sql("""
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE TABLE t (code text, amount numeric(18,4), rate numeric(12,6), free numeric, price money, at timestamptz,
            local timestamp, day date, yes boolean, "Odd ""name" int, what jsonb, who uuid,
            took interval, m mood, tags text[]);
        INSERT INTO t VALUES ('00123', 12345678901234.5678, 1.123456, 7, 12.5, '2026-03-29 02:30+02',
            '2026-01-15 10:00', '2026-02-01', true, 5, '{"a": 1}',
            '00000000-0000-0000-0000-000000000001', '1 day', 'good', '{x,y}'),
            ('7', -0.0001, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    """)
    frame = read(workspace, kinds={"amount": Kind.MONEY, "free": Kind.TEXT})
    first = frame.row(0, named=True)
    assert (first["code"], frame["code"][1]) == ("00123", "7")
    assert frame["amount"].to_list() == [Decimal("12345678901234.5678"), Decimal("-0.0001")]
    assert first["rate"] == pytest.approx(1.123456, abs=0)
    assert frame["free"].to_list() == ["7", "nan"]
    assert first["price"] == Decimal("12.5")
    assert first["at"] == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert first["local"] == datetime(2026, 1, 15, 9, tzinfo=UTC)
    assert first["day"] == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert first["yes"] is True
    assert first['Odd "name'] == 5
    assert (first["m"], first["took"], first["tags"], first["what"]) == ("good", "1 day", "{x,y}", '{"a": 1}')
    assert first["who"].endswith("0001")
    assert set(frame.drop("code", "amount", "free").row(1)) == {None}


def test_only_what_is_wanted_is_fetched_and_many_rows_come_in_batches(server: Server, workspace: Workspace) -> None:
    server.sql("CREATE TABLE t AS SELECT g AS id, repeat('x', 100) AS filler, g * 0.01 AS amount "
               "FROM generate_series(1, 250000) AS g")  # fmt: skip
    frame = read(workspace, columns=["id", "amount"], kinds={"amount": Kind.MONEY})
    assert frame.columns == ["id", "amount"]
    assert (frame["id"].sum(), frame["amount"].sum()) == (250_000 * 250_001 // 2, Decimal("312501250.0000"))
    assert read(workspace, most=10).height == 10


def test_all_that_a_night_reads_was_true_at_one_moment_and_nothing_can_be_written(
    server: Server, workspace: Workspace
) -> None:
    server.sql("CREATE TABLE t (id int); INSERT INTO t VALUES (1); GRANT ALL ON t TO reader")
    with databases(workspace) as opened:

        def count() -> int:
            return opened.read(Extract("erp", "t", None), timezone="UTC", now=NOW).table.frame.height

        assert count() == 1
        server.sql("INSERT INTO t VALUES (2)")
        assert count() == 1
        writing = "SELECT 1 AS a FROM (SELECT set_config('transaction_read_only', 'off', false)) AS x"
        with pytest.raises(SourceError):
            opened.read(Extract("erp", None, f"{writing}; INSERT INTO t VALUES (3)"), timezone="UTC", now=NOW)
    with databases(workspace) as opened, pytest.raises(SourceError, match="INSERT"):
        opened.read(Extract("erp", None, "WITH w AS (INSERT INTO t VALUES (3) RETURNING id) SELECT * FROM w"),
                    timezone="UTC", now=NOW)  # fmt: skip
    assert server.sql("SELECT count(*) FROM t") == "2"


@pytest.mark.parametrize(
    ("line", "by", "table", "error", "expected"),
    [
        ("database: postgres", "database: nowhere", "t", SourceError, 'database "nowhere" does not exist'),
        ("user: reader", "user: nobody", "t", SourceError, "check user and password"),
        ("kind: postgresql", "kind: postgresql\n    tls: require", "t", SourceError, "check `tls`"),
        ("host: 127.0.0.1", "host: 127.0.0.2", "t", DatabaseError, "127.0.0.2"),
        ("port: ", "port: 1 #", "t", DatabaseError, "Connection refused"),
        ("user: reader", "user: reader", "missing", SourceError, 'relation "missing" does not exist'),
        ("user: reader", "user: reader", "hidden", SourceError, "let this account read it"),
    ],
)
def test_an_error_says_where_and_what_to_do_and_never_the_password(
    server: Server, workspace: Workspace, line: str, by: str, table: str, error: type[Exception], expected: str
) -> None:
    server.sql("CREATE TABLE t (id int); CREATE TABLE hidden (id int); REVOKE ALL ON hidden FROM reader")
    path = workspace.folder / "sereno.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(line, by), encoding="utf-8")
    with pytest.raises(error) as caught:
        read(Workspace.open(workspace.folder), table)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("database erp (127.0.0.")
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_password_is_nowhere(server: Server, workspace: Workspace) -> None:
    settings = workspace.settings
    assert PASSWORD not in repr(settings) + str(settings) + settings.model_dump_json()


MONITOR_SQL = (
    MONITOR.replace(
        "  files: data/payments-*.csv\n",
        "  database: erp\n  table: payments\n  watermark: changed_at\n  look_back: 2\n",
    )
    + "  changed_at: ignore\nreferences:\n  vendors: {database: erp, query: 'SELECT supplier, iban FROM vendors'}\n"
)


def _fill(server: Server) -> None:
    rows = payments().rows()
    values = ",".join("(" + ",".join(f"'{cell}'" for cell in row) + f", '{row[1]}+01')" for row in rows)
    server.sql("CREATE TABLE payments (payment text PRIMARY KEY, paid_at timestamp, supplier text, "
               "amount numeric(18,2), invoice text, account text, created_by text, "
               "changed_at timestamptz, surplus int);"
               "CREATE TABLE vendors (supplier text, iban text);"
               "INSERT INTO vendors VALUES ('S01', 'ES1'), ('S02', 'ES2');"
               f"INSERT INTO payments VALUES {values}")  # fmt: skip


def _stored(workspace: Workspace) -> dict[str, Decimal]:
    with Warehouse.of(workspace).reading() as connection:
        return dict(connection.execute('SELECT payment, amount FROM "records_payments"').fetchall())


def _kept(workspace: Workspace) -> Watermark | None:
    with Warehouse.of(workspace).reading() as connection:
        row = connection.execute("SELECT form, value FROM watermarks").fetchone()
    return None if row is None else Watermark(Form(row[0]), row[1])


def test_nights_read_from_the_watermark_on(server: Server, workspace: Workspace) -> None:
    _fill(server)
    (workspace.folder / "monitors" / "payments.yaml").write_text(MONITOR_SQL, encoding="utf-8")
    outcome, analysis = run_night(workspace.folder, DATA_DATE)
    assert (outcome.status, outcome.message) == ("done", "")
    assert outcome.findings
    assert next(check for check in analysis.checks if check.name == "schema").values["undescribed"] == 1
    assert len(_stored(workspace)) == 903
    newest = server.sql("SELECT to_char(max(changed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM payments")
    assert _kept(workspace) == Watermark(Form.INSTANT, f"{newest}+00:00")

    # A late row within the look-back, one far below it, a changed and an unchanged one, and a mistyped year.
    server.sql("""
        INSERT INTO payments SELECT 'LATE', paid_at, supplier, 1.25, 'x', account, created_by, '2026-03-30 12:00+02', 0
            FROM payments WHERE payment = 'P00001';
        INSERT INTO payments SELECT 'LOST', paid_at, supplier, 1.25, 'y', account, created_by, '2026-01-02 12:00+01', 0
            FROM payments WHERE payment = 'P00001';
        UPDATE payments SET amount = 99.99, changed_at = '2026-04-01 08:00+02' WHERE payment = 'P00500';
        UPDATE payments SET changed_at = '2206-04-01 08:00+02' WHERE payment = 'P00501';
    """)
    again, _ = run_night(workspace.folder, DATA_DATE.replace(month=4, day=1))
    assert again.status == "done"
    stored = _stored(workspace)
    assert len(stored) == 904
    assert (stored["LATE"], stored["P00500"]) == (Decimal("1.2500"), Decimal("99.9900"))
    mark = _kept(workspace)
    assert mark is not None
    assert mark.value.startswith("2026-04-01 06:00:00")

    # --force reads all of it.
    forced, _ = run_night(workspace.folder, DATA_DATE.replace(month=4, day=1), force=True)
    assert forced.status == "done"
    assert "LOST" in _stored(workspace)


def test_check_tries_a_few_rows_and_names_what_is_missing(
    server: Server, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    _fill(server)
    path = workspace.folder / "monitors" / "payments.yaml"
    path.write_text(MONITOR_SQL, encoding="utf-8")
    assert status(["check", "--workspace", str(workspace.folder)]) == 0
    assert "payments: ok: 903 records in erp: payments" in capsys.readouterr().err
    path.write_text(MONITOR_SQL.replace("amount: exp", "amonut: exp"), encoding="utf-8")
    assert status(["check", "--workspace", str(workspace.folder)]) == 2
    assert "no column 'amonut'; did you mean 'amount'?" in capsys.readouterr().err
    path.write_text(MONITOR_SQL.replace("database: erp\n", "database: epr\n"), encoding="utf-8")
    with pytest.raises(MonitorError, match=r"payments.yaml:\d+: records.database: 'epr' .*did you mean 'erp'"):
        workspace.monitor("payments")
    assert not workspace.warehouse.exists()


def test_a_server_that_is_down_may_come_back(server: Server, workspace: Workspace) -> None:
    server.sql("CREATE TABLE t (id int)")
    server.stop()
    try:
        with pytest.raises(DatabaseError, match="check that it runs"):
            read(workspace)
    finally:
        server.start()
    assert read(workspace).height == 0


def test_a_server_that_goes_while_it_is_read_is_one_line_and_its_rows_are_whole_the_next_time(
    server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 2_000_000
    server.sql(f"CREATE TABLE t AS SELECT n AS id, repeat(n::text, 8) AS said FROM generate_series(1, {rows}) AS n")
    taken, add = list[int](), reading._Spool.add

    def stopping(spool: Any, batch: pl.DataFrame) -> None:
        taken.append(batch.height)
        if len(taken) == 1:
            server.stop()
        add(spool, batch)

    with monkeypatch.context() as patched:
        patched.setattr(reading._Spool, "add", stopping)
        try:
            with pytest.raises(DatabaseError, match="check that it runs") as failed:
                read(workspace)
        finally:
            server.start()
    assert taken, "some rows had come already"
    assert "\n" not in str(failed.value)
    assert read(workspace)["id"].n_unique() == rows
