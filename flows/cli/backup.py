"""The commands `sereno backup` and `sereno restore`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import JsonOption, WorkspaceOption, print_object, say


def backup(
    target: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A new file (default: in backups/).")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Back up the workspace while the service runs.

    Warehouse, key, settings, monitors, archive and outbox in one file; sources and models are not in it.

    Example: sereno backup /mnt/backup/sereno-2026-05-31.tar
    """
    from flows.backups import back_up
    from flows.workspace import Workspace

    made = back_up(Workspace.open(workspace), target, now=datetime.now(UTC))
    if json:
        print_object({"backup": str(made.path), "files": made.files, "bytes": made.size, "head": made.head})
    else:
        say(f"{made.path}: {made.files} files, {made.size / 1e6:.1f} MB; audit head {made.head}")
        say("it holds records and the workspace's key: keep it as safe as the workspace itself")
    return 0


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="What `sereno backup` wrote.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Put a backup in the place of the warehouse.

    Waits for a night that is under way. What is replaced stays beside it; files that differ are left as they are.
    A folder that is no workspace yet becomes one.

    Example: sereno restore /mnt/backup/sereno-2026-05-31.tar --workspace ./acme
    """
    from flows.backups import restore as put_back
    from flows.workspace import VARIABLE

    folder = workspace or Path(os.environ.get(VARIABLE) or ".")
    done = put_back(folder.resolve(), source, now=datetime.now(UTC))
    if json:
        print_object(
            {
                "made_at": done.made_at,
                "head": done.head,
                "added": done.added,
                "kept": done.kept,
                "waiting": done.waiting,
            }
        )
        return 0
    say(f"restored as of {done.made_at:%Y-%m-%d %H:%M} UTC; `sereno run` decides later nights again")
    say(f"{len(done.added)} files were missing and are back; the audit head is {done.head}")
    if done.kept:
        say(f"left as they are, though the backup differs: {', '.join(done.kept[:5])}")
    if done.waiting:
        say(f"{done.waiting} mails had not left then: they go out with the next run, under the same Message-ID")
    return 0
