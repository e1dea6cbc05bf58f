"""`sereno serve` for real: its server schedules runs, and what people ask for in the Prefect UI is carried out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, sync_playwright

from flows.warehouse import Warehouse, audit, triage
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serving")]
CHROMIUM = shutil.which("chromium")
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`sereno serve` as a process; the server's address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "serve", "--workspace", str(folder), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["ui"]
            wait_for((folder / ".prefect" / "serving.json").exists, 180, folder)
            yield address
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) in {0, -signal.SIGTERM}, (folder / "serve.log").read_text(encoding="utf-8")
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def wait_for(condition: Any, seconds: int, folder: Path) -> Any:
    """The first true value of a condition; fails with the log where it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain:\n{(folder / 'serve.log').read_text(encoding='utf-8')[-3000:]}")


def post(address: str, path: str, body: dict[str, Any]) -> Any:
    """Ask the Prefect API."""
    request = urllib.request.Request(
        f"{address}/api{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def deployment(address: str, flow: str) -> dict[str, Any] | None:
    """The served deployment of a flow, once it is there."""
    found = post(address, "/deployments/filter", {"flows": {"name": {"any_": [flow]}}})
    return found[0] if found else None


def refusal(address: str, flow: str, parameters: dict[str, Any]) -> str:
    """What the server says to a run with parameters that the form does not allow."""
    served_deployment = deployment(address, flow)
    assert served_deployment is not None
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(address, f"/deployments/{served_deployment['id']}/create_flow_run", {"parameters": parameters})
    assert refused.value.code == 409
    return str(json.loads(refused.value.read())["detail"])


def ended(runs: list[dict[str, Any]]) -> str | None:
    """The state in which the run ended; None while it goes on."""
    state = str(runs[0]["state"]["type"]) if runs else ""
    return state if state in {"COMPLETED", "FAILED", "CRASHED"} else None


def runs_of(address: str, flow: str) -> list[dict[str, Any]]:
    """Runs of a flow that nobody scheduled."""
    runs = post(address, "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC"})
    return [run for run in runs if not run["auto_scheduled"]]


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
