"""The end of a night: what monitors say is to be deleted by now goes, from the warehouse, the archive and the outbox.

Days count back from the newest date that a monitor decided, so that the run of an old date deletes nothing early. A
legal hold keeps everything of its monitor, and every report that tells of it.
"""

from __future__ import annotations

import contextlib
import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from analyzers.errors import OperationError
from flows.archive import INDEX, archive_index
from flows.monitors import Monitor
from flows.warehouse import Warehouse, audit, deliveries, runs, sql
from flows.warehouse.deliveries import DeliveryState
from flows.warehouse.retention import Deleted, delete_evidence, delete_records
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.house_style import HouseStyle

_DATED = re.compile(r"(\d{4}-\d\d-\d\d)")


@dataclass(frozen=True)
class Tidied:
    """What went: rows by monitor, and the names of files."""

    deleted: Mapping[str, Deleted]
    files: tuple[str, ...]

    def sentences(self) -> list[str]:
        """A line each, for the log."""
        told = [f"{name}: its retention deleted {gone}" for name, gone in self.deleted.items()]
        return [*told, *([f"deleted {len(self.files)} files of old reports and mails"] if self.files else [])]


def tidy(workspace: Workspace, warehouse: Warehouse, style: HouseStyle, *, at: datetime) -> Tidied:
    """Delete what all of the workspace's monitors say; OperationError where a file cannot be deleted."""
    monitors = workspace.monitors()
    if not any(monitor.retention.any for monitor in monitors):
        return Tidied({}, ())
    with warehouse.reading() as connection:
        newest = {monitor.name: runs.watermark(connection, monitor.name) for monitor in monitors}
        files = _expired_files(connection, workspace, monitors, newest)
    deleted: dict[str, Deleted] = {}
    with warehouse.writing() as connection:
        for monitor in monitors:
            gone = _delete(connection, monitor, newest[monitor.name])
            if gone.any:
                deleted[monitor.name] = gone
                stated = monitor.retention.model_dump()
                content = {"counts": asdict(gone), "retention": stated, "newest": newest[monitor.name]}
                audit.append(connection, "retention", monitor.name, content, at)
        if files:
            audit.append(connection, "retention_files", "archive", {"files": [path.name for path in files]}, at)
    names = [path.name for path in files]
    if files:
        # Before they go: whatever ends this here, no line of the index leads nowhere.
        with warehouse.reading() as connection:
            write_whole(workspace.archive / INDEX, archive_index(connection, workspace, style, without=names))
    _unlink(files)
    return Tidied(deleted, tuple(names))


def _delete(connection: sql.Connection, monitor: Monitor, newest: date | None) -> Deleted:
    if newest is None or monitor.retention.hold is not None:
        return Deleted()
    first, days = monitor.records_kept_from(newest), monitor.retention.findings
    of_records = delete_records(connection, monitor.name, monitor.described(), first) if first else Deleted()
    of_nights = delete_evidence(connection, monitor.name, newest - timedelta(days=days - 1)) if days else Deleted()
    return Deleted(**{**asdict(of_records), "findings": of_nights.findings})


def _expired_files(
    connection: sql.Connection, workspace: Workspace, monitors: Sequence[Monitor], newest: Mapping[str, date | None]
) -> list[Path]:
    """Reports whose time is over for every monitor in them; replaced ones, and mails, when it is over for all."""
    expired = {monitor.name: _reports_from(monitor, newest[monitor.name]) for monitor in monitors}
    # What a monitor said that is no more is kept as long as that of the most careful one that is.
    last = min((day or date.min for day in expired.values()), default=date.min)
    told: dict[str, list[tuple[str, date]]] = {}
    for name, monitor, day in sql.rows(
        connection, "SELECT report, monitor, data_date FROM runs WHERE report IS NOT NULL"
    ):
        told.setdefault(Path(name).name, []).append((monitor, day))
    found: list[Path] = []
    for path in sorted(workspace.archive.glob("????-??-??*.html")):
        day = _date_of(path.name)
        if path.name in told:
            over = all(run_day < (expired.get(monitor, last) or date.min) for monitor, run_day in told[path.name])
        else:
            over = day is not None and day < last
        if over:
            found += [path, *sorted(workspace.archive.glob(f"{glob.escape(path.stem)}.findings.*"))]
    left = (DeliveryState.SENT, DeliveryState.KEPT)
    for mail in deliveries.list_deliveries(connection):
        day, path = _date_of(mail.night), workspace.folder / mail.path
        if mail.state in left and day is not None and day < last and path.is_file():
            found.append(path)
    return found


def _reports_from(monitor: Monitor, newest: date | None) -> date | None:
    """The first date whose reports a monitor wants kept; None where all."""
    retention = monitor.retention
    if retention.reports is None or retention.hold is not None or newest is None:
        return None
    return newest - timedelta(days=retention.reports - 1)


def _date_of(name: str) -> date | None:
    match = _DATED.search(name)
    with contextlib.suppress(ValueError):
        return date.fromisoformat(match[1]) if match else None
    return None


def _unlink(files: Sequence[Path]) -> None:
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OperationError(
                f"{path}: its time is over and it cannot be deleted ({error.strerror}); check its rights"
            ) from None
