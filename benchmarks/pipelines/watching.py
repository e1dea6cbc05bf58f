"""Runs a command and watches it: seconds, the memory of its whole process tree, and when each line came."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_EVERY = 0.05
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Watched:
    """What a command took.

    seconds : from its start to its end.
    processor : seconds of all its processes, user and system.
    peak : most memory of the process tree, summed proportional set size, MiB.
    said : lines of its standard error with the seconds at which they came.
    output : its standard output.
    """

    seconds: float
    processor: float
    peak: float
    output: str
    said: tuple[tuple[float, str], ...] = field(default=())


def watch(
    command: Sequence[str | Path], *, folder: Path | None = None, given: Mapping[str, str] | None = None
) -> Watched:
    """Run a command to its end; RuntimeError with its last words where it fails."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    said: list[tuple[float, str]] = []
    peak = 0.0
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(given or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output: list[str] = []
        readers = [
            threading.Thread(target=lambda: output.extend(process.stdout or ())),
            threading.Thread(
                target=lambda: said.extend(
                    (time.monotonic() - started, line.rstrip()) for line in (process.stderr or ())
                )
            ),
        ]
        for reader in readers:
            reader.start()
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(_EVERY)
        for reader in readers:
            reader.join()
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        last = " | ".join(line for _, line in said[-5:])
        raise RuntimeError(f"{' '.join(map(str, command))[:200]}: exit status {process.returncode}: {last}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Watched(seconds, processor, peak, "".join(output), tuple(said))


def _memory(root: int) -> float:
    """Summed proportional set size of a process and all that it started, MiB: shared pages count once."""
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        try:
            for thread in Path(f"/proc/{process}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except (OSError, ValueError):
            continue
    return total / 1024
