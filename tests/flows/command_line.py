"""The command `sereno` as a user runs it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def sereno(folder: Path, *arguments: str, server: str | None = None) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command; its exit status, the JSON objects on standard output, and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments, "--workspace", str(folder), "--json"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "PREFECT_API_URL": server or ""},
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr
