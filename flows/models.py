"""Which local model narrates: found, hashed, opened."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from analyzers.cores import cores
from analyzers.errors import ModelError
from flows.model_server import ServerEngine, identity
from flows.model_store.register import is_another, mark_of
from flows.workspace import Workspace
from reports.contents import Mode, ModelNote
from reports.narrator.engines import Engine, LlamaEngine, default_model_path, weights_sha256

log = logging.getLogger("sereno.night")


def requested_model(path: Path | None) -> Path | None:
    """The model that the command line names, else the installed default; None where neither is."""
    return path if path is not None else default_model_path()


def chosen_model(workspace: Workspace) -> Path | None:
    """The model file that will narrate: the configured one, else the installed default; None where neither is."""
    if not workspace.settings.narration or workspace.settings.model_server is not None:
        return None
    return workspace.model_path() or default_model_path()


def model_hash(workspace: Workspace) -> str | None:
    """SHA-256 of the chosen model with its adapter and own prompts, of the address for a server; None without one."""
    if workspace.settings.narration and (server := workspace.settings.model_server) is not None:
        return identity(server, "")
    path, adapter = chosen_model(workspace), workspace.adapter_path()
    if path is None or not path.is_file() or (adapter is not None and not adapter.is_file()):
        return None
    weights = weights_sha256(path, adapter)
    own = workspace.prefixes()
    return weights if not own else hashlib.sha256(f"{weights}{sorted(own.items())}".encode()).hexdigest()


def open_engine(path: Path | None, workspace: Workspace | None = None) -> tuple[Engine | None, ModelNote]:
    """The engine for a model file, and what the report says of it; ModelError where the file cannot be used.

    In a workspace the model works in the mode that it earned there; one that was not examined works in `strict`, where
    the grammar admits nothing false. One that failed its exam does not work at all.
    """
    if path is None:
        return None, ModelNote(reason="no model is installed")
    if workspace is not None and is_another(workspace, path):
        # Before llama.cpp reads it: whoever put it there may have made it for that.
        why = f"{path.name} is another file than the one that was added; `sereno models add` takes it if it is meant"
        log.warning("%s", why)
        return None, ModelNote(reason=why)
    adapter = workspace.adapter_path() if workspace else None
    engine = LlamaEngine(path, threads=cores(), adapter=adapter)
    mark = mark_of(workspace, engine.sha256) if workspace else None
    if mark is None:
        return engine, ModelNote(name=engine.name, sha256=engine.sha256, mode=Mode.STRICT)
    day = mark.at.date()
    if mark.mark == "none":
        reason = f"{engine.name} failed its exam on this machine ({mark.reason})"
        return None, ModelNote(reason=reason, mark=mark.mark, examined=day)
    mode = Mode.PROSE if mark.mark == "prose" else Mode.STRICT
    return engine, ModelNote(name=engine.name, sha256=engine.sha256, mode=mode, mark=mark.mark, examined=day)


def open_server(url: str) -> tuple[Engine, ModelNote]:
    """The engine behind a model server, and what the report says of it; ModelError where it cannot be used."""
    engine = ServerEngine(url)
    return engine, ModelNote(name=engine.name, mode=Mode.STRICT)


def engine_or_template(workspace: Workspace) -> tuple[Engine | None, ModelNote]:
    """What narrates the workspace's nights; nothing, and why, where it cannot be used."""
    if not workspace.settings.narration:
        return None, ModelNote(reason="narration is switched off in sereno.yaml")
    try:
        if (server := workspace.settings.model_server) is not None:
            return open_server(server)
        return open_engine(chosen_model(workspace), workspace)
    except ModelError as error:
        log.warning("%s; the texts are templates", error)
        return None, ModelNote(reason=str(error))
