"""`sereno serve` running beside what is measured, so that a night finds everything started."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 180


@contextlib.contextmanager
def served(workspace: Path) -> Iterator[None]:
    """Serve the workspace on a free port until the end of the block; RuntimeError where the service ends early."""
    settings = workspace / "sereno.yaml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(f"{before}prefect: {{port: {_free_port()}}}\n", encoding="utf-8")
    with (workspace / "serve.log").open("w", encoding="utf-8") as log:
        command = [sys.executable, "-m", "flows.cli", "serve", "--workspace", str(workspace)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(process, workspace)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        settings.write_text(before, encoding="utf-8")


def _wait(process: subprocess.Popen[bytes], workspace: Path) -> None:
    """Until the deployments are served: the service then writes where the form for verdicts is."""
    form, deadline = workspace / ".prefect" / "triage-form.json", time.monotonic() + _LONGEST
    while not form.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            last = (workspace / "serve.log").read_text(encoding="utf-8")[-300:]
            raise RuntimeError(f"sereno serve does not start: {json.dumps(last)}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
