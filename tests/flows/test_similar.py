"""Earlier findings like tonight's: which are told, in which order, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from analyzers.results import FactKind, Finding
from flows.audiences import Audience, seen_by
from flows.remembering import remember
from flows.warehouse import Warehouse, sql
from flows.warehouse.publish import publish
from flows.warehouse.similar import SHOWN, similar_to
from flows.warehouse.triage import Verdict, dispose, track_records_of_like
from reports.contents import ModelNote, MonitorPart, Night, ReportedFinding
from reports.narrator import narrate
from tests.flows.warehouse_results import MONDAY, analysis, instant, narrative, payment, run_record

TUESDAY = MONDAY + timedelta(days=1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


def night(connection: sql.Connection, day: date, *found: Finding) -> None:
    publish(connection, run_record(day), analysis(*found), [narrative(each) for each in found])


def judge(connection: sql.Connection, name: str, verdict: Verdict) -> None:
    until = MONDAY + timedelta(days=90) if verdict is Verdict.ACCEPTED else None
    at = datetime.combine(MONDAY, datetime.min.time(), UTC) + timedelta(hours=10)
    dispose(connection, f"v1:{name}", verdict, who="ana", why=f"about {name}", at=at, until=until)


def test_the_nearest_are_told_and_all_verdicts_counted(connection: sql.Connection) -> None:
    same = {"entities": {"supplier": "S1"}}
    night(
        connection,
        MONDAY,
        payment("other", "100.00"),
        payment("judged", "900.00"),
        payment("near", "101.00"),
        payment("same", "5.00", **same),
        payment("rent", "100.00", type="round_amount"),
    )
    judge(connection, "judged", Verdict.FALSE_POSITIVE)
    judge(connection, "near", Verdict.CONFIRMED)
    judge(connection, "rent", Verdict.CONFIRMED)
    tonight = payment("new", "100.00", **same)
    found = similar_to(connection, "ledger", [tonight], TUESDAY)["v1:new"]
    assert [past.id for past in found.told] == ["same", "near", "judged"]
    assert len(found.told) == SHOWN
    assert [past.verdict for past in found.told] == [None, "confirmed", "false_positive"]
    assert found.told[1].reason == "about near"
    assert found.told[1].decided_on == MONDAY
    assert (found.confirmed, found.false_positive, found.accepted, found.inconclusive) == (1, 1, 0, 0)
    # What the same date told is not earlier, and another monitor's findings are not like it.
    assert similar_to(connection, "ledger", [tonight], MONDAY) == {}
    assert similar_to(connection, "plant", [tonight], TUESDAY) == {}


def test_verdicts_on_the_same_entity_are_counted_apart(connection: sql.Connection) -> None:
    rent, other = {"supplier": "S1"}, {"supplier": "S2"}
    earlier = [payment(f"rent{number}", entities=rent) for number in range(15)]
    night(connection, MONDAY, *earlier, payment("other", entities=other))
    for number in range(14):
        judge(connection, f"rent{number}", Verdict.FALSE_POSITIVE if number < 12 else Verdict.CONFIRMED)
    judge(connection, "rent14", Verdict.INCONCLUSIVE)
    judge(connection, "other", Verdict.CONFIRMED)
    tonight = [payment("new", entities=rent), payment("elsewhere", entities=other)]
    found = similar_to(connection, "ledger", tonight, TUESDAY)
    assert (found["v1:new"].like_dismissed, found["v1:new"].like_judged) == (12, 14)
    assert (found["v1:elsewhere"].like_dismissed, found["v1:elsewhere"].like_judged) == (0, 1)
    assert (found["v1:new"].false_positive, found["v1:new"].confirmed) == (12, 3)
    records = track_records_of_like(connection, "ledger")
    assert records["duplicate_payment", "supplier=S1"].false_positive == 12
    assert records["duplicate_payment", "supplier=S2"].confirmed == 1


def test_a_finding_that_speaks_again_tells_its_own_verdict_first(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("again", "100.00"), payment("near", "100.00"))
    judge(connection, "again", Verdict.ACCEPTED)
    (itself, other) = similar_to(connection, "ledger", [payment("again", "300.00")], TUESDAY)["v1:again"].told
    assert (itself.itself, itself.verdict, itself.reason) == (True, "accepted", "about again")
    assert (other.itself, other.id) == (False, "near")


def test_a_night_remembers_what_was_decided_about_the_same_entity(connection: sql.Connection) -> None:
    night(
        connection,
        MONDAY,
        payment("a", entities={"supplier": "S1"}),
        payment("b", entities={"supplier": "S1"}),
        payment("other"),
    )
    judge(connection, "a", Verdict.FALSE_POSITIVE)
    judge(connection, "other", Verdict.CONFIRMED)
    tonight = (payment("new", entities={"supplier": "S1"}), payment("elsewhere", entities={"supplier": "S2"}))
    told, elsewhere = remember(connection, "ledger", tonight, TUESDAY, reasons=True)
    (fact,) = [fact for fact in told.facts if fact.kind is FactKind.DECIDED_BEFORE]
    assert fact.values == {"count": 2, "days": 90, "dismissed": 1, "reason": "about a"}
    assert elsewhere == tonight[1]
    text = narrate([told], lang="en").narratives[0]
    assert "2 similar findings have been reported within 90 days, 1 of them dismissed as “about a”." in text.text
    assert text.grounded
    assert not text.replaced
    # Where records name persons the words of a verdict stay on the card; what is long ago is forgotten.
    (masked, _) = remember(connection, "ledger", tonight, TUESDAY, reasons=False)
    assert "about a" not in narrate([masked], lang="en").narratives[0].text
    assert remember(connection, "ledger", tonight, MONDAY + timedelta(days=200), reasons=True) == tonight


def test_who_may_not_see_a_finding_is_not_told_of_it_later(connection: sql.Connection) -> None:
    night(connection, MONDAY, payment("one"), payment("two"))
    similar = similar_to(connection, "ledger", [payment("new")], TUESDAY)["v1:new"]
    reported = ReportedFinding(finding=payment("new"), narrative=narrative(payment("new")), similar=similar)
    part = MonitorPart(
        monitor="ledger", title="Ledger", run="r", data_date=TUESDAY, status="done", findings=(reported,)
    )
    told = Night(
        title="N", lang="en", timezone="UTC", data_date=TUESDAY, created_at=instant(TUESDAY), parts=(part,),
        model=ModelNote(), version="1",
    )  # fmt: skip

    def seen(*withheld: str) -> list[str]:
        kept = seen_by(told, Audience(("ledger",), frozenset(withheld))).parts[0].findings[0].similar
        return [past.id for past in kept.told] if kept else []

    assert seen() == ["one", "two"]
    assert seen("v1:one") == ["two"]
    assert seen("v1:one", "v1:two") == []
