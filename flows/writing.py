"""Files appear whole or not at all, and are readable by their owner only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from analyzers.errors import OperationError, UsageError

_ROOM = 1 << 20
"""Bytes that must fit: what Prefect's own database takes in a small night."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file by renaming a finished one into place; UsageError where the folder cannot be written."""
    data = content.encode() if isinstance(content, str) else content
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent or Path())
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(path, error) from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_writable(folder: Path) -> None:
    """OperationError where a file of a megabyte cannot be written into the folder: a disk that is full or read-only."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except OSError as error:
        why = error.strerror or "unknown error"
        raise OperationError(f"{folder}: cannot be written to ({why}); check the disk and the rights") from None


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: cannot be written ({error.strerror or 'unknown error'}); name another place")
