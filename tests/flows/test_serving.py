"""`sereno serve` for real: its server schedules runs, and what people ask for in the Prefect UI is carried out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, sync_playwright

from flows.own_server import own_server
from flows.prefect_environment import is_healthy
from flows.schedule import data_date_of, newest_start
from flows.warehouse import Warehouse, audit, runs, triage
from flows.warehouse.runs import RunRecord, RunStatus
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace, exclusive
from tests.flows.conftest import DATA_DATE
from tests.flows.mail_sink import plain_sink
from tests.flows.serving import deployment, ended, post, runs_of, serve_log, served, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serving")]
CHROMIUM = shutil.which("chromium")
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def refusal(address: str, flow: str, parameters: dict[str, Any]) -> str:
    """What the server says to a run with parameters that the form does not allow."""
    served_deployment = deployment(address, flow)
    assert served_deployment is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(address, f"/deployments/{served_deployment['id']}/create_flow_run", {"parameters": parameters})
    assert refused.value.code == 409
    return str(json.loads(refused.value.read())["detail"])


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option of one of the form's lists."""
    page.get_by_role("button", name=f"Select {label}").click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_people_run_a_night_and_decide_in_the_ui(folder: Path) -> None:
    with served(folder) as address, browser_page() as page:
        night = wait_for(lambda: deployment(address, "night"), 60, folder)
        # The guard against a Prefect whose scheduler silently makes no runs (docs/platform.md).
        scheduled = wait_for(
            lambda: post(address, "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}),
            60,
            folder,
        )
        assert scheduled[0]["parameters"]["monitors"] == ["payments"]
        assert "'paymnts' is not one of" in refusal(address, "night", {"monitors": ["paymnts"]})
        assert "data_date" in refusal(address, "night", {"data_date": "soon"})

        wanted = quote(json.dumps({"data_date": str(DATA_DATE)}))
        page.goto(f"{address}/v2/deployments/deployment/{night['id']}/run?parameters={wanted}")
        choose(page, "Monitors", "payments")
        page.get_by_role("button", name="Submit").click()
        assert wait_for(lambda: ended(runs_of(address, "night")), 180, folder) == "COMPLETED"
        assert runs_of(address, "night")[0]["parameters"]["monitors"] == ["payments"]
        assert len(list((folder / "outbox").glob("*.eml"))) == 1

        finding = decide_by_the_reports_link(page, folder)
        assert wait_for(lambda: ended(runs_of(address, "triage")), 120, folder) == "COMPLETED"
        with Warehouse.of(Workspace.open(folder)).reading() as connection:
            (made,) = triage.dispositions(connection)
            assert triage.item_of(connection, made.fingerprint).id == finding
            assert audit.verify(connection) == []
        assert (made.verdict, made.who, made.why) == (Verdict.FALSE_POSITIVE, "Ana Ruiz", "rent, paid quarterly")
        stated = {"finding": finding, "verdict": "maybe", "reason": "x", "by": "Ana"}
        assert "'maybe' is not one of" in refusal(address, "triage", stated)
    assert not (folder / ".prefect" / "serving.json").exists()
    assert (folder / "archive" / f"{DATA_DATE}.html").exists()


def decide_by_the_reports_link(page: Page, folder: Path) -> str:
    """Follow the report's first link to the triage form, fill in the rest and submit it; the finding's id."""
    page.goto((folder / "archive" / f"{DATA_DATE}.html").as_uri())
    page.locator("a.triage").first.click()
    finding = page.get_by_label("Finding", exact=True)
    finding.wait_for()
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("'verdict' is a required property").first.wait_for()
    # After a refusal Prefect's form wants a second click; a fresh one does not.
    page.reload()
    choose(page, "Verdict", "false_positive")
    page.get_by_label("Reason", exact=True).fill("rent, paid quarterly")
    page.get_by_label("Decided by", exact=True).fill("Ana Ruiz")
    chosen = finding.input_value()
    page.get_by_role("button", name="Submit").click()
    return chosen


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        yield browser.new_page()
        browser.close()


def test_after_an_absence_the_newest_night_runs_and_the_rest_is_offered(folder: Path, server: str) -> None:
    """Against a server that is there already: `sereno serve` starts none."""
    day = miss_the_newest_night(folder)
    with served(folder, server) as address:
        assert f"{address}/api" == server
        assert deployment(address, "night") is not None
        assert not (folder / ".prefect" / "serving.json").exists()
        wait_for(lambda: is_decided(folder, day), 120, folder)
        # Other nights on this server were started by hand.
        served_runs = [run for run in runs_of(address, "night") if run["deployment_id"]]
        assert [run["parameters"] for run in served_runs] == [{"monitors": ["payments"], "data_date": str(day)}]
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        assert {run.data_date for run in runs.list_runs(connection)} == {day, day - timedelta(days=4)}
    (notice,) = (folder / "outbox").glob("missed-*.eml")
    first, last = day - timedelta(days=3), day - timedelta(days=1)
    assert f"sereno backfill payments --from {first} --to {last}" in notice.read_text(encoding="utf-8")


@pytest.mark.long
def test_a_power_failure_in_the_middle_of_a_night_costs_nothing(folder: Path) -> None:
    """Everything is killed while the newest night runs; the next start ends what is left of it and runs it again."""
    day = miss_the_newest_night(folder)
    # The night waits for its turn meanwhile.
    with exclusive(Workspace.open(folder), ["payments"]):
        process, address = start(folder)
        running = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}
        (cut_off,) = wait_for(lambda: post(address, "/flow_runs/filter", running), 120, folder)
        server = server_of(folder)
        for child in [*children(process.pid), process.pid, server]:
            os.kill(child, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    with served(folder) as again:
        wait_for(lambda: is_decided(folder, day), 180, folder)
        (left,) = post(again, "/flow_runs/filter", {"flow_runs": {"id": {"any_": [cut_off["id"]]}}})
        assert left["state"]["type"] == "CRASHED"
    assert len(list((folder / "outbox").glob("night-*.eml"))) == 1
    assert list((folder / "work").glob("night-*")) == []
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        assert audit.verify(connection) == []


def server_of(folder: Path) -> int:
    """Process id of the workspace's server."""
    return int(json.loads((folder / ".prefect" / "serving.json").read_text(encoding="utf-8"))["pid"])


def test_a_server_that_is_killed_is_started_again(folder: Path) -> None:
    workspace = Workspace.open(folder)
    workspace.prepare()
    with own_server(workspace) as url:
        killed = server_of(folder)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: server_of(folder) != killed, 120, folder)
        assert is_healthy(url)
    assert not is_healthy(url)
    assert not (folder / ".prefect" / "serving.json").exists()


