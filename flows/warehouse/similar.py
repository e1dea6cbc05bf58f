"""Earlier findings like tonight's, and what people decided about them."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from analyzers.results import Finding
from analyzers.risk import alike as alike_of
from flows.warehouse import sql
from flows.warehouse.triage import TrackRecord, track_records, track_records_of_like, verdicts_on
from reports.contents import EarlierFinding, SimilarFindings

SHOWN = 3
"""Earlier findings told of one finding."""
_CONSIDERED = 200
"""Earlier findings of a type among which the nearest are looked for: judged ones first, then the newest."""


@dataclass(frozen=True)
class _Past:
    fingerprint: str
    told: EarlierFinding
    decided_at: datetime | None
    reasons: frozenset[str]
    entities: frozenset[tuple[str, str]]


def similar_to(
    connection: sql.Connection, monitor: str, findings: Sequence[Finding], data_date: date
) -> dict[str, SimilarFindings]:
    """For each finding the nearest earlier ones of its type in its monitor; those without any are left out.

    Nearest are those about the same entity, then the judged ones, those with the same reasons, and those with as much
    money. An earlier verdict on the very thing that the finding is about comes first.
    """
    past = _past(connection, monitor, sorted({finding.type for finding in findings}), data_date)
    records, of_like = track_records(connection, monitor), track_records_of_like(connection, monitor)
    own = verdicts_on(connection, findings)
    result = {}
    for finding in findings:
        others = [each for each in past.get(finding.type, ()) if each.fingerprint != finding.fingerprint]
        others.sort(key=lambda each: _distance(finding, each))
        told = [each.told for each in others[:SHOWN]]
        verdict = own.get(finding.fingerprint)
        if verdict is not None:
            itself = EarlierFinding(
                fingerprint=finding.fingerprint,
                id=finding.id,
                subject=finding.subject.label,
                data_date=finding.first_seen or data_date,
                exposure=verdict.exposure,
                currency=verdict.currency,
                verdict=verdict.verdict.value,
                reason=verdict.why,
                decided_on=verdict.decided_at.date(),
                itself=True,
                records=finding.records,
            )
            told = [itself, *told][:SHOWN]
        if told:
            counted = records.get(finding.type, TrackRecord())
            like = of_like.get((finding.type, alike_of(finding)), TrackRecord())
            result[finding.fingerprint] = SimilarFindings(
                told=tuple(told),
                **vars(counted),
                like_judged=like.confirmed + like.accepted + like.false_positive,
                like_dismissed=like.false_positive,
            )
    return result


def alike(
    connection: sql.Connection, monitor: str, findings: Sequence[Finding], data_date: date, since: date
) -> dict[str, list[EarlierFinding]]:
    """For each finding those since a date that are of its type and about its entity, or of its name without one."""
    past = _past(connection, monitor, sorted({finding.type for finding in findings}), data_date)
    return {
        finding.fingerprint: [
            each.told
            for each in past.get(finding.type, ())
            if each.fingerprint != finding.fingerprint and each.told.data_date >= since and _same_entity(finding, each)
        ]
        for finding in findings
    }


def _same_entity(finding: Finding, past: _Past) -> bool:
    if finding.entities or past.entities:
        return bool(past.entities & frozenset(finding.entities.items()))
    return past.told.subject == finding.subject.label


def _past(connection: sql.Connection, monitor: str, types: Sequence[str], data_date: date) -> dict[str, list[_Past]]:
    """By type, what earlier dates told of findings, each as its latest of these told it."""
    query = """
        WITH told AS (SELECT fingerprint, type, max(data_date) AS day, arg_max(document, data_date) AS document
            FROM run_findings WHERE monitor = $monitor AND data_date < $data_date AND type IN (SELECT unnest($types))
            GROUP BY fingerprint, type),
        judged AS (SELECT fingerprint, arg_max(verdict, audit_seq) AS verdict, arg_max(why, audit_seq) AS why,
            max(decided_at) AS decided_at FROM dispositions WHERE monitor = $monitor GROUP BY fingerprint)
        SELECT told.type, fingerprint, day, document, verdict, why, decided_at
        FROM told LEFT JOIN judged USING (fingerprint)
        QUALIFY row_number() OVER (PARTITION BY told.type
            ORDER BY verdict IS NULL, day DESC, fingerprint) <= $considered
        ORDER BY told.type, day DESC, fingerprint
    """
    given: dict[str, sql.Cell] = {
        "monitor": monitor,
        "data_date": data_date,
        "types": list(types),
        "considered": _CONSIDERED,
    }
    found: defaultdict[str, list[_Past]] = defaultdict(list)
    for kind, fingerprint, day, document, verdict, why, decided_at in sql.rows(connection, query, given):
        found[kind].append(_read(fingerprint, day, json.loads(document), verdict, why, decided_at))
    return found


def _read(
    fingerprint: str, day: date, document: dict[str, Any], verdict: str | None, why: str | None, at: datetime | None
) -> _Past:
    exposure = document["exposure"]
    told = EarlierFinding(
        fingerprint=fingerprint,
        id=document["id"],
        subject=document["subject"]["label"],
        data_date=day,
        exposure=None if exposure is None else Decimal(str(exposure)),
        currency=document["currency"],
        verdict=verdict,
        reason=why,
        decided_on=at.date() if at else None,
        records=tuple(document["records"]),
    )
    entities = frozenset(document.get("entities", {}).items())
    return _Past(fingerprint, told, at, frozenset(document.get("also", ())), entities)


def _distance(finding: Finding, past: _Past) -> tuple[bool, bool, int, float, int, str]:
    """Sorts earlier findings, the nearest first."""
    same_entity = bool(past.entities & frozenset(finding.entities.items()))
    reasons = len(past.reasons ^ frozenset(finding.also))
    undecided = past.told.verdict is None
    newest = -past.told.data_date.toordinal()
    return (not same_entity, undecided, reasons, _ratio(finding, past.told), newest, past.fingerprint)


def _ratio(finding: Finding, past: EarlierFinding) -> float:
    """How far apart the money is, as the logarithm of its ratio; far where either has none or the currency differs."""
    if not finding.exposure or not past.exposure or finding.currency != past.currency:
        return math.inf if finding.exposure or past.exposure else 0.0
    return abs(math.log(abs(float(finding.exposure) / float(past.exposure))))
