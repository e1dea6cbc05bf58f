"""`sereno scan` on files nobody configured: its outputs' contract, and unusable input in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from flows.cli import status
from flows.scan import Scan, run_scan
from tests.flows.conftest import payments

pytestmark = pytest.mark.xdist_group("scan")


def scan(*arguments: str | Path) -> int:
    """Run `sereno scan` in this process, without a model."""
    return status(["scan", *map(str, arguments), "--no-llm"])


def matrix(rows: int, seed: int = 0) -> pl.DataFrame:
    """Plain numbers of three related columns, the last row far outside."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=rows)
    frame = pl.DataFrame({"a": first, "b": first + rng.normal(size=rows) / 5, "c": rng.normal(size=rows)})
    return pl.concat([frame, pl.DataFrame({"a": [4.0], "b": [-9.0], "c": [8.0]})])


def test_outputs_follow_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "payments.csv"
    payments().write_csv(source)
    outputs: list[str | Path] = [
        "--scores",
        tmp_path / "s.parquet",
        "--findings",
        tmp_path / "f.jsonl",
        "--report",
        tmp_path / "r.html",
    ]
    assert scan(source, "--entity", "supplier", "--exposure", "amount", "--json", *outputs) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed[0]["records"] == 903
    scores = pl.read_parquet(tmp_path / "s.parquet")
    assert scores.columns == ["row", "score", "p_value", "severity", "flagged", "finding"]
    assert scores["row"].to_list() == list(range(903))
    assert scores.select("row", "score", "severity", "flagged").null_count().sum_horizontal().item() == 0
    found = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found
    assert 902 in {row for finding in found for row in finding["rows"]}
    assert scores["finding"].drop_nulls().is_in([finding["id"] for finding in found]).all()
    for finding in found:
        assert finding["narrative"]["grounded"]
        assert {fact["clause"] for fact in finding["facts"]}
    assert "<script" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_without_a_time_the_order_of_rows_carries_no_meaning(tmp_path: Path) -> None:
    plain = matrix(600)
    order = np.random.default_rng(1).permutation(plain.height)
    plain.write_parquet(tmp_path / "plain.parquet")
    plain[order].write_parquet(tmp_path / "shuffled.parquet")
    results = []
    for name in ("plain", "shuffled"):
        target = tmp_path / f"{name}-scores.parquet"
        assert scan(tmp_path / f"{name}.parquet", "--scores", target, "--report", tmp_path / f"{name}.html") == 0
        results.append(pl.read_parquet(target))
    plain_scores = results[0]["score"].to_numpy()[order]
    np.testing.assert_allclose(plain_scores, results[1]["score"].to_numpy(), rtol=1e-9)
    assert results[0]["flagged"][600]
    assert results[0]["flagged"].to_numpy()[order].tolist() == results[1]["flagged"].to_list()


def test_with_a_baseline_only_the_input_is_judged(tmp_path: Path) -> None:
    matrix(2000, 2)[:-1].write_parquet(tmp_path / "normal.parquet")
    matrix(50, 3).write_parquet(tmp_path / "new.parquet")
    target = tmp_path / "scores.parquet"
    report = tmp_path / "r.html"
    assert (
        scan(
            tmp_path / "new.parquet", "--baseline", tmp_path / "normal.parquet", "--scores", target, "--report", report
        )
        == 0
    )
    scores = pl.read_parquet(target)
    assert scores.height == 51
    assert scores["score"].arg_max() == 50
    assert scores["flagged"][50]
    assert scores["p_value"][50] == pytest.approx(scores["p_value"].min())


def test_a_row_that_cannot_be_read_keeps_its_place(tmp_path: Path) -> None:
    lines = ["id,amount,kind"] + [f"{number},{100 + number % 7}.5,{'ab'[number % 2]}" for number in range(400)]
    lines[38] = "37,not a number,a"
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    target = tmp_path / "scores.parquet"
    assert scan(tmp_path / "rows.csv", "--scores", target, "--report", tmp_path / "r.html") == 0
    scores = pl.read_parquet(target)
    assert scores.height == 400
    assert scores.row(37) == (37, 0.0, None, 0.0, False, None)


def empty(path: Path) -> None:
    path.touch()


def junk(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(4000))


def texts(path: Path) -> None:
    path.write_text("note\n" + "\n".join(f"free text number {n} that says a thing or two" for n in range(60)), "utf-8")


def one_row(path: Path) -> None:
    path.write_text("a,b\n1,2\n", encoding="utf-8")


def header(path: Path) -> None:
    path.write_text("a,b,c\n", encoding="utf-8")


def missing(path: Path) -> None:
    del path


@pytest.mark.parametrize("make", [empty, junk, texts, one_row, header, missing, Path.mkdir])
def test_unusable_input_ends_with_one_line(
    make: Callable[[Path], Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "input.csv"
    make(source)
    assert scan(source, "--report", tmp_path / "r.html") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("sereno: ")
    assert "input.csv" in said[-1]
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--time", "when"], "when"),
        (["--shape", "round"], "--shape 'round'"),
        (["--fdr", "2"], "--fdr"),
        (["--lang", "fr"], "--lang 'fr'"),
        (["--report", "nowhere/r.html"], "no such folder"),
        (["--model", "missing.gguf"], "missing.gguf"),
        (["--baseline", "missing.csv"], "missing.csv"),
    ],
)
def test_a_wrong_option_ends_with_one_line(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    matrix(60).write_csv("input.csv")
    assert status(["scan", "input.csv", *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("sereno: ")
    assert expected in said[-1]


def test_rows_are_those_of_the_file_where_some_cannot_be_read(tmp_path: Path) -> None:
    lines = [f"{i},{100 + i % 7},{5 + i % 3}" for i in range(300)]
    lines[3] = "3,broken,6"
    lines[200] = "200,9000,8"
    path = tmp_path / "measured.csv"
    path.write_text("number,load,heat\n" + "\n".join(lines) + "\n", encoding="utf-8")
    out = tmp_path / "f.jsonl"
    wanted = Scan(inputs=(str(path),), ignore=("number",), findings=out, report=tmp_path / "r.html", narrate=False)
    run_scan(wanted, lambda _: None)
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [200] in [one["rows"] for one in found]
    first = next(one for one in found if one["rows"] == [200])
    assert first["subject"] == "row 201"
    assert "row 201" in first["narrative"]["text"]
