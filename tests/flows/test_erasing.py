"""One person erased on request: everywhere, for good, with the chain whole; and a legal hold that beats it."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from analyzers.errors import UsageError
from analyzers.persons import mask_of
from flows.cli import status
from flows.delivery import deliver_outbox
from flows.erasing import Erasure, erase_person
from flows.warehouse import Warehouse, audit, sql
from flows.warehouse.evidence import verify_evidence
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE
from tests.flows.nights import run_night

AT = datetime(2026, 4, 2, 9, tzinfo=UTC)
PERSON = "Person 1"


def opened(folder: Path) -> Warehouse:
    return Warehouse.of(Workspace.open(folder))


def mask(folder: Path) -> str:
    return mask_of(PERSON, Workspace.open(folder).hash_key())


def told_night(folder: Path) -> None:
    """A night whose findings name the person, with its mail gone."""
    run_night(folder, DATA_DATE)
    deliver_outbox(Workspace.open(folder), opened(folder), lambda _: None)


def erase(folder: Path, person: str = PERSON) -> Erasure:
    return erase_person(Workspace.open(folder), person, why="request 2026-17", who="Ana", at=AT)


def everything(folder: Path) -> str:
    """All that the workspace holds but the source and the key, as text: tables, files inside files, mails."""
    said = []
    with opened(folder).reading() as connection:
        for (table,) in sql.rows(connection, "SELECT table_name FROM duckdb_tables()"):
            said.append(repr(sql.rows(connection, f"SELECT * FROM {sql.quoted(table)}")))
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name in {"warehouse.duckdb", ".sereno-key"} or path.parent.name == "data":
            continue
        if path.suffix in {".xlsx", ".zip"}:
            with zipfile.ZipFile(path) as packed:
                said += [packed.read(name).decode(errors="replace") for name in packed.namelist()]
        elif path.suffix == ".eml":
            parts = message_from_bytes(path.read_bytes(), policy=policy.default).walk()
            said += [bytes(part.get_payload(decode=True) or b"").decode(errors="replace") for part in parts]
        else:
            said.append(path.read_text(encoding="utf-8", errors="replace"))
    return "\n".join(said)


def problems(folder: Path) -> list[str]:
    with opened(folder).reading() as connection:
        return [*audit.verify(connection), *verify_evidence(connection)]


def count(folder: Path, query: str) -> Any:
    with opened(folder).reading() as connection:
        return sql.scalar(connection, query)


def test_a_person_is_gone_from_everywhere_and_stays_gone_while_the_chain_holds(folder: Path) -> None:
    told_night(folder)
    before, records = everything(folder), count(folder, "SELECT count(*) FROM records_payments")
    assert PERSON in before
    assert mask(folder) in before
    written = status(["evidence", first_finding(folder), "--workspace", str(folder)])
    assert written == 0

    done = erase(folder)
    assert done.erased.records > 100
    assert done.erased.texts > 0
    assert done.erased.log_entries > 0
    assert any(name.endswith(".eml") for name in done.files)
    assert (done.held, done.waiting) == ((), ())
    after = everything(folder)
    assert PERSON not in after
    assert mask(folder) not in after
    assert "Person 2" in after, "only the one"
    assert problems(folder) == []
    assert count(folder, "SELECT count(*) FROM records_payments") == records, "money and dates stay"

    # The source still holds the person; the next night must not bring them back, nor see a change.
    outcome, _ = run_night(folder, DATA_DATE + timedelta(days=1))
    assert outcome.status == "done"
    again = everything(folder)
    assert PERSON not in again
    assert mask(folder) not in again
    assert count(folder, "SELECT count(*) FROM records_payments") == records
    assert problems(folder) == []
    assert erase(folder).erased.records == 0


def first_finding(folder: Path) -> str:
    return str(count(folder, "SELECT id FROM run_findings WHERE mailed ORDER BY position LIMIT 1"))


def test_a_mask_from_a_report_names_the_person_too(folder: Path) -> None:
    told_night(folder)
    assert erase(folder, mask(folder)).erased.records > 100
    assert PERSON not in everything(folder)


def test_a_legal_hold_keeps_everything_and_the_log_says_so(folder: Path) -> None:
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(monitor.read_text(encoding="utf-8") + "retention: {hold: case 4711}\n", encoding="utf-8")
    told_night(folder)
    before = everything(folder)
    done = erase(folder)
    assert done.held == ("payments",)
    assert (done.erased.records, done.erased.texts, done.erased.log_entries, done.files) == (0, 0, 0, ())
    assert everything(folder).count(mask(folder)) == before.count(mask(folder))
    run_night(folder, DATA_DATE + timedelta(days=1))
    assert f"'{PERSON}'" in everything(folder), "nor does the next night change what is kept"
    with opened(folder).reading() as connection:
        (entry,) = [each for each in audit.export(connection) if each["kind"] == "erasure"]
    assert entry["content"]["held"] == ["payments"]
    assert (entry["content"]["why"], entry["content"]["who"]) == ("request 2026-17", "Ana")
    assert PERSON not in json.dumps(entry, default=str)


def test_records_without_a_key_go_whole(folder: Path) -> None:
    monitor = folder / "monitors" / "payments.yaml"
    text = monitor.read_text(encoding="utf-8").replace("{role: key, field: document}", "{role: category}")
    monitor.write_text(text, encoding="utf-8")
    told_night(folder)
    records = count(folder, "SELECT count(*) FROM records_payments")
    gone = erase(folder).erased.records
    assert count(folder, "SELECT count(*) FROM records_payments") == records - gone
    run_night(folder, DATA_DATE + timedelta(days=1))
    assert count(folder, "SELECT count(*) FROM records_payments") == records, "they come back without the person"
    assert PERSON not in everything(folder)


def test_a_mail_that_waits_is_not_lost(folder: Path) -> None:
    run_night(folder, DATA_DATE)
    done = erase(folder)
    assert len(done.waiting) == 1
    assert len(list((folder / "outbox").glob("*.eml"))) == 1


def test_the_command_takes_the_name_from_standard_input(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told_night(folder)
    stated = tmp_path / "name.txt"
    stated.write_text(f"{PERSON}\n", encoding="utf-8")
    with stated.open(encoding="utf-8") as given:
        monkeypatch.setattr("sys.stdin", given)
        assert status(["erase", "-", "--reason", "r 1", "--by", "Ana", "--workspace", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["records"] > 100
    stated.unlink()
    assert PERSON not in everything(folder)


@pytest.mark.parametrize(("person", "why"), [(" ", "r"), ("Ana", " ")])
def test_an_erasure_names_somebody_and_a_reason(folder: Path, person: str, why: str) -> None:
    with pytest.raises(UsageError, match="needs a person"):
        erase_person(Workspace.open(folder), person, why=why, who="Ana", at=AT)
