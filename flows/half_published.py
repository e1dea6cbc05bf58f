"""Files that a killed night left: reports and mails that it wrote before the transaction that speaks of them ended.

A night notes the files that it is about to write beside the outbox, and removes the note once the transaction is
through. A note whose process is gone is looked at by the next night: did the warehouse take the report, all is there
and only the note goes; else the files go, since nothing would ever speak of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence

from flows.warehouse import Warehouse, sql
from flows.workspace import Workspace

_PATTERN = ".publishing-*.json"


@contextlib.contextmanager
def noted(workspace: Workspace, night: str, report: str, files: Sequence[str]) -> Iterator[None]:
    """Note what is about to be written, until it is through; after an error what was written goes.

    report : path by which the warehouse will know the night, relative to the workspace. files : all paths, likewise.
    """
    note = workspace.outbox / _PATTERN.replace("*", night)
    with note.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"report": report, "files": list(files)}, file)
        file.flush()
        os.fsync(file.fileno())
        try:
            yield
        except BaseException:
            _remove(workspace, files)
            raise
        finally:
            note.unlink(missing_ok=True)


def clear_half_published(workspace: Workspace, warehouse: Warehouse) -> list[str]:
    """Remove what nights that were killed while publishing left behind; the names of the files that went."""
    gone: list[str] = []
    for note in sorted(workspace.outbox.glob(_PATTERN)):
        with note.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its night lives
            try:
                said = json.load(file)
                report, files = str(said["report"]), [str(each) for each in said["files"]]
            except (ValueError, KeyError, TypeError):
                report, files = "", []  # killed while noting: nothing was written yet
            with warehouse.reading() as connection:
                taken = sql.scalar(connection, "SELECT count(*) FROM runs WHERE report = ?", [report])
            if not taken:
                gone += _remove(workspace, files)
            note.unlink(missing_ok=True)
    return gone


def _remove(workspace: Workspace, files: Sequence[str]) -> list[str]:
    present = [name for name in files if (workspace.folder / name).is_file()]
    for name in present:
        (workspace.folder / name).unlink(missing_ok=True)
    return present
