"""What the workspace knows of its models: hashes of the files in `models/`, and the marks that models earned here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from analyzers.errors import ModelError, UsageError
from analyzers.results import Frozen
from flows.model_store.catalogue import catalogue, find
from flows.model_store.machine import this_machine
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.narrator.engines import default_model_path
from reports.narrator.exam import MarkName, Result, exam_sha256

DEFAULT = "default"
"""Name of the model that is installed with Sereno."""
_LARGEST = 4_000_000
Entry = TypeVar("Entry", bound=BaseModel)


class Added(Frozen):
    """A file that came into `models/`."""

    file: str
    sha256: str
    size: int
    added_at: datetime
    origin: str
    """The path or address that it came from."""


class Mark(Frozen):
    """What a model earned, with what, where and when."""

    model: str
    sha256: str
    """Of the model's file."""
    mark: MarkName
    reason: str
    exam_sha256: str
    """Of the exam, prompts and grammars included."""
    machine: str
    at: datetime
    seconds: float
    processor_seconds: float
    result: Result


@dataclass(frozen=True)
class Installed:
    """A model file at hand."""

    name: str
    path: Path
    sha256: str | None
    """As recorded when it came; null for a file that somebody put there."""
    in_use: bool
    mark: Mark | None


def models_folder(workspace: Workspace) -> Path:
    """`models/`, made where it is missing, readable by its owner only."""
    folder = workspace.folder / "models"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def sha256_of(path: Path) -> str:
    """SHA-256 of a file (64 hex digits); ModelError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ModelError(f"{path}: the model file cannot be read ({why}); name an existing GGUF file") from None


# -- files -------------------------------------------------------------------------------------------------------------
def added(workspace: Workspace) -> list[Added]:
    """What was added, the oldest first."""
    return _read(workspace.folder / "models" / "register.json", Added)


def remember(workspace: Workspace, entry: Added) -> None:
    """Record an added file in the place of an earlier one of its name."""
    kept = [other for other in added(workspace) if other.file != entry.file]
    _write(models_folder(workspace) / "register.json", [*kept, entry])


def installed(workspace: Workspace | None) -> list[Installed]:
    """Every model at hand: the default one, those in `models/`, and the configured one."""
    known = {entry.file: entry.sha256 for entry in added(workspace)} if workspace else {}
    default = default_model_path()
    configured = _configured(workspace) if workspace else None
    paths = [(DEFAULT, default)] if default else []
    if workspace is not None:
        paths += [(path.stem, path) for path in sorted((workspace.folder / "models").glob("*.gguf"))]
    if configured is not None and configured not in [path for _, path in paths]:
        paths.append((configured.stem, configured))
    found = []
    for name, path in paths:
        sha256 = _default_hash() if name == DEFAULT else known.get(path.name)
        in_use = path == configured if configured is not None else name == DEFAULT
        mark = mark_of(workspace, sha256) if workspace and sha256 else None
        found.append(Installed(name, path, sha256, in_use, mark))
    return found


def _configured(workspace: Workspace) -> Path | None:
    """The configured file as the settings name it, links not followed."""
    named = workspace.settings.model
    return None if named is None else Path(os.path.normpath(workspace.folder / named))


def _default_hash() -> str | None:
    return next((model.sha256 for model in catalogue() if model.address is None), None)


def locate(workspace: Workspace | None, wanted: str | None) -> Path:
    """The file of a model: a path, a name in `models/` or of the catalogue, `default`, or the one in use.

    UsageError where it is not at hand.
    """
    at_hand = installed(workspace)
    if wanted is None:
        chosen = [model.path for model in at_hand if model.in_use]
        if not chosen:
            raise UsageError("no model is installed; `sereno models add FILE` brings one")
        return chosen[0]
    for model in at_hand:
        if wanted in (model.name, model.path.name):
            return model.path
    if Path(wanted).is_file():
        return Path(wanted)
    if "/" in wanted or wanted.endswith(".gguf"):
        raise UsageError(f"{wanted[:200]}: no such model file; `sereno models list` shows what is at hand")
    entry = find(wanted)
    for model in at_hand:
        if model.path.name == entry.file:
            return model.path
    raise UsageError(f"{wanted}: not installed; `sereno models add {wanted} --allow-network`, or add its file")


def is_another(workspace: Workspace, path: Path) -> bool:
    """Whether a model's file is another than the one that was added to `models/`, or installed with Sereno."""
    pinned = {workspace.folder / "models" / entry.file: entry.sha256 for entry in added(workspace)}
    default, known = default_model_path(), _default_hash()
    if default is not None and known is not None:
        pinned[default] = known
    wanted = {sha256 for place, sha256 in pinned.items() if place.resolve() == path.resolve()}
    return bool(wanted) and sha256_of(path) not in wanted


# -- marks -------------------------------------------------------------------------------------------------------------
def marks(workspace: Workspace) -> list[Mark]:
    """All marks, the oldest first."""
    return _read(workspace.folder / "models" / "marks.json", Mark)


def record(workspace: Workspace, mark: Mark) -> None:
    """Keep a mark in the place of an earlier one of the same model, exam and machine."""

    def same(other: Mark) -> bool:
        return (other.sha256, other.exam_sha256, other.machine) == (mark.sha256, mark.exam_sha256, mark.machine)

    kept = [other for other in marks(workspace) if not same(other)]
    _write(models_folder(workspace) / "marks.json", [*kept, mark])


def mark_of(workspace: Workspace, sha256: str) -> Mark | None:
    """The newest mark of a model that holds here and now; null after a change of exam, prompts or machine."""
    earned = [mark for mark in marks(workspace) if mark.sha256 == sha256]
    if not earned:
        return None
    exam, machine = exam_sha256(), this_machine().label
    return next((mark for mark in reversed(earned) if mark.exam_sha256 == exam and mark.machine == machine), None)


def _read(path: Path, kind: type[Entry]) -> list[Entry]:
    if not path.exists():
        return []
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path}: larger than it can be; move it away and add or examine the models again")
        return TypeAdapter(list[kind]).validate_json(path.read_bytes())  # type: ignore[valid-type]
    except (OSError, ValidationError, ValueError):
        raise ModelError(f"{path}: damaged; move it away and add or examine the models again") from None


def _write(path: Path, entries: Sequence[BaseModel]) -> None:
    content: list[Any] = [entry.model_dump(mode="json") for entry in entries]
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
