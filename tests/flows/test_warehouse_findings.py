from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from analyzers.errors import UsageError
from analyzers.results import Condition, Finding, Review
from flows.warehouse import Warehouse, audit, findings, runs, sql, triage
from flows.warehouse.publish import publish
from flows.warehouse.runs import RunStatus
from flows.warehouse.triage import Verdict
from tests.flows.warehouse_results import MONDAY, analysis, episode, instant, narrative, payment, run_record

TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=i) for i in (1, 2, 3))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


def night(connection: sql.Connection, day: date, *found: Finding, name: str | None = None) -> runs.RunRecord:
    return publish(connection, run_record(day, name), analysis(*found), [narrative(each) for each in found])


def identity(connection: sql.Connection, fingerprint: str) -> tuple[date, date, int, str | None]:
    query = "SELECT first_seen, last_seen, times_seen, condition FROM findings WHERE fingerprint = ?"
    rows = sql.rows(connection, query, [fingerprint])
    assert len(rows) == 1
    return rows[0]


def test_everything_published_can_be_read_again(connection: sql.Connection) -> None:
    run = night(connection, MONDAY, payment("a", "99999999999999.9999"), episode("b"))
    assert (run.flags, run.findings, run.records, run.correction) == (2, 2, 10, 0)
    assert runs.finished_run(connection, "ledger", MONDAY) == run
    assert runs.list_checks(connection, run.run) == list(analysis().checks)
    listed = findings.list_findings(connection, monitor="ledger", data_date=MONDAY)
    assert [each.finding.id for each in listed] == ["a", "b"]
    assert listed[0].finding == payment("a", "99999999999999.9999", first_seen=MONDAY)
    assert listed[0].narrative == narrative(payment("a"))
    facts = sql.rows(connection, "SELECT finding, id, kind, actual_number, unit FROM facts ORDER BY finding")
    assert facts[0] == ("v1:a", "f1", "duplicate", 100.1, "EUR")
    money = sql.scalar(connection, "SELECT exposure FROM findings WHERE id = 'a'")
    assert money == Decimal("99999999999999.9999")
    assert audit.verify(connection) == []


def test_a_date_counts_once_however_often_it_is_decided(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("a"))
    night(connection, TUESDAY, payment("a"), payment("b"))
    assert identity(connection, "v1:a") == (MONDAY, TUESDAY, 2, None)

    again = night(connection, TUESDAY, payment("a"), name="again")
    assert again.correction == 1
    assert identity(connection, "v1:a") == (MONDAY, TUESDAY, 2, None)
    assert sql.scalar(connection, "SELECT count(*) FROM findings WHERE fingerprint = 'v1:b'") == 0
    assert [run.run for run in runs.list_runs(connection)] == ["again", f"run-{MONDAY}"]
    for table in ("checks", "flags", "facts", "run_findings", "narratives"):
        left = sql.scalar(connection, f"SELECT count(*) FROM {table} WHERE run = ?", [f"run-{TUESDAY}"])
        assert left == 0, table
    assert night(connection, TUESDAY, payment("a"), name="third").correction == 2


def test_a_repeated_publish_of_one_run_changes_nothing(connection: sql.Connection) -> None:
    first = night(connection, MONDAY, payment("a"))
    head = audit.head(connection)
    assert night(connection, MONDAY, payment("a")) == first
    assert audit.head(connection) == head


def test_a_backfill_moves_first_seen_back(connection: sql.Connection) -> None:
    night(connection, WEDNESDAY, payment("a"))
    night(connection, MONDAY, payment("a", severity=10.0))
    assert identity(connection, "v1:a") == (MONDAY, WEDNESDAY, 2, None)
    assert sql.scalar(connection, "SELECT severity FROM findings") == 80.0


