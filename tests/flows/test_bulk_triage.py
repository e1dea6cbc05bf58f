"""One verdict on many findings: counted first, each with its own entry, and never where it could be gamed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analyzers.errors import UsageError
from analyzers.results import Review
from flows import cli
from flows.bulk_triage import Filter, Left, triage_all
from flows.triage_all_run import decide_all
from flows.warehouse import Warehouse, audit, triage
from flows.warehouse.evidence import verify_evidence
from flows.warehouse.findings import list_findings
from flows.warehouse.triage import Statement, Verdict
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, HUGE, MONITOR, TWICE
from tests.flows.nights import run_night

RENT = Statement(Verdict.FALSE_POSITIVE, who="ana", why="looked at all of them", at=datetime(2026, 4, 2, tzinfo=UTC))


@pytest.fixture
def judged(folder: Path) -> Workspace:
    """A workspace after one night; the payment of 98,765.43 is material."""
    stated = MONITOR + "analysis: {materiality: 50000}\n"
    (folder / "monitors" / "payments.yaml").write_text(stated, encoding="utf-8")
    run_night(folder, DATA_DATE)
    return Workspace.open(folder)


def reviews(workspace: Workspace) -> dict[str, Review]:
    with Warehouse.of(workspace).reading() as connection:
        return {each.finding.subject.label: each.finding.review for each in list_findings(connection)}


def test_a_filter_counts_first_and_then_decides_each(judged: Workspace) -> None:
    before = reviews(judged)
    counted = triage_all(judged, Filter(monitor="payments"), RENT, carry_out=False)
    assert reviews(judged) == before
    assert len(counted.all) == len(before)
    assert not counted.done
    assert "would be decided" in counted.sentences()[0]

    made = triage_all(judged, Filter(monitor="payments"), RENT, carry_out=True)
    chosen = {each.finding.subject.label for each in made.decidable}
    assert chosen == before.keys() - {HUGE}
    after = reviews(judged)
    assert {label for label, review in after.items() if review is Review.CLOSED} == chosen
    assert after[HUGE] is Review.OPEN
    with Warehouse.of(judged).reading() as connection:
        entries = {each.audit_seq for each in triage.dispositions(connection)}
        assert len(entries) == len(chosen)
        assert entries == {each.audit_seq for each in made.decidable}
        assert (audit.verify(connection), verify_evidence(connection)) == ([], [])
    # Only what is open is selected, so that a repeat decides nothing twice.
    again = triage_all(judged, Filter(monitor="payments"), RENT, carry_out=True)
    assert [each.left for each in again.all] == [Left.MATERIAL]


def test_who_is_named_decides_nothing_in_bulk_either(judged: Workspace) -> None:
    with Warehouse.of(judged).reading() as connection:
        everything = list_findings(connection)
    twice = next(each.finding for each in everything if each.finding.subject.label == TWICE[1])
    own = replace(RENT, who="person.2@example.com")
    made = triage_all(judged, Filter(entity=twice.entities["supplier"], types=(twice.type,)), own, carry_out=True)
    assert {each.finding.subject.label: each.left for each in made.all} == {TWICE[1]: Left.NAMED}
    assert reviews(judged)[TWICE[1]] is Review.OPEN


def test_every_part_of_a_filter_narrows(judged: Workspace) -> None:
    def fitting(**wanted: object) -> set[str]:
        found = triage_all(judged, Filter(**wanted), RENT, carry_out=False)  # type: ignore[arg-type]
        return {each.finding.subject.label for each in found.all}

    everything = fitting(monitor="payments")
    assert fitting(entity="S03") == set(TWICE)
    assert fitting(types=("duplicate_payment",)) == {TWICE[1]}
    assert fitting(first_date=DATA_DATE, last_date=DATA_DATE) == everything
    assert fitting(first_date=DATA_DATE + timedelta(days=1)) == set()
    assert fitting(last_date=DATA_DATE - timedelta(days=1)) == set()
    assert HUGE in everything - fitting(below_exposure=Decimal(50_000))
    assert fitting(below_priority=100.1) == everything
    assert fitting(below_priority=0.1) == set()
    with pytest.raises(UsageError, match="name which findings"):
        fitting()
    with pytest.raises(UsageError, match="did you mean 'payments'"):
        fitting(monitor="paymnts")
    with pytest.raises(UsageError, match="--until"):
        triage_all(judged, Filter(monitor="payments"), replace(RENT, verdict=Verdict.ACCEPTED), carry_out=False)


def test_the_command_lists_and_counts_before_it_decides(judged: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["triage-all", "false_positive", "--type", "duplicate_payment", "--reason", "rent", "--by", "ana"]
    asked += ["--workspace", str(judged.folder)]
    assert cli.status(asked) == 0
    told = capsys.readouterr()
    assert TWICE[1] in told.out
    assert "1 of 1 open findings would be decided" in told.err
    assert "add --yes" in told.err
    assert reviews(judged)[TWICE[1]] is Review.OPEN
    assert cli.status([*asked, "--yes", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["decided"], json.loads(line)["verdict"]) == (True, "false_positive")
    assert reviews(judged)[TWICE[1]] is Review.CLOSED
    assert cli.status([*asked, "--below-exposure", "a lot"]) == 2
    assert "--below-exposure 'a lot' is no amount" in capsys.readouterr().err


def test_the_form_counts_unless_it_is_told_to_decide(judged: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERENO_WORKSPACE", str(judged.folder))
    asked: dict[str, Any] = {
        "verdict": Verdict.FALSE_POSITIVE,
        "reason": "rent",
        "by": "ana",
        "types": ["duplicate_payment"],
    }
    counted = decide_all.fn(**asked)
    assert counted.is_completed()
    assert "would be decided" in counted.message
    assert reviews(judged)[TWICE[1]] is Review.OPEN
    decided = decide_all.fn(**asked, carry_out=True)
    assert "1 of 1 open findings decided" in decided.message
    assert reviews(judged)[TWICE[1]] is Review.CLOSED
    refused = decide_all.fn(**{**asked, "types": None, "last_date": date(2020, 1, 1), "verdict": Verdict.ACCEPTED})
    assert refused.is_failed()
    assert "--until" in refused.message
