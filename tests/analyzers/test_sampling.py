from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.findings import build_findings
from analyzers.results import Fact, FactKind, Family, Flag, Subject, SubjectKind
from analyzers.sampling import draw
from analyzers.settings import AnalysisSettings, Material
from tests.analyzers.ledger_records import MONDAY, material, payment

BATCH = [payment(number, amount=Decimal(100 * (number + 1))) for number in range(40)]
GIVEN = material(BATCH)


def on(day: int) -> Material:
    date_ = date(2026, 1, 1) + timedelta(days=day)
    return replace(GIVEN, days=(date_, date_))


def flagged(*rows: int) -> list[Flag]:
    return [
        Flag(
            analyzer="a", type="unusual_amount", family=Family.TABULAR, rows=(row,), severity=90.0,
            subject=Subject(kind=SubjectKind.RECORD, id=f"r-{row}", label=f"{row}"),
            facts=(Fact(kind=FactKind.STRANGENESS, actual=0.9),),
        )
        for row in rows
    ]  # fmt: skip


@given(st.permutations(range(40)), st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_the_draw_is_the_same_in_any_order_of_the_rows(order: list[int], day: int) -> None:
    shuffled = replace(on(day), batch=GIVEN.batch[order])
    assert draw(shuffled, ()) == draw(on(day), ())


def test_only_what_is_not_mailed_is_drawn_and_all_of_it_alike() -> None:
    given_ = replace(GIVEN, settings=GIVEN.settings.model_copy(update={"sample": 5, "budget": 10}))
    found = build_findings(given_, flagged(*range(12)))
    mailed = {record for finding in found if finding.mailed for record in finding.records}
    assert len(mailed) == 10
    counts: Counter[str] = Counter()
    for day in range(240):
        drawn, below = draw(replace(given_, days=on(day).days), found)
        assert below == 30
        assert len({each.fingerprint for each in drawn}) == 5
        counts.update(record for each in drawn for record in each.records)
    assert not counts.keys() & mailed
    # 240 draws of 5 among 30: 40 each, with a deviation of 5.8.
    assert len(counts) == 30
    assert 15 <= min(counts.values()) <= max(counts.values()) <= 65


def test_another_key_draws_others_and_nothing_is_drawn_where_nothing_is() -> None:
    assert draw(replace(GIVEN, hash_key=b"other"), ())[0] != draw(GIVEN, ())[0]
    assert draw(replace(GIVEN, batch=GIVEN.batch.clear()), ()) == ((), 0)
    none = replace(GIVEN, settings=GIVEN.settings.model_copy(update={"sample": 0}))
    assert draw(none, ()) == ((), 0)


def test_what_is_drawn_carries_what_a_person_needs() -> None:
    drawn = draw(GIVEN, ())[0][0]
    assert drawn.fields["id"] == drawn.subject.label
    assert drawn.exposure is not None
    assert drawn.currency == "EUR"
    assert drawn.time_from is not None


def test_of_series_an_hour_of_an_asset_is_drawn() -> None:
    times = [MONDAY + timedelta(minutes=10 * i) for i in range(60)]
    batch = pl.DataFrame(
        {
            "t": times * 2,
            "pump": ["A"] * 60 + ["B"] * 60,
            "heat": [float(i % 7) for i in range(120)],
            "record_id": [f"r{i}" for i in range(120)],
        },
        schema_overrides={"t": pl.Datetime("us", "UTC")},
    )
    roles = {"t": Role.TIME, "pump": Role.ENTITY, "heat": Role.MEASURE}
    columns = Columns(shape=Shape.SERIES, columns=tuple(Column(name=name, role=role) for name, role in roles.items()))
    series = Material(columns=columns, history=batch.clear(), batch=batch, settings=AnalysisSettings())
    drawn, below = draw(series, ())
    assert below == 20
    assert all(len(each.records) == 6 for each in drawn)
    assert all(each.time_to == (each.time_from or MONDAY) + timedelta(hours=1) for each in drawn)
    assert {each.subject.label for each in drawn} <= {"A", "B"}
