"""Any other database by ODBC, shown with Debian's PostgreSQL driver and a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from analyzers.errors import DatabaseError, SourceError
from flows.sources.databases.reading import Extract, Read, databases
from flows.sources.databases.watermark import Form, Watermark
from flows.sources.files import Kind
from flows.workspace import Workspace
from tests.flows.postgresql_server import PASSWORD, READER, Server, running

pytestmark = pytest.mark.xdist_group("postgresql")

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SETTINGS = """\
databases:
  old:
    kind: odbc
    driver: PostgreSQL Unicode
    options: {{Server: 127.0.0.1, Port: {port}, Database: postgres, ReadOnly: 1}}
    user: reader
    password: ${{SERENO_TEST_PASSWORD}}
    longest_text: 50
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        listed = subprocess.run(["odbcinst", "-q", "-d"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("unixODBC is not installed (Debian: apt-get install unixodbc odbc-postgresql)")
    if "PostgreSQL Unicode" not in listed:
        pytest.skip("PostgreSQL's ODBC driver is not installed (Debian: apt-get install odbc-postgresql)")
    with running() as found:
        found.sql(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER};"
                  "CREATE TABLE t (id int, code text, amount numeric(18,2), at timestamp, day date, note text);"
                  "INSERT INTO t SELECT g, lpad(g::text, 5, '0'), g * 0.01, "
                  "timestamp '2026-01-01' + g * interval '1 minute',"
                  "date '2026-01-01', 'short' FROM generate_series(1, 3000) AS g")  # fmt: skip
        yield found


@pytest.fixture
def workspace(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SERENO_TEST_PASSWORD", PASSWORD)
    (tmp_path / "sereno.yaml").write_text(SETTINGS.format(port=server.port), encoding="utf-8")
    return Workspace.open(tmp_path)


def read(workspace: Workspace, table: str | None = "t", query: str | None = None, **how: object) -> Read:
    with databases(workspace) as opened:
        extract = Extract("old", table, query, **how)  # type: ignore[arg-type]
        return opened.read(extract, kinds={"amount": Kind.MONEY}, timezone="UTC", now=NOW)


def test_types_are_kept_and_columns_chosen(workspace: Workspace) -> None:
    found = read(workspace, columns=["id", "code", "amount", "at", "day"], watermark="at")
    frame = found.table.frame
    assert (frame.height, found.names) == (3000, ("id", "code", "amount", "at", "day", "note"))
    assert frame.row(0) == (
        1, "00001", Decimal("0.0100"), datetime(2026, 1, 1, 0, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    )  # fmt: skip
    assert found.watermark == Watermark(Form.LOCAL, "2026-01-03 02:00:00")
    assert read(workspace, most=10).table.frame.height == 10


@pytest.mark.parametrize(
    ("column", "mark", "count"),
    [
        ("at", Watermark(Form.LOCAL, "2026-01-03 01:00:00"), 61),
        ("id", Watermark(Form.NUMBER, "2990"), 11),
        ("day", Watermark(Form.DATE, "2026-01-02"), 0),
    ],
)
def test_a_watermark_reads_from_there_on(workspace: Workspace, column: str, mark: Watermark, count: int) -> None:
    assert read(workspace, watermark=column, since=mark).table.frame.height == count


def test_nothing_is_cut_and_nothing_secret_is_said(server: Server, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match="longer than 50 bytes"):
        read(workspace, None, "SELECT id, repeat('x', 100)::text AS long FROM t WHERE id = 1")
    with pytest.raises(SourceError, match="nothing_like_it"):
        read(workspace, "nothing_like_it")
    path = workspace.folder / "sereno.yaml"
    whole = path.read_text(encoding="utf-8")
    for line, by, error in (
        ("user: reader", "user: nobody", SourceError),
        (f"Port: {server.port}", "Port: 1", DatabaseError),
        ("PostgreSQL Unicode", "No such driver", SourceError),
    ):
        path.write_text(whole.replace(line, by), encoding="utf-8")
        with pytest.raises(error) as caught:
            read(Workspace.open(workspace.folder))
        assert PASSWORD not in str(caught.value)
        assert "\n" not in str(caught.value)
