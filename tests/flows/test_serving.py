"""`sereno serve` for real: its server schedules runs, and a run asked for in the Prefect UI's form is carried out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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


def deployment(address: str) -> dict[str, Any] | None:
    """The served deployment, once it is there."""
    found = post(address, "/deployments/filter", {})
    return found[0] if found else None


def asked_for(address: str) -> list[dict[str, Any]]:
    """Runs that a person asked for, as opposed to scheduled ones."""
    runs = post(address, "/flow_runs/filter", {"sort": "START_TIME_DESC"})
    return [run for run in runs if run["parameters"].get("data_date") == str(DATA_DATE)]


def ended(runs: list[dict[str, Any]]) -> str | None:
    """The state in which the run ended; None while it goes on."""
    state = str(runs[0]["state"]["type"])
    return state if state in {"COMPLETED", "FAILED", "CRASHED"} else None


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_a_run_from_the_ui_is_carried_out_and_the_night_is_scheduled(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    with served(folder) as address:
        served_deployment = wait_for(lambda: deployment(address), 60, folder)
        # The guard against a Prefect whose scheduler silently makes no runs (docs/platform.md).
        scheduled = wait_for(
            lambda: post(address, "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}),
            60,
            folder,
        )
        assert scheduled[0]["parameters"] == {"monitors": ["payments"]}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
            page = browser.new_page()
            wanted = json.dumps({"monitors": ["payments"], "data_date": str(DATA_DATE), "mail": True})
            page.goto(f"{address}/deployments/deployment/{served_deployment['id']}/run?parameters={wanted}")
            page.get_by_role("button", name="Submit").click()
            wait_for(lambda: asked_for(address), 60, folder)
            browser.close()
        assert wait_for(lambda: ended(asked_for(address)), 180, folder) == "COMPLETED"
    assert (folder / "archive" / f"{DATA_DATE}.html").exists()
    assert len(list((folder / "outbox").glob("*.eml"))) == 1
    assert not (folder / ".prefect" / "serving.json").exists()
