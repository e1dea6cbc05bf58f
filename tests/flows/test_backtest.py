"""Backtests: nights as they were known, at several settings, and nothing left behind."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli, triaging
from flows.backtesting import Request, run_backtest
from flows.replay import read_past, scratch_in
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, HUGE, TWICE, payments
from tests.flows.nights import add_april, run_night, run_whole_night

NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)
SMALL = Request("payments", nights=3, rates=(0.3,), budgets=(1, 2))


def quiet(_: str) -> None:
    """Say nothing."""


def content(folder: Path) -> dict[str, str]:
    """A hash of every file of the workspace but its locks and its key."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("lock", "-key"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_replayed_night_sees_what_the_night_itself_saw(folder: Path) -> None:
    eve, late = DATA_DATE - timedelta(days=1), folder / "data" / "payments-late.csv"
    handed = {eve: run_whole_night(folder, eve)[2]}
    some = payments().filter(pl.col("paid_at") >= "2026-03-25").head(4)
    some.with_columns(payment=pl.format("L{}", "payment"), invoice=pl.format("L{}", "payment")).write_csv(late)
    handed[DATA_DATE] = run_whole_night(folder, DATA_DATE)[2]
    workspace = Workspace.open(folder)
    past, dates = read_past(
        workspace, workspace.monitor("payments"), scratch_in(folder / "work"), nights=2, data_date=None, now=NOW
    )
    assert dates == (eve, DATA_DATE)
    for day in dates:
        frames = past.frames(day)
        assert sorted(frames.history["record_id"]) == handed[day].history
        assert sorted(frames.batch["record_id"]) == handed[day].batch
    arrived = set(handed[DATA_DATE].batch) - set(handed[eve].batch + handed[eve].history)
    assert {f"L{key}" for key in some["payment"]} <= set(past.frames(DATA_DATE).batch["payment"])
    assert arrived.isdisjoint(past.frames(eve).batch["record_id"])


def test_it_raises_what_the_night_raises_and_touches_nothing(folder: Path) -> None:
    _, found = run_night(folder, DATA_DATE)
    before = content(folder)
    told = run_backtest(Workspace.open(folder), replace(SMALL, nights=1), say=quiet, now=NOW)
    assert content(folder) == before
    (night,) = told.nights
    assert (night.data_date, night.records, night.findings) == (DATA_DATE, found.records, len(found.findings))
    assert night.mailed == sum(finding.mailed for finding in found.findings)
    assert sum(night.money.values()) == sum(finding.exposure or 0 for finding in found.findings if finding.mailed)


def test_before_the_first_night_it_reads_the_source_and_makes_no_warehouse(folder: Path) -> None:
    told = run_backtest(Workspace.open(folder), SMALL, say=quiet, now=NOW)
    assert not (folder / "warehouse.duckdb").exists()
    assert list((folder / "work").iterdir()) == []
    assert [night.data_date for night in told.nights] == [DATA_DATE - timedelta(days=back) for back in (2, 1, 0)]
    assert told.nights[-1].types["duplicate_payment"] == 1


def test_settings_are_counted_over_all_nights(folder: Path) -> None:
    told = run_backtest(Workspace.open(folder), SMALL, say=quiet, now=NOW)
    by_pair = {(each.fdr, each.budget): each for each in told.settings}
    assert set(by_pair) == {(rate, budget) for rate in (0.1, 0.3) for budget in (1, 2, 20)}
    (own,) = [each for each in told.settings if each.chosen]
    assert own == by_pair[0.1, 20]
    assert own.mailed_a_night == pytest.approx(sum(night.mailed for night in told.nights) / 3)
    assert own.distinct + own.repeats == sum(night.mailed for night in told.nights)
    assert own.distinct == sum(night.new for night in told.nights)
    assert own.repeats > 0
    for (rate, budget), each in by_pair.items():
        assert each.mailed_a_night <= budget
        assert each.findings_a_night == by_pair[rate, 20].findings_a_night
        assert each.mailed_a_night <= by_pair[rate, 20].mailed_a_night
        assert by_pair[0.1, budget].findings_a_night <= by_pair[0.3, budget].findings_a_night


