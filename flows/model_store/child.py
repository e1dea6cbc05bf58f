"""A process of its own for everything that llama.cpp does with a file: a crash there is an error here.

    python -m flows.model_store.child check|speed|exam FILE THREADS

prints JSON lines: `{"progress": [done, all]}` now and then, and `{"result": ...}` or `{"error": ...}` at the end.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analyzers.errors import ModelError, SerenoError

Progress = Callable[[int, int], None]
PATIENCE = 900.0
"""Seconds for a check or a measurement; an exam has none, it takes as long as it takes."""


def ask(action: str, path: Path, *, threads: int, progress: Progress | None = None) -> dict[str, Any]:
    """The result of `check`, `speed` or `exam` on a model file. ModelError where llama.cpp fails or dies of it."""
    command = [sys.executable, "-P", "-m", "flows.model_store.child", action, str(path), str(threads)]
    with (
        tempfile.TemporaryFile() as noise,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=noise, text=True) as child,
    ):
        assert child.stdout is not None
        deadline = None if action == "exam" else _Deadline(child, PATIENCE)
        try:
            outcome = _outcome(child.stdout, progress)
        except BaseException:
            child.kill()
            raise
        finally:
            if deadline is not None:
                deadline.cancel()
        status = child.wait()
    if "result" in outcome:
        return dict(outcome["result"])
    if "error" in outcome:
        raise ModelError(str(outcome["error"]))
    if deadline is not None and deadline.passed:
        raise ModelError(f"{path}: llama.cpp was not done with this model after {PATIENCE:.0f} s; use a smaller one")
    raise ModelError(f"{path}: llama.cpp {_end(status)} on this file; use another one")


class _Deadline:
    """Kills a process that takes too long."""

    def __init__(self, child: subprocess.Popen[str], seconds: float) -> None:
        from threading import Timer

        self.passed = False
        self._child = child
        self._timer = Timer(seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _kill(self) -> None:
        self.passed = True
        self._child.kill()


def _outcome(lines: Any, progress: Progress | None) -> dict[str, Any]:
    """The last line that is a result or an error; whatever else llama.cpp prints is no matter."""
    outcome: dict[str, Any] = {}
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict):
            continue
        if "progress" in said and progress is not None:
            progress(*said["progress"])
        elif "result" in said or "error" in said:
            outcome = said
    return outcome


def _end(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"crashed ({signal.Signals(-status).name})"
    except ValueError:
        return "crashed"


# -- within the process ------------------------------------------------------------------------------------------------
def main(action: str, path: Path, threads: int) -> None:
    """What the process does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        result = {"check": _check, "speed": _speed, "exam": _exam}[action](path, threads)
    except SerenoError as error:
        _print({"error": str(error)})
    else:
        _print({"result": {**result, "resident": _resident()}})


def _check(path: Path, threads: int) -> dict[str, Any]:
    """Load the model and let it answer one question of the exam."""
    from reports.narrator.engines import LlamaEngine
    from reports.narrator.exam import questions
    from reports.narrator.prompt import build_prompt
    from reports.narrator.skeleton import choices

    engine = LlamaEngine(path, threads=threads)
    question = questions()[0]
    answer = engine.complete([build_prompt(question.finding, choices(question.finding, question.playbook))])[0]
    if not answer:
        raise ModelError(f"{path}: the model did not answer within the grammar; use another one")
    return {"sha256": engine.sha256}


def _speed(path: Path, threads: int) -> dict[str, Any]:
    from flows.model_store.speed import measure

    return measure(path, threads)


def _exam(path: Path, threads: int) -> dict[str, Any]:
    from reports.narrator.engines import LlamaEngine
    from reports.narrator.exam import exam_sha256, sit

    engine = LlamaEngine(path, threads=threads)
    started, used = time.monotonic(), time.process_time()
    result = sit(engine, lambda done, total: _print({"progress": [done, total]}))
    return {
        **result.model_dump(mode="json"),
        "sha256": engine.sha256,
        "exam_sha256": exam_sha256(),
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(time.process_time() - used, 1),
    }


def _resident() -> int:
    """Most bytes that the process held in memory so far."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def _print(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
