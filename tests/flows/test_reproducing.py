"""A run is done once more from its record: equal to the last fact and text, or the difference is named."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from flows import triaging
from flows.cli import status
from flows.narrating import Narrating
from flows.warehouse import Warehouse, runs, sql
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, HUGE, fill, payments
from tests.flows.nights import add_april, run_night

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("reproducing")]


LATER = (1, 8)
"""Days after the first date that are decided too."""


def reproduced(folder: Path, capsys: pytest.CaptureFixture[str], day: Any = DATA_DATE) -> tuple[int, dict[str, Any]]:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        run = runs.finished_run(connection, "payments", day)
    assert run is not None
    capsys.readouterr()
    code = status(["audit", "reproduce", run.run, "--workspace", str(folder), "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    return code, json.loads(line)


def all_rows(folder: Path) -> dict[str, list[sql.Row]]:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        tables = sql.rows(connection, "SELECT table_name FROM duckdb_tables()")
        return {name: sql.rows(connection, f"SELECT * FROM {sql.quoted(name)} ORDER BY ALL") for (name,) in tables}


def judge(folder: Path, label: str, verdict: Verdict) -> None:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        (identifier,) = sql.first(connection, "SELECT id FROM findings WHERE subject_label = ?", [label]) or ("",)
    triaging.triage(Workspace.open(folder), identifier, verdict, why="seen", who="ana", at=datetime.now(UTC))


def a_life(folder: Path) -> None:
    """A night with the real model; after it verdicts, records that arrive late, other settings, more nights."""
    settings = folder / "sereno.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("narration: false\n", ""), encoding="utf-8")
    run_night(folder, DATA_DATE)
    judge(folder, HUGE, Verdict.FALSE_POSITIVE)
    late = payments().head(40).with_columns(payment=pl.format("L{}", "payment"), paid_at=pl.lit("2026-03-29 12:00:00"))
    late.write_csv(folder / "data" / "payments-late.csv")
    add_april(folder)
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "analysis: {budget: 3}\n", encoding="utf-8")
    for day in LATER:
        run_night(folder, DATA_DATE + timedelta(days=day))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fill(tmp_path_factory.mktemp("lived"))
    a_life(folder)
    return folder


def test_a_run_is_the_same_after_more_nights_and_verdicts(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = all_rows(lived)
    code, said = reproduced(lived, capsys)
    assert (said["differences"], said["otherwise"]) == ([], [])
    assert (code, said["equal"], said["monitor"]) == (0, True, "payments")
    assert said["findings"] > 2
    with Warehouse.of(Workspace.open(lived)).reading() as connection:
        modes = sql.rows(connection, "SELECT DISTINCT mode FROM narratives WHERE run = ?", [said["run"]])
    assert ("strict",) in modes, "a model wrote"
    assert all_rows(lived) == before, "nothing changed"
    assert list((lived / "work").glob("reproduce-*")) == []
    # The later nights knew the verdict and the late records.
    for day in LATER:
        code, said = reproduced(lived, capsys, DATA_DATE + timedelta(days=day))
        assert (code, said["differences"], said["otherwise"]) == (0, [], [])


def test_it_is_the_winding_back_that_makes_it_the_same(
    lived: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.warehouse.rewinding.rewind", lambda *_: None)
    code, said = reproduced(lived, capsys)
    assert code == 1
    assert any(HUGE in each or "review" in each for each in said["differences"])


def test_findings_that_the_time_did_not_suffice_for_are_left_to_the_template_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = folder / "sereno.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("narration: false\n", ""), encoding="utf-8")
    monkeypatch.setattr("reports.narrator.narration.BATCH", 1)
    hour = itertools.count(step=3600).__next__
    monkeypatch.setattr("flows.explanation.Narrating", functools.partial(Narrating, clock=hour))
    _, analysis = run_night(folder, DATA_DATE)
    monkeypatch.undo()
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        query = "SELECT finding FROM narratives WHERE mode {} 'template' AND unasked = {}"
        told, left = (
            {name for (name,) in sql.rows(connection, query.format(*each))} for each in (("!=", "false"), ("=", "true"))
        )
    assert told, "one question was put to the model"
    assert left, "all others were not"
    assert len(told | left) == len(analysis.findings)
    first = max(analysis.findings, key=lambda finding: (finding.mailed, finding.priority))
    assert first.id in told
    # A later night has time for all and keeps their answers, which the first did not know.
    run_night(folder, DATA_DATE + timedelta(days=1))
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        later = sql.rows(connection, "SELECT count(*) FROM narratives WHERE unasked")
    assert later == [(len(left),)]
    code, said = reproduced(folder, capsys)
    assert (code, said["differences"], said["otherwise"]) == (0, [], [])


EDITS = {
    "a record": (
        "UPDATE records_payments SET amount = 77.77 WHERE payment = 'P00902'",
        "finding ", "1 records do not say what was read: they were edited in the warehouse",
    ),
    "a record that is gone": (
        "DELETE FROM records_payments WHERE payment = 'P00902'",
        "is not found now", "the records are not those that it read: 903 then, 902 of them now",
    ),
    "a setting": (
        """UPDATE run_settings SET monitor = replace(monitor, '"batch": 5', '"batch": 2')""",
        "finding ", "the settings kept with it are not those that it was decided with: their hash is another",
    ),
    "a finding": (
        """UPDATE run_findings SET document = replace(document, '"severity":', '"severity":1')""",
        "severity 1", None,
    ),
    "a fact": (
        """UPDATE run_findings SET document = replace(document, '"kind":"duplicate"', '"kind":"peers"')""",
        "(peers) differ", None,
    ),
    "a text": ("UPDATE narratives SET text = 'All is well.'", "its text is another", None),
    "a kept answer": ("DELETE FROM skeletons", "its text is another", None),
}  # fmt: skip
"""What somebody changed in the warehouse's file, the difference that must be named, and the cause where one is."""


