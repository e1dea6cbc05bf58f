"""What is muted for a while: a finding, or all findings about an entity (a maintenance window).

A snooze mutes the mail, never the report. A muted finding speaks again on a new reason or when half as much money
again is at stake; what is material is muted only by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from analyzers.errors import UsageError
from analyzers.results import Finding
from flows.warehouse import audit, sql
from flows.warehouse.triage import Basis, speaks_again


class Scope(StrEnum):
    """What a snooze mutes."""

    FINDING = "finding"
    """Target: a fingerprint."""
    ENTITY = "entity"
    """Target: an entity, such as an asset or a supplier: a maintenance window."""


@dataclass(frozen=True)
class Snooze:
    """Something muted from one instant until another, with what was known of a finding when it was muted."""

    scope: Scope
    monitor: str
    target: str
    starts_at: datetime
    until: datetime
    who: str
    why: str
    made_at: datetime
    audit_seq: int
    exposure: Decimal | None = None
    currency: str | None = None
    reasons: tuple[str, ...] = ()
    """Types of the flags behind the finding; empty for an entity."""
    ended_at: datetime | None = None
    """When somebody took it back."""


def snooze(
    connection: sql.Connection,
    target: str,
    *,
    scope: Scope,
    monitor: str,
    starts_at: datetime,
    until: datetime,
    who: str,
    why: str,
    at: datetime,
    basis: Basis | None = None,
) -> Snooze:
    """Mute a finding, or all findings about an entity, for a time, with its audit entry.

    basis : what is at stake in the finding, and why. UsageError where the time is empty, or nobody or no reason is
    named.
    """
    if until <= starts_at:
        raise UsageError("the snooze ends before it starts; give a later --until")
    if not who.strip() or not why.strip():
        raise UsageError("a snooze needs a person and a reason; add --reason")
    about = basis or Basis()
    draft = Snooze(
        scope, monitor, target, starts_at, until, who, why, at, 0, about.exposure, about.currency, about.reasons
    )
    # The name of an entity may be a person's, so it stands in the content, which can be erased.
    subject = target if scope is Scope.FINDING else scope.value
    made = replace(draft, audit_seq=audit.append(connection, "snooze", subject, audited(draft), at))
    sql.insert(connection, "snoozes", [{**vars(made), "reasons": json.dumps(made.reasons)}])
    return made


def audited(snooze: Snooze) -> dict[str, Any]:
    """What the audit log keeps of a snooze."""
    return {name: value for name, value in vars(snooze).items() if name not in ("audit_seq", "ended_at")}


def all_snoozes(connection: sql.Connection) -> list[Snooze]:
    """Every snooze that was ever made, in order."""
    return [_snooze(row) for row in sql.rows(connection, f"SELECT {_SNOOZE} FROM snoozes ORDER BY audit_seq")]


def take_back(connection: sql.Connection, number: int, *, who: str, why: str, at: datetime) -> Snooze:
    """End a snooze now, by the number of its audit entry; UsageError where there is none that still mutes."""
    held = next((each for each in snoozes_at(connection, at, started=False) if each.audit_seq == number), None)
    if held is None:
        raise UsageError(f"no snooze {number} mutes anything now; `sereno snooze --list` shows those that do")
    if not who.strip():
        raise UsageError("somebody has to take a snooze back; add --by")
    audit.append(connection, "snooze_ended", str(number), {"who": who, "why": why}, at)
    sql.run(connection, "UPDATE snoozes SET ended_at = ? WHERE audit_seq = ?", [at, number])
    return replace(held, ended_at=at)


def snoozes_at(
    connection: sql.Connection, at: datetime, monitor: str | None = None, *, started: bool = True
) -> list[Snooze]:
    """What is muted at an instant; with `started` false also what will be."""
    wanted = {"starts_at <= ?": at if started else None, "until > ?": at, "monitor = ?": monitor}
    where, parameters = sql.conditions({**wanted, "(ended_at IS NULL OR ended_at > ?)": at})
    query = f"SELECT {_SNOOZE} FROM snoozes{where} ORDER BY audit_seq"
    return [_snooze(row) for row in sql.rows(connection, query, parameters)]


def muted_until(
    finding: Finding, snoozes: Iterable[Snooze], entities: Iterable[str] = (), *, material: bool = False
) -> datetime | None:
    """Until when a finding is muted by these snoozes; None where it is not.

    entities : those of the finding's record. material : whether its money is; only its own snooze mutes it then.
    """
    names = {finding.subject.id, finding.subject.label, finding.subject.id.partition("=")[2], *entities}
    ends = [
        each.until
        for each in snoozes
        if each.monitor == finding.monitor
        and not (material and each.scope is Scope.ENTITY)
        and _mutes(each, finding, names)
    ]
    return max(ends, default=None)


def sentence(made: Snooze) -> str:
    """A snooze in words."""
    if made.ended_at:
        return f"snooze {made.audit_seq} of {made.target} in {made.monitor} taken back"
    span = f"{made.starts_at:%Y-%m-%d %H:%M} to {made.until:%Y-%m-%d %H:%M} UTC"
    return f"snooze {made.audit_seq}: {made.scope} {made.target} in {made.monitor}, {span}, by {made.who}: {made.why}"


def _mutes(snooze: Snooze, finding: Finding, names: set[str]) -> bool:
    if snooze.scope is Scope.ENTITY:
        return snooze.target in names or finding.subject.id.startswith(f"{snooze.target}/")
    basis = Basis(snooze.exposure, snooze.currency, snooze.reasons)
    return snooze.target == finding.fingerprint and not (snooze.reasons and speaks_again(finding, basis))


_SNOOZE = (
    "scope, monitor, target, starts_at, until, who, why, made_at, audit_seq, exposure, currency, reasons, ended_at"
)


def _snooze(row: sql.Row) -> Snooze:
    named = dict(zip(_SNOOZE.split(", "), row, strict=True))
    return Snooze(**{**named, "scope": Scope(named["scope"]), "reasons": tuple(json.loads(named["reasons"] or "[]"))})
