"""Whether the tables still say what the audit log says they said.

The chain proves that the log is whole; this proves that runs, the documents of their findings, verdicts and mails
are the ones that it logged. Entries whose content was erased say nothing any more and are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flows.warehouse import audit, deliveries, runs, snoozes, sql, triage
from flows.warehouse.audit import Entry, canonical

Logged = list[tuple[Entry, dict[str, Any] | None]]


def verify_evidence(connection: sql.Connection) -> list[str]:
    """What was changed behind the log's back, a sentence each; empty where nothing was."""
    logged = _logged(connection)
    return [
        *_run_problems(connection, logged),
        *_document_problems(connection, logged),
        *_disposition_problems(connection, logged),
        *_snooze_problems(connection, logged),
        *_delivery_problems(connection, logged),
    ]


def _logged(connection: sql.Connection) -> Logged:
    contents: dict[int, str] = dict(sql.rows(connection, "SELECT seq, content FROM audit_contents"))
    return [
        (entry, json.loads(contents[entry.seq]) if entry.seq in contents else None)
        for entry in audit.entries(connection)
    ]


def _run_problems(connection: sql.Connection, logged: Logged) -> Iterator[str]:
    said = {entry.subject: content for entry, content in logged if entry.kind in runs.AUDITED_KINDS}
    replaced = {entry.subject for entry, _ in logged if entry.kind == "replaced"}
    stored = {run.run: run for run in runs.list_runs(connection)}
    for name, run in stored.items():
        if name not in said:
            yield f"run {name} is not in the log: it was inserted"
        elif (content := said[name]) is not None and not _agrees(runs.audited(run), content):
            yield f"run {name} was edited: it is not what was logged"
    for name in said.keys() - stored.keys() - replaced:
        yield f"run {name} was logged and is missing: it was removed"


def _document_problems(connection: sql.Connection, logged: Logged) -> Iterator[str]:
    present = {row[0] for row in sql.rows(connection, "SELECT run FROM runs")}
    stored: dict[str, dict[str, str]] = {}
    query = "SELECT run, fingerprint, left(sha256(document), 32) FROM run_findings ORDER BY run, position"
    for run, fingerprint, digest in sql.rows(connection, query):
        stored.setdefault(run, {})[fingerprint] = digest
    for entry, content in logged:
        if entry.kind != "publish" or content is None or entry.subject not in present:
            continue
        documents, kept = content["documents"], stored.get(entry.subject, {})
        for fingerprint in sorted(documents.keys() | kept.keys()):
            if documents.get(fingerprint) != kept.get(fingerprint):
                yield f"run {entry.subject}: what it says of finding {fingerprint} is not what was logged"


def _disposition_problems(connection: sql.Connection, logged: Logged) -> Iterator[str]:
    said = {entry.seq: (entry.subject, content) for entry, content in logged if entry.kind == "disposition"}
    stored = {each.audit_seq: each for each in triage.dispositions(connection)}
    for seq in sorted(said.keys() | stored.keys()):
        verdict, (subject, content) = stored.get(seq), said.get(seq, ("", None))
        if seq not in said:
            yield f"a verdict names entry {seq}, which is none: it was inserted"
        elif verdict is None:
            yield f"the verdict of entry {seq} on {subject} is missing: it was removed"
        elif verdict.fingerprint != subject or (content is not None and not _agrees(triage.audited(verdict), content)):
            yield f"the verdict of entry {seq} on {subject} was edited: it is not what was logged"


def _snooze_problems(connection: sql.Connection, logged: Logged) -> Iterator[str]:
    said = {entry.seq: content for entry, content in logged if entry.kind == "snooze"}
    ended = {entry.subject for entry, _ in logged if entry.kind == "snooze_ended"}
    stored = {each.audit_seq: each for each in snoozes.all_snoozes(connection)}
    for seq in sorted(said.keys() | stored.keys()):
        made, content = stored.get(seq), said.get(seq)
        if seq not in said:
            yield f"a snooze names entry {seq}, which is none: it was inserted"
        elif made is None:
            yield f"the snooze of entry {seq} is missing: it was removed"
        elif content is not None and not _agrees(snoozes.audited(made), content):
            yield f"the snooze of entry {seq} was edited: it is not what was logged"
        elif (made.ended_at is not None) != (str(seq) in ended):
            yield f"the snooze of entry {seq} ends otherwise than was logged"


def _delivery_problems(connection: sql.Connection, logged: Logged) -> Iterator[str]:
    said = {content["message_id"]: entry.kind for entry, content in logged if content and "message_id" in content}
    stored = {each.message_id: each for each in deliveries.list_deliveries(connection)}
    for message, kind in said.items():
        if message not in stored:
            yield f"mail {message} was logged and is missing: it was removed"
        elif stored[message].state is not deliveries.DeliveryState.SENDING and f"mail_{stored[message].state}" != kind:
            yield f"mail {message} is said to be {stored[message].state}, but was logged as {kind}"


def _agrees(stored: dict[str, Any], content: dict[str, Any]) -> bool:
    plain = json.loads(canonical(stored))
    return all(content.get(name) == value for name, value in plain.items())
