"""What is one matter is one flag: a run of records at an unusual time, the unusual records of a new entity."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from analyzers.finding_types import FindingType
from analyzers.joining import joined_newcomers, joined_occasions
from analyzers.results import Fact, FactKind, Family, Flag, Subject, SubjectKind

START = datetime(2026, 1, 10, 9, tzinfo=UTC)


def flag(row: int, hours: float, fact: Fact, kind: FindingType) -> Flag:
    at = START + timedelta(hours=hours)
    return Flag(
        analyzer="ensemble",
        type=kind,
        family=Family.TABULAR,
        subject=Subject(kind=SubjectKind.RECORD, id=f"r{row}", label=f"P{row}"),
        rows=(row,),
        severity=60.0 + row,
        score=float(row),
        time_from=at,
        time_to=at,
        facts=(fact, Fact(kind=FactKind.STRANGENESS, actual=0.99)),
    )


def at_unusual_times(*hours: float) -> list[Flag]:
    fact = Fact(kind=FactKind.UNUSUAL_TIME, values={"weekday": 5})
    return [flag(row, each, fact, FindingType.UNUSUAL_TIME) for row, each in enumerate(hours)]


def of_suppliers(*names: str) -> list[Flag]:
    facts = [Fact(kind=FactKind.NEW_ENTITY, feature="supplier", actual=name, values={"count": 0}) for name in names]
    return [flag(row, row * 24.0, fact, FindingType.NEW_ENTITY) for row, fact in enumerate(facts)]


def test_a_saturday_at_work_is_one_flag_led_by_its_first_record() -> None:
    (one,) = joined_occasions(at_unusual_times(0.0, 0.5, 4.0, 7.9))
    assert (one.subject.id, one.rows) == ("r0", (0, 1, 2, 3))
    assert (one.score, one.severity) == (3.0, 63.0)
    assert (one.time_from, one.time_to) == (START, START + timedelta(hours=7.9))
    assert one.facts[0].values == {"weekday": 5, "count": 3}
    assert one.facts[1].values == {}


def test_records_half_a_working_day_apart_are_apart() -> None:
    assert [one.rows for one in joined_occasions(at_unusual_times(0.0, 4.1, 30.0))] == [(0,), (1,), (2,)]
    assert joined_occasions(at_unusual_times(0.0))[0].facts[0].values == {"weekday": 5}


def test_a_new_entity_is_one_flag_however_far_apart_its_records_are() -> None:
    joined = joined_newcomers(of_suppliers("V1", "V2", "V1", "V1"))
    assert sorted(one.rows for one in joined) == [(0, 2, 3), (1,)]
    first = next(one for one in joined if len(one.rows) == 3)
    assert first.subject.id == "r0"
    assert first.facts[0].values == {"count": 0, "unusual": 3}


@pytest.mark.parametrize(
    ("join", "flags"),
    [(joined_occasions, at_unusual_times(0.0, 1.0, 9.0, 9.5)), (joined_newcomers, of_suppliers("V1", "V2", "V1"))],
)
def test_the_order_of_the_flags_changes_nothing(
    join: Callable[[Iterable[Flag]], list[Flag]], flags: list[Flag]
) -> None:
    shuffled = flags.copy()
    random.Random(3).shuffle(shuffled)
    assert sorted(map(repr, join(shuffled))) == sorted(map(repr, join(flags)))
