"""The second of a night's two transactions: what a run decided.

A date that was decided before is decided anew: the earlier run's rows go, and the new one is its numbered correction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256

from analyzers.results import Analysis, Finding, Flag, Origin
from flows.warehouse import audit, candidates, entity_risk, findings, sql
from flows.warehouse.narratives import store_narratives
from flows.warehouse.runs import RunRecord, RunStatus, audited, finished_run, store_checks, store_run
from reports.contents import Narrative


def publish(
    connection: sql.Connection, run: RunRecord, analysis: Analysis, narratives: Iterable[Narrative] = ()
) -> RunRecord:
    """Write a run with its checks, flags, findings, facts and narratives in the caller's transaction.

    The run as written: counts from the analysis and the correction's number. A run that is there already (a repeat
    of this very step) changes nothing.
    """
    earlier = finished_run(connection, run.monitor, run.data_date)
    if earlier is not None and earlier.run == run.run:
        return earlier
    written = replace(
        run,
        records=analysis.records,
        history_records=analysis.history_records,
        flags=len(analysis.flags),
        findings=len(analysis.findings),
        guarantees=analysis.guarantees,
        correction=earlier.correction + 1 if earlier else 0,
    )
    recognized = findings.recognize(connection, analysis.findings, run.data_date)
    risks = entity_risk.at_risk(connection, run.monitor, run.data_date, recognized, judged=analysis.records > 0)
    if earlier is not None:
        delete_run(connection, earlier.run)
    store_run(connection, written)
    store_checks(connection, run.run, analysis.checks)
    _store_flags(connection, run.run, analysis.flags)
    documents = _store_findings(connection, written, recognized)
    store_narratives(connection, run.run, narratives)
    entity_risk.store(connection, run.run, run.monitor, run.data_date, risks)
    candidates.forget(connection, run.monitor, run.data_date, Origin.BELOW_LINE)
    candidates.store(connection, analysis.drawn, run.data_date, run=run.run, below_line=analysis.below_line)
    _update_identities(connection, written, recognized)
    _log(connection, written, documents, earlier.run if earlier else None)
    return written


def delete_run(connection: sql.Connection, run: str) -> None:
    """Delete what a run wrote, but for its sightings and its entry in the audit log."""
    for table in ("runs", "checks", "flags", "facts", "run_findings", "narratives", "entity_risk", "run_settings"):
        sql.run(connection, f"DELETE FROM {table} WHERE run = ?", [run])


def document_hash(document: str) -> str:
    """Hash of a finding's document, as the audit log keeps it."""
    return sha256(document.encode()).hexdigest()[:32]


def _store_flags(connection: sql.Connection, run: str, flags: Sequence[Flag]) -> None:
    sql.insert(
        connection,
        "flags",
        [
            {
                "run": run,
                "position": position,
                "analyzer": flag.analyzer,
                "type": flag.type,
                "family": flag.family,
                "subject_kind": flag.subject.kind,
                "subject_id": flag.subject.id,
                "rows": len(flag.rows),
                "severity": flag.severity,
                "score": flag.score,
                "p_value": flag.p_value,
                "exposure": flag.exposure,
                "currency": flag.currency,
                "time_from": flag.time_from,
                "time_to": flag.time_to,
                "open": flag.open,
            }
            for position, flag in enumerate(flags)
        ],
    )


def _store_findings(connection: sql.Connection, run: RunRecord, found: Sequence[Finding]) -> dict[str, str]:
    """Write what the run says of each finding; the hash of each document by fingerprint."""
    documents = [finding.model_dump_json() for finding in found]
    sql.insert(
        connection,
        "run_findings",
        [
            {
                "run": run.run,
                "monitor": run.monitor,
                "data_date": run.data_date,
                "position": position,
                "fingerprint": finding.fingerprint,
                "id": finding.id,
                "type": finding.type,
                "subject_id": finding.subject.id,
                "severity": finding.severity,
                "exposure": finding.exposure,
                "currency": finding.currency,
                "likelihood": finding.likelihood,
                "consequence": finding.consequence,
                "priority": finding.priority,
                "p_value": finding.p_value,
                "mailed": finding.mailed,
                "document": document,
            }
            for position, (finding, document) in enumerate(zip(found, documents, strict=True))
        ],
    )
    _store_facts(connection, run.run, found)
    return {finding.fingerprint: document_hash(document) for finding, document in zip(found, documents, strict=True)}


def _store_facts(connection: sql.Connection, run: str, found: Sequence[Finding]) -> None:
    sql.insert(
        connection,
        "facts",
        [
            {
                "run": run,
                "finding": finding.fingerprint,
                "id": fact.id,
                "kind": fact.kind,
                "feature": fact.feature,
                "actual_number": None if isinstance(fact.actual, str) else fact.actual,
                "actual_text": fact.actual if isinstance(fact.actual, str) else None,
                "expected_low": fact.expected_low,
                "expected_high": fact.expected_high,
                "ratio": fact.ratio,
                "direction": fact.direction,
                "unit": fact.unit,
                "happened_at": fact.at,
                "weight": fact.weight,
                "values": json.dumps(fact.values, ensure_ascii=False),
            }
            for finding in found
            for fact in finding.facts
        ],
    )


