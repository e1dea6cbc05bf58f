"""What commands import: help comes at once, and a scan starts no Prefect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ASKING = """
import json, sys
from flows.cli import status
code = status(sys.argv[1:])
sys.stderr.write("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
HEAVY = {"prefect", "sklearn", "scipy", "numpy", "duckdb", "polars", "pyarrow", "llama_cpp", "jinja2"}


def imported_by(*arguments: str, within: Path) -> set[str]:
    """The packages that a process has imported after one command that went well."""
    done = subprocess.run(
        [sys.executable, "-c", _ASKING, *arguments], cwd=within, capture_output=True, text=True, check=True
    )
    code, names = json.loads(done.stderr.rpartition("\n")[2])
    assert code == 0, done.stderr
    return set(names)


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "--help"], ["run", "--help"], ["models", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    names = imported_by(*arguments, within=tmp_path)
    assert "typer" in names
    assert names & HEAVY == set()


def test_a_scan_imports_no_prefect(tmp_path: Path) -> None:
    rows = [f"2026-05-{1 + at % 28:02d},V{at % 7},{100 + at % 13}.50" for at in range(400)]
    (tmp_path / "may.csv").write_text("\n".join(["day,vendor,amount", *rows]), encoding="utf-8")
    names = imported_by("scan", "may.csv", within=tmp_path)
    assert (tmp_path / "sereno-report.html").is_file()
    assert {"polars", "sklearn"} <= names
    assert {name for name in names if name.startswith(("prefect", "dask", "distributed"))} == set()


def test_a_night_without_anything_new_imports_neither_analyzers_nor_charts() -> None:
    asking = "import sys, flows.nightly; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert {"prefect", "duckdb", "polars"} <= names
    assert names & {"sklearn", "scipy", "matplotlib", "llama_cpp"} == set()
