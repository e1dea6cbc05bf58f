"""`sereno init`: a workspace, and a monitor whose columns were profiled."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import yaml

from analyzers.columns import Columns, Role, Shape
from analyzers.errors import SourceError
from analyzers.roles import infer_columns
from flows.configuration.editor_schema import SCHEMAS
from flows.monitors import Monitor
from flows.sources.databases.reading import Extract, databases, settings_of
from flows.sources.files import read_files
from flows.system_zone import system_zone
from flows.workspace import Workspace, check_empty
from flows.writing import write_whole

_SETTINGS = """\
# yaml-language-server: $schema=.schemas/sereno.json
# Settings of the whole workspace; docs/configuration.md lists the keys.
name: {name}
language: en
timezone: {timezone}
# report:
#   logo: report/logo.png
#   accent: "#1d5c96"
# mail:
#   host: smtp.example.com
#   port: 587
#   security: starttls          # or tls, or none for a server inside the house without encryption
#   username: sereno
#   password: ${{SMTP_PASSWORD}}
#   sender: sereno@example.com
#   recipients: [controller@example.com]
# databases:
#   erp: {{kind: postgresql, host: db.example.com, database: erp, user: sereno, password: "${{ERP_PASSWORD}}"}}
"""
_HEADER = """\
# yaml-language-server: $schema=../.schemas/monitor.json
# Written by `sereno init`: read it, correct the roles, name who gets the report; docs/configuration.md lists the keys.
# Roles: key, time, entity, exposure, measure, category, text, person, state, ignore.
"""
_WATERMARK = """\
# Every night reads the whole table. Where a column grows with each new or changed row, name it under `records`
# (`watermark: {column}`), and a night reads only what is new.
"""
_CHANGES = re.compile(r"(?:chang|updat|modif|insert|creat|load|modificad|actualizad|geaendert|ge.ndert)", re.IGNORECASE)
_FEW_A_DAY = 10
_PROFILED = 200_000
"""Rows of a database's table from which roles are inferred."""


@dataclass(frozen=True)
class Scaffold:
    """What was made."""

    folder: Path
    monitor: Path | None
    notes: tuple[str, ...] = ()


def scaffold(folder: Path, *, source: str | None = None, name: str | None = None) -> Scaffold:
    """Make a workspace in the folder; with a source, a monitor of its records too.

    source : a file or quoted glob, or `database:table` where the workspace's settings name that database.

    Raises MonitorError where there is a workspace already, SourceError where the source cannot be read or has no time.
    """
    content = _monitor(folder, source) if source is not None else None
    made = folder.resolve()
    if not (made / "sereno.yaml").exists() or content is None:
        check_empty(made)
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(
            made / "sereno.yaml",
            _SETTINGS.format(name=yaml.safe_dump(made.name).splitlines()[0], timezone=system_zone()),
        )
    for part in ("monitors", "data", ".schemas"):
        (made / part).mkdir(exist_ok=True, mode=0o700)
    for kind, schema in SCHEMAS.items():
        write_whole(made / ".schemas" / f"{kind}.json", json.dumps(schema(), indent=1))
    if content is None:
        return Scaffold(made, None)
    monitor = made / "monitors" / f"{name or _name_of(source or '')}.yaml"
    if monitor.exists():
        raise SourceError(f"{monitor}: exists already; name another monitor with --name")
    text, notes = content
    write_whole(monitor, text)
    return Scaffold(made, monitor, notes)


def _monitor(folder: Path, source: str) -> tuple[str, tuple[str, ...]]:
    frame, records = _profiled(folder, source)
    columns = infer_columns(frame)
    if columns.one(Role.TIME) is None:
        raise SourceError(
            f"{source}: no column holds a time, and a night takes its batch by it; use `sereno scan` instead"
        )
    described = {
        "title": _name_of(source).replace("-", " ").replace("_", " ").capitalize(),
        "owners": [],
        "timezone": system_zone(),
        "schedule": Monitor.model_fields["schedule"].default,
        "batch": 1,
        "records": {**records, "shape": columns.shape.value},
        "columns": {
            column.name: {"role": column.role.value, "field": column.field.value} if column.field else column.role.value
            for column in columns.columns
        },
    }
    advice = _WATERMARK.format(column=_growing(frame)) if "database" in records else ""
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=110)
    for key, said in _comments(frame, columns).items():
        text = text.replace(f"\n{key}:", f"\n# {said}\n{key}:", 1)
    return _HEADER + advice + text, notes_on(columns)


def _comments(frame: pl.DataFrame, columns: Columns) -> dict[str, str]:
    """What to know about the keys above the columns."""
    comments = {
        "owners": "Who gets the report, by mail address: [ana@example.com]; sereno.yaml names the mail server.",
        "timezone": "In which times without one are read, and a day begins and ends.",
        "schedule": "Cron, in this time zone: when the night is run that judges the days up to yesterday.",
        "batch": "Days that are judged together.",
    }
    time = columns.one(Role.TIME)
    days = frame[time].drop_nulls().dt.date().n_unique() if time and frame.schema[time].is_temporal() else 0
    if days and columns.shape is Shape.EVENTS and (a_day := frame.height / days) < _FEW_A_DAY:
        comments["batch"] += f" Here are about {a_day:.0f} records a day: a week (7) says more."
    return comments


def _profiled(folder: Path, source: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Rows from which roles are inferred, and what the monitor says about where they come from."""
    database, _, table = source.partition(":")
    if not table or not (folder / "sereno.yaml").is_file() or Path(source).exists():
        return read_files([source]).frame, {"files": str(Path(source).resolve())}
    workspace = Workspace.open(folder)
    settings_of(workspace, database)
    with databases(workspace) as opened:
        extract = Extract(database, table, None, most=_PROFILED)
        frame = opened.read(extract, timezone="UTC", now=datetime.now(UTC)).table.frame
    return frame, {"database": database, "table": table}


def _growing(frame: pl.DataFrame) -> str:
    """A column of times that is called as if it grew with each change, else an example."""
    times = [name for name, dtype in frame.schema.items() if dtype.is_temporal()]
    return next((name for name in times if _CHANGES.search(name)), "changed_at")


def notes_on(columns: Columns) -> tuple[str, ...]:
    """What was inferred about each column, a sentence each."""
    return tuple(
        f"{column.name}: {column.role.value}" + (f" ({column.reason})" if column.reason else "")
        for column in columns.columns
    )


def _name_of(source: str) -> str:
    database, _, table = source.partition(":")
    name = table.rpartition(".")[2] if table and "/" not in database else Path(source).name.split(".")[0]
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain[:60] or "records"
