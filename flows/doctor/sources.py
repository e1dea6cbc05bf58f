"""Sources: whether files are there and fresh, and whether databases can be read, where contacting them is allowed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator

from analyzers.errors import SerenoError
from flows.database_settings import DatabaseSettings, DuckdbSettings, OdbcSettings, PostgresqlSettings, SqliteSettings
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.monitors import Monitor, SourceSettings
from flows.sources.databases.reading import databases
from flows.sources.paths import expand
from flows.workspace import Workspace

STALE_DAYS = 7
"""Days after which files that a night reads look forgotten."""


def look_at_sources(patient: Patient) -> Iterator[Line]:
    """Files by their names and ages; databases by their settings, and by asking them where `--connect` allows it."""
    if patient.workspace is None:
        return
    for name, settings in patient.workspace.settings.databases.items():
        yield from _database(patient.workspace, name, settings, connect=patient.connect)
    for name in patient.workspace.monitor_names():
        try:
            monitor = patient.workspace.monitor(name)
        except SerenoError:
            continue  # the workspace's section says what is wrong with it
        yield from _of_monitor(patient.workspace, monitor, connect=patient.connect)


def _of_monitor(workspace: Workspace, monitor: Monitor, *, connect: bool) -> Iterator[Line]:
    sources: dict[str, SourceSettings] = {monitor.name: monitor.records}
    sources |= {f"{monitor.name}.{name}": source for name, source in monitor.references.items()}
    for name, source in sources.items():
        if source.database is None:
            yield _files(workspace, name, source, reference=source is not monitor.records)
        elif connect:
            yield _readable(workspace, name, source.database, source)


def _files(workspace: Workspace, name: str, source: SourceSettings, *, reference: bool) -> Line:
    try:
        paths = expand([workspace.folder / pattern for pattern in source.files])
    except SerenoError as error:
        return _problem(name, error)
    newest = max(path.stat().st_mtime for path in paths)
    days = max(int((time.time() - newest) // 86_400), 0)
    text = f"{len(paths)} files, the newest {days} days old"
    if days > STALE_DAYS and not reference:
        return warning(name, text, "look at the export that should write them every night")
    return ok(name, text)


def _database(workspace: Workspace, name: str, settings: DatabaseSettings, *, connect: bool) -> Iterator[Line]:
    if isinstance(settings, PostgresqlSettings) and settings.tls in {"disable", "prefer"} and not settings.is_local:
        yield warning(name, f"{settings.place}: records may travel unencrypted", "set `tls` to require or verify-full")
    if isinstance(settings, OdbcSettings) and importlib.util.find_spec("arrow_odbc") is None:
        yield problem(name, "ODBC is not installed", "`pip install 'sereno[odbc]'`, and the system's unixODBC")
        return
    on_disk = isinstance(settings, SqliteSettings | DuckdbSettings)
    if not connect and not on_disk:
        yield ok(name, f"{settings.place}, not contacted (--connect does)")
        return
    try:
        with databases(workspace) as opened:
            opened.connection(name)
    except SerenoError as error:
        yield _problem(name, error)
    else:
        yield ok(name, f"{settings.place} answers and lets us read")


def _readable(workspace: Workspace, name: str, database: str, source: SourceSettings) -> Line:
    try:
        with databases(workspace) as opened:
            connection = opened.connection(database)
            columns = connection.columns(connection.relation(table=source.table, query=source.query))
    except SerenoError as error:
        return _problem(name, error)
    return ok(name, f"{database}: {source.table or 'query'} has {len(columns)} columns")


def _problem(name: str, error: SerenoError) -> Line:
    what, _, remedy = str(error).rpartition("; ")
    return problem(name, what or str(error), remedy)