def test_recognized_before_and_after_publishing_alike(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("a"))
    given = (payment("a"), payment("b"))
    for _ in range(2):
        known, new = findings.recognize(connection, given, TUESDAY)
        assert (known.first_seen, known.times_seen, known.review) == (MONDAY, 2, Review.OPEN)
        assert (new.first_seen, new.times_seen) == (TUESDAY, 1)
        assert findings.known(connection, ["v1:a", "v1:b", "v1:c"], TUESDAY).keys() == {"v1:a"}
        night(connection, TUESDAY, *given)


def test_an_episode_that_is_gone_has_ended_and_a_payment_has_not(connection: sql.Connection) -> None:
    night(connection, MONDAY, episode("pump"), payment("a"))
    before = findings.changes(connection, "ledger", TUESDAY, [payment("b")])
    night(connection, TUESDAY, payment("b"))
    after = findings.changes(connection, "ledger", TUESDAY, [payment("b")])
    assert before == after
    assert (after.new, after.still_open, after.unseen, after.ended) == (1, 1, 1, 1)
    assert after.open_exposure == {"EUR": Decimal("100.10")}
    assert after.oldest == MONDAY
    assert after.ended_fingerprints == ("v1:pump",)
    assert identity(connection, "v1:pump") == (MONDAY, MONDAY, 1, "ended")

    later = findings.changes(connection, "ledger", WEDNESDAY, [])
    assert (later.new, later.still_open, later.ended) == (0, 2, 0)


def test_an_episode_closed_within_the_batch_ends_once(connection: sql.Connection) -> None:
    closed = episode("pump", condition=Condition.ENDED)
    night(connection, MONDAY, episode("pump"))
    assert findings.changes(connection, "ledger", TUESDAY, [closed]).ended == 1
    night(connection, TUESDAY, closed)
    assert findings.changes(connection, "ledger", TUESDAY, [closed]).ended == 1
    assert findings.changes(connection, "ledger", WEDNESDAY, []).ended == 0


def test_deciding_again_takes_an_end_back(connection: sql.Connection) -> None:
    night(connection, MONDAY, episode("pump"))
    night(connection, TUESDAY)
    night(connection, TUESDAY, episode("pump"), name="again")
    assert identity(connection, "v1:pump") == (MONDAY, TUESDAY, 2, "active")
    night(connection, TUESDAY, name="third")
    assert identity(connection, "v1:pump") == (MONDAY, MONDAY, 1, "ended")


def test_an_older_date_ends_nothing_that_a_newer_one_saw(connection: sql.Connection) -> None:
    night(connection, MONDAY, episode("pump"))
    night(connection, WEDNESDAY, episode("pump"))
    night(connection, TUESDAY)
    assert identity(connection, "v1:pump")[3] == "active"


def test_a_night_without_records_ends_nothing(connection: sql.Connection) -> None:
    night(connection, MONDAY, episode("pump"))
    publish(connection, run_record(TUESDAY), analysis(records=0))
    assert identity(connection, "v1:pump")[3] == "active"
    assert findings.changes(connection, "ledger", TUESDAY, [], judged=False).ended == 0


def test_other_monitors_are_left_alone(connection: sql.Connection) -> None:
    night(connection, MONDAY, episode("pump"))
    publish(connection, run_record(TUESDAY, "other", monitor="plant"), analysis(episode("fan", monitor="plant")))
    assert identity(connection, "v1:pump")[3] == "active"
    assert findings.changes(connection, "plant", WEDNESDAY, []).ended == 1


def test_the_same_work_is_known_again(connection: sql.Connection) -> None:
    night(connection, MONDAY)
    stored = runs.finished_run(connection, "ledger", MONDAY)
    assert stored is not None
    assert stored.same_work(run_record(MONDAY, "later", started_at=instant(TUESDAY)))
    assert not stored.same_work(replace(stored, input_fingerprint="other"))
    assert not stored.same_work(replace(stored, config_hash="other"))
    assert not stored.same_work(replace(stored, code_version="other"))
    assert not stored.same_work(replace(stored, model_hash="other"))
    assert not replace(stored, input_fingerprint=None).same_work(replace(stored, input_fingerprint=None))
    assert runs.watermark(connection, "ledger") == MONDAY
    assert runs.previous_run(connection, "ledger", TUESDAY) == stored
    assert runs.previous_run(connection, "ledger", MONDAY) is None


