"""Backup and restore: whole, while others work, and never over what is there without keeping it."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzers.errors import OperationError, UsageError
from flows.backups import back_up, restore
from flows.cli import status
from flows.warehouse import Warehouse, audit, sql
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, fill
from tests.flows.nights import run_night

NOW = datetime(2026, 4, 1, 6, 30, tzinfo=UTC)


def head(workspace: Workspace) -> str | None:
    with Warehouse.of(workspace).reading() as connection:
        return audit.head(connection)


@pytest.fixture(scope="module")
def after_a_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fill(tmp_path_factory.mktemp("a-night"))
    assert run_night(folder, DATA_DATE)[0].status == "done"
    return folder


@pytest.fixture
def workspace(after_a_night: Path, tmp_path: Path) -> Workspace:
    """A copy of a workspace after one night."""
    shutil.copytree(after_a_night, tmp_path / "acme")
    return Workspace.open(tmp_path / "acme")


def test_a_backup_makes_the_workspace_again_elsewhere(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["backup", "--workspace", str(workspace.folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    path = Path(made["backup"])
    assert path.parent == workspace.folder / "backups"
    assert path.stat().st_mode & 0o077 == 0
    assert made["head"] == head(workspace)
    with tarfile.open(path) as tar:
        names = tar.getnames()
    report = f"archive/{DATA_DATE}.html"
    assert {"warehouse.duckdb", ".sereno-key", "sereno.yaml", "monitors/payments.yaml", report} <= set(names)
    assert not [name for name in names if name.startswith(("data/", "work/", ".prefect/", "backups/"))]

    elsewhere = tmp_path_factory.mktemp("elsewhere") / "acme"
    assert status(["restore", str(path), "--workspace", str(elsewhere), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["head"], done["waiting"], done["kept"]) == (made["head"], 1, [])
    again = Workspace.open(elsewhere)
    assert again.hash_key() == workspace.hash_key()
    assert (elsewhere / report).read_bytes() == (workspace.folder / report).read_bytes()
    assert status(["audit", "verify", "--anchor", made["head"], "--workspace", str(elsewhere)]) == 0
    capsys.readouterr()
    assert status(["findings", "--workspace", str(elsewhere), "--json"]) == 0
    assert capsys.readouterr().out


def test_a_restore_keeps_what_it_replaces_and_leaves_changed_files(workspace: Workspace) -> None:
    made = back_up(workspace, workspace.folder.parent / "b.tar", now=NOW)
    with Warehouse.of(workspace).writing() as connection:
        audit.append(connection, "later", "x", {}, NOW)
    later = head(workspace)
    monitor = workspace.folder / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "look_back: 5\n", encoding="utf-8")
    (workspace.archive / f"{DATA_DATE}.html").unlink()
    done = restore(workspace.folder, made.path, now=NOW)
    assert done.kept == ("monitors/payments.yaml",)
    assert done.added == (f"archive/{DATA_DATE}.html",)
    assert "look_back: 5" in monitor.read_text(encoding="utf-8")
    with Warehouse.of(workspace).reading() as connection:
        entries = audit.entries(connection)
        assert audit.verify(connection) == []
    assert entries[-1].kind == "restored"
    assert entries[-2].head == made.head != later
    replaced = Warehouse(workspace.folder / "warehouse.duckdb.replaced", work=workspace.work)
    with replaced.reading() as connection:
        assert audit.head(connection) == later


def test_a_backup_taken_while_others_write_holds_whole_transactions(workspace: Workspace) -> None:
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            with Warehouse.of(workspace).writing() as connection:
                written.append(audit.append(connection, "first", "x", {}, NOW))
                audit.append(connection, "second", "x", {}, NOW)
            stop.wait(0.3)  # the lock is polled, and a backup wants its turn

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(workspace, workspace.folder / f"{number}.tar", now=NOW) for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert written
    for backup in made:
        with tarfile.open(backup.path) as tar:
            tar.extract("warehouse.duckdb", workspace.folder / "out", filter="data")
        with Warehouse(workspace.folder / "out" / "warehouse.duckdb").reading() as connection:
            kinds: dict[str, int] = dict(sql.rows(connection, "SELECT kind, count(*) FROM audit GROUP BY kind"))
        assert kinds.get("first", 0) == kinds.get("second", 0)


def test_what_is_no_whole_backup_changes_nothing(workspace: Workspace) -> None:
    made = back_up(workspace, workspace.folder / "b.tar", now=NOW)
    before, whole = head(workspace), made.path.read_bytes()
    cases = {
        "text": b"no backup",
        "cut": whole[: len(whole) // 2],
        "edited": whole.replace(b"title: Payments", b"title: Paymentz", 1),
    }
    assert cases["edited"] != whole
    with tarfile.open(made.path) as tar, tarfile.open(workspace.folder / "evil.tar", "w") as evil:
        for entry in tar:
            evil.addfile(entry, tar.extractfile(entry))
        outside = tarfile.TarInfo("../outside")
        outside.size = 1
        evil.addfile(outside, io.BytesIO(b"x"))
    cases["outside"] = (workspace.folder / "evil.tar").read_bytes()
    for name, content in cases.items():
        path = workspace.folder / f"{name}.tar"
        path.write_bytes(content)
        with pytest.raises(UsageError, match="no whole backup"):
            restore(workspace.folder, path, now=NOW)
    with pytest.raises(UsageError, match="no whole backup"):
        restore(workspace.folder, workspace.folder / "missing.tar", now=NOW)
    assert head(workspace) == before
    assert not (workspace.folder.parent / "outside").exists()
    with pytest.raises(UsageError, match="is there already"):
        back_up(workspace, made.path, now=NOW)


def test_a_log_that_does_not_hold_is_told_before_it_is_kept(workspace: Workspace) -> None:
    with Warehouse.of(workspace).writing() as connection:
        sql.run(connection, "UPDATE audit SET kind = 'forged' WHERE seq = 1")
    with pytest.raises(OperationError, match="the audit log does not hold"):
        back_up(workspace, workspace.folder / "b.tar", now=NOW)
    assert not (workspace.folder / "b.tar").exists()
