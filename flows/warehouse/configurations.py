"""Changes of settings in the audit log: what a monitor or the workspace said from then on, and what it had said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flows.warehouse import audit, sql

WORKSPACE = "workspace"
"""Subject of the entries about `sereno.yaml`."""
_KIND = "configuration"


def note(connection: sql.Connection, subject: str, settings: Mapping[str, Any], who: str, at: datetime) -> int | None:
    """Add an entry where settings are not those of the last one; its number, or None where they are.

    settings : without secrets, as `flows.shown_settings.shown` gives them. who : the system's user under whom they
    came into force; who wrote the file is not known. Where a person's column is shown as it is from now on, an entry
    `unmasked` says so by itself.
    """
    now = json.loads(audit.canonical(settings))
    before = _last(connection, subject)
    if before == now:
        return None
    changed = dict(_differences(before or {}, now)) if before is not None else {}
    number = audit.append(connection, _KIND, subject, {"settings": now, "changed": changed, "under": who}, at)
    if unmasked := sorted(_shown_persons(now) - _shown_persons(before or {})) + sorted(_bared(before or {}, now)):
        audit.append(connection, "unmasked", subject, {"columns": unmasked, "under": who}, at)
    return number


def _last(connection: sql.Connection, subject: str) -> dict[str, Any] | None:
    query = (
        "SELECT content FROM audit JOIN audit_contents USING (seq) WHERE kind = ? AND subject = ? "
        "ORDER BY seq DESC LIMIT 1"
    )
    row = sql.first(connection, query, [_KIND, subject])
    return None if row is None else dict(json.loads(row[0])["settings"])


def _differences(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """What differs: the path of the key, what it was and what it is."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    elif before != now:
        yield path, [before, now]


def _shown_persons(settings: Mapping[str, Any]) -> set[str]:
    """Columns of persons that are shown as they are, by `unmask`."""
    return _persons(settings) if settings.get("unmask") else set()


def _bared(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Columns that were a person's and are called something else now, though they are still read."""
    return (_persons(before) - _persons(now)) & set(now.get("columns", {}))


def _persons(settings: Mapping[str, Any]) -> set[str]:
    return {name for name, column in settings.get("columns", {}).items() if column.get("role") == "person"}
