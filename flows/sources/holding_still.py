"""Files that vanish, get shorter or are replaced while they are read: nothing is decided on what was read of them.

Polars says of some that they end there, as if the rest had never been. A file that grows is read as far as it went.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from polars.exceptions import PanicException, PolarsError

from analyzers.errors import OperationError, SourceError

_OWN_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS))
"""What is wrong where files are unpacked, not where they come from."""


@dataclass(frozen=True)
class _State:
    """What a file is known by while it is read."""

    device: int
    inode: int
    size: int


@contextmanager
def holding_still(paths: Sequence[Path]) -> Iterator[None]:
    """OperationError at the end, or in the place of what reading them fails with, where one of the files did not."""
    before = {path: _state(path) for path in paths}
    try:
        yield
    except (OSError, PolarsError, PanicException, SourceError) as error:
        _check(before)
        if isinstance(error, SourceError) or (isinstance(error, OSError) and error.errno in _OWN_DISK):
            raise
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise OperationError(f"{', '.join(map(str, paths[:3]))}: cannot be read ({why}); check the disk") from None
    _check(before)


def _check(before: dict[Path, _State | None]) -> None:
    for path, state in before.items():
        now = _state(path)
        if now is None:
            raise OperationError(f"{path}: vanished while it was read; nothing of it was taken, start again")
        if state is None or (now.device, now.inode) != (state.device, state.inode) or now.size < state.size:
            what = "was replaced" if state is None or now.size >= state.size else "became shorter"
            raise OperationError(
                f"{path}: {what} while it was read; nothing of it was taken, start again when it is written"
            )


def _state(path: Path) -> _State | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return _State(found.st_dev, found.st_ino, found.st_size)