def test_a_failed_run_is_recorded_beside_what_was_decided(connection: sql.Connection) -> None:
    done = night(connection, MONDAY)
    failed = run_record(MONDAY, "broken", status=RunStatus.FAILED, error="disk full", started_at=instant(TUESDAY))
    runs.record_run(connection, failed)
    assert runs.finished_run(connection, "ledger", MONDAY) == done
    assert runs.list_runs(connection, status=RunStatus.FAILED) == [failed]
    assert audit.verify(connection) == []


def test_find_by_the_start_of_an_id(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("abc1"), payment("abc2"))
    night(connection, TUESDAY, payment("abc1", severity=90.0))
    found = findings.find(connection, "abc1")
    assert (found.finding.severity, found.finding.times_seen, found.run) == (90.0, 2, f"run-{TUESDAY}")
    assert findings.find(connection, "v1:abc2").finding.id == "abc2"
    for wrong, what in (("abc", "more than one"), ("zzz", "no finding"), ("", "no finding"), ("%", "no finding")):
        with pytest.raises(UsageError, match=what):
            findings.find(connection, wrong)


def test_the_list_tells_each_finding_once_unless_a_date_is_asked(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("a"), payment("b", priority=70.0))
    night(connection, TUESDAY, payment("a"))
    assert [each.finding.id for each in findings.list_findings(connection)] == ["a", "b"]
    assert [each.finding.id for each in findings.list_findings(connection, data_date=MONDAY)] == ["b", "a"]
    assert [each.finding.id for each in findings.list_findings(connection, data_date=TUESDAY)] == ["a"]
    assert [each.finding.id for each in findings.list_findings(connection, limit=1)] == ["a"]
    assert findings.list_findings(connection, condition=Condition.ACTIVE) == []


def test_a_verdict_closes_and_a_dismissed_finding_stays_quiet(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("a"), payment("b"))
    triage.dispose(connection, "v1:a", Verdict.FALSE_POSITIVE, who="ana", why="rent", at=instant(TUESDAY))
    night(connection, TUESDAY, payment("a"))
    states = {each.finding.id: each.finding.review for each in findings.list_findings(connection)}
    assert states == {"a": Review.CLOSED, "b": Review.OPEN}
    assert findings.changes(connection, "ledger", WEDNESDAY, []).still_open == 1


def test_a_closed_finding_speaks_again_on_a_new_reason_or_more_money_or_when_time_is_up(
    connection: sql.Connection,
) -> None:
    night(connection, MONDAY, payment("a", "100.00"))
    triage.dispose(connection, "v1:a", Verdict.ACCEPTED, who="ana", why="known", at=instant(MONDAY), until=WEDNESDAY)

    def review(finding: Finding, day: date = TUESDAY) -> Review:
        return findings.recognize(connection, [finding], day)[0].review

    assert review(payment("a", "149.99")) is Review.CLOSED
    assert review(payment("a", "150.00")) is Review.OPEN
    assert review(payment("a", "100.00", currency="USD")) is Review.OPEN
    assert review(payment("a", "100.00", also=("bank_changed",))) is Review.OPEN
    assert review(payment("a", "100.00"), WEDNESDAY) is Review.CLOSED
    assert review(payment("a", "100.00"), THURSDAY) is Review.OPEN

    night(connection, TUESDAY, payment("a", "150.00"))
    assert sql.scalar(connection, "SELECT review FROM findings") == "open"


def test_a_verdict_outlives_the_run_that_found_it(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("a"))
    triage.dispose(connection, "v1:a", Verdict.CONFIRMED, who="ana", why="paid twice", at=instant(TUESDAY))
    night(connection, MONDAY, name="again")
    assert [each.why for each in triage.dispositions(connection, fingerprint="v1:a")] == ["paid twice"]
    with pytest.raises(UsageError, match="its verdicts remain"):
        findings.find(connection, "a")
