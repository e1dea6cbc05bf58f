"""The workspace: found or refused in one line, its key made once, a killed run's folder cleared."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from analyzers.errors import OperationError, UsageError
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
