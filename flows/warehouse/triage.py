"""Verdicts of people on findings, and what is muted for a while.

A verdict closes a finding. A closed one speaks again when its acceptance runs out, when it has a reason that it had
not then, or when half as much money again is at stake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from analyzers.errors import UsageError
from analyzers.results import Finding, Review
from flows.warehouse import audit, sql

MORE_EXPOSURE = Decimal("1.5")
"""Exposure that is this many times what it was at the verdict reopens a finding."""


class Verdict(StrEnum):
    """What a person decided about a finding."""

    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"
    ACCEPTED = "accepted"
    """True, but tolerated; until a date."""
    INCONCLUSIVE = "inconclusive"


class Scope(StrEnum):
    """What a snooze mutes."""

    FINDING = "finding"
    """Target: a fingerprint."""
    ENTITY = "entity"
    """Target: the id of a finding's subject: a maintenance window."""


@dataclass(frozen=True)
class Disposition:
    """One verdict, with what was known when it was given."""

    fingerprint: str
    monitor: str
    type: str
    verdict: Verdict
    who: str
    decided_at: datetime
    why: str
    until: date | None
    exposure: Decimal | None
    currency: str | None
    reasons: tuple[str, ...]
    """Types of the flags behind the finding."""
    audit_seq: int


@dataclass(frozen=True)
class Snooze:
    """Something muted from one instant until another."""

    scope: Scope
    monitor: str
    target: str
    starts_at: datetime
    until: datetime
    who: str
    why: str
    made_at: datetime
    audit_seq: int


@dataclass(frozen=True)
class TrackRecord:
    """What reviewers decided about findings of one type so far; the latest verdict of each counts."""

    confirmed: int
    false_positive: int
    accepted: int
    inconclusive: int


def dispose(
    connection: sql.Connection,
    fingerprint: str,
    verdict: Verdict,
    *,
    who: str,
    why: str,
    at: datetime,
    until: date | None = None,
) -> Disposition:
    """Record a verdict with its audit entry, and close the finding (an inconclusive one is in review).

    UsageError where the finding is unknown, the reason is empty, or an acceptance has no end or one in the past.
    """
    row = sql.first(
        connection, "SELECT monitor, type, exposure, currency FROM findings WHERE fingerprint = ?", [fingerprint]
    )
    if row is None:
        raise UsageError(f"no finding {fingerprint[:80]!r}; `sereno findings` lists them")
    _check_statement(verdict, who, why, at, until)
    monitor, kind, exposure, currency = row
    reasons = _reasons(connection, fingerprint, kind)
    draft = Disposition(fingerprint, monitor, kind, verdict, who, at, why, until, exposure, currency, reasons, 0)
    made = replace(draft, audit_seq=audit.append(connection, "disposition", fingerprint, audited(draft), at))
    sql.insert(connection, "dispositions", [{**vars(made), "reasons": json.dumps(reasons)}])
    review = Review.IN_REVIEW if verdict is Verdict.INCONCLUSIVE else Review.CLOSED
    sql.run(connection, "UPDATE findings SET review = ? WHERE fingerprint = ?", [review.value, fingerprint])
    return made


def audited(disposition: Disposition) -> dict[str, Any]:
    """What the audit log keeps of a verdict, beside the fingerprint that is the entry's subject."""
    return {name: value for name, value in vars(disposition).items() if name not in ("fingerprint", "audit_seq")}


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
) -> Snooze:
    """Mute a finding, or all findings about an entity, for a time, with its audit entry.

    UsageError where the time is empty, or nobody or no reason is named.
    """
    if until <= starts_at:
        raise UsageError("the snooze ends before it starts; give a later --until")
    if not who.strip() or not why.strip():
        raise UsageError("a snooze needs a person and a reason; add --reason")
    draft = Snooze(scope, monitor, target, starts_at, until, who, why, at, 0)
    # The name of an entity may be a person's, so it stands in the content, which can be erased.
    subject = target if scope is Scope.FINDING else scope.value
    content = {name: value for name, value in vars(draft).items() if name != "audit_seq"}
    made = replace(draft, audit_seq=audit.append(connection, "snooze", subject, content, at))
    sql.insert(connection, "snoozes", [vars(made)])
    return made


def snoozes_at(connection: sql.Connection, at: datetime, monitor: str | None = None) -> list[Snooze]:
    """What is muted at an instant."""
    where, parameters = sql.conditions({"starts_at <= ?": at, "until > ?": at, "monitor = ?": monitor})
    query = f"SELECT {_SNOOZE} FROM snoozes{where} ORDER BY audit_seq"
    return [Snooze(Scope(row[0]), *row[1:]) for row in sql.rows(connection, query, parameters)]