@pytest.mark.parametrize("what", EDITS)
def test_what_was_tampered_with_is_named(
    lived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    statement, difference, cause = EDITS[what]
    folder = tmp_path / "copy"
    shutil.copytree(lived, folder)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(statement)
    code, said = reproduced(folder, capsys)
    assert (code, said["equal"]) == (1, False)
    assert any(difference in each for each in said["differences"]), said
    assert (said["otherwise"] == []) if cause is None else any(cause in each for each in said["otherwise"]), said


def test_what_the_world_changed_since_is_named(lived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(lived, folder)
    path = folder / "data" / "payments-2026.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("98765.43", "65.43"), encoding="utf-8")
    run_night(folder, DATA_DATE + timedelta(days=9))
    code, said = reproduced(folder, capsys)
    assert code == 1
    assert any("1 records were changed since, by what run payments-2026-04-09" in each for each in said["otherwise"])
    assert status(["erase", "Person 1", "--reason", "request 7", "--by", "ana", "--workspace", str(folder)]) == 0
    code, said = reproduced(folder, capsys)
    assert code == 1
    assert any("a person was erased since" in each for each in said["otherwise"])


def test_a_run_that_was_decided_again_names_the_one_in_its_place(
    lived: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(lived, folder)
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        first = runs.finished_run(connection, "payments", DATA_DATE)
    assert first is not None
    run_night(folder, DATA_DATE, force=True)
    code, said = reproduced(folder, capsys)
    assert (code, said["differences"]) == (0, [])
    assert status(["audit", "reproduce", first.run, "--workspace", str(folder)]) == 2
    assert f"was decided again by {said['run']}" in capsys.readouterr().err
    assert status(["audit", "reproduce", "nothing", "--workspace", str(folder)]) == 2
    assert said["run"] in capsys.readouterr().err
    # A later date that knew the first decision is done again with the one that replaced it.
    code, said = reproduced(folder, capsys, DATA_DATE + timedelta(days=1))
    assert any("another date that it built on was decided again" in each for each in said["otherwise"])
