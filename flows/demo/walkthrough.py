"""`sereno demo`: a workspace like any other, filled by the three simulators, and three real nights in it.

The last night is the one that is looked at: its report shows what is new, what people decided about the nights before,
and what has ended. The nights before it are told by templates, to save time.

What was planted is kept in a file beside the data that no monitor reads; it only serves to count what was found, and
tells the sample company's people what a look into the matter would tell them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import flows
from analyzers.columns import Columns, Role
from analyzers.errors import OperationError, UsageError
from flows.demo import customers, ledger, plant
from flows.demo.reviewers import decide
from flows.demo.truth import Decoy, Planted, Score, kinds_of, score
from flows.night_run import RunLine, run_night
from flows.warehouse import Warehouse, records, sql
from flows.warehouse.findings import StoredFinding, list_findings
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.contents import Lang

Say = Callable[[str], None]

SEED = 7
DATA_DATE = date(2026, 1, 15)
"""The last day of the sample data: its batch holds the end of a year."""
NIGHTS_BEFORE = 2
TRUTH_FILE = "demo-truth.json"
MONITORS = ("ledger", "plant", "customers")
_SETTINGS = """\
# Settings of the whole workspace. Without `mail.host` mails stay in outbox/ as .eml files.
name: Sample company
language: {lang}
timezone: Europe/Madrid
narration: {narration}
{model}"""


@dataclass(frozen=True)
class Truth:
    """What was planted in each monitor's data, and what only looks odd."""

    planted: dict[str, tuple[Planted, ...]]
    decoys: dict[str, tuple[Decoy, ...]]


def run_demo(folder: Path, *, lang: Lang, model: Path | None, narration: bool, say: Say) -> dict[str, Any]:
    """Fill the folder, run its nights, and count what the last one found; what `sereno demo --json` prints.

    A second call in the same folder finds the nights decided and counts again.
    """
    started = time.monotonic()
    truth = make_workspace(folder, lang=lang, model=model, narration=False, say=say)
    verdicts = 0
    for morning in range(NIGHTS_BEFORE):
        day = DATA_DATE - timedelta(days=NIGHTS_BEFORE - morning)
        say(f"night of {day}, told by templates")
        _run(Workspace.open(folder), day, say)
        verdicts += _decide(Workspace.open(folder), truth, morning, day, lang)
    _write_settings(folder, lang=lang, model=model, narration=narration)
    workspace = Workspace.open(folder)
    say(f"night of {DATA_DATE}")
    lines = _run(workspace, DATA_DATE, say)
    found, scores = _compare(workspace, truth)
    told = [item.narrative for item in found if item.narrative is not None]
    return {
        "report": _first(line.report for line in lines) or _newest(workspace.archive, f"{DATA_DATE}*.html"),
        "mail": _first(line.mail for line in lines) or _newest(workspace.outbox, "*.eml"),
        "findings": len(found),
        "new": sum(item.finding.first_seen == DATA_DATE for item in found),
        "planted": sum(item.planted for item in scores),
        "found": sum(item.found for item in scores),
        "true_findings": sum(item.true_findings for item in scores),
        "decoys_flagged": sum(item.decoys_flagged for item in scores),
        "nights": NIGHTS_BEFORE + 1,
        "verdicts": verdicts,
        "narratives": len(told),
        "grounded": sum(narrative.grounded for narrative in told),
        "model": _first(narrative.model for narrative in told),
        "seconds": round(time.monotonic() - started, 1),
    }