def muted_until(finding: Finding, snoozes: Iterable[Snooze]) -> datetime | None:
    """Until when a finding is muted by these snoozes; None where it is not."""
    ends = [
        each.until
        for each in snoozes
        if each.monitor == finding.monitor
        and each.target == (finding.fingerprint if each.scope is Scope.FINDING else finding.subject.id)
    ]
    return max(ends, default=None)


def dispositions(
    connection: sql.Connection,
    *,
    fingerprint: str | None = None,
    monitor: str | None = None,
    type: str | None = None,  # noqa: A002 - the word that findings use
) -> list[Disposition]:
    """Verdicts, the latest first: of one finding, or of a monitor's findings of one type."""
    where, parameters = sql.conditions({"fingerprint = ?": fingerprint, "monitor = ?": monitor, "type = ?": type})
    query = f"SELECT {_DISPOSITION} FROM dispositions{where} ORDER BY audit_seq DESC"
    return [_disposition(row) for row in sql.rows(connection, query, parameters)]


def latest_dispositions(connection: sql.Connection, fingerprints: Sequence[str]) -> dict[str, Disposition]:
    """The latest verdict on each of these findings that has one."""
    if not fingerprints:
        return {}
    query = f"SELECT {_DISPOSITION} FROM dispositions WHERE fingerprint IN (SELECT unnest($all)) ORDER BY audit_seq"
    found = [_disposition(row) for row in sql.rows(connection, query, {"all": list(fingerprints)})]
    return {each.fingerprint: each for each in found}


def track_records(connection: sql.Connection, monitor: str) -> dict[str, TrackRecord]:
    """Per finding type, what reviewers decided so far."""
    query = """
        SELECT type, count(*) FILTER (verdict = 'confirmed'), count(*) FILTER (verdict = 'false_positive'),
            count(*) FILTER (verdict = 'accepted'), count(*) FILTER (verdict = 'inconclusive')
        FROM (SELECT type, arg_max(verdict, audit_seq) AS verdict FROM dispositions
            WHERE monitor = ? GROUP BY fingerprint, type)
        GROUP BY type ORDER BY type
    """
    return {row[0]: TrackRecord(*row[1:]) for row in sql.rows(connection, query, [monitor])}


def review_of(finding: Finding, disposition: Disposition | None, on: date) -> Review:
    """How far people are with a finding as it stands on a date, after their latest verdict."""
    if disposition is None:
        return Review.OPEN
    if disposition.verdict is Verdict.INCONCLUSIVE:
        return Review.IN_REVIEW
    run_out = disposition.until is not None and on > disposition.until
    new_reason = not {finding.type, *finding.also} <= set(disposition.reasons)
    return Review.OPEN if run_out or new_reason or _more_at_stake(finding, disposition) else Review.CLOSED


def _more_at_stake(finding: Finding, disposition: Disposition) -> bool:
    if finding.exposure is None or finding.exposure <= 0:
        return False
    if disposition.exposure is None or finding.currency != disposition.currency:
        return True
    return finding.exposure >= disposition.exposure * MORE_EXPOSURE


def _check_statement(verdict: Verdict, who: str, why: str, at: datetime, until: date | None) -> None:
    if not who.strip() or not why.strip():
        raise UsageError("a verdict needs a person and a reason; add --reason")
    if verdict is Verdict.ACCEPTED and until is None:
        raise UsageError("an accepted finding needs an end; add --until with a date")
    if until is not None and until < at.date():
        raise UsageError(f"--until {until} has passed; name a later date")


def _reasons(connection: sql.Connection, fingerprint: str, kind: str) -> tuple[str, ...]:
    document = sql.scalar(
        connection,
        "SELECT document FROM run_findings WHERE fingerprint = ? ORDER BY data_date DESC LIMIT 1",
        [fingerprint],
    )
    also = Finding.model_validate_json(document).also if document else ()
    return tuple(dict.fromkeys((kind, *also)))


_SNOOZE = "scope, monitor, target, starts_at, until, who, why, made_at, audit_seq"
_DISPOSITION = (
    "fingerprint, monitor, type, verdict, who, decided_at, why, until, exposure, currency, reasons, audit_seq"
)


def _disposition(row: sql.Row) -> Disposition:
    named = dict(zip(_DISPOSITION.split(", "), row, strict=True))
    reasons = tuple(json.loads(named["reasons"]))
    return Disposition(**{**named, "verdict": Verdict(named["verdict"]), "reasons": reasons})
