"""What the archive's index says, read from the warehouse: every report, and what its runs came to."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from pathlib import Path

from flows.version import version
from flows.warehouse import sql
from flows.workspace import Workspace
from reports.archive import ArchivedMonitor, ArchivedNight, render_archive
from reports.house_style import HouseStyle

INDEX = "index.html"
"""Name of the page in the archive's folder."""

_RUNS = """
SELECT runs.report, runs.data_date, runs.correction, runs.monitor, runs.status, runs.records, runs.findings,
    count(*) FILTER (said.mailed), count(*) FILTER (said.mailed AND known.first_seen = runs.data_date)
FROM runs LEFT JOIN run_findings AS said ON said.run = runs.run
LEFT JOIN findings AS known USING (fingerprint)
WHERE runs.report IS NOT NULL GROUP BY ALL ORDER BY runs.report, runs.monitor
"""
_MONEY = """
SELECT runs.report, runs.monitor, coalesce(said.currency, ''), sum(said.exposure)
FROM runs JOIN run_findings AS said ON said.run = runs.run
WHERE runs.report IS NOT NULL AND said.mailed AND said.exposure IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def archive_index(
    connection: sql.Connection, workspace: Workspace, style: HouseStyle, *, without: Collection[str] = ()
) -> str:
    """The archive's `index.html` as of now, what the caller's transaction has written included.

    without : names of reports that are about to go.
    """
    settings = workspace.settings
    # A report whose time was over is told no more.
    nights = [night for night in archived(connection) if (workspace.archive / night.report).exists()]
    nights += _replaced(workspace.archive, {night.report for night in nights})
    nights = [night for night in nights if night.report not in without]
    nights = [night.model_copy(update={"exports": _exports(workspace.archive, night.report)}) for night in nights]
    return render_archive(nights, title=settings.name, lang=settings.language, version=version(), style=style)


def _exports(folder: Path, report: str) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.glob(f"{glob.escape(Path(report).stem)}.findings.*")))


def _replaced(folder: Path, told: set[str]) -> list[ArchivedNight]:
    """Reports in the folder that no run names any longer: each was replaced by a correction."""
    found = []
    for path in sorted(folder.glob("????-??-??*.html")):
        with contextlib.suppress(ValueError):
            if path.name not in told:
                day = date.fromisoformat(path.name[:10])
                found.append(ArchivedNight(data_date=day, report=path.name, replaced=True))
    return found


def archived(connection: sql.Connection) -> list[ArchivedNight]:
    """Every report that a run names, with its runs. A date decided again is named by its newest report only."""
    money: dict[tuple[str, str], dict[str, Decimal]] = {}
    for report, monitor, currency, amount in sql.rows(connection, _MONEY):
        money.setdefault((report, monitor), {})[currency] = amount
    nights: dict[str, ArchivedNight] = {}
    for report, data_date, correction, monitor, status, records, findings, mailed, new in sql.rows(connection, _RUNS):
        told = ArchivedMonitor(
            name=monitor,
            status=status,
            records=records,
            findings=findings,
            mailed=mailed,
            new=new,
            money=money.get((report, monitor), {}),
        )
        before = nights.get(report) or ArchivedNight(data_date=data_date, report=Path(report).name)
        nights[report] = before.model_copy(
            update={"correction": max(before.correction, correction), "monitors": (*before.monitors, told)}
        )
    return list(nights.values())
