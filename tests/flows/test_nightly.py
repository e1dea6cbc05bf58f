"""A whole night with the real Prefect and the real warehouse, from the command line as a user would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from flows.warehouse import Warehouse, sql
from tests.flows.command_line import sereno
from tests.flows.conftest import DATA_DATE, HUGE, TWICE, free_port
from tests.flows.mail_sink import plain_sink
from tests.flows.nights import run_night

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nightly")]


def count(folder: Path, table: str) -> int:
    """Rows of a table of the warehouse."""
    with Warehouse(folder / "warehouse.duckdb", work=folder / "work").reading() as connection:
        return int(sql.scalar(connection, f"SELECT count(*) FROM {sql.quoted(table)}"))


def test_a_night_is_decided_once_and_mailed_once(folder: Path) -> None:
    status, lines, progress = sereno(folder, "run", "payments", "--data-date", str(DATA_DATE))
    assert status == 0, progress
    (line,) = lines
    assert line["status"] == "done"
    assert "Traceback" not in progress
    report, mail = Path(line["report"]), Path(line["mail"])
    page = report.read_text(encoding="utf-8")
    assert TWICE[1] in page
    assert HUGE in page
    assert "Person 1" not in page
    message = message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message["To"] == "controller@example.com"
    records, findings = count(folder, "records_payments"), count(folder, "findings")
    assert records == 903

    status, lines, progress = sereno(folder, "run", "payments", "--data-date", str(DATA_DATE))
    assert status == 0, progress
    assert lines[0]["status"] == "unchanged"
    assert "already decided" in lines[0]["message"]
    assert sorted(path.name for path in (folder / "archive").iterdir()) == [
        f"{DATA_DATE}.findings.csv",
        f"{DATA_DATE}.findings.jsonl",
        f"{DATA_DATE}.findings.xlsx",
        report.name,
        "index.html",
    ]
    assert f'href="{report.name}"' in (folder / "archive" / "index.html").read_text(encoding="utf-8")
    assert len(list((folder / "outbox").glob("*.eml"))) == 1
    assert (count(folder, "records_payments"), count(folder, "findings")) == (records, findings)

    listed = sereno(folder, "findings", "--data-date", str(DATA_DATE))[1]
    assert {item["type"] for item in listed} >= {"duplicate_payment", "unusual_amount"}
    assert all(item["narrative"]["grounded"] for item in listed)
    verified = sereno(folder, "audit", "verify")
    assert verified[0] == 0
    assert verified[1][0]["valid"]
    assert list((folder / "work").glob("night-*")) == []


def test_changed_input_is_noticed_and_only_force_decides_again(folder: Path, server: str) -> None:
    assert sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)[0] == 0
    late = folder / "data" / "payments-late.csv"
    late.write_text(
        "payment,paid_at,supplier,amount,invoice,account,created_by\n"
        "P00950,2026-03-31 09:00:00,S02,150.00,02/9100,622,Person 3\n",
        encoding="utf-8",
    )
    status, lines, _ = sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)
    assert (status, lines[0]["status"]) == (0, "skipped")
    assert lines[0]["message"].startswith("the input ")
    assert "--force decides it again" in lines[0]["message"]
    status, lines, _ = sereno(folder, "run", "--data-date", str(DATA_DATE), "--force", server=server)
    assert (status, lines[0]["status"]) == (0, "done")
    message = message_from_bytes(Path(lines[0]["mail"]).read_bytes(), policy=policy.default)
    assert "1" in message["Subject"]
    assert "orrection" in message["Subject"]
    index = (folder / "archive" / "index.html").read_text(encoding="utf-8")
    assert f'href="{DATA_DATE}-2.html"' in index
    assert re.search(f'href="{DATA_DATE}.html".*Replaced by a correction', index)


def test_a_verdict_and_a_snooze_hold_in_the_next_night(folder: Path, server: str) -> None:
    assert sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)[0] == 0
    listed = {item["subject"]: item for item in sereno(folder, "findings")[1]}
    (decided,) = sereno(folder, "triage", listed[HUGE]["id"], "false-positive", "--reason", "rent", "--by", "Ana")[1]
    assert (decided["verdict"], decided["who"], decided["review"]) == ("false_positive", "Ana", "closed")
    (muted,) = sereno(folder, "snooze", "S03", "--until", "7d", "--reason", "audit", "--by", "Ana")[1]
    assert (muted["scope"], muted["target"]) == ("entity", "S03")
    assert sereno(folder, "snooze", "--list")[1] == [muted]

    following = str(DATA_DATE + timedelta(days=1))
    assert sereno(folder, "run", "--data-date", following, server=server)[0] == 0
    found = {item["subject"]: item for item in sereno(folder, "findings", "--data-date", following)[1]}
    assert (found[HUGE]["review"], found[HUGE]["mailed"]) == ("closed", False)
    assert (found[TWICE[1]]["review"], found[TWICE[1]]["mailed"]) == ("open", False)
    assert sereno(folder, "audit", "verify")[1][0]["valid"]


def test_a_broken_source_fails_in_one_line_and_leaves_nothing_behind(folder: Path, server: str) -> None:
    (folder / "data" / "payments-2026.csv").write_bytes(bytes(range(256)) * 40)
    status, lines, progress = sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)
    assert status == 2
    assert lines[0]["status"] == "failed"
    assert "payments-2026.csv" in lines[0]["message"]
    assert "Traceback" not in progress
    with Warehouse(folder / "warehouse.duckdb", work=folder / "work").reading() as connection:
        tables = sql.rows(connection, "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'records_%'")
    assert tables == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "paymnts"), "did you mean 'payments'"),
        (("run", "--data-date", "yesterday"), "is not a date"),
        (("findings", "--monitor", "nothing"), "no monitor 'nothing'"),
        (("triage", "abc", "confirmed", "--reason", "x"), "no finding 'abc'"),
        (("snooze", "--until", "7d"), "name what to mute"),
        (("report", "2020-01-01"), "no report for 2020-01-01"),
        (("frobnicate",), "No such command"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(folder: Path, arguments: tuple[str, ...], expected: str) -> None:
    status, lines, progress = sereno(folder, *arguments)
    assert status == 2
    assert lines == []
    (line,) = progress.strip().splitlines()
    assert expected in line


def test_runs_of_one_monitor_never_overlap_and_the_second_finds_its_work_done(folder: Path, server: str) -> None:
    command = [sys.executable, "-m", "flows.cli", "run", "--data-date", str(DATA_DATE), "--workspace", str(folder)]
    environment = {**os.environ, "PREFECT_API_URL": server}
    both = [
        subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=280)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(json.loads(output)["status"] for output in outputs) == ["done", "unchanged"]
    assert len(list((folder / "outbox").glob("*.eml"))) == 1
    assert count(folder, "runs") == 1


def test_mail_that_still_cannot_leave_is_told_in_one_line_and_ends_with_1(folder: Path, server: str) -> None:
    run_night(folder, DATA_DATE)
    settings = folder / "sereno.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + f"mail: {{host: 127.0.0.1, port: {free_port()}}}\n", encoding="utf-8")
    status, (line,), progress = sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)
    assert (status, line["status"]) == (1, "unchanged"), progress
    assert re.search("already decided.*1 mail.* not sent .*stay in the outbox", line["message"])
    assert "Traceback" not in progress
    assert len(list((folder / "outbox").iterdir())) == 1, "no second mail about the first"
    with plain_sink() as (sink, mail):
        settings.write_text(text + mail, encoding="utf-8")
        assert sereno(folder, "run", "--data-date", str(DATA_DATE), server=server)[0] == 0
        assert len(sink.messages()) == 1