def _update_identities(connection: sql.Connection, run: RunRecord, found: Sequence[Finding]) -> None:
    """Bring the rows of `findings` and `sightings` in line with what this run saw and no longer saw."""
    touched = _replace_sightings(connection, run, found)
    sql.run(
        connection,
        "UPDATE findings SET condition = 'active', ended_on = NULL WHERE monitor = ? AND ended_on = ?",
        [run.monitor, run.data_date],
    )
    _insert_new(connection, run.data_date, found)
    _recount(connection, touched)
    _tell_latest(connection, touched)
    _update_reviews(connection, run.data_date, found)
    if run.status is RunStatus.DONE and run.records > 0:
        sql.run(
            connection,
            "UPDATE findings SET condition = 'ended', ended_on = $day "
            "WHERE monitor = $monitor AND condition = 'active' AND last_seen < $day",
            {"monitor": run.monitor, "day": run.data_date},
        )


def _replace_sightings(connection: sql.Connection, run: RunRecord, found: Sequence[Finding]) -> list[str]:
    """The fingerprints that this date saw before or sees now."""
    key: list[sql.Cell] = [run.monitor, run.data_date]
    before = sql.rows(connection, "SELECT fingerprint FROM sightings WHERE monitor = ? AND data_date = ?", key)
    sql.run(connection, "DELETE FROM sightings WHERE monitor = ? AND data_date = ?", key)
    sql.insert(
        connection,
        "sightings",
        [
            {
                "fingerprint": finding.fingerprint,
                "monitor": run.monitor,
                "data_date": run.data_date,
                "run": run.run,
                "condition": finding.condition,
            }
            for finding in found
        ],
    )
    return sorted({row[0] for row in before} | {finding.fingerprint for finding in found})


def _insert_new(connection: sql.Connection, data_date: date, found: Sequence[Finding]) -> None:
    stored = {row[0] for row in sql.rows(connection, "SELECT fingerprint FROM findings")}
    sql.insert(
        connection,
        "findings",
        [
            {
                "fingerprint": finding.fingerprint,
                "id": finding.id,
                "monitor": finding.monitor,
                "type": finding.type,
                "family": finding.family,
                "subject_kind": finding.subject.kind,
                "subject_id": finding.subject.id,
                "subject_label": finding.subject.label,
                "first_seen": data_date,
                "last_seen": data_date,
                "times_seen": 1,
                "severity": finding.severity,
                "exposure": finding.exposure,
                "currency": finding.currency,
                "priority": finding.priority,
                "condition": finding.condition,
                "ended_on": None,
                "review": finding.review,
                **_entity(finding),
            }
            for finding in found
            if finding.fingerprint not in stored
        ],
    )


def _entity(finding: Finding) -> dict[str, str | None]:
    """The entity that decides what a finding is like, as `analyzers.risk.alike` has it."""
    column, entity = next(iter(finding.entities.items()), (None, None))
    return {"entity_column": column, "entity": entity}


def _recount(connection: sql.Connection, touched: list[str]) -> None:
    """Count the dates that saw each; what none sees any more goes, unless people said something about it."""
    sql.run(
        connection,
        """
        UPDATE findings SET first_seen = seen.first_seen, last_seen = seen.last_seen, times_seen = seen.times_seen
        FROM (SELECT fingerprint, min(data_date) AS first_seen, max(data_date) AS last_seen,
                count(DISTINCT data_date) AS times_seen
            FROM sightings WHERE fingerprint IN (SELECT unnest($touched)) GROUP BY fingerprint) AS seen
        WHERE findings.fingerprint = seen.fingerprint
        """,
        {"touched": touched},
    )
    sql.run(
        connection,
        """
        DELETE FROM findings WHERE fingerprint IN (SELECT unnest($touched))
            AND fingerprint NOT IN (SELECT fingerprint FROM sightings)
            AND fingerprint NOT IN (SELECT fingerprint FROM dispositions)
        """,
        {"touched": touched},
    )


def _tell_latest(connection: sql.Connection, touched: list[str]) -> None:
    """Let each identity say what the latest date that saw it said."""
    sql.run(
        connection,
        """
        UPDATE findings SET severity = said.severity, exposure = said.exposure, currency = said.currency,
            priority = said.priority, condition = seen.condition,
            ended_on = CASE WHEN seen.condition = 'ended' THEN seen.data_date END
        FROM run_findings AS said JOIN sightings AS seen
            ON said.run = seen.run AND said.fingerprint = seen.fingerprint
        WHERE findings.fingerprint = said.fingerprint AND said.data_date = findings.last_seen
            AND findings.fingerprint IN (SELECT unnest($touched))
        """,
        {"touched": touched},
    )


def _update_reviews(connection: sql.Connection, data_date: date, found: Sequence[Finding]) -> None:
    """A closed finding may speak again; only the latest date decides that."""
    for review in {finding.review for finding in found}:
        chosen = [finding.fingerprint for finding in found if finding.review is review]
        sql.run(
            connection,
            "UPDATE findings SET review = $review WHERE last_seen = $day AND fingerprint IN (SELECT unnest($chosen))",
            {"review": review.value, "day": data_date, "chosen": chosen},
        )


def _log(connection: sql.Connection, run: RunRecord, documents: dict[str, str], replaced: str | None) -> None:
    at = run.finished_at or run.started_at
    if replaced is not None:
        audit.append(connection, "replaced", replaced, {"by": run.run}, at)
    audit.append(connection, "publish", run.run, {**audited(run), "documents": documents}, at)
