from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from analyzers.results import Condition, Fact, FactKind, Family, Finding, Review, Subject, SubjectKind
from flows.warehouse import Warehouse, findings, sql
from flows.warehouse.episodes import inherit, outside_the_baseline
from flows.warehouse.publish import publish
from flows.warehouse.triage import Verdict, dispose
from tests.flows.warehouse_results import MONDAY, analysis, episode, instant, run_record

TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
HOUR = timedelta(hours=1)
BEGAN, MIDNIGHT = instant(MONDAY, 20), instant(TUESDAY, 0)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        publish(opened, run_record(MONDAY), analysis(part("pump", 20, 24, "first")))
        yield opened


def part(name: str, start: int, end: int, mark: str, **changes: object) -> Finding:
    """An episode from one hour of Monday until another."""
    began = instant(MONDAY, 0) + start * HOUR
    fact = Fact(id="f1", kind=FactKind.EPISODE, at=began, actual=(end - start) * 60.0, unit="min")
    given = {"id": mark, "fingerprint": f"v1:{mark}", "time_from": began, "facts": (fact,)}
    return episode(name, **{**given, "time_to": instant(MONDAY, 0) + end * HOUR, **changes})


def test_an_episode_goes_on_under_its_first_fingerprint(connection: sql.Connection) -> None:
    night = replace(analysis(part("pump", 25, 48, "second")), scores=pl.DataFrame({"finding": ["second", None]}))
    for _ in range(2):
        inherited = inherit(connection, night, TUESDAY)
        (finding,) = inherited.findings
        assert (finding.id, finding.fingerprint, finding.time_from) == ("first", "v1:first", BEGAN)
        assert (finding.facts[0].at, finding.facts[0].actual) == (BEGAN, 28 * 60.0)
        assert inherited.scores["finding"].to_list() == ["first", None]
        assert findings.changes(connection, "ledger", TUESDAY, inherited.findings).new == 0
        publish(connection, run_record(TUESDAY), inherited)
    third = inherit(connection, analysis(part("pump", 48, 50, "third", condition=Condition.ENDED)), WEDNESDAY)
    assert third.findings[0].fingerprint == "v1:first"
    assert third.findings[0].facts[0].actual == 30 * 60.0


@pytest.mark.parametrize(
    "other",
    [part("fan", 24, 30, "x"), part("pump", 30, 31, "x"), part("pump", 24, 30, "x", monitor="plant")],
    ids=["another series", "hours later", "another monitor"],
)
def test_another_episode_stays_itself(connection: sql.Connection, other: Finding) -> None:
    night = analysis(other)
    assert inherit(connection, night, TUESDAY) is night


def test_one_that_had_ended_is_not_taken_up_again(connection: sql.Connection) -> None:
    publish(connection, run_record(MONDAY, "again"), analysis(part("pump", 20, 23, "e", condition=Condition.ENDED)))
    night = analysis(part("pump", 24, 30, "x"))
    assert inherit(connection, night, TUESDAY) is night


@pytest.mark.parametrize(("start", "end", "same"), [(19, 23, True), (21, 22, True), (20, 30, True), (23, 30, False)])
def test_one_that_ended_is_the_same_when_it_is_judged_again(
    connection: sql.Connection, start: int, end: int, same: bool
) -> None:
    """The batch of a week holds it for a week; its start is estimated anew each night."""
    publish(connection, run_record(MONDAY, "again"), analysis(part("pump", 20, 24, "e", condition=Condition.ENDED)))
    dispose(connection, "v1:e", Verdict.FALSE_POSITIVE, who="ana", why="a wash", at=instant(TUESDAY, 9))
    again = analysis(part("pump", start, end, "x", condition=Condition.ENDED))
    (finding,) = inherit(connection, again, TUESDAY).findings
    assert finding.id == ("e" if same else "x")
    (told,) = findings.recognize(connection, [finding], TUESDAY)
    assert (told.review is Review.CLOSED) is same


def test_one_part_only_inherits_and_its_type_comes_first(connection: sql.Connection) -> None:
    candidates = (part("pump", 24, 25, "x", type="relation_broken"), part("pump", 25, 30, "y"))
    found = inherit(connection, analysis(*candidates), TUESDAY).findings
    assert [finding.id for finding in found] == ["x", "first"]
    (alone,) = inherit(connection, analysis(candidates[0]), TUESDAY).findings
    assert (alone.id, alone.type) == ("first", "relation_broken")


def test_open_and_confirmed_episodes_stay_out_of_the_baseline(connection: sql.Connection) -> None:
    both = part("pump", 20, 24, "first"), part("fan", 1, 2, "e", condition=Condition.ENDED)
    publish(connection, run_record(MONDAY, "b"), analysis(*both))
    assert outside_the_baseline(connection, "ledger", MONDAY) == ()
    (lasting,) = outside_the_baseline(connection, "ledger", TUESDAY)
    assert (lasting.time_from, lasting.time_to) == (BEGAN, MIDNIGHT)
    assert outside_the_baseline(connection, "plant", TUESDAY) == ()
    decide = partial(dispose, connection, who="ana", why="seen", at=instant(TUESDAY, 9))
    decide("v1:e", Verdict.CONFIRMED)
    decide("v1:first", Verdict.FALSE_POSITIVE)
    (confirmed,) = outside_the_baseline(connection, "ledger", TUESDAY)
    assert confirmed.time_from == instant(MONDAY, 1)


def test_a_customers_change_stays_one_finding_though_its_start_moves(connection: sql.Connection) -> None:
    customer = Subject(kind=SubjectKind.ENTITY, id="customer=C1", label="C1")
    change = {"subject": customer, "family": Family.BEHAVIOUR, "type": "slower_rhythm"}
    publish(connection, run_record(MONDAY, "b"), analysis(part("-", 2, 24, "slow", **change)))
    later = part("-", 10, 48, "gone", **{**change, "type": "stopped"})
    (finding,) = inherit(connection, analysis(later), TUESDAY).findings
    assert (finding.id, finding.type, finding.time_from) == ("slow", "stopped", instant(MONDAY, 2))
    burst = part("-", 10, 48, "burst", **{**change, "family": Family.TABULAR, "type": "unusual_frequency"})
    assert inherit(connection, analysis(burst), TUESDAY).findings[0].id == "burst"