def test_verdicts_give_precision_and_recall(folder: Path) -> None:
    _, found = run_night(folder, DATA_DATE)
    ids = {finding.subject.label: finding.id for finding in found.findings}
    workspace = Workspace.open(folder)
    for label, verdict in ((HUGE, Verdict.CONFIRMED), (TWICE[1], Verdict.FALSE_POSITIVE)):
        triaging.triage(workspace, ids[label], verdict, why="seen", who="ana", at=NOW)
    triaging.triage(workspace, found.drawn[0].id, Verdict.CONFIRMED, why="missed", who="ana", at=NOW)
    told = run_backtest(workspace, SMALL, say=quiet, now=NOW)
    (own,) = [each for each in told.settings if each.chosen]
    assert (own.judged, own.real) == (2, 1)
    assert (own.known, own.found) == (2, 1)
    assert (own.precision, own.recall) == (0.5, 0.5)


def test_what_is_confirmed_of_the_history_leaves_it_and_is_not_offered_again(folder: Path) -> None:
    workspace, request = Workspace.open(folder), replace(SMALL, nights=1, review=4)
    first = run_backtest(workspace, request, say=quiet, now=NOW)
    assert len(first.candidates) == 4
    assert first.candidates[0].subject.label == HUGE
    assert [each.severity for each in first.candidates] == sorted((e.severity for e in first.candidates), reverse=True)
    assert all(each.facts for each in first.candidates)
    triaging.triage(workspace, first.candidates[0].id, Verdict.CONFIRMED, why="fraud", who="ana", at=NOW)
    second = run_backtest(workspace, request, say=quiet, now=NOW)
    assert HUGE not in {each.subject.label for each in second.candidates}
    add_april(folder)
    _, later = run_night(folder, date(2026, 4, 10))
    assert [check.values["count"] for check in later.checks if check.code == "confirmed_left_out"] == [1]


def test_interrupted_it_leaves_nothing(folder: Path) -> None:
    def stop(text: str) -> None:
        if text.startswith("[1/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_backtest(Workspace.open(folder), replace(SMALL, review=3), say=stop, now=NOW)
    assert list((folder / "work").iterdir()) == []
    assert not (folder / "warehouse.duckdb").exists()


def told_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    status = cli.status(["backtest", *arguments, "--json"])
    out, progress = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], progress


@pytest.mark.parametrize("lang", ["en", "es"])
def test_the_command_prints_a_line_each_and_writes_a_page(
    folder: Path, capsys: pytest.CaptureFixture[str], lang: str
) -> None:
    with (folder / "sereno.yaml").open("a", encoding="utf-8") as file:
        file.write(f"language: {lang}\n")
    page = folder / "backtest.html"
    common = ("--workspace", str(folder), "--nights", "2", "--budget", "3", "--fdr", "0.2")
    status, lines, progress = told_by(capsys, "payments", *common, "--review", "2", "--html", str(page))
    assert (status, "reading the records" in progress) == (0, True)
    assert [line["kind"] for line in lines] == ["night"] * 2 + ["setting"] * 4 + ["candidate"] * 2 + ["backtest"]
    text = page.read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in text
    assert all(line["id"] in text for line in lines if line["kind"] == "candidate")
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "<script" not in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("paymnts",), "did you mean 'payments'"),
        (("payments", "--fdr", "2"), "between 0 and 1"),
        (("payments", "--budget", "0"), "--budget 0"),
        (("payments", "--nights", "0"), "--nights"),
        (("payments", "--data-date", "soon"), "is not a date"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    status, lines, progress = told_by(capsys, *arguments, "--workspace", str(folder))
    assert (status, lines) == (2, [])
    assert expected in progress.strip().splitlines()[-1]
