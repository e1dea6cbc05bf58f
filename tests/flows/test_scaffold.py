"""`sereno init` makes a workspace whose monitor `sereno check` accepts; mistakes change nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from analyzers.columns import Field, Role
from flows.cli import status
from flows.workspace import Workspace
from tests.flows.conftest import payments


def test_a_file_becomes_a_monitor_that_can_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "Payments 2026.csv"
    payments().write_csv(source)
    assert status(["init", str(tmp_path / "acme"), "--from", str(source), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["monitor"].endswith("monitors/payments-2026.yaml")
    workspace = Workspace.open(tmp_path / "acme")
    columns = workspace.monitor("payments-2026").described()
    assert columns.one(Role.KEY) == "payment"
    assert columns.one(Role.TIME) == "paid_at"
    assert columns.one(Role.EXPOSURE) == "amount"
    assert columns.field(Field.INVOICE) == "invoice"
    assert status(["check", "--workspace", str(workspace.folder), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert (checked["status"], checked["text"]) == ("ok", "903 records in 1 files")
    assert not workspace.warehouse.exists()


def test_a_second_init_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["init", str(tmp_path / "acme")]) == 0
    before = (tmp_path / "acme" / "sereno.yaml").read_text(encoding="utf-8")
    assert status(["init", str(tmp_path / "acme")]) == 2
    assert "already a workspace" in capsys.readouterr().err
    assert (tmp_path / "acme" / "sereno.yaml").read_text(encoding="utf-8") == before


def test_records_without_a_time_make_no_monitor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "plain.csv"
    source.write_text("a,b\n" + "\n".join(f"{n % 17},{n % 5}.25" for n in range(50)), encoding="utf-8")
    assert status(["init", str(tmp_path / "acme"), "--from", str(source)]) == 2
    assert "no column holds a time" in capsys.readouterr().err
    assert not (tmp_path / "acme").exists()


def test_check_names_a_missing_column_and_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(
        monitor.read_text(encoding="utf-8").replace("amount: exposure", "amonut: exposure"), encoding="utf-8"
    )
    assert status(["check", "--workspace", str(folder)]) == 2
    assert "no column 'amonut'; did you mean 'amount'?" in capsys.readouterr().err


def test_a_table_becomes_a_monitor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "acme"
    assert status(["init", str(folder)]) == 0
    assert json.loads((folder / ".schemas" / "monitor.json").read_text(encoding="utf-8"))["properties"]["records"]
    with (folder / "sereno.yaml").open("a", encoding="utf-8") as file:
        file.write("databases: {erp: {kind: sqlite, file: data/erp.db}}\n")
    with sqlite3.connect(folder / "data" / "erp.db") as connection:
        rows = payments().with_columns(amount=pl.col("amount").cast(pl.Float64), changed_at="paid_at")
        columns = ", ".join(f"{name} {'REAL' if name == 'amount' else 'TEXT'}" for name in rows.columns)
        connection.execute(f"CREATE TABLE payments ({columns})")
        connection.executemany(f"INSERT INTO payments VALUES ({', '.join('?' * rows.width)})", rows.rows())
    connection.close()
    assert status(["init", str(folder), "--from", "erp:payments"]) == 0
    text = (folder / "monitors" / "payments.yaml").read_text(encoding="utf-8")
    assert "# (`watermark: changed_at`)" in text
    monitor = Workspace.open(folder).monitor("payments")
    assert (monitor.records.database, monitor.records.table) == ("erp", "payments")
    assert monitor.described().one(Role.EXPOSURE) == "amount"
    assert status(["check", "--workspace", str(folder)]) == 0
    capsys.readouterr()
    assert status(["init", str(folder), "--from", "epr:payments"]) == 2
    assert "no database 'epr' in sereno.yaml; did you mean 'erp'?" in capsys.readouterr().err
