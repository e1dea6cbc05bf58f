"""`sereno backfill`: past dates, oldest first; killed in between, it goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.warehouse import Warehouse, audit, runs
from flows.workspace import Workspace
from tests.flows.command_line import sereno
from tests.flows.conftest import DATA_DATE


@pytest.mark.slow
@pytest.mark.xdist_group("nightly")
def test_a_killed_backfill_goes_on_where_it_was(folder: Path, server: str) -> None:
    dates = [str(DATA_DATE - timedelta(days=days)) for days in (2, 1, 0)]
    wanted = ["backfill", "payments", "--from", dates[0], "--to", dates[2]]
    command = [sys.executable, "-m", "flows.cli", *wanted, "--workspace", str(folder), "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_API_URL": server},
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    assert (first["data_date"], first["status"], first["mail"]) == (dates[0], "done", None)

    status, lines, progress = sereno(folder, *wanted, server=server)
    assert status == 0, progress
    assert [(line["data_date"], line["status"]) for line in lines] == [
        (dates[0], "unchanged"),
        (dates[1], "done"),
        (dates[2], "done"),
    ]
    assert f"already decided by run {first['run']}" in lines[0]["message"]
    assert list((folder / "outbox").iterdir()) == []
    assert list((folder / "work").glob("night-*")) == []
    assert len(list((folder / "archive").glob("20*.html"))) == 3
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        assert [run.status for run in runs.list_runs(connection)] == ["done"] * 3
        assert audit.verify(connection) == []


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-03-31", "2026-03-30", "lies before --from"),
        ("2020-01-01", "2026-03-30", "2,281 dates are too many at once"),
        ("2026-03-01", str(datetime.now(UTC).date() + timedelta(days=2)), "is not over yet"),
        ("2026-03-01", "soon", "is not a date"),
    ],
)
def test_dates_that_cannot_be_decided_are_refused_in_one_line(
    folder: Path, first: str, last: str, expected: str
) -> None:
    status, lines, progress = sereno(folder, "backfill", "payments", "--from", first, "--to", last)
    assert (status, lines) == (2, [])
    (line,) = progress.strip().splitlines()
    assert expected in line
