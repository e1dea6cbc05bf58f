"""A step that takes too long ends in one line, and the night with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HANGING = """
import sys, time
from pathlib import Path
from flows.prefect_environment import prepare
from flows.workspace import Workspace

workspace = Workspace.open(Path(sys.argv[1]))
prepare(workspace)
from flows import ingestion, night_run, nightly

nightly.pull.timeout_seconds = 2.0
ingestion.read_source = lambda *_, **__: time.sleep(600)
(line,) = night_run.run_night(workspace, say=lambda text: None)
print(__import__("json").dumps(line.contract() | {"exit_status": line.exit_status}))
"""


@pytest.mark.slow
@pytest.mark.xdist_group("nightly")
def test_a_source_that_never_answers_ends_the_step(folder: Path, server: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING, str(folder)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={**os.environ, "PREFECT_API_URL": server},
    )
    line = json.loads(done.stdout)
    assert (line["status"], line["exit_status"]) == ("failed", 1)
    assert "timeout of 2.0 second" in line["message"]
    assert "Traceback" not in done.stderr
    assert list((folder / "work").glob("night-*")) == []
