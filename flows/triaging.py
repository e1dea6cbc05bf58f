"""What people decide: verdicts and snoozes, given from the command line or the Prefect UI."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from analyzers.columns import Role
from analyzers.errors import UsageError
from flows.conflicts import check_apart, is_named
from flows.monitors import Monitor
from flows.warehouse import Warehouse, sql, tables
from flows.warehouse import snoozes as muting
from flows.warehouse.snoozes import Scope, Snooze
from flows.warehouse.triage import Disposition, Item, Statement, Verdict, dispose, find_item
from flows.workspace import Workspace

_MOST_NAMES = 100_000
"""Distinct entities of a monitor among which the nearest name is looked for."""


@dataclass(frozen=True)
class Decided:
    """A verdict and what it is about."""

    item: Item
    disposition: Disposition

    def contract(self) -> dict[str, Any]:
        """The line of `sereno triage --json`."""
        made = self.disposition
        return {
            "id": self.item.id,
            "fingerprint": made.fingerprint,
            "monitor": made.monitor,
            "type": made.type,
            "subject": self.item.label,
            "verdict": made.verdict.value,
            "who": made.who,
            "reason": made.why,
            "decided_at": made.decided_at.isoformat(),
            "until": made.until.isoformat() if made.until else None,
            "normal_from": made.normal_from.isoformat() if made.normal_from else None,
            "normal_of": self.item.normal_of if made.normal_from else None,
            "review": "in_review" if made.verdict is Verdict.INCONCLUSIVE else "closed",
            "audit": made.audit_seq,
        }


def sentence(decided: Decided) -> str:
    """A verdict in words, with what follows from it."""
    made, item = decided.disposition, decided.item
    held = f" until {made.until}" if made.until else ""
    renewed = f"; {item.normal_of} is learnt from {made.normal_from} on only" if made.normal_from else ""
    return f"{item.id} {item.label}: {made.verdict}{held}, by {made.who}: {made.why}{renewed}"


def parse_verdict(value: str) -> Verdict:
    """A verdict; UsageError names the nearest where there is none of that name."""
    plain = value.strip().casefold().replace("-", "_").replace(" ", "_")
    names = [verdict.value for verdict in Verdict]
    if plain in names:
        return Verdict(plain)
    near = difflib.get_close_matches(plain, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    raise UsageError(f"no verdict {value[:40]!r}; {hint}")


def triage(
    workspace: Workspace,
    identifier: str,
    verdict: Verdict,
    *,
    why: str,
    who: str,
    at: datetime,
    until: date | None = None,
    normal_from: date | None = None,
) -> Decided:
    """Give a verdict on a finding or candidate, in a transaction of its own.

    UsageError where it is unknown, the statement is incomplete, or the finding names the person who decides.
    """
    with Warehouse.of(workspace).writing() as connection:
        item = find_item(connection, identifier)
        _check_apart(connection, workspace, item, who)
        stated = Statement(verdict, who, why, at, until, normal_from)
        return Decided(item, dispose(connection, item.fingerprint, **vars(stated)))


def snooze(
    workspace: Workspace,
    target: str,
    *,
    until: datetime,
    why: str,
    who: str,
    at: datetime,
    starts_at: datetime | None = None,
    monitor: str | None = None,
) -> list[Snooze]:
    """Mute a finding, else an entity in every monitor that knows it; one snooze a monitor.

    UsageError where neither is known.
    """
    monitors = workspace.monitors((monitor,) if monitor else ())
    common: dict[str, Any] = {"starts_at": starts_at or at, "until": until, "who": who, "why": why, "at": at}
    with Warehouse.of(workspace).writing() as connection:
        item = _finding(connection, target, monitor)
        if item is not None:
            _check_apart(connection, workspace, item, who)
            about: dict[str, Any] = {"scope": Scope.FINDING, "monitor": item.monitor, "basis": item.basis}
            return [muting.snooze(connection, item.fingerprint, **about, **common)]
        if is_named(who, target, workspace.settings.people):
            raise UsageError(f"{target[:80]} is what records call {who[:80]}; somebody else has to mute it (--by)")
        holders = [each.name for each in monitors if _knows(connection, each, target)]
        if not holders:
            raise UsageError(_unknown(connection, monitors, target))
        return [muting.snooze(connection, target, scope=Scope.ENTITY, monitor=name, **common) for name in holders]


def list_snoozes(workspace: Workspace, at: datetime, monitor: str | None = None) -> list[Snooze]:
    """Snoozes that mute something at an instant, or will."""
    with Warehouse.of(workspace).reading() as connection:
        return muting.snoozes_at(connection, at, monitor, started=False)


def take_back(workspace: Workspace, number: int, *, who: str, why: str, at: datetime) -> Snooze:
    """End a snooze now, by its number."""
    with Warehouse.of(workspace).writing() as connection:
        return muting.take_back(connection, number, who=who, why=why, at=at)


def _check_apart(connection: sql.Connection, workspace: Workspace, item: Item, who: str) -> None:
    if item.monitor in workspace.monitor_names():
        monitor = workspace.monitor(item.monitor)
        check_apart(connection, monitor, item.fingerprint, item.records, who, workspace.settings.people)


def _finding(connection: sql.Connection, target: str, monitor: str | None) -> Item | None:
    try:
        item = find_item(connection, target, monitor)
    except UsageError:
        return None
    return item if item.is_finding else None


def _knows(connection: sql.Connection, monitor: Monitor, entity: str) -> bool:
    """Whether the entity stands in the monitor's records, or leads the subject of one of its findings."""
    about = sql.scalar(
        connection,
        "SELECT count(*) FROM findings WHERE monitor = $monitor AND (subject_id = $entity OR subject_label = $entity "
        "OR starts_with(subject_id, $entity || '/'))",
        {"monitor": monitor.name, "entity": entity},
    )
    if about:
        return True
    table, columns = _entity_columns(connection, monitor)
    if not columns:
        return False
    where = " OR ".join(f"CAST({column} AS VARCHAR) = $entity" for column in columns)
    query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {where} LIMIT 1)"
    return bool(sql.scalar(connection, query, {"entity": entity}))


def _entity_columns(connection: sql.Connection, monitor: Monitor) -> tuple[str, list[str]]:
    """The monitor's table and its entity columns, quoted."""
    table = tables.table_name("records", monitor.name)
    stored = tables.stored_columns(connection, table)
    names = [name for name in monitor.described().names(Role.ENTITY) if name in stored]
    return sql.quoted(table), [sql.quoted(stored[name].stored) for name in names]


def _unknown(connection: sql.Connection, monitors: list[Monitor], target: str) -> str:
    """What to say of a name that neither a finding nor an entity has, with the nearest one."""
    names = {row[0] for row in sql.rows(connection, "SELECT id FROM findings")}
    for monitor in monitors:
        table, columns = _entity_columns(connection, monitor)
        for column in columns:
            query = f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {table} LIMIT {_MOST_NAMES}"
            names |= {row[0] for row in sql.rows(connection, query) if row[0]}
    near = difflib.get_close_matches(target, sorted(names), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`sereno findings` lists what there is"
    return f"no finding and no entity {target[:80]!r}; {hint}"
