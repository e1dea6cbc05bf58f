"""`sereno backup` and `sereno restore`: what cannot be made again, in one file, taken while the service runs.

A backup is a tar of the warehouse as one transaction left it, the workspace's key, settings, monitors, playbooks,
report folder, archive and outbox, with a manifest of hashes. Sources, models and what Prefect knows stay out.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from analyzers.errors import OperationError, UsageError
from flows.version import version
from flows.warehouse import Warehouse, audit, schema, sql
from flows.warehouse.evidence import verify_evidence
from flows.workspace import Workspace, exclusive
from flows.writing import write_whole

_WAREHOUSE, _KEY, _MANIFEST = "warehouse.duckdb", ".sereno-key", "manifest.json"
_FOLDERS = ("monitors", "shared", "playbooks", "report", "archive", "outbox")
_FORMAT = 1
_BLOCK = 1 << 20


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds."""

    path: Path
    files: int
    size: int
    """Bytes."""
    head: str | None
    """Head of the audit chain; `sereno audit verify --anchor` takes it."""


@dataclass(frozen=True)
class Restored:
    """What a restore did."""

    made_at: datetime
    head: str | None
    added: tuple[str, ...]
    """Files that were missing in the workspace."""
    kept: tuple[str, ...]
    """Files that are there and differ; they were left as they are."""
    waiting: int
    """Mails that had not left when the backup was made: they go out with the next run, perhaps again."""


def back_up(workspace: Workspace, target: Path | None, *, now: datetime) -> BackedUp:
    """Write a backup into a new file, readable by its owner only; by default into `backups/` of the workspace.

    Raises UsageError where the file is there already, WarehouseError where the warehouse cannot be read.
    """
    path = target or workspace.folder / "backups" / f"{now:%Y-%m-%dT%H%M%S}.sereno.tar"
    if path.exists():
        raise UsageError(f"{path}: is there already; name a new file")
    if not workspace.warehouse.is_file():
        raise UsageError(f"{workspace.warehouse}: there is no warehouse yet; the first night makes it")
    workspace.prepare()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix="backup-", dir=workspace.work) as folder:
            copy = Path(folder) / _WAREHOUSE
            Warehouse.of(workspace).backup(copy)
            head, _ = _examined(copy)
            files = {_WAREHOUSE: copy, **dict(_files(workspace))}
            return _write(path, files, head, now)
    except OSError as error:
        raise OperationError(f"{path}: cannot be written ({error.strerror}); check the folder and its room") from None


def restore(folder: Path, backup: Path, *, now: datetime) -> Restored:
    """Put a backup's warehouse and key in the place of the workspace's; add the files that are missing.

    Waits for a night that is under way. What is replaced stays beside it, with `.replaced` at the end of its name.
    Raises UsageError, and changes nothing, where the file is no whole backup.
    """
    with tempfile.TemporaryDirectory(prefix="sereno-restore-") as scratch:
        unpacked = Path(scratch)
        manifest = _unpack(backup, unpacked)
        head, waiting = _examined(unpacked / _WAREHOUSE)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (folder / "sereno.yaml").exists():
            write_whole(folder / "sereno.yaml", (unpacked / "sereno.yaml").read_bytes())
        workspace = Workspace.open(folder)
        workspace.prepare()
        with exclusive(workspace, workspace.monitor_names()):
            added, kept = _add_missing(unpacked, manifest, workspace.folder)
            _replace_key(workspace, (unpacked / _KEY).read_bytes())
            Warehouse.of(workspace).restore(unpacked / _WAREHOUSE)
        with Warehouse.of(workspace).writing() as connection:
            audit.append(connection, "restored", "warehouse", {"made_at": manifest["made_at"], "head": head}, now)
    return Restored(datetime.fromisoformat(manifest["made_at"]), head, tuple(added), tuple(kept), waiting)


