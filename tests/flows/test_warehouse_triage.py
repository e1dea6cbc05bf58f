from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from analyzers.errors import UsageError
from analyzers.results import Review
from flows.warehouse import Warehouse, audit, snoozes, sql, triage
from flows.warehouse.publish import publish
from flows.warehouse.snoozes import Scope
from flows.warehouse.triage import TrackRecord, Verdict
from tests.flows.warehouse_results import MONDAY, analysis, episode, instant, payment, run_record

AT = instant(MONDAY, 9)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        found = [payment("a", also=("weekend",)), payment("b"), payment("c"), episode("pump")]
        publish(opened, run_record(MONDAY), analysis(*found))
        yield opened


def dispose(connection: sql.Connection, name: str, verdict: Verdict, until: date | None = None) -> None:
    triage.dispose(connection, f"v1:{name}", verdict, who="ana", why="because", at=AT, until=until)


def test_a_verdict_keeps_what_was_known_then(connection: sql.Connection) -> None:
    made = triage.dispose(connection, "v1:a", Verdict.CONFIRMED, who="ana", why="paid twice", at=AT)
    assert (made.exposure, made.currency, made.reasons) == (
        Decimal("100.1000"),
        "EUR",
        ("duplicate_payment", "weekend"),
    )
    assert triage.dispositions(connection, fingerprint="v1:a") == [made]
    assert triage.latest_dispositions(connection, ["v1:a", "v1:b"]) == {"v1:a": made}
    (logged,) = [entry for entry in audit.export(connection) if entry["kind"] == "disposition"]
    assert (logged["seq"], logged["subject"], logged["content"]["who"]) == (made.audit_seq, "v1:a", "ana")


@pytest.mark.parametrize(
    ("verdict", "review"),
    [
        (Verdict.CONFIRMED, Review.CLOSED),
        (Verdict.FALSE_POSITIVE, Review.CLOSED),
        (Verdict.INCONCLUSIVE, Review.IN_REVIEW),
    ],
)
def test_a_verdict_moves_the_review(connection: sql.Connection, verdict: Verdict, review: Review) -> None:
    dispose(connection, "a", verdict)
    states: dict[str, str] = dict(sql.rows(connection, "SELECT id, review FROM findings"))
    assert states == {"a": review, "b": "open", "c": "open", "pump": "open"}


def test_what_is_missing_is_asked_for(connection: sql.Connection) -> None:
    with pytest.raises(UsageError, match="no finding"):
        dispose(connection, "zzz", Verdict.CONFIRMED)
    with pytest.raises(UsageError, match="--until"):
        dispose(connection, "a", Verdict.ACCEPTED)
    with pytest.raises(UsageError, match="has passed"):
        dispose(connection, "a", Verdict.ACCEPTED, MONDAY - timedelta(days=1))
    with pytest.raises(UsageError, match="--reason"):
        triage.dispose(connection, "v1:a", Verdict.CONFIRMED, who="ana", why=" ", at=AT)
    assert triage.dispositions(connection) == []


def test_the_track_record_counts_the_latest_verdict_of_each(connection: sql.Connection) -> None:
    dispose(connection, "a", Verdict.FALSE_POSITIVE)
    dispose(connection, "a", Verdict.CONFIRMED)
    dispose(connection, "b", Verdict.FALSE_POSITIVE)
    dispose(connection, "pump", Verdict.ACCEPTED, MONDAY)
    assert triage.track_records(connection, "ledger") == {
        "duplicate_payment": TrackRecord(confirmed=1, false_positive=1, accepted=0, inconclusive=0),
        "level_shift": TrackRecord(confirmed=0, false_positive=0, accepted=1, inconclusive=0),
    }
    assert triage.track_records(connection, "other") == {}


def test_a_snooze_mutes_its_target_for_its_time(connection: sql.Connection) -> None:
    hour = timedelta(hours=1)
    common = {"monitor": "ledger", "starts_at": AT, "who": "ana", "why": "overhaul", "at": AT}
    snoozes.snooze(connection, "series-pump", scope=Scope.ENTITY, until=AT + 2 * hour, **common)  # type: ignore[arg-type]
    snoozes.snooze(connection, "v1:a", scope=Scope.FINDING, until=AT + hour, **common)  # type: ignore[arg-type]
    during, after = snoozes.snoozes_at(connection, AT), snoozes.snoozes_at(connection, AT + hour)
    assert snoozes.muted_until(episode("pump"), during) == AT + 2 * hour
    assert snoozes.muted_until(payment("a"), during) == AT + hour
    assert snoozes.muted_until(payment("b"), during) is None
    assert snoozes.muted_until(episode("pump", monitor="other"), during) is None
    assert snoozes.muted_until(payment("a"), after) is None
    assert snoozes.snoozes_at(connection, AT - hour) == []
    with pytest.raises(UsageError, match="before it starts"):
        snoozes.snooze(connection, "v1:a", scope=Scope.FINDING, until=AT, **common)  # type: ignore[arg-type]
