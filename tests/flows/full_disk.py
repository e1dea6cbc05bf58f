"""A night on a disk of a few megabytes: `unshare -rm python -m tests.flows.full_disk FOLDER`.

Mounts a small disk of its own over FOLDER/disk, runs the night on it with more and more room, and prints a JSON line:
what each try came to, and what was there at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from flows.delivery import deliver_outbox
from flows.failures import failure
from flows.warehouse import Warehouse, audit, sql
from flows.warehouse.evidence import verify_evidence
from flows.workspace import Workspace, clear_abandoned
from tests.flows.conftest import DATA_DATE, fill
from tests.flows.nights import run_night

ROOM = ("600k", "1m", "2m", "3m", "4m", "5m", "6m", "8m", "300m")


def main(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM[0]},mode=700", "none", str(disk)], check=True)
    fill(disk)
    tries = []
    for room in ROOM:
        subprocess.run(["mount", "-o", f"remount,size={room}", str(disk)], check=True)
        try:
            outcome, _ = run_night(disk, DATA_DATE)
            deliver_outbox(Workspace.open(disk), Warehouse.of(Workspace.open(disk)), lambda _: None)
            tries.append(outcome.status)
        except Exception as error:
            tries.append(failure(error)[0])
        else:
            break
        clear_abandoned(Workspace.open(disk))
    print(json.dumps({"tries": tries, **what_is_there(disk)}))


def what_is_there(disk: Path) -> dict[str, Any]:
    """What the warehouse and the folders hold at the end."""
    with Warehouse.of(Workspace.open(disk)).reading() as connection:
        records = sql.rows(connection, "SELECT count(*), count(DISTINCT record_id) FROM records_payments")[0]
        said = sql.rows(connection, "SELECT fingerprint FROM run_findings")
        problems = [*audit.verify(connection), *verify_evidence(connection)]
        mails = sql.rows(connection, "SELECT state FROM deliveries")
    names = [path.name for path in disk.rglob("*")]
    left = [name for name in names if name.endswith((".new", ".part")) or name.startswith((".2", ".publishing"))]
    pages = [path.name for path in sorted((disk / "archive").glob("2026-*.html"))]
    told = {"records": records, "findings": [len(said), len(set(said))], "problems": problems}
    return {**told, "mails": mails, "left": left, "pages": pages}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
