"""What is accepted as the new normal, from the verdict to the nights after: real warehouse, real analyses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from analyzers.errors import UsageError
from analyzers.results import Condition, Finding, Review
from analyzers.settings import NewNormal
from flows import triaging
from flows.warehouse import Warehouse, audit, episodes, sql
from flows.warehouse.evidence import verify_evidence
from flows.warehouse.new_normals import new_normals
from flows.warehouse.publish import publish
from flows.warehouse.triage import LEARNING, Verdict, dispose
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, payments
from tests.flows.nights import run_night
from tests.flows.warehouse_results import MONDAY, analysis, episode, instant, payment, run_record

TUESDAY = MONDAY + timedelta(days=1)
RAISED = date(2026, 3, 27)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        found = [
            payment("paid twice", entities={"supplier": "S1"}),
            payment("dear", type="unusual_amount", family="tabular", entities={"supplier": "S1"}),
            episode("pump", time_to=instant(MONDAY, 20)),
        ]
        publish(opened, run_record(MONDAY), analysis(*found))
        yield opened


def accept(connection: sql.Connection, name: str, since: date | None, *, verdict: Verdict = Verdict.ACCEPTED) -> None:
    dispose(connection, f"v1:{name}", verdict, who="ana", why="new motor", at=instant(TUESDAY, 9), normal_from=since)


def test_the_normal_holds_from_its_day_until_another_verdict(connection: sql.Connection) -> None:
    accept(connection, "pump", MONDAY)
    accept(connection, "dear", TUESDAY)
    assert new_normals(connection, "ledger", MONDAY - timedelta(days=1)) == ()
    assert new_normals(connection, "ledger", MONDAY) == (NewNormal("series-pump", None, MONDAY),)
    dear = NewNormal("record-dear", ("supplier", "S1"), TUESDAY)
    assert new_normals(connection, "ledger", TUESDAY) == (NewNormal("series-pump", None, MONDAY), dear)
    assert new_normals(connection, "ledger", TUESDAY, before=instant(TUESDAY, 9)) == ()
    accept(connection, "dear", None, verdict=Verdict.CONFIRMED)
    assert new_normals(connection, "ledger", TUESDAY) == (NewNormal("series-pump", None, MONDAY),)


def test_its_episode_is_learnt_from_and_goes_on_no_more(connection: sql.Connection) -> None:
    wednesday = TUESDAY + timedelta(days=1)
    later = episode("pump later", subject=episode("pump").subject, time_from=instant(MONDAY, 21))
    assert len(episodes.outside_the_baseline(connection, "ledger", wednesday)) == 1
    assert episodes.inherit(connection, analysis(later), TUESDAY).findings[0].fingerprint == "v1:pump"
    accept(connection, "pump", MONDAY)
    assert episodes.outside_the_baseline(connection, "ledger", wednesday) == ()
    # What departs from the new normal is no part of what was accepted, and is not quiet with it.
    assert episodes.inherit(connection, analysis(later), TUESDAY).findings[0].fingerprint == "v1:pump later"


def test_what_cannot_be_the_normal_is_refused(connection: sql.Connection) -> None:
    with pytest.raises(UsageError, match="compares with no past"):
        accept(connection, "paid twice", MONDAY)
    with pytest.raises(UsageError, match="only what is accepted"):
        accept(connection, "pump", MONDAY, verdict=Verdict.CONFIRMED)
    with pytest.raises(UsageError, match="future"):
        accept(connection, "pump", TUESDAY + timedelta(days=1))
    assert sql.scalar(connection, "SELECT count(*) FROM dispositions") == 0


def test_a_supplier_that_became_dearer_is_compared_with_what_it_costs_now(folder: Path) -> None:
    dearer = (pl.col("supplier") == "S05") & (pl.col("paid_at") >= str(RAISED))
    amount = pl.when(dearer).then(pl.col("amount").cast(pl.Float64) * 30).otherwise(pl.col("amount").cast(pl.Float64))
    payments().with_columns(amount=amount.round(2).cast(pl.String)).write_csv(folder / "data" / "payments-2026.csv")
    _, first = run_night(folder, DATA_DATE)
    raised = [found for found in first.findings if found.entities.get("supplier") == "S05" and found.mailed]
    assert raised
    dearest = max(raised, key=lambda found: found.severity)

    workspace, now = Workspace.open(folder), datetime.now(UTC)
    decided = triaging.triage(
        workspace, dearest.id, Verdict.ACCEPTED, why="new contract", who="ana", at=now, normal_from=RAISED
    )
    assert decided.contract()["normal_of"] == "S05"
    assert decided.disposition.until == now.date() + LEARNING
    outcome, second = run_night(folder, DATA_DATE + timedelta(days=1))
    (said,) = [check for check in second.checks if check.code == "new_normal"]
    assert (said.values["entity"], said.values["since"]) == ("S05", str(RAISED))
    again = [found for found in second.findings if found.fingerprint == dearest.fingerprint]
    assert [(found.review, found.mailed) for found in again] in ([], [(Review.CLOSED, False)])
    assert "accepted as its new normal" in Path(outcome.report or "").read_text(encoding="utf-8")
    with Warehouse.of(workspace).reading() as opened:
        assert (audit.verify(opened), verify_evidence(opened)) == ([], [])


def test_an_ended_episode_stays_ended(connection: sql.Connection) -> None:
    ended: Finding = episode("pump", condition=Condition.ENDED)
    publish(connection, run_record(TUESDAY), analysis(ended))
    accept(connection, "pump", MONDAY)
    assert new_normals(connection, "ledger", TUESDAY) == (NewNormal("series-pump", None, MONDAY),)
