"""A month of nights with what happens in one, and a week of it: at the end warehouse, mails and audit agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.warehouse import Warehouse, audit, deliveries, runs, sql
from tests.flows.conftest import free_port
from tests.flows.mail_sink import PASSWORD, Sink, guarded_sink
from tests.flows.month import BATCH, MONITOR, STORIES, Story, known_after, payments_of

SETTINGS = """\
name: Test company
timezone: Europe/Madrid
narration: false
prefect: {{port: {port}}}
"""
READERS = ("controller@example.com", "audit@example.com")


@pytest.mark.long
@pytest.mark.xdist_group("month")
def test_a_week_of_nights(tmp_path: Path) -> None:
    live_through(tmp_path, "week")


@pytest.mark.long
@pytest.mark.xdist_group("month")
def test_a_month_of_nights(tmp_path: Path) -> None:
    live_through(tmp_path, "month")


def live_through(folder: Path, name: str) -> None:
    story = STORIES[name]
    with guarded_sink(folder) as (sink, settings, certificate):
        sink.refuse_once = folder / "refuse-once"
        (folder / "monitors").mkdir()
        (folder / "data").mkdir()
        mail = settings.replace("mail: {", "mail: {recipients: [audit@example.com], ")
        (folder / "sereno.yaml").write_text(SETTINGS.format(port=free_port()) + mail, encoding="utf-8")
        (folder / ".sereno-key").write_text("5e" * 32, encoding="utf-8")
        (folder / ".sereno-key").chmod(0o600)
        (folder / "monitors" / "payments.yaml").write_text(MONITOR, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "tests.flows.month", str(folder), name],
            capture_output=True,
            text=True,
            timeout=3000,
            check=False,
            env={**os.environ, "SMTP_PASSWORD": PASSWORD, "SSL_CERT_FILE": str(certificate)},
        )
        assert done.returncode == 0, done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    nights_went_as_told(lines, story)
    the_accepted_stayed_quiet(lines, story)
    everything_agrees(folder, sink, story)


def nights_went_as_told(lines: list[dict[str, Any]], story: Story) -> None:
    nights = [line for line in lines if "night" in line]
    statuses = {day: [line["status"] for line in nights if line["night"] == str(day)] for day in story.dates}
    wanted = {day: ["done"] for day in story.dates} | {day: [] for day in story.away}
    wanted[story.broken] = ["failed", "done"]
    if story.corrected:
        wanted[story.corrected] = ["done", "unchanged", "skipped", "done"]
    assert statuses == wanted
    for line in nights:
        if line["status"] == "done" and date.fromisoformat(line["night"]) != story.corrected:
            day = date.fromisoformat(line["night"])
            known = known_after(story, day)
            judged = sum(known.get(day - timedelta(days=past), 0) for past in range(BATCH))
            assert line["records"] == judged, line
    assert [line["missed"] for line in lines if "missed" in line] == [[str(day) for day in story.away]]
    backfilled = [(line["data_date"], line["status"], line["mail"]) for line in lines if "data_date" in line]
    assert backfilled == [(str(day), "done", None) for day in story.away]


def the_accepted_stayed_quiet(lines: list[dict[str, Any]], story: Story) -> None:
    """Told once, quiet until its expiry, then back, as long as it stands in the batch; how many are quiet is said."""
    for line in lines:
        if line.get("status") != "done" or "night" not in line:
            continue
        day = date.fromisoformat(line["night"])
        about = [mailed for label, mailed in line["duplicates"].items() if label in story.planted_twice]
        if not story.twice <= day < story.twice + timedelta(days=BATCH):
            assert about == [], line
            continue
        quiet = story.twice < day <= story.accepted_until
        assert about == [not quiet], line
        told = {"closed": 1, "muted": 0, "accepted": 1, "until": str(story.accepted_until)}
        assert line["quiet"] == ([told] if quiet else []), line
        if day == story.late + timedelta(days=1):
            assert any(label in story.late_twice for label in line["duplicates"]), line


def everything_agrees(folder: Path, sink: Sink, story: Story) -> None:
    with Warehouse(folder / "warehouse.duckdb", work=folder / "work").reading() as connection:
        decided = runs.list_runs(connection)
        stored = sql.scalar(connection, "SELECT count(*) FROM records_payments")
        mails = deliveries.list_deliveries(connection)
        entries = audit.entries(connection)
        assert audit.verify(connection) == []
        heads = [str(message["X-Sereno-Audit-Head"]) for message in sink.messages() if message["X-Sereno-Audit-Head"]]
        for head in heads:
            assert audit.verify(connection, head) == []
    by_date = Counter(run.data_date for run in decided if run.status == "done")
    assert by_date == dict.fromkeys(story.dates, 1)
    assert [run.data_date for run in decided if run.status == "failed"] == [story.broken]
    assert {run.data_date for run in decided if run.correction} == ({story.corrected} if story.corrected else set())
    more = 1 if story.corrected else 0
    first = story.first - timedelta(days=60)
    days = [first + timedelta(days=past) for past in range((story.dates[-1] - first).days + 1)]
    assert stored == sum(payments_of(story, day).height for day in days) + more

    # One mail a reader and night, the failed one and the correction among them, and one about the missed nights.
    nights = story.nights - len(story.away) + 1 + more
    assert Counter(str(message["To"]) for message in sink.messages()) == dict.fromkeys(READERS, nights + 1)
    sent = [str(message["Message-ID"]) for message in sink.messages()]
    assert len(set(sent)) == len(sent)
    assert sorted(sent) == sorted(mail.message_id for mail in mails)
    assert {mail.state for mail in mails} == {"sent"}
    assert sink.sessions == [(True, True)] * len(sent)
    assert sum(mail.attempts for mail in mails) == len(mails) + 1
    kinds = Counter(entry.kind for entry in entries)
    assert (kinds["mail_queued"], kinds["mail_sent"], kinds["mail_failed"]) == (len(sent), len(sent), 1)
    assert (kinds["publish"], kinds["run_failed"], kinds["replaced"]) == (story.nights + more, 1, more)
    assert kinds["disposition"] == 1
    assert len(heads) == nights * len(READERS)

    assert len(list((folder / "outbox").glob("*.eml"))) == len(sent)
    reports = {run.report for run in decided}
    assert all((folder / str(report)).is_file() for report in reports)
    assert len(list((folder / "archive").glob("20*.html"))) == story.nights + 1 + more
    assert [path.name for path in (folder / "work").glob("night-*")] == []
    assert list((folder / ".prefect" / "storage").glob("night-*")) == []
