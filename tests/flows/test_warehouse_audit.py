from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from analyzers.errors import UsageError
from flows.warehouse import Warehouse, audit, deliveries, sql, triage
from flows.warehouse.deliveries import Delivery
from flows.warehouse.evidence import verify_evidence
from flows.warehouse.publish import publish
from flows.warehouse.triage import Verdict
from tests.flows.warehouse_results import MONDAY, analysis, instant, payment, run_record

AT = datetime(2026, 3, 1, 2, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


@pytest.fixture
def log(connection: sql.Connection) -> sql.Connection:
    """A log of five entries."""
    for i in range(5):
        content = {"who": "añã", "money": Decimal("1.2300"), "day": AT.date(), "i": i}
        audit.append(connection, "test", f"s{i}", content, (AT + timedelta(hours=i)).astimezone(timezone.max))
    return connection


def forge(log: sql.Connection, seq: int, previous: str, subject: str = "forged") -> None:
    """Put in an entry whose own hash is right."""
    entry = audit.Entry(seq, AT, "test", subject, "0" * 64, previous, "")
    sql.insert(log, "audit", [{**vars(entry), "hash": entry.expected_hash()}])


def test_an_untouched_log_is_whole_in_another_connection_too(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.writing() as connection:
        assert audit.head(connection) is None
        assert audit.append(connection, "test", "one", {}, AT) == 1
        head = audit.head(connection)
    with warehouse.reading() as connection:
        assert audit.head(connection) == head
        assert audit.verify(connection, head) == []


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'other'",
        "subject = 's9'",
        "logged_at = logged_at + INTERVAL 1 MICROSECOND",
        "content_hash = reverse(content_hash)",
        "hash = reverse(hash)",
        "previous = reverse(previous)",
    ],
)
def test_an_edited_entry_is_found(log: sql.Connection, change: str) -> None:
    sql.run(log, f"UPDATE audit SET {change} WHERE seq = 3")
    assert any("entry 3 (" in problem and "edited" in problem for problem in audit.verify(log))


def test_an_edited_content_is_found(log: sql.Connection) -> None:
    sql.run(log, "UPDATE audit_contents SET content = replace(content, '1.2300', '9.2300') WHERE seq = 2")
    assert audit.verify(log) == ["the content of entry 2 was edited: its salted hash does not fit"]


@pytest.mark.parametrize(("seq", "what"), [(1, "is not its first"), (3, "entries 3 to 3 are missing")])
def test_a_removed_entry_is_found(log: sql.Connection, seq: int, what: str) -> None:
    sql.run(log, "DELETE FROM audit WHERE seq = ?", [seq])
    assert any(what in problem for problem in audit.verify(log))


def test_a_removed_entry_is_found_even_when_the_rest_is_renumbered(log: sql.Connection) -> None:
    sql.run(log, "DELETE FROM audit WHERE seq = 3")
    sql.run(log, "DELETE FROM audit_contents WHERE seq = 3")
    moved = [entry for entry in audit.entries(log) if entry.seq > 3]
    sql.run(log, "DELETE FROM audit WHERE seq > 3")
    sql.run(log, "DELETE FROM audit_contents WHERE seq > 3")
    for entry in moved:
        forge(log, entry.seq - 1, entry.previous, entry.subject)
    assert audit.verify(log) == [
        "entry 3 does not follow entry 2: one was inserted, removed or replaced",
        "entry 4 does not follow entry 3: one was inserted, removed or replaced",
    ]


def test_an_inserted_entry_is_found(log: sql.Connection) -> None:
    forge(log, 7, audit.entries(log)[-1].hash)
    assert audit.verify(log) == ["entries 6 to 6 are missing: they were removed"]
    sql.run(log, "DELETE FROM audit WHERE seq = 7")
    sql.run(log, "CREATE TABLE copied AS SELECT * FROM audit")
    sql.run(log, "DROP TABLE audit")
    sql.run(log, "ALTER TABLE copied RENAME TO audit")
    forge(log, 3, audit.entries(log)[1].hash)
    assert any("entry 3 stands twice" in problem for problem in audit.verify(log))


