"""`sereno init`: a workspace, and a monitor whose columns were profiled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from analyzers.columns import Columns, Role
from analyzers.errors import SourceError
from analyzers.roles import infer_columns
from flows.sources.files import read_files
from flows.workspace import check_empty
from flows.writing import write_whole

_SETTINGS = """\
# Settings of the whole workspace; docs/design.md says what holds where.
name: {name}
language: en
timezone: UTC
# report:
#   logo: report/logo.png
#   accent: "#1d5c96"
# mail:
#   host: smtp.example.com
#   port: 587
#   username: sereno
#   password: ${{SMTP_PASSWORD}}
#   sender: sereno@example.com
#   recipients: [controller@example.com]
"""
_HEADER = """\
# Written by `sereno init`: read it, correct the roles, give it an owner.
# Roles: key, time, entity, exposure, measure, category, text, person, state, ignore.
"""


@dataclass(frozen=True)
class Scaffold:
    """What was made."""

    folder: Path
    monitor: Path | None
    notes: tuple[str, ...] = ()


def scaffold(folder: Path, *, source: str | None = None, name: str | None = None) -> Scaffold:
    """Make a workspace in the folder; with a source, a monitor of its records too.

    Raises MonitorError where there is a workspace already, SourceError where the source cannot be read or has no time.
    """
    content = _monitor(folder, source) if source is not None else None
    made = folder.resolve()
    if not (made / "sereno.yaml").exists() or content is None:
        check_empty(made)
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(made / "sereno.yaml", _SETTINGS.format(name=yaml.safe_dump(made.name).splitlines()[0]))
    for part in ("monitors", "data"):
        (made / part).mkdir(exist_ok=True, mode=0o700)
    if content is None:
        return Scaffold(made, None)
    monitor = made / "monitors" / f"{name or _name_of(source or '')}.yaml"
    if monitor.exists():
        raise SourceError(f"{monitor}: exists already; name another monitor with --name")
    text, notes = content
    write_whole(monitor, text)
    return Scaffold(made, monitor, notes)


def _monitor(folder: Path, source: str) -> tuple[str, tuple[str, ...]]:
    table = read_files([source])
    columns = infer_columns(table.frame)
    if columns.one(Role.TIME) is None:
        raise SourceError(
            f"{source}: no column holds a time, and a night takes its batch by it; use `sereno scan` instead"
        )
    described = {
        "title": _name_of(source).replace("-", " ").replace("_", " ").capitalize(),
        "owners": [],
        "timezone": "UTC",
        "batch": 1,
        "records": {"files": str(Path(source).resolve()), "shape": columns.shape.value},
        "columns": {
            column.name: {"role": column.role.value, "field": column.field.value} if column.field else column.role.value
            for column in columns.columns
        },
    }
    text = _HEADER + yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=110)
    return text, notes_on(columns)


def notes_on(columns: Columns) -> tuple[str, ...]:
    """What was inferred about each column, a sentence each."""
    return tuple(
        f"{column.name}: {column.role.value}" + (f" ({column.reason})" if column.reason else "")
        for column in columns.columns
    )


def _name_of(source: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", Path(source).name.split(".")[0].lower()).strip("-")
    return plain[:60] or "records"
