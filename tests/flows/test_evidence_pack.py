"""Evidence packs: an auditor unpacks one and gets the same finding again."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from analyzers.errors import UsageError
from flows import triaging
from flows.cli import status
from flows.evidence_pack import Evidence, write_evidence
from flows.monitors import load_monitor
from flows.packing import SUMS
from flows.warehouse.audit import Entry
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from reports.evidence_pack import records_csv
from tests.flows.conftest import DATA_DATE, HUGE, SETTINGS, TWICE, free_port
from tests.flows.nights import run_night

SECRETS = """\
people:
  ana@example.com: [Person 1]
mail: {host: mail.example.com, username: night, password: hunter2}
"""


def unpacked(evidence: Evidence) -> dict[str, bytes]:
    with zipfile.ZipFile(evidence.path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def finding_of(folder: Path, label: str) -> str:
    _, analysis = run_night(folder, DATA_DATE)
    return next(finding.id for finding in analysis.findings if finding.subject.label == label)


def packed_for(folder: Path, identifier: str, to: Path | None = None) -> Evidence:
    return write_evidence(Workspace.open(folder), identifier, data_date=None, to=to)


def test_an_auditor_reproduces_a_finding_from_its_pack(folder: Path, tmp_path: Path) -> None:
    identifier = finding_of(folder, TWICE[1])
    # What the monitor says later is not what the finding was decided with.
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "analysis: {materiality: 9}\n", encoding="utf-8")
    evidence = packed_for(folder, identifier[:8])
    files = unpacked(evidence)
    assert evidence.path == folder / "archive" / f"{DATA_DATE}.evidence-{identifier}.zip"

    for line in files[SUMS].decode().splitlines():
        digest, name = line.split("  ")
        assert sha256(files[name]).hexdigest() == digest
    assert len(files[SUMS].decode().splitlines()) == len(files) - 1

    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    for name in ("sereno.yaml", "monitors/payments.yaml"):
        (copy / name).write_bytes(files[f"config/{name}"])
    assert (
        load_monitor(copy / "monitors" / "payments.yaml").config_hash() == json.loads(files["run.json"])["config_hash"]
    )
    run_night(copy, DATA_DATE, force=True, mail=False)
    again = unpacked(write_evidence(Workspace.open(copy), identifier, data_date=DATA_DATE, to=copy / "again.zip"))
    for name in ("facts.json", "records.csv", "records.sql", "compared.csv", "config/monitors/payments.yaml"):
        assert again[name] == files[name]
    assert json.loads(files["facts.json"])["facts"][0]["kind"] == "duplicate"
    assert "sereno run payments --data-date 2026-03-31 --force --no-mail" in files["README.txt"].decode()


def test_the_query_of_a_pack_gives_its_records(folder: Path) -> None:
    files = unpacked(packed_for(folder, finding_of(folder, TWICE[1])))
    told = list(csv.DictReader(io.StringIO(files["records.csv"].decode())))
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        fetched = connection.execute(files["records.sql"].decode()).fetchall()
        names = [column[0] for column in connection.description or ()]
    assert [row["record_id"] for row in told] == [row[names.index("record_id")] for row in fetched]
    assert TWICE[1] in {row["payment"] for row in told}
    assert [row["amount"] for row in told] == [str(row[names.index("amount")]) for row in fetched]
    # The payment that it repeats lies in the history of the same supplier.
    compared = list(csv.DictReader(io.StringIO(files["compared.csv"].decode())))
    assert {*TWICE} <= {row["payment"] for row in compared}
    assert {row["supplier"] for row in compared} == {"S03"}


def test_a_pack_holds_no_secret_and_no_name(folder: Path) -> None:
    (folder / "sereno.yaml").write_text(SETTINGS.format(port=free_port()) + SECRETS, encoding="utf-8")
    (folder / "sereno.yaml").chmod(0o600)
    files = unpacked(packed_for(folder, finding_of(folder, HUGE)))
    text = b"".join(files.values()).decode()
    assert "person-" in files["records.csv"].decode()
    for secret in ("hunter2", "Person 1", "ana@example.com", Workspace.open(folder).hash_key().decode()):
        assert secret not in text
    assert "host: mail.example.com" in files["config/sereno.yaml"].decode()


def test_the_log_in_a_pack_can_be_recomputed_and_holds_the_document(folder: Path) -> None:
    identifier = finding_of(folder, HUGE)
    triaging.triage(
        Workspace.open(folder), identifier, Verdict.CONFIRMED, why="paid twice", who="ana", at=datetime.now(UTC)
    )
    files = unpacked(packed_for(folder, identifier))
    entries = [json.loads(line) for line in files["audit.jsonl"].decode().splitlines()]
    previous = entries[0]["previous"]
    for entry in entries:
        fields = {name: entry[name] for name in ("seq", "kind", "subject", "content_hash", "previous", "hash")}
        logged = Entry(logged_at=datetime.fromisoformat(entry["logged_at"]), **fields)
        assert logged.previous == previous
        assert logged.hash == logged.expected_hash()
        previous = logged.hash
    said = {entry["kind"]: entry["content"] for entry in entries if entry["content"]}
    fingerprint = json.loads(files["finding.json"])["fingerprint"]
    assert said["publish"]["documents"][fingerprint] == sha256(files["document.json"]).hexdigest()[:32]
    assert said["disposition"]["why"] == "paid twice"
    assert json.loads(files["verdicts.jsonl"])["verdict"] == "confirmed"
    assert previous in files["README.txt"].decode()


def test_the_same_state_gives_the_same_bytes(folder: Path) -> None:
    identifier = finding_of(folder, HUGE)
    one, two = folder / "one.zip", folder / "two.zip"
    packed_for(folder, identifier, one)
    packed_for(folder, identifier, two)
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_mode & 0o077 == 0


def test_what_cannot_be_packed_says_so_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identifier = finding_of(folder, HUGE)
    before = sorted(folder.rglob("*"))
    common = ["--workspace", str(folder)]
    later = str(DATA_DATE + timedelta(days=1))
    for arguments, said in (
        (["zzz"], "no finding"),
        ([identifier, "--data-date", later], f"was not seen on {later}; there is evidence of {DATA_DATE}"),
        ([identifier, "--data-date", "soon"], "is not a date"),
        ([identifier, "--to", str(folder / "nowhere" / "a.zip")], "cannot be written"),
        ([identifier, "--to", str(folder / "archive")], "cannot be written"),
    ):
        assert status(["evidence", *arguments, *common]) == 2
        assert said in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
    assert status(["evidence", identifier, "--json", *common]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == identifier
    with pytest.raises(UsageError, match="no finding"):
        packed_for(folder, "v1:")


def test_records_in_a_spreadsheet_run_no_formula() -> None:
    written = records_csv(
        ["=name", "amount"], [{"=name": ' =HYPERLINK("x")', "amount": -5}, {"=name": None, "amount": 1}]
    )
    assert list(csv.reader(io.StringIO(written))) == [["'=name", "amount"], ['\' =HYPERLINK("x")', "-5"], ["", "1"]]
