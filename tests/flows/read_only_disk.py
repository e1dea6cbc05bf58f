"""A night whose disk turns read-only, as kernels do when it fails, at one place after the other.

    unshare -rm python -m tests.flows.read_only_disk FOLDER

Mounts a disk of its own over FOLDER/disk, and prints a JSON line: what each try came
to, and what was there at the end.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.delivery import deliver_outbox
from flows.failures import failure
from flows.half_published import clear_half_published
from flows.warehouse import Warehouse
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, fill
from tests.flows.full_disk import what_is_there
from tests.flows.nights import run_night

PLACES = (
    ("tests.flows.read_only_disk:start", 1),
    ("flows.ingestion:pull", 1),
    ("flows.ingestion:hand_over", 1),
    ("flows.analysis:analyze_run", 1),
    ("flows.publishing:write_whole", 1),
    ("flows.publishing:write_whole", 6),
    ("flows.delivery:deliver_outbox", 1),
)


def start(disk: Path) -> None:
    """A night from its beginning, the mail included, as `flows.nightly` puts its steps together."""
    workspace = Workspace.open(disk)
    workspace.prepare()
    clear_half_published(workspace, Warehouse.of(workspace))
    run_night(disk, DATA_DATE)
    # By its module, where the disk may turn.
    importlib.import_module("flows.delivery").deliver_outbox(workspace, Warehouse.of(workspace), lambda _: None)


@contextlib.contextmanager
def turning(disk: Path, place: str, nth: int) -> Iterator[None]:
    """The disk turns read-only before the nth call of the place, and is mounted for writing again at the end."""
    module_name, _, name = place.partition(":")
    module = importlib.import_module(module_name)
    original, calls = getattr(module, name), 0

    def turned(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            # Over itself, since files that are open for writing keep a disk from being mounted otherwise.
            subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
        return original(*args, **kwargs)

    setattr(module, name, turned)
    try:
        yield
    finally:
        setattr(module, name, original)
        subprocess.run(["umount", "-l", str(disk)], check=calls >= nth, capture_output=True)


def main(folder: Path) -> None:
    """Every place once, in the order of a night, and at last what is still to do: the mail."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m,mode=700", "none", str(disk)], check=True)
    fill(disk)
    command, said = ["run", "--workspace", str(disk)], io.StringIO()
    with turning(disk, "flows.cli:status", 1), contextlib.redirect_stderr(said):
        ended = importlib.import_module("flows.cli").status(command)
    tries = []
    for place, nth in PLACES:
        with turning(disk, place, nth):
            try:
                importlib.import_module("tests.flows.read_only_disk").start(disk)
                tries.append("done")
            except Exception as error:
                tries.append(failure(error)[0])
    deliver_outbox(Workspace.open(disk), Warehouse.of(Workspace.open(disk)), lambda _: None)
    print(json.dumps({"command": [ended, said.getvalue()], "tries": tries, **what_is_there(disk)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
