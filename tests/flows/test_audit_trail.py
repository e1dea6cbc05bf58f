"""What the audit log covers beside runs and verdicts, and that others can check it without Sereno."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from flows.cli import status
from flows.warehouse import Warehouse, audit, sql
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE
from tests.flows.nights import run_night


def entries(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        return [each for each in audit.export(connection) if not kinds or each["kind"] in kinds]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_change_of_the_settings_is_logged_with_what_it_was(folder: Path) -> None:
    monitor = folder / "monitors" / "payments.yaml"
    run_night(folder, DATA_DATE)
    assert [entry["subject"] for entry in entries(folder, "configuration")] == ["workspace", "payments"]
    run_night(folder, DATA_DATE + timedelta(days=1))
    assert len(entries(folder, "configuration")) == 2, "what stays the same is not told again"
    edit(monitor, "batch: 5", "batch: 7")
    edit(folder / "sereno.yaml", "Test company", "Best company")
    run_night(folder, DATA_DATE + timedelta(days=2))
    changed = {entry["subject"]: entry["content"]["changed"] for entry in entries(folder, "configuration")[2:]}
    assert changed == {"payments": {"batch": [5, 7]}, "workspace": {"name": ["Test company", "Best company"]}}
    assert all(entry["content"]["under"] for entry in entries(folder, "configuration"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("currency: EUR", "currency: EUR\nunmask: true"),
        ("created_by: {role: person, field: created_by}", "created_by: {role: category, field: created_by}"),
    ],
    ids=["unmask", "another role"],
)
def test_unmasking_is_logged_by_itself(folder: Path, old: str, new: str) -> None:
    run_night(folder, DATA_DATE)
    assert entries(folder, "unmasked") == []
    edit(folder / "monitors" / "payments.yaml", old, new)
    run_night(folder, DATA_DATE + timedelta(days=1))
    (entry,) = entries(folder, "unmasked")
    assert (entry["subject"], entry["content"]["columns"]) == ("payments", ["created_by"])
    run_night(folder, DATA_DATE + timedelta(days=2))
    assert len(entries(folder, "unmasked")) == 1


def test_no_secret_reaches_the_log_by_the_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "very-secret-word")
    settings = folder / "sereno.yaml"
    said = 'mail: {host: 127.0.0.1, username: u, password: "${SMTP_PASSWORD}"}\npeople: {ana@x.example: [Ana Ruiz]}\n'
    settings.write_text(settings.read_text(encoding="utf-8") + said, encoding="utf-8")
    run_night(folder, DATA_DATE)
    written = json.dumps(entries(folder), default=str)
    assert "127.0.0.1" in written
    assert "very-secret-word" not in written
    assert "Ana Ruiz" not in written


def digest(text: str) -> str:
    return hashlib.sha256(f"a1|{text}".encode()).hexdigest()


def broken(lines: list[dict[str, Any]]) -> list[int]:
    """The recipe of docs/trust.md, by what `sereno audit export` writes and Python's own library alone."""
    found, previous = [], "a1:start"
    for number, entry in enumerate(lines, start=1):
        fields = [entry[name] for name in ("seq", "logged_at", "kind", "subject", "content_hash", "previous")]
        chained = digest(json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
        content = json.dumps(entry["content"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        whole = entry["salt"] is None or digest(f"{entry['salt']}|{content}") == entry["content_hash"]
        if (entry["seq"], entry["previous"], entry["hash"]) != (number, previous, chained) or not whole:
            found.append(entry["seq"])
        previous = entry["hash"]
    return found


def test_an_export_can_be_checked_without_sereno(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_night(folder, DATA_DATE)
    out = folder / "log.jsonl"
    assert status(["audit", "export", "--to", str(out), "--workspace", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (said["entries"], said["head"]) == (len(lines), f"a1:{len(lines)}:{lines[-1]['hash']}")
    assert broken(lines) == []
    lines[1]["content"]["under"] = "nobody"
    assert broken(lines) == [2]
    del lines[1]
    assert 3 in broken(lines)
    assert out.stat().st_mode & 0o077 == 0

    assert status(["audit", "export", "--workspace", str(folder)]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()
    ]


def test_the_head_that_a_mail_carried_finds_a_rewrite_and_a_cut(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_night(folder, DATA_DATE)
    (mail,) = (folder / "outbox").glob("*.eml")
    message = message_from_bytes(mail.read_bytes(), policy=policy.default)
    head = str(message["X-Sereno-Audit-Head"])
    assert isinstance(message, EmailMessage)
    text = message.get_body(("plain",))
    assert text is not None
    assert head in text.get_content()

    def verified() -> tuple[int, list[str]]:
        done = status(["audit", "verify", "--anchor", head, "--workspace", str(folder), "--json"])
        return done, json.loads(capsys.readouterr().out)["problems"]

    assert verified() == (0, [])
    number = int(head.split(":")[1])
    with Warehouse.of(Workspace.open(folder)).writing() as connection:
        kept = sql.rows(
            connection, "SELECT kind, subject, content, logged_at FROM audit JOIN audit_contents USING (seq)"
        )
        sql.run(connection, "DELETE FROM audit")
        sql.run(connection, "DELETE FROM audit_contents")
        for kind, subject, content, at in kept:
            audit.append(connection, kind, subject, json.loads(content), at)
    assert verified() == (1, [f"entry {number} is not the one that a mail carried as the head: the log was rewritten"])
    with Warehouse.of(Workspace.open(folder)).writing() as connection:
        sql.run(connection, "DELETE FROM audit WHERE seq >= ?", [number])
        sql.run(connection, "DELETE FROM audit_contents WHERE seq >= ?", [number])
    assert any("was cut off" in problem for problem in verified()[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE snoozes SET until = until + INTERVAL 1 YEAR", "was edited"),
        ("DELETE FROM snoozes", "was removed"),
        ("UPDATE snoozes SET ended_at = now()", "ends otherwise"),
        ("UPDATE snoozes SET audit_seq = 9999", "was inserted"),
    ],
)
def test_a_snooze_that_was_tampered_with_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    run_night(folder, DATA_DATE)
    muted = ["snooze", "S03", "--until", "7d", "--reason", "audit", "--by", "Ana", "--workspace", str(folder)]
    assert status(muted) == 0
    assert status(["audit", "verify", "--workspace", str(folder)]) == 0
    with Warehouse.of(Workspace.open(folder)).writing() as connection:
        sql.run(connection, change)
    capsys.readouterr()
    assert status(["audit", "verify", "--workspace", str(folder), "--json"]) == 1
    assert any(said in problem for problem in json.loads(capsys.readouterr().out)["problems"])
