"""Sources that go while they are read: nothing is decided on a part of them, and the next start reads them whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analyzers.errors import OperationError, SourceError
from flows import ingestion
from flows.sources import files, reading
from flows.sources.files import read_files
from flows.warehouse import Warehouse, audit, sql
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, payments
from tests.flows.nights import run_night

Harm = Callable[[Path], None]


def vanishes(path: Path) -> None:
    path.unlink(missing_ok=True)


def is_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def is_replaced(path: Path) -> None:
    other = path.with_name("other")
    payments().head(5).write_csv(other)
    other.replace(path)


def grows(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\nP1,2026-03-31 09:00:00,S02,1.00,02/9,622,Person 3")


HARMS = (vanishes, is_cut, is_replaced)
MOMENTS = ("listed", "opened", "read")


def at(monkeypatch: pytest.MonkeyPatch, moment: str, harm: Harm, path: Path) -> None:
    """Harm the file once, when the files are listed, opened or read."""
    name = "open_file" if moment == "listed" else "table_of"
    original, done = getattr(files, name), list[bool]()

    def harmed(*args: Any, **kwargs: Any) -> Any:
        if not done and moment != "read":
            harm(path)
        result = original(*args, **kwargs)
        if not done and moment == "read":
            harm(path)
        done.append(True)
        return result

    monkeypatch.setattr(files, name, harmed)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_goes_while_it_is_read_is_one_line_and_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Harm, moment: str, suffix: str
) -> None:
    path = tmp_path / f"payments.{suffix}"
    payments().write_csv(path) if suffix == "csv" else payments().write_parquet(path)
    at(monkeypatch, moment, harm, path)
    with pytest.raises(OperationError, match="while it was read") as failed:
        read_files([path])
    assert "\n" not in str(failed.value)


def test_a_file_that_grows_is_read_as_far_as_it_went(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "payments.csv"
    payments().write_csv(path)
    at(monkeypatch, "read", grows, path)
    assert read_files([path]).frame.height == payments().height


@pytest.mark.parametrize("harm", HARMS)
def test_a_night_over_such_a_file_takes_nothing_and_the_next_start_everything_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, harm: Harm
) -> None:
    path = folder / "data" / "payments-2026.csv"
    whole = path.read_bytes()
    with monkeypatch.context() as patched:
        at(patched, "opened", harm, path)
        with pytest.raises(OperationError):
            run_night(folder, DATA_DATE)
    assert list((folder / "work").glob("night-*")) == []
    path.write_bytes(whole)
    outcome, _ = run_night(folder, DATA_DATE)
    assert outcome.status == "done"
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        counts = sql.rows(connection, "SELECT count(*), count(DISTINCT record_id) FROM records_payments")
        assert audit.verify(connection) == []
    assert counts == [(payments().height, payments().height)]


def test_a_file_that_goes_between_listing_and_reading_is_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, listing = folder / "data" / "payments-more.csv", ingestion._paths
    payments().head(3).with_columns(payment=pl.format("M{}", "payment")).write_csv(path)

    def listed_then_gone(*args: Any) -> list[Path]:
        found = listing(*args)
        path.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(ingestion, "_paths", listed_then_gone)
    assert run_night(folder, DATA_DATE)[0].status == "done"


def test_more_than_can_be_read_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tmp_path / "huge.csv"
    huge.write_bytes(b"a,b\n1,2\n")
    os.truncate(huge, (32 << 30) + 1)
    with pytest.raises(SourceError, match="32 GiB, at most 32"):
        read_files([huge])
    monkeypatch.setattr(reading, "MOST_ROWS", payments().height - 1)
    for suffix, write in (("csv", "write_csv"), ("parquet", "write_parquet"), ("jsonl", "write_ndjson")):
        getattr(payments(), write)(tmp_path / f"p.{suffix}")
        with pytest.raises(SourceError, match="has more than 902 records"):
            read_files([tmp_path / f"p.{suffix}"])
