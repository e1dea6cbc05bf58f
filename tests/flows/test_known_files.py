"""A night reads only files that are new, where that comes to the same as reading all of them again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows import ingestion, known_files
from flows.ingestion import Source
from tests.flows.nights import HandedOver, add_april, run_whole_night

MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 8)
NEW = Path("data/payments-april.csv")


class Readings:
    """Which files each reading was of; None for all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: list[list[str] | None] = []
        read = ingestion.read_source

        def noted(*args: object, **named: object) -> Source:
            paths = named.get("paths")
            self.of.append(None if paths is None else [path.name for path in paths])  # type: ignore[attr-defined]
            return read(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(ingestion, "read_source", noted)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    """What is read, where files count as settled as soon as they are written."""
    monkeypatch.setattr(known_files, "_TOO_FRESH", 0)
    return Readings(monkeypatch)


def night(folder: Path, day: date) -> tuple[HandedOver, list[str], list[str]]:
    """Records handed to the analysis, what was found in them, and what the checks say."""
    outcome, analysis, handed = run_whole_night(folder, day)
    assert outcome.status == "done"
    findings = [finding.model_dump_json() for finding in analysis.findings]
    return handed, findings, [f"{check.code} {check.values}" for check in analysis.checks]


def twin(folder: Path) -> Path:
    """A copy of the workspace with its warehouse, whose files have other places and so must all be read."""
    copy = folder.with_name(f"{folder.name}-twin")
    shutil.copytree(folder, copy)
    return copy


def test_files_that_did_not_change_are_not_read_again(folder: Path, readings: Readings) -> None:
    night(folder, MARCH)
    add_april(folder)
    other = twin(folder)
    by_part = night(folder, APRIL)
    assert readings.of == [None, ["payments-april.csv"]]
    assert by_part == night(other, APRIL)
    assert readings.of[-1] is None
    read = len(readings.of)
    night(folder, date(2026, 4, 9))
    assert len(readings.of) == read, "a night without new files reads none"


def test_rows_that_could_not_be_read_are_told_every_night(folder: Path, readings: Readings) -> None:
    broken = pl.read_csv(next((folder / "data").glob("*.csv")), infer_schema=False).head(40)
    broken = broken.with_columns(payment=pl.format("X{}", "payment"), amount=pl.lit("much"))
    sound = broken.with_columns(amount=pl.lit("10.00"), payment=pl.format("Y{}", "payment")).head(60)
    pl.concat([broken.head(2), sound]).write_csv(folder / "data" / "payments-broken.csv")
    _, _, said = night(folder, MARCH)
    add_april(folder)
    other = twin(folder)
    later, whole = night(folder, APRIL), night(other, APRIL)
    assert readings.of[1] == ["payments-april.csv"]
    assert later == whole
    assert any(line.startswith("quarantined_rows {'count': 2,") for line in said)
    assert any(line.startswith("quarantined_rows {'count': 2,") for line in later[2])


def _changed(folder: Path) -> None:
    """A known file has one more line."""
    path = next(path for path in (folder / "data").glob("*.csv") if path.name != NEW.name)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[-1].replace("P00", "Q00")]) + "\n", encoding="utf-8")


def _april(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / NEW
        change(pl.read_csv(path, infer_schema=False)).write_csv(path)

    return write


def _known_key(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(payment=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("P00001")).otherwise("payment"))


def _repeated_key(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1).with_columns(amount=pl.lit("77.00"))])


def _other_date_order(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(paid_at=pl.lit("08/04/2026 10:00"))


def _further_column(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(memo=pl.lit("new"))


def _decimal_comma(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(amount=pl.col("amount").str.replace(".", ",", literal=True))


@pytest.mark.parametrize(
    "spoil",
    [
        _changed,
        *(_april(one) for one in (_known_key, _repeated_key, _other_date_order, _further_column, _decimal_comma)),
    ],
    ids=["changed file", "known key", "repeated key", "date order", "column", "decimal comma"],
)
def test_all_is_read_again_where_a_part_could_mean_something_else(
    folder: Path, readings: Readings, spoil: Callable[[Path], None]
) -> None:
    night(folder, MARCH)
    add_april(folder)
    spoil(folder)
    other = twin(folder)
    by_part = night(folder, APRIL)
    assert readings.of[-1] is None
    assert by_part == night(other, APRIL)


def test_all_is_read_again_where_the_monitor_changed_or_it_is_asked_for(folder: Path, readings: Readings) -> None:
    night(folder, MARCH)
    monitor = next((folder / "monitors").glob("*.yaml"))
    monitor.write_text(monitor.read_text(encoding="utf-8").replace("account: category", "account: text"))
    add_april(folder)
    night(folder, APRIL)
    assert readings.of == [None, None]
    run_whole_night(folder, APRIL, force=True)
    assert readings.of == [None, None, None]


def test_a_file_written_a_moment_ago_is_not_taken_for_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = Readings(monkeypatch)
    night(folder, MARCH)
    add_april(folder)
    night(folder, APRIL)
    assert readings.of == [None, None]
