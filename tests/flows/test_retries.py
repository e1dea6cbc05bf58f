"""A night that failed is told of by mail, kept, and goes on where it broke when somebody presses Retry."""

from __future__ import annotations

import shutil
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from flows.warehouse import Warehouse, audit, deliveries, runs
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, MONITOR
from tests.flows.serving import deployment, post, served, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serving")]


def test_a_failed_night_goes_on_where_it_broke(folder: Path) -> None:
    """First nothing can be published and a file is late, then only the file is, then all is well."""
    refunds = MONITOR.replace("Payments", "Refunds").replace("data/payments-*", "data/refunds-*")
    (folder / "monitors" / "refunds.yaml").write_text(refunds, encoding="utf-8")
    obstacle = folder / "archive" / "index.html"
    obstacle.parent.mkdir(mode=0o700)
    obstacle.mkdir()
    with served(folder) as address:
        night = wait_for(lambda: deployment(address, "night"), 60, folder)
        asked = {"parameters": {"data_date": str(DATA_DATE)}}
        run = post(address, f"/deployments/{night['id']}/create_flow_run", asked)["id"]
        assert "index.html" in end_of(address, run, "FAILED", folder)["message"]
        (kept,) = (folder / "work").glob("night-*")
        assert oct(kept.stat().st_mode)[-3:] == "700"
        assert {oct(path.stat().st_mode)[-3:] for path in kept.iterdir()} == {"600"}
        assert subjects(folder) == [f"{DATA_DATE}: the night failed"]

        obstacle.rmdir()
        retry(address, run)
        failed = end_of(address, run, "FAILED", folder)
        assert "refunds-*" in failed["message"]
        assert "Traceback" not in failed["message"]

        shutil.copyfile(folder / "data" / "payments-2026.csv", folder / "data" / "refunds-2026.csv")
        retry(address, run)
        assert end_of(address, run, "COMPLETED", folder)["run"]["name"] == f"night {DATA_DATE}: all monitors"
        steps = post(address, "/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        names = Counter((step["name"], step["state"]["name"]) for step in steps)
        assert (names["pull payments", "Completed"], names["pull payments", "Cached"]) == (1, 2), names
        assert (names["analyze payments", "Completed"], names["analyze payments", "Cached"]) == (1, 1), names
        assert (names["pull refunds", "Failed"], names["pull refunds", "Completed"]) == (2, 1), names
        assert (names["publish", "Failed"], names["publish", "Completed"]) == (1, 2), names
        look_at_artifacts(address)
    assert list((folder / "work").glob("night-*")) == []
    assert list((folder / ".prefect" / "storage").glob("night-*")) == []
    assert sorted(path.name for path in (folder / "archive").glob("20*.html")) == [
        f"{DATA_DATE}-2.html",
        f"{DATA_DATE}.html",
    ]
    assert len(subjects(folder)) == 3
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        decided = runs.list_runs(connection)
        assert {(each.monitor, each.status, each.correction) for each in decided} == {
            ("payments", "done", 0),
            ("refunds", "done", 0),
        }
        assert {each.state for each in deliveries.list_deliveries(connection)} == {"kept"}
        assert audit.verify(connection) == []


def look_at_artifacts(address: str) -> None:
    """What the UI shows of the night: its progress, a table, a text, and where the report is."""
    shown = {each["key"]: each["data"] for each in post(address, "/artifacts/latest/filter", {})}
    assert set(shown) >= {"night-progress", "night-runs", "night-summary", "night-report"}
    assert f"{DATA_DATE}-2.html" in shown["night-report"]
    assert "**refunds**" in shown["night-summary"]
    assert shown["night-progress"] == 100.0


def retry(address: str, run: str) -> None:
    """What Retry does in the UI."""
    again = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    post(address, f"/flow_runs/{run}/set_state", again)


def end_of(address: str, run: str, kind: str, folder: Path) -> dict[str, Any]:
    """The state in which the run ends, with the run; any other kind of end fails at once."""

    def state() -> dict[str, Any] | None:
        (found,) = post(address, "/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        if found["state"]["type"] not in {"COMPLETED", "FAILED", "CRASHED"}:
            return None
        return dict(found["state"]) | {"run": found}

    end: dict[str, Any] = wait_for(state, 180, folder)
    assert end["type"] == kind, end["message"]
    return end


def subjects(folder: Path) -> list[str]:
    """Of all mails in the outbox, by date."""
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (folder / "outbox").glob("*.eml")]
    return [str(mail["Subject"]) for mail in sorted(mails, key=lambda mail: mail["Date"].datetime)]
