"""Bringing a model into the workspace: a local file, or a download that somebody allowed.

Whatever the source, the head of the file is checked, llama.cpp loads it in a process of its own and answers a question
within a grammar, and only then does it get its name. Its hash is recorded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from analyzers.errors import ModelError, UsageError
from flows.model_store import child
from flows.model_store.catalogue import FILE_NAME, CatalogueModel
from flows.model_store.download import fetch
from flows.model_store.machine import this_machine
from flows.model_store.register import Added, models_folder, remember, sha256_of
from flows.workspace import Workspace
from reports.narrator.gguf import read_head

Say = Callable[[str], None]


def add_file(workspace: Workspace, source: Path, *, link: bool, sha256: str | None, say: Say) -> Added:
    """Copy a GGUF file into `models/`, or link to it; `sha256` must be its hash where it is given."""
    path = source.absolute()
    if not re.match(FILE_NAME, path.name):
        raise UsageError(f"{source.name[:120]}: no name for a model file; rename it to letters, digits, . _ + - only")
    read_head(path)
    say("computing the SHA-256")
    found = sha256_of(path)
    if sha256 is not None and sha256.lower() != found:
        raise ModelError(f"{source}: its SHA-256 is {found}, not the one given; get the file again")
    target = _free(models_folder(workspace) / path.name, found)
    say("loading it, in a process of its own")
    child.ask("check", path, threads=this_machine().cores)
    if target.exists():
        say(f"{target.name} is in models/ already")
    elif link:
        target.symlink_to(path)
    else:
        _copy(path, target)
    return _remembered(workspace, target, found, str(path))


def add_named(
    workspace: Workspace, model: CatalogueModel, *, allow_network: bool, sha256: str | None, say: Say
) -> Added:
    """Download a model of the catalogue into `models/`.

    A file whose hash nobody knows yet is kept aside until somebody confirms its hash by `sha256`.
    """
    if model.address is None:
        raise UsageError(f"{model.name}: has no address to download from; it comes {model.get}")
    target = models_folder(workspace) / model.file
    part = target.with_name(f".{model.file}.part")
    if target.exists():
        raise UsageError(f"{target}: is there already; `sereno models use {model.name}` puts it to use")
    if not (part.exists() and _is_whole(part, model)):
        if not allow_network:
            raise UsageError(f"{model.name}: needs the network, which is off; --allow-network allows {model.address}")
        fetch(model.address, part, most=int(model.size * 1.03) + 1_000_000, say=say)
    return _installed(workspace, model, part, target, sha256, say)


def _installed(
    workspace: Workspace, model: CatalogueModel, part: Path, target: Path, sha256: str | None, say: Say
) -> Added:
    """Verify a finished download and give it its name."""
    found = sha256_of(part)
    expected = model.sha256 or (sha256.lower() if sha256 else None)
    if expected is None:
        raise UsageError(
            f"{model.name}: downloaded, not installed: its SHA-256 is {found}; compare it with {model.sources[0]}, "
            f"then `sereno models add {model.name} --sha256 {found}`"
        )
    if found != expected:
        part.unlink()
        raise ModelError(f"{model.name}: the download's SHA-256 is {found}, not {expected}; it was removed, try again")
    try:
        read_head(part)
        say("loading it, in a process of its own")
        child.ask("check", part, threads=this_machine().cores)
    except ModelError:
        part.unlink(missing_ok=True)
        raise
    part.replace(target)
    return _remembered(workspace, target, found, str(model.address))


def _is_whole(part: Path, model: CatalogueModel) -> bool:
    """Whether an earlier download came to its end; the head says where the file ends."""
    if model.exact:
        return part.stat().st_size == model.size
    try:
        read_head(part)
    except ModelError:
        return False
    return True


def _free(target: Path, sha256: str) -> Path:
    """The target, unless another file has its name."""
    if target.exists() and sha256_of(target) != sha256:
        raise UsageError(f"{target}: another file has this name; rename the new one, or remove the old one")
    return target


def _copy(source: Path, target: Path) -> None:
    """Copy whole or not at all; UsageError where there is no room."""
    part = target.with_name(f".{target.name}.part")
    room = shutil.disk_usage(target.parent).free
    if source.stat().st_size > room:
        raise UsageError(f"{target.parent}: {room / 1e9:.1f} GB free, too little for {source.name}; use --link")
    try:
        with source.open("rb") as read, part.open("wb") as write:
            part.chmod(0o600)
            shutil.copyfileobj(read, write, 1 << 20)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror or 'unknown error'}); make room") from None
    finally:
        part.unlink(missing_ok=True)


def _remembered(workspace: Workspace, target: Path, sha256: str, origin: str) -> Added:
    entry = Added(
        file=target.name, sha256=sha256, size=target.stat().st_size, added_at=datetime.now(UTC), origin=origin
    )  # fmt: skip
    remember(workspace, entry)
    return entry