def test_truncation_and_rewrite_are_found_by_the_anchor_only(log: sql.Connection) -> None:
    head = audit.head(log)
    assert audit.verify(log, head) == []
    sql.run(log, "DELETE FROM audit WHERE seq = 5")
    sql.run(log, "DELETE FROM audit_contents WHERE seq = 5")
    assert audit.verify(log) == []
    assert audit.verify(log, head) == ["entry 5 is missing although a mail carried it as the head: the log was cut off"]
    audit.append(log, "test", "rewritten", {}, AT)
    assert audit.verify(log) == []
    assert audit.verify(log, head) == ["entry 5 is not the one that a mail carried as the head: the log was rewritten"]


@pytest.mark.parametrize("anchor", ["", "a1:5", "a1:x:00", "b1:5:00", "deadbeef"])
def test_an_anchor_that_is_none_is_refused(log: sql.Connection, anchor: str) -> None:
    with pytest.raises(UsageError, match="not an audit head"):
        audit.verify(log, anchor)


def test_erasing_content_keeps_the_chain_and_leaves_no_trace_of_it(log: sql.Connection) -> None:
    head = audit.head(log)
    assert audit.erase(log, [2, 4, 99]) == 2
    assert audit.verify(log, head) == []
    exported = {entry["seq"]: entry for entry in audit.export(log)}
    assert exported[1]["content"]["who"] == "añã"
    assert (exported[2]["salt"], exported[2]["content"]) == (None, None)
    twins = [audit.append(log, "test", "same", {"who": "ana"}, AT) for _ in range(2)]
    hashes = {entry.content_hash for entry in audit.entries(log) if entry.seq in twins}
    assert len(hashes) == 2, "equal contents must not be recognised by their hashes"


def fill(connection: sql.Connection) -> None:
    publish(connection, run_record(MONDAY), analysis(payment("a"), payment("b")))
    publish(connection, run_record(MONDAY, "again"), analysis(payment("a"), payment("b")))
    triage.dispose(connection, "v1:a", Verdict.CONFIRMED, who="ana", why="paid twice", at=instant(MONDAY))
    deliveries.queue(connection, Delivery("<1@s>", "night", "ana@example.org", "outbox/1.eml"), AT)
    deliveries.claim(connection, "<1@s>", AT)
    deliveries.mark_sent(connection, "<1@s>", AT)


def test_evidence_agrees_with_the_log_also_after_erasing(connection: sql.Connection) -> None:
    fill(connection)
    assert verify_evidence(connection) == []
    audit.erase(connection, [entry.seq for entry in audit.entries(connection)])
    assert verify_evidence(connection) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE runs SET records = 11", "run again was edited"),
        ("UPDATE runs SET run = 'x'", "run x is not in the log"),
        ("DELETE FROM runs", "run again was logged and is missing"),
        ("UPDATE run_findings SET document = replace(document, '100.1', '1.1') WHERE id = 'a'", "finding v1:a is not"),
        ("DELETE FROM run_findings WHERE id = 'b'", "finding v1:b is not"),
        ("UPDATE dispositions SET verdict = 'false_positive'", "on v1:a was edited"),
        ("UPDATE dispositions SET fingerprint = 'v1:b'", "on v1:a was edited"),
        ("DELETE FROM dispositions", "on v1:a is missing"),
        ("INSERT INTO dispositions SELECT * REPLACE (77 AS audit_seq) FROM dispositions", "entry 77, which is none"),
        ("UPDATE deliveries SET state = 'failed'", "was logged as mail_sent"),
        ("DELETE FROM deliveries", "mail <1@s> was logged and is missing"),
    ],
)
def test_evidence_changed_behind_the_log_is_found(connection: sql.Connection, change: str, problem: str) -> None:
    fill(connection)
    sql.run(connection, change)
    assert audit.verify(connection) == []
    assert any(problem in found for found in verify_evidence(connection))
