"""What people decide, and what becomes of it in the nights after: real warehouse, real analyses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import polars as pl
import pytest

from analyzers.errors import UsageError
from analyzers.results import Candidate, Finding, Origin, Review
from flows import reviewing, triaging
from flows.conflicts import aliases
from flows.stated_times import parse_instant, parse_last_day
from flows.warehouse import Warehouse, audit, candidates, sql, triage
from flows.warehouse.evidence import verify_evidence
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, HUGE, MONITOR, SETTINGS, TWICE, free_port, payments
from tests.flows.nights import add_april, run_night

NEXT, THIRD = DATA_DATE + timedelta(days=1), DATA_DATE + timedelta(days=2)
NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)


def by_label(found: tuple[Finding, ...], label: str) -> Finding:
    return next(finding for finding in found if finding.subject.label == label)


def decide(folder: Path, finding: Finding | Candidate, verdict: Verdict, until: date | None = None) -> None:
    triaging.triage(
        Workspace.open(folder), finding.id, verdict, why="looked at it", who="ana", at=datetime.now(UTC), until=until
    )


def page(path: str | None) -> str:
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", Path(path or "").read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(text.split())


def read_mail(path: Path) -> tuple[str, str]:
    """Who it is for, and all its texts."""
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    parts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    return str(mail["To"]), " ".join(part.decode(errors="ignore") for part in parts if isinstance(part, bytes))


def test_what_people_decide_holds_in_the_nights_after(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    huge, twice = by_label(first.findings, HUGE), by_label(first.findings, TWICE[1])
    assert huge.mailed
    assert twice.mailed
    decide(folder, huge, Verdict.FALSE_POSITIVE)
    triaging.snooze(
        Workspace.open(folder), "S03", until=datetime.now(UTC) + timedelta(days=3), why="audit of S03", who="ana",
        at=datetime.now(UTC),
    )  # fmt: skip

    outcome, second = run_night(folder, NEXT)
    again, muted = by_label(second.findings, HUGE), by_label(second.findings, TWICE[1])
    assert (again.review, again.mailed, again.times_seen) == (Review.CLOSED, False, 2)
    assert (muted.review, muted.mailed, muted.muted_until is not None) == (Review.OPEN, False, True)
    assert [check.values for check in second.checks if check.code == "quiet_findings"] == [{"closed": 1, "muted": 1}]
    said = page(outcome.report)
    assert "closed by a verdict" in said
    assert "muted until" in said
    assert "Observed: people have judged 1 finding of statistics, and 0 was real" in said

    (held,) = triaging.list_snoozes(Workspace.open(folder), datetime.now(UTC))
    triaging.take_back(Workspace.open(folder), held.audit_seq, who="ana", why="done", at=datetime.now(UTC))
    assert triaging.list_snoozes(Workspace.open(folder), datetime.now(UTC)) == []
    _, third = run_night(folder, THIRD)
    assert by_label(third.findings, TWICE[1]).mailed
    assert by_label(third.findings, TWICE[1]).times_seen == 3
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        assert (audit.verify(connection), verify_evidence(connection)) == ([], [])


def test_what_is_accepted_is_quiet_until_its_end_and_the_report_says_so(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    last_day = max(NEXT, datetime.now(UTC).date())
    decide(folder, by_label(first.findings, HUGE), Verdict.ACCEPTED, until=last_day)
    decide(folder, by_label(first.findings, TWICE[1]), Verdict.FALSE_POSITIVE)
    outcome, second = run_night(folder, NEXT)
    assert not by_label(second.findings, HUGE).mailed
    told = page(outcome.report)
    assert "2 closed by a verdict, 0 muted" in told
    assert f"Accepted for a time among those closed: 1, the first until {last_day}" in told
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        (verdict,) = [each for each in triage.dispositions(connection) if each.verdict is Verdict.ACCEPTED]
    huge = by_label(second.findings, HUGE)
    assert triage.review_of(huge, verdict, last_day) is Review.CLOSED
    assert triage.review_of(huge, verdict, last_day + timedelta(days=1)) is Review.OPEN


def test_a_maintenance_window_mutes_nothing_that_names_its_author(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    mailed = by_label(first.findings, TWICE[1])
    assert mailed.mailed
    about = {"until": datetime.now(UTC) + timedelta(days=3), "why": "nothing to see here", "at": datetime.now(UTC)}
    workspace = Workspace.open(folder)
    triaging.snooze(workspace, "S03", who="person.2@example.com", **about)  # type: ignore[arg-type]
    _, second = run_night(folder, NEXT)
    assert by_label(second.findings, TWICE[1]).mailed
    triaging.snooze(workspace, "S03", who="ana", **about)  # type: ignore[arg-type]
    _, third = run_night(folder, THIRD)
    assert not by_label(third.findings, TWICE[1]).mailed
    with pytest.raises(UsageError, match="is what records call"):
        triaging.snooze(workspace, "S03", who="s03@example.com", **about)  # type: ignore[arg-type]


def test_half_as_much_money_again_reopens(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    decide(folder, by_label(first.findings, HUGE), Verdict.ACCEPTED, until=date(2030, 1, 1))
    dearer = payments().with_columns(
        amount=pl.when(pl.col("payment") == HUGE).then(pl.lit("148148.15")).otherwise("amount")
    )
    dearer.write_csv(folder / "data" / "payments-2026.csv")
    _, second = run_night(folder, NEXT)
    again = by_label(second.findings, HUGE)
    assert (again.review, again.mailed) == (Review.OPEN, True)


def test_a_confirmed_record_leaves_the_history_that_statistics_compare_with(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    decide(folder, by_label(first.findings, HUGE), Verdict.CONFIRMED)
    add_april(folder)
    _, later = run_night(folder, date(2026, 4, 10))
    (said,) = [check for check in later.checks if check.code == "confirmed_left_out"]
    assert said.values == {"count": 1}
    assert later.guarantees[0].calibration_size <= later.history_records - 1


def test_drawn_records_can_be_judged_and_bound_what_is_missed(folder: Path) -> None:
    (folder / ".sereno-key").write_bytes(b"3" * 64)  # the draw follows from it, and must not draw a record twice
    (folder / ".sereno-key").chmod(0o600)
    outcome, first = run_night(folder, DATA_DATE)
    mailed = {record for finding in first.findings if finding.mailed for record in finding.records}
    assert len(first.drawn) == 3
    assert not mailed & {record for drawn in first.drawn for record in drawn.records}
    assert first.below_line == first.records - len(mailed)
    assert all(drawn.id in page(outcome.report) for drawn in first.drawn)
    decide(folder, first.drawn[0], Verdict.FALSE_POSITIVE)
    decide(folder, first.drawn[1], Verdict.CONFIRMED)
    _, forced = run_night(folder, DATA_DATE, force=True)
    assert forced.drawn == first.drawn
    _, second = run_night(folder, NEXT)
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        missed = reviewing.missed_at_most(connection, "payments", NEXT)
        assert len(candidates.list_candidates(connection, monitor="payments", origin=Origin.BELOW_LINE)) == 6
        assert triage.track_records(connection, "payments") == {}
        confirmed = triage.confirmed_records(connection, "payments")
    assert missed is not None
    assert (missed.nights, missed.drawn, missed.judged, missed.missed) == (2, 6, 2, 1)
    assert missed.below_line == first.below_line + second.below_line
    assert 0.97 < missed.share_at_most < 0.98
    assert confirmed == set(first.drawn[1].records)


def test_who_is_named_neither_decides_nor_receives(folder: Path) -> None:
    (folder / "sereno.yaml").write_text(
        SETTINGS.format(port=free_port()) + "people: {boss@example.com: [Person 1]}\n", encoding="utf-8"
    )
    stated = MONITOR.replace("[controller@example.com]", "[controller@example.com, boss@example.com]")
    (folder / "monitors" / "payments.yaml").write_text(stated, encoding="utf-8")
    _, first = run_night(folder, DATA_DATE)
    huge = by_label(first.findings, HUGE)
    for who in ("person.1@example.com", "boss@example.com", "PERSON 1"):
        with pytest.raises(UsageError, match="somebody else has to decide"):
            triaging.triage(Workspace.open(folder), huge.id, Verdict.CONFIRMED, why="fine", who=who, at=NOW)
    told = dict(map(read_mail, (folder / "outbox").glob("*.eml")))
    assert HUGE in told["controller@example.com"]
    assert HUGE not in told["boss@example.com"]
    assert TWICE[1] in told["boss@example.com"]


def test_names_are_compared_however_they_are_written() -> None:
    assert "ana ruiz" in aliases("Ana.Ruiz@example.com", {})
    assert "u17" in aliases("ana", {"ana@example.com": ("U17", "ana")})
    assert aliases("ana", {"eva": ("U17",)}) == {"ana"}


def test_a_mistake_is_told_in_one_line(folder: Path) -> None:
    _, first = run_night(folder, DATA_DATE)
    workspace, huge = Workspace.open(folder), by_label(first.findings, HUGE)
    wrong = f"{huge.id[:5]}zz{huge.id[7:]}"
    tries: list[tuple[Callable[[], object], str]] = [
        (lambda: triaging.triage(workspace, wrong, Verdict.CONFIRMED, why="x", who="a", at=NOW), huge.id),
        (lambda: triaging.triage(workspace, huge.id, Verdict.ACCEPTED, why="x", who="a", at=NOW), "--until"),
        (lambda: triaging.parse_verdict("confrmed"), "did you mean confirmed"),
        (lambda: triaging.snooze(workspace, "S3", until=NOW, why="x", who="a", at=NOW), "did you mean 'S03'"),
        (lambda: triaging.take_back(workspace, 4711, who="a", why="", at=NOW), "no snooze 4711"),
    ]
    for attempt, expected in tries:
        with pytest.raises(UsageError, match=re.escape(expected)):
            attempt()
    with Warehouse.of(workspace).reading() as connection:
        assert sql.scalar(connection, "SELECT count(*) FROM dispositions") == 0


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-04-05", datetime(2026, 4, 5, 22, tzinfo=UTC)),
        ("2026-04-05T14:00", datetime(2026, 4, 5, 12, tzinfo=UTC)),
        ("2026-04-05T14:00Z", datetime(2026, 4, 5, 14, tzinfo=UTC)),
        ("12h", NOW + timedelta(hours=12)),
        ("2w", NOW + timedelta(weeks=2)),
    ],
)
def test_until_takes_dates_instants_and_spans(stated: str, expected: datetime) -> None:
    assert parse_instant(stated, "--until", now=NOW, timezone="Europe/Madrid") == expected


def test_what_is_no_time_is_refused() -> None:
    assert parse_last_day("90d", "--until", now=NOW, timezone="UTC") == date(2026, 7, 1)
    for stated in ("soon", "2026-13-01", "9999-12-31", "12x", ""):
        with pytest.raises(UsageError, match="--until"):
            parse_instant(stated, "--until", now=NOW, timezone="UTC")
    with pytest.raises(UsageError, match="is not a date"):
        parse_last_day("2026-04-05T14:00", "--until", now=NOW, timezone="UTC")
