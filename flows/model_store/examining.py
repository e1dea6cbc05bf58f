"""Sitting the exam: in a process of its own, the mark kept in the workspace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flows.model_store import child
from flows.model_store.machine import this_machine
from flows.model_store.register import Mark, locate, record
from flows.workspace import Workspace
from reports.narrator.exam import Result
from reports.narrator.gguf import read_head

Say = Callable[[str], None]


def examine_model(workspace: Workspace | None, name: str | None, *, say: Say) -> Mark:
    """Put a model at hand through the exam. ModelError where llama.cpp cannot use it."""
    path = locate(workspace, name)
    read_head(path)
    machine = this_machine()
    say(f"examining {path.name}: minutes for a small model, up to an hour for a large one")
    sat = child.ask("exam", path, threads=machine.cores, progress=lambda done, total: say(f"{done} of {total} answers"))
    mark = Mark(
        model=path.stem,
        sha256=sat["sha256"],
        mark=sat["mark"],
        reason=sat["reason"],
        exam_sha256=sat["exam_sha256"],
        machine=machine.label,
        at=datetime.now(UTC),
        seconds=sat["seconds"],
        processor_seconds=sat["processor_seconds"],
        result=Result.model_validate({key: sat[key] for key in Result.model_fields}),
    )
    if workspace is not None:
        record(workspace, mark)
    return mark