@pytest.mark.long
def test_a_server_that_is_killed_and_started_again_in_the_middle_of_a_night_costs_nothing(folder: Path) -> None:
    with plain_sink() as (sink, settings):
        path = folder / "sereno.yaml"
        path.write_text(path.read_text(encoding="utf-8") + settings, encoding="utf-8")
        with served(folder) as address:
            night = wait_for(lambda: deployment(address, "night"), 60, folder)
            asked = {"parameters": {"monitors": ["payments"], "data_date": str(DATA_DATE)}, "idempotency_key": "once"}
            path_of_runs = f"/deployments/{night['id']}/create_flow_run"
            run = wait_for(lambda: answer(address, path_of_runs, asked), 60, folder)
            wait_for(lambda: "analyzing" in serve_log(folder), 120, folder)
            killed = server_of(folder)
            os.kill(killed, signal.SIGKILL)
            wait_for(lambda: server_of(folder) != killed, 120, folder)
            (ended_run,) = wait_for(lambda: completed(address, run["id"]), 120, folder)
            assert ended_run["state"]["type"] == "COMPLETED"
        assert len(sink.messages()) == 1
        assert list((folder / "work").glob("night-*")) == []
        assert [page.name for page in (folder / "archive").glob("2026-*.html")] == [f"{DATA_DATE}.html"]
        with Warehouse.of(Workspace.open(folder)).reading() as connection:
            assert [run.data_date for run in runs.list_runs(connection)] == [DATA_DATE]
            assert audit.verify(connection) == []


def answer(address: str, path: str, body: dict[str, Any]) -> Any:
    """What the server says; None where it does not, or wants to be asked again (503)."""
    try:
        return post(address, path, body)
    except OSError:
        return None


def completed(address: str, run: str) -> list[dict[str, Any]]:
    """The run, once it has ended; nothing before."""
    found = answer(address, "/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    return found if found and ended(found) else []


def children(parent: int) -> list[int]:
    """Processes below one, the deepest first."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    return [each for child in map(int, listed) for each in (*children(child), child)]


def miss_the_newest_night(folder: Path) -> date:
    """Let the schedule have been served for weeks, and the last four nights not have run; the newest one's date."""
    workspace = Workspace.open(folder)
    workspace.prepare()
    (monitor,) = workspace.monitors()
    newest = newest_start(monitor, datetime.now(UTC))
    assert newest is not None
    day = data_date_of(newest, monitor.timezone)
    workspace.note_serving(newest - timedelta(days=20))
    at = newest - timedelta(days=4)
    before = RunRecord("payments-0", "payments", day - timedelta(days=4), RunStatus.DONE, at, finished_at=at)
    with Warehouse.of(workspace).writing() as connection:
        runs.record_run(connection, before)
    return day


def is_decided(folder: Path, day: date) -> bool:
    """Whether a run decided the date."""
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        return runs.finished_run(connection, "payments", day) is not None