def _files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """What is backed up beside the warehouse, by its path in the workspace; no links."""
    workspace.hash_key()
    for name in (_KEY, "sereno.yaml"):
        yield name, workspace.folder / name
    for part in _FOLDERS:
        for path in sorted((workspace.folder / part).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(workspace.folder).as_posix(), path


def _write(path: Path, files: dict[str, Path], head: str | None, now: datetime) -> BackedUp:
    part = path.with_name(path.name + ".part")
    hashes: dict[str, str] = {}
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for name, source in files.items():
                    # A report may be replaced meanwhile: what is hashed is what is written.
                    content = source.read_bytes() if source.stat().st_size <= _BLOCK else None
                    hashes[name] = _hash(source) if content is None else hashlib.sha256(content).hexdigest()
                    _add(tar, name, source, content)
                manifest = {"format": _FORMAT, "sereno": version(), "tables": schema.newest(), "head": head,
                            "made_at": now.astimezone(UTC).isoformat(), "sha256": hashes}  # fmt: skip
                _add(tar, _MANIFEST, None, json.dumps(manifest, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return BackedUp(path, len(files), path.stat().st_size, head)


def _add(tar: tarfile.TarFile, name: str, source: Path | None, content: bytes | None) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o600
    if content is not None:
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    elif source is not None:
        entry.size = source.stat().st_size
        with source.open("rb") as file:
            tar.addfile(entry, file)


def _unpack(backup: Path, into: Path) -> dict[str, Any]:
    """Unpack a backup and hold each file against the manifest; UsageError where anything is amiss."""
    wrong = f"{backup}: is no whole backup of Sereno; name one that `sereno backup` wrote"
    try:
        with tarfile.open(backup, mode="r:") as tar:
            for entry in tar:
                if not entry.isreg() or not _is_plain(entry.name):
                    raise UsageError(wrong)
                tar.extract(entry, into, filter="data")
        manifest: dict[str, Any] = json.loads((into / _MANIFEST).read_text(encoding="utf-8"))
        same = all(_hash(into / name) == digest for name, digest in manifest["sha256"].items() if _is_plain(name))
        datetime.fromisoformat(manifest["made_at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, tarfile.TarError):
        raise UsageError(wrong) from None
    if not same or not {_WAREHOUSE, _KEY, "sereno.yaml"} <= manifest["sha256"].keys():
        raise UsageError(wrong)
    return manifest


def _is_plain(name: str) -> bool:
    """Whether a name is one of those that a backup has: below the workspace, nothing hidden that decides anything."""
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and name == path.as_posix()
    return inside and (name in {_WAREHOUSE, _KEY, _MANIFEST, "sereno.yaml"} or path.parts[0] in _FOLDERS)


def _examined(copy: Path) -> tuple[str | None, int]:
    """Head of the audit chain and mails that wait; OperationError where log and tables are not what they say."""
    with Warehouse(copy, work=copy.parent / "duckdb-work").reading() as connection:
        problems = [*audit.verify(connection), *verify_evidence(connection)]
        if problems:
            raise OperationError(
                f"{copy.name}: the audit log does not hold ({problems[0]}); `sereno audit verify` tells all"
            )
        waiting = sql.scalar(
            connection, "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending', 'failed')"
        )
        return audit.head(connection), int(waiting)


def _add_missing(unpacked: Path, manifest: dict[str, Any], folder: Path) -> tuple[list[str], list[str]]:
    added, kept = [], []
    for name in sorted(manifest["sha256"].keys() - {_WAREHOUSE, _KEY}):
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(target, (unpacked / name).read_bytes())
            added.append(name)
        elif _hash(target) != manifest["sha256"][name]:
            kept.append(name)
    return added, kept


def _replace_key(workspace: Workspace, key: bytes) -> None:
    path = workspace.folder / _KEY
    if path.exists() and path.read_bytes() != key:
        write_whole(path.with_name(path.name + ".replaced"), path.read_bytes())
    write_whole(path, key)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
