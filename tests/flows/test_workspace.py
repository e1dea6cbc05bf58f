"""The workspace: found or refused in one line, its key made once, a killed run's folder cleared."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from analyzers.errors import MonitorError, OperationError, UsageError
from flows.workspace import VARIABLE, Workspace, clear_abandoned, exclusive, run_folder
from flows.writing import write_whole


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "sereno.yaml").write_text("name: Test\n", encoding="utf-8")
    opened = Workspace.open(tmp_path)
    opened.prepare()
    return opened


def test_a_folder_without_settings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no sereno\.yaml here"):
        Workspace.open(tmp_path)
    (tmp_path / "sereno.yaml").write_text("name: Test\n", encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert Workspace.open().folder == tmp_path


def test_a_misspelt_monitor_names_the_nearest(workspace: Workspace) -> None:
    (workspace.folder / "monitors").mkdir()
    with pytest.raises(UsageError, match="no monitor yet"):
        workspace.monitors()
    (workspace.folder / "monitors" / "ledger.yaml").write_text("title: L\n", encoding="utf-8")
    with pytest.raises(UsageError, match="did you mean 'ledger'"):
        workspace.monitor("legder")


_OWN = """\
causes:
  - {id: advance, hint: advance on a contract, en: it is an advance, es: se trate de un anticipo}
  - {id: mistake, hint: simple mistake, en: it is a mistake, es: se trate de un error}
steps:
  - {id: ask, hint: ask the buyer, en: ask the buyer, es: pregunte al comprador}
  - {id: look, hint: read the contract, en: read the contract, es: lea el contrato}
"""
_MONITOR = """\
title: L
records: {files: "data/*.csv"}
columns: {id: {role: key}, day: {role: time}}
"""


def test_own_playbooks_are_the_monitors_and_part_of_its_hash(workspace: Workspace) -> None:
    for folder in ("monitors", "playbooks"):
        (workspace.folder / folder).mkdir(exist_ok=True)
    monitor = workspace.folder / "monitors" / "ledger.yaml"
    monitor.write_text(_MONITOR, encoding="utf-8")
    before = workspace.monitor("ledger").config_hash()
    shared = workspace.folder / "playbooks" / "round_amount.yaml"
    shared.write_text(_OWN, encoding="utf-8")
    assert workspace.monitor("ledger").playbooks["round_amount"].causes[0].id == "advance"
    assert workspace.monitor("ledger").config_hash() != before
    indented = "".join(f"    {line}\n" for line in _OWN.replace("advance", "own_advance").splitlines())
    monitor.write_text(f"{_MONITOR}playbooks:\n  round_amount:\n{indented}", encoding="utf-8")
    assert workspace.monitor("ledger").playbooks["round_amount"].causes[0].id == "own_advance"
    shared.write_text(_OWN.replace("id: ask", "id: Ask!"), encoding="utf-8")
    with pytest.raises(MonitorError, match=r"round_amount\.yaml:5: steps\.0\.id"):
        workspace.monitor("ledger")
    shared.unlink()
    monitor.write_text(f"{_MONITOR}playbooks:\n  round_amount:\n{indented}".replace("se trate de un error", "3"))
    with pytest.raises(MonitorError, match=r"ledger\.yaml:8: playbooks\.round_amount\.causes\.1\.es"):
        workspace.monitor("ledger")


def test_the_key_is_made_once_for_its_owner(workspace: Workspace) -> None:
    key = workspace.hash_key()
    path = workspace.folder / ".sereno-key"
    assert workspace.hash_key() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    with pytest.raises(OperationError, match="damaged"):
        workspace.hash_key()


def test_what_a_killed_run_left_is_cleared_and_a_living_one_is_not(workspace: Workspace) -> None:
    dead = workspace.work / "dead"
    dead.mkdir()
    (dead / ".lock").touch()
    (dead / "half.parquet").write_bytes(b"half")
    with run_folder(workspace, "alive") as folder:
        assert not dead.exists()
        assert clear_abandoned(workspace) == []
        assert folder.is_dir()
    assert not folder.exists()


def test_locks_are_taken_in_one_order(workspace: Workspace) -> None:
    with exclusive(workspace, ["b", "a"]):
        assert sorted(path.name for path in workspace.work.glob("*.monitor-lock")) == [
            "a.monitor-lock",
            "b.monitor-lock",
        ]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "report.html", "whole")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "whole"
    assert stat.S_IMODE((tmp_path / "report.html").stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "report.html", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_whole(tmp_path / "folder", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "report.html"]
