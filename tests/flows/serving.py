"""`sereno serve` as a process, and its Prefect API, as tests use them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def served(folder: Path, server: str | None = None) -> Iterator[str]:
    """`sereno serve` until the end of the block, against a server where one is named; the server's address."""
    process, address = start(folder, server)
    try:
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM}, serve_log(folder)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def start(folder: Path, server: str | None = None) -> tuple[subprocess.Popen[bytes], str]:
    """The process of `sereno serve`, in a session of its own, and the server's address once the form is there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    form = folder / ".prefect" / "triage-form.json"
    form.unlink(missing_ok=True)
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "serve", "--workspace", str(folder), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment | {"PREFECT_RUNNER_POLL_FREQUENCY": "1"} | ({"PREFECT_API_URL": server} if server else {}),
        )
    assert process.stdout is not None
    address = json.loads(process.stdout.readline())["ui"]
    wait_for(form.exists, 180, folder)
    return process, str(address).removesuffix("/api")


def serve_log(folder: Path) -> str:
    """The end of what the service said."""
    return (folder / "serve.log").read_text(encoding="utf-8")[-3000:]


def wait_for(condition: Any, seconds: int, folder: Path) -> Any:
    """The first true value of a condition; fails with the log where it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain:\n{serve_log(folder)}")


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


def ended(runs: list[dict[str, Any]]) -> str | None:
    """The state in which the first run ended; None while it goes on."""
    state = str(runs[0]["state"]["type"]) if runs else ""
    return state if state in {"COMPLETED", "FAILED", "CRASHED"} else None


def runs_of(address: str, flow: str) -> list[dict[str, Any]]:
    """Runs of a flow that nobody scheduled."""
    runs = post(address, "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC"})
    return [run for run in runs if not run["auto_scheduled"]]
