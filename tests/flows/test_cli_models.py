"""The commands `sereno models ...`, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.cli import status
from flows.model_store.catalogue import catalogue
from reports.narrator.engines import default_model_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "sereno.yaml").write_text("name: Site # ours\n", encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("_here")
def test_the_catalogue_needs_no_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["models", "list", "--json"]) == 0
    listed = lines(capsys)
    named = [entry["name"] for entry in listed if entry["kind"] == "catalogue"]
    assert named == [model.name for model in catalogue()]
    assert all(isinstance(entry["memory_8k"], int) for entry in listed if entry["kind"] == "catalogue")
    assert status(["models", "list"]) == 0
    assert "ministral-3-8b" in capsys.readouterr().out


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SERENO_WORKSPACE", raising=False)


def test_mistakes_are_one_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "text.gguf").write_text("no model")
    for arguments in (
        ["add", str(site / "text.gguf")],
        ["add", str(site / "missing.gguf")],
        ["add", "ministral-3-3b"],
        ["add", "no-such-model"],
        ["add", "ministral-3-3b", "--sha256", "12"],
        ["exam", "ministral-3-3b"],
        ["exam", str(site / "text.gguf")],
        ["use", "ministral-3-3b"],
        ["use", str(site / "text.gguf")],
    ):
        assert status(["models", *arguments, "--workspace", str(site)]) == 2, arguments
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.strip().splitlines()[-1].startswith("sereno: ")


@pytest.mark.slow
def test_a_model_is_added_used_and_listed(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = default_model_path()
    if path is None:
        pytest.skip("the default model is not installed")
    here = ["--workspace", str(site), "--json"]
    assert status(["models", "add", str(path), "--link", *here]) == 0
    assert lines(capsys)[0]["file"] == path.name
    assert status(["models", "use", path.stem, *here]) == 0
    assert lines(capsys) == [{"model": f"models/{path.name}", "mark": None}]
    assert (site / "sereno.yaml").read_text() == f"name: Site # ours\nmodel: models/{path.name}\n"
    assert status(["models", "list", *here]) == 0
    assert [entry["in_use"] for entry in lines(capsys) if entry["kind"] == "installed"] == [False, True]
    assert status(["models", "use", "default", *here]) == 0
    assert (site / "sereno.yaml").read_text() == "name: Site # ours\n"


@pytest.mark.slow
def test_what_fits_is_measured(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if default_model_path() is None:
        pytest.skip("the default model is not installed")
    assert status(["models", "fit", "--findings", "10", "--workspace", str(site), "--json"]) == 0
    (report,) = lines(capsys)
    assert isinstance(report["models"], list)
    judged = {entry["name"]: entry for entry in report["models"]}
    assert judged["smollm2-135m"]["measured"]
    assert judged["smollm2-135m"]["batched"] > judged["ministral-3-14b"]["batched"] > 0
