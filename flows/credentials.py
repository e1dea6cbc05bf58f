"""Credentials as they are used: what a `${secret:name}` stands for is asked of Prefect at that moment."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from analyzers.errors import MonitorError
from flows.prefect_environment import prepare
from flows.settings import PREFECT_SECRET
from flows.workspace import Workspace


def revealed(workspace: Workspace, credential: SecretStr | None) -> str | None:
    """The credential's text; MonitorError where Prefect has no such secret."""
    if credential is None:
        return None
    text = credential.get_secret_value()
    named = PREFECT_SECRET.fullmatch(text)
    return text if named is None else _from_prefect(workspace, named[1])


def _from_prefect(workspace: Workspace, name: str) -> str:
    prepare(workspace)
    from prefect.blocks.system import Secret

    try:
        block: Any = Secret.load(name)
    except ValueError:
        raise MonitorError(
            f"sereno.yaml: Prefect has no Secret block {name!r}; make one in its UI under Blocks, or use ${{NAME}}"
        ) from None
    return str(block.get())
