"""Backtests of series: an episode over several nights is one, and what is confirmed leaves the baseline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows import triaging
from flows.backtesting import Request, run_backtest
from flows.warehouse import Warehouse, episodes
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 16
NOW = datetime(2026, 2, 1, tzinfo=UTC)
MONITOR = """\
title: Pump
batch: 1
records: {files: data/pump.csv, shape: series}
columns: {at: time, heat: measure, load: measure}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pump sampled every five minutes; its heat is far above its level from day 13 on, and was once on day 5."""
    rng = np.random.default_rng(5)
    count = DAYS * 288
    day = np.arange(count) / 288
    shifted = (day >= 13) | ((day >= 5) & (day < 5.4))
    frame = pl.DataFrame(
        {
            "at": [(START + timedelta(minutes=5 * i)).isoformat() for i in range(count)],
            "heat": 60 + rng.normal(0, 1, count) + 12 * shifted,
            "load": 40 + rng.normal(0, 1, count),
        }
    )
    (tmp_path / "monitors").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "sereno.yaml").write_text("name: Plant\n", encoding="utf-8")
    (tmp_path / "monitors" / "pump.yaml").write_text(MONITOR, encoding="utf-8")
    frame.write_csv(tmp_path / "data" / "pump.csv")
    return tmp_path


def test_an_episode_over_three_nights_is_one_finding(folder: Path) -> None:
    told = run_backtest(Workspace.open(folder), Request("pump", nights=4), say=lambda _: None, now=NOW)
    (own,) = [each for each in told.settings if each.chosen]
    assert not told.fdr_matters
    assert [night.mailed > 0 for night in told.nights] == [False, True, True, True]
    assert [night.new > 0 for night in told.nights] == [False, True, False, False]
    assert own.repeats >= 2


def test_a_confirmed_episode_of_the_history_leaves_the_baseline(folder: Path) -> None:
    workspace = Workspace.open(folder)
    request = Request("pump", nights=1, data_date=START.date() + timedelta(days=11), review=3)
    told = run_backtest(workspace, request, say=lambda _: None, now=NOW)
    (hot,) = [each for each in told.candidates if each.subject.id == "heat" and each.time_from is not None]
    assert hot.time_from is not None
    assert timedelta(0) <= hot.time_from - (START + timedelta(days=5)) + timedelta(hours=1) <= timedelta(hours=3)
    triaging.triage(workspace, hot.id, Verdict.CONFIRMED, why="a leak", who="eva", at=NOW)
    with Warehouse.of(workspace).reading() as connection:
        left_out = episodes.outside_the_baseline(connection, "pump", NOW.date())
    assert [(each.subject, each.time_from, each.time_to) for each in left_out] == [("heat", hot.time_from, hot.time_to)]