def make_workspace(folder: Path, *, lang: Lang, model: Path | None, narration: bool, say: Say) -> Truth:
    """Write settings, monitors, sample data and the truth; UsageError where the folder holds something else."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TRUTH_FILE).exists())):
        raise UsageError(f"{folder}: holds something else than an earlier demo; name an empty or a new folder")
    say("simulating a ledger of supplier payments, a plant of three pumps and a chain of shops with its customers")
    books, pumps = ledger.simulate(SEED, DATA_DATE), plant.simulate(SEED, DATA_DATE)
    shops = customers.simulate(SEED, DATA_DATE)
    truth = Truth(
        {"ledger": books.planted, "plant": pumps.planted, "customers": shops.planted},
        {"ledger": books.decoys, "plant": pumps.decoys, "customers": shops.decoys},
    )
    (folder / "monitors").mkdir(parents=True, exist_ok=True)
    write_whole(folder / TRUTH_FILE, json.dumps(asdict(truth), default=str, indent=1))
    ledger.write(books, folder / "data" / "ledger")
    plant.write(pumps, folder / "data" / "plant")
    customers.write(shops, folder / "data" / "customers")
    for name in MONITORS:
        shutil.copyfile(example_monitors() / f"{name}.yaml", folder / "monitors" / f"{name}.yaml")
    _write_settings(folder, lang=lang, model=model, narration=narration)
    return truth


def example_monitors() -> Path:
    """The folder of the example monitors: inside the wheel, or beside the packages in a checkout."""
    packages = Path(flows.__file__).parent
    shipped = packages / "demo" / "monitors"
    return shipped if shipped.is_dir() else packages.parent / "monitors"


def _write_settings(folder: Path, *, lang: Lang, model: Path | None, narration: bool) -> None:
    stated = f"model: {json.dumps(str(model.resolve()))}\n" if model else ""
    settings = _SETTINGS.format(lang=lang, narration=str(narration).lower(), model=stated)
    write_whole(folder / "sereno.yaml", settings)


def _run(workspace: Workspace, day: date, say: Say) -> list[RunLine]:
    """One night of all monitors; decided again where the code changed since the last demo in this folder."""
    lines = run_night(workspace, MONITORS, data_date=day, say=say)
    if any(line.status == "skipped" for line in lines):
        lines = run_night(workspace, MONITORS, data_date=day, force=True, say=say)
    for line in lines:
        say(line.sentence())
    if failed := [line for line in lines if line.exit_status]:
        raise OperationError(f"the demo's night of {day} failed: {failed[0].message}")
    return lines


def _decide(workspace: Workspace, truth: Truth, morning: int, day: date, lang: Lang) -> int:
    """Let the sample company's people decide about a night's findings; the number of verdicts."""
    found, kinds = [], {}
    with Warehouse(workspace.warehouse, work=workspace.work).reading() as connection:
        for name in MONITORS:
            listed, keys = _told(connection, workspace, name, day)
            found += listed
            for item in listed:
                kinds[item.finding.fingerprint] = kinds_of(item.finding, truth.planted[name], truth.decoys[name], keys)
    return decide(workspace, morning, found, kinds, lang=lang)


def _compare(workspace: Workspace, truth: Truth) -> tuple[list[StoredFinding], list[Score]]:
    found, scores = [], []
    with Warehouse(workspace.warehouse, work=workspace.work).reading() as connection:
        for name in MONITORS:
            listed, keys = _told(connection, workspace, name, DATA_DATE)
            found += listed
            scores.append(score([item.finding for item in listed], truth.planted[name], truth.decoys[name], keys))
    return found, scores


def _told(
    connection: sql.Connection, workspace: Workspace, monitor: str, day: date
) -> tuple[list[StoredFinding], dict[str, str]]:
    """A night's findings of a monitor, and the key of each of its records by its id."""
    columns = workspace.monitor(monitor).described()
    keys = _keys(records.load(connection, monitor, columns), columns) if columns.one(Role.KEY) else {}
    return list_findings(connection, monitor=monitor, data_date=day), keys


def _keys(frame: Any, columns: Columns) -> dict[str, str]:
    """The key of each record by its id."""
    return dict(zip(frame["record_id"].to_list(), frame[columns.one(Role.KEY)].to_list(), strict=True))


def _first(values: Any) -> Any:
    return next((value for value in values if value), None)


def _newest(folder: Path, pattern: str) -> str | None:
    paths: Sequence[Path] = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    return str(paths[-1]) if paths else None
