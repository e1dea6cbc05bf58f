"""Rights of a workspace's files: what holds records, keys or reports is its owner's only, or nothing starts."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

PRIVATE = (".sereno-key", "warehouse.duckdb", "archive", "outbox", "work", ".prefect", "egress.log")
"""What others may not even read."""
_GUARDED = (".", "sereno.yaml", "monitors", "playbooks", "report")
"""What decides about a night: others may read it, not write it."""


@dataclass(frozen=True)
class TooOpen:
    """A file that others can do too much with."""

    path: Path
    what: str
    """Such as `others can read it`."""
    remedy: str
    """The command that mends it."""

    def __str__(self) -> str:
        """One line."""
        return f"{self.path}: {self.what}; run `{self.remedy}`"


def too_open(folder: Path, settings: BaseModel) -> Iterator[TooOpen]:
    """Everything in a workspace that others can do too much with; nothing where its rights are right."""
    for name in PRIVATE:
        if _mode(folder / name) & 0o077:
            yield TooOpen(folder / name, "others can read it", f"chmod -R go= {shlex.quote(str(folder / name))}")
    for name in _GUARDED:
        path = (folder / name).resolve() if name == "." else folder / name
        if _mode(path) & 0o002:
            yield TooOpen(path, "everybody may write to it", f"chmod o-w {shlex.quote(str(path))}")
    for key in _private_keys(folder, settings):
        if _mode(key) & 0o077:
            yield TooOpen(key, "others can read this private key", f"chmod go= {shlex.quote(str(key))}")
    path = folder / "sereno.yaml"
    if _mode(path) & 0o044 and _holds_secret(path, settings):
        yield TooOpen(path, "others can read it, and it holds a password", f"chmod go= {shlex.quote(str(path))}")


def _private_keys(folder: Path, settings: BaseModel) -> Iterator[Path]:
    tls = getattr(getattr(settings, "dask", None), "tls", None)
    if tls is not None:
        yield folder / tls.key


def _mode(path: Path) -> int:
    """The rights of a file; none of one that is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _holds_secret(path: Path, settings: BaseModel) -> bool:
    """Whether the file itself says a credential; one from `${NAME}` or Prefect stands elsewhere."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(not secret.startswith("${") and secret in text for secret in _secrets(settings))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
