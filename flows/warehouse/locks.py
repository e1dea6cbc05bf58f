"""The file lock that keeps readers and the writer of one warehouse apart.

DuckDB's own lock refuses at once; this one waits its turn. It is the kernel's (flock), so a killed process gives it
up, and it is held only as long as a connection is open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from analyzers.errors import WarehouseError

_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


@contextlib.contextmanager
def held(path: Path, *, shared: bool, patience: float) -> Iterator[None]:
    """Hold the lock file `path`, alone or `shared` with other readers.

    Waits for at most `patience` seconds; then a WarehouseError names the process that holds it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WarehouseError(f"{path}: cannot be opened ({error.strerror}); check the folder and its rights") from None
    try:
        _acquire(descriptor, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, patience)
        if shared:
            yield
        else:
            with _named_holder(descriptor):
                yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, kind: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    pause = _PAUSE
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WarehouseError(_busy(path, _holder(descriptor), patience)) from None
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        else:
            return


def _busy(path: Path, holder: int | None, patience: float) -> str:
    who = "readers" if holder is None else "this process itself" if holder == os.getpid() else f"process {holder}"
    return f"{path}: the warehouse is in use by {who} for {patience:g} s already; wait for it or end it, then repeat"


@contextlib.contextmanager
def _named_holder(descriptor: int) -> Iterator[None]:
    """Let those who wait read who it is that holds the lock alone."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    try:
        yield
    finally:
        os.ftruncate(descriptor, 0)


def _holder(descriptor: int) -> int | None:
    """Process id of the writer; None where readers hold the lock (or a killed writer left its id behind)."""
    content = os.pread(descriptor, 20, 0).strip()
    if not content.isdigit():
        return None
    try:
        os.kill(int(content), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        # It lives, under another user.
        return int(content)
    return int(content)
