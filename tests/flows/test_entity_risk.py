"""What is open about an entity is one figure a night, kept, with its trend; closed and ended findings leave it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from analyzers.results import Condition, EntityRisk, NightRisk
from analyzers.risk import combined, entity_risks
from flows.warehouse import Warehouse, entity_risk
from flows.warehouse.publish import publish
from flows.warehouse.triage import Verdict, dispose
from reports.charts.sparkline import sparkline
from reports.entities import direction
from tests.flows.warehouse_results import MONDAY, analysis, episode, instant, payment, run_record

TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
A, B = {"supplier": "V1"}, {"supplier": "V2", "account": "600"}


def test_the_figure_is_that_of_the_worst_and_grows_with_each_further_finding() -> None:
    one, two = payment("a", priority=60.0, entities=A), payment("b", "50", priority=40.0, currency="USD", entities=A)
    (alone,) = entity_risks([one])
    (both,) = entity_risks([two, one])
    assert alone.risk == 60.0
    assert both.risk == combined([60.0, 40.0]) == pytest.approx(100 * (1 - 0.4 * 0.8))
    assert both.open_findings == 2
    assert both.exposure == {"EUR": Decimal("100.10"), "USD": Decimal(50)}
    assert [risk.column for risk in entity_risks([payment("c", entities=B)])] == ["account", "supplier"]
    ended = episode("d", condition=Condition.ENDED, entities=A)
    assert entity_risks([ended, payment("e", entities=A, allowed="known"), payment("f")]) == ()


def test_risk_is_kept_each_night_and_told_with_its_trend(tmp_path: Path) -> None:
    first, second = payment("a", priority=60.0, entities=A), payment("b", priority=30.0, entities=A)
    with Warehouse(tmp_path / "w.duckdb").writing() as connection:
        publish(connection, run_record(MONDAY), analysis(first))
        publish(connection, run_record(TUESDAY), analysis())
        publish(connection, run_record(WEDNESDAY), analysis(second))
        (told,) = entity_risk.listed(connection, monitor="ledger")
        assert told[1] == WEDNESDAY
        assert [night.risk for night in told[2].nights] == [60.0, 60.0, combined([60.0, 30.0])]
        assert direction(told[2]) == "rising"
        dispose(connection, "v1:a", Verdict.FALSE_POSITIVE, who="ana", why="seen", at=instant(WEDNESDAY, 9))
        publish(connection, run_record(WEDNESDAY, "again"), analysis(second))
        (told,) = entity_risk.listed(connection, data_date=WEDNESDAY)
        assert (told[2].risk, told[2].open_findings) == (30.0, 1)
        assert direction(told[2]) == "falling"
        assert entity_risk.listed(connection, monitor="plant") == []


def test_what_lasts_counts_until_a_night_that_looked_does_not_see_it(tmp_path: Path) -> None:
    with Warehouse(tmp_path / "w.duckdb").writing() as connection:
        publish(connection, run_record(MONDAY), analysis(episode("p", entities={"pump": "P1"})))
        publish(connection, run_record(TUESDAY), analysis(records=0))
        assert len(entity_risk.listed(connection, data_date=TUESDAY)) == 1
        publish(connection, run_record(WEDNESDAY), analysis())
        assert entity_risk.listed(connection, data_date=WEDNESDAY) == []


def test_the_sparkline_is_small_and_says_what_it_shows() -> None:
    drawn = sparkline([0.0, 40.0, 100.0], text='Risk of "x" <b>')
    assert 'aria-label="Risk of &quot;x&quot; &lt;b&gt;"' in drawn
    assert drawn.partition("points=")[2].partition(" fill")[0].count(",") == 3
    assert len(drawn) < 600


@pytest.mark.parametrize(
    ("past", "now", "said"),
    [((), 50.0, "new"), ((0.0, 0.0), 50.0, "new"), ((48.0,), 50.0, "steady"), ((90.0,), 50.0, "falling")],
)
def test_directions(past: tuple[float, ...], now: float, said: str) -> None:
    values = (*past, now)
    nights = tuple(NightRisk(day=date(2026, 1, 1) + timedelta(days=at), risk=risk) for at, risk in enumerate(values))
    risk = EntityRisk(column="c", entity="e", open_findings=1, severity=1.0, risk=now, nights=nights)
    assert direction(risk) == said
