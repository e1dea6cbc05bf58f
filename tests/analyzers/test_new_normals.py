"""What a person accepted as the new normal: nothing earlier is learnt from, and what departs from it is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from analyzers.analyze import analyze
from analyzers.results import Analysis, Check, FactKind, Finding
from analyzers.series import analyze_series
from analyzers.settings import AnalysisSettings, EarlierEpisode, Material, NewNormal
from tests.analyzers.customer_records import DAYS, END, since, visits
from tests.analyzers.customer_records import material as of_customers
from tests.analyzers.test_series import START as MINUTE_ZERO
from tests.analyzers.test_series import changed as with_shift
from tests.analyzers.test_series import material as of_plant
from tests.analyzers.test_series import plant, process_flags
from tests.analyzers.test_tabular import COLUMNS, START, changed, payments

SINCE = date(2026, 3, 28)
RAISED = NewNormal("r3-0", ("supplier", "V3"), SINCE)
SETTINGS = AnalysisSettings(monitor="payments", currency="EUR")


def strange(analysis: Analysis) -> dict[str, Finding]:
    return {finding.subject.label: finding for finding in analysis.findings if finding.type != "below_line"}


def checks(analysis: Analysis) -> dict[str, Check]:
    return {check.code: check for check in analysis.checks}


def contract_raised(first_day: int = 86) -> Material:
    """Payments of ninety days; one supplier's are twenty times as large from a day on. The last day is the batch."""
    its = (pl.col("supplier") == "V3") & (pl.col("paid_at") >= START + timedelta(days=first_day))
    raised = pl.when(its).then(pl.col("amount") * 20).otherwise(pl.col("amount")).cast(pl.Decimal(18, 4))
    history = payments(6_000, (0, 90), 1).with_columns(amount=raised)
    batch = changed(changed(payments(60, (90, 91), 3), 0, supplier="V3"), 1, supplier="V4")
    batch = changed(changed(batch, 0, amount=3_187), 1, amount=3_642)
    return Material(COLUMNS, history, batch, SETTINGS, days=(date(2026, 4, 1), date(2026, 4, 1)))


def test_a_table_learns_an_entity_from_the_day_of_its_new_normal_on() -> None:
    given = contract_raised()
    before = strange(analyze(given))
    assert {"P3-0", "P3-1"} <= before.keys()
    analysis = analyze(replace(given, new_normals=(RAISED,)))
    after = strange(analysis)
    # The dear supplier's own past is dear now; another supplier's is not.
    assert "P3-0" not in after
    assert "P3-1" in after
    said = checks(analysis)["new_normal"]
    assert said.values["entity"] == "V3"
    assert said.values["since"] == "2026-03-28"
    early = (pl.col("supplier") == "V3") & (pl.col("paid_at") < START + timedelta(days=86))
    assert said.values["count"] == given.history.filter(early).height


def test_what_departs_from_the_new_normal_is_found() -> None:
    given = replace(contract_raised(), new_normals=(RAISED,))
    dearer = replace(given, batch=changed(given.batch, 0, amount=90_000))
    own = next(fact for fact in strange(analyze(dearer))["P3-0"].facts if fact.kind is FactKind.OWN_HISTORY)
    assert own.expected_low is not None
    assert own.expected_low > 1_000
    kept = given.history.filter((pl.col("supplier") == "V3") & (pl.col("paid_at") >= START + timedelta(days=86)))
    assert own.values["count"] == kept.height


def test_what_is_said_of_its_whole_past_stays_true() -> None:
    """An entity with a new normal is no new one, and the number of its records needs no new beginning."""
    for day in (date(2026, 3, 25), date(2026, 4, 1)):
        found = analyze(replace(contract_raised(), new_normals=(replace(RAISED, since=day),))).findings
        assert not {"new_entity", "unusual_frequency"} & {finding.type for finding in found}


def test_behaviour_is_learnt_from_the_day_of_its_new_normal_on() -> None:
    # Ten months at a quarter of its visits before, full rhythm since: "faster" until that is accepted.
    few = visits().filter(
        ~((pl.col("customer") == "C007") & (pl.col("day") < DAYS - 28) & (pl.int_range(pl.len()) % 4 > 0))
    )
    gone = few.filter(~since("C011", 60))
    found = strange(analyze(of_customers(gone)))
    assert found["C007"].type == "faster_rhythm"
    assert found["C011"].type == "stopped"
    accepted = (
        NewNormal("customer=C007", ("customer", "C007"), END - timedelta(days=28)),
        NewNormal("customer=C011", ("customer", "C011"), END - timedelta(days=59)),
    )
    analysis = analyze(replace(of_customers(gone), new_normals=accepted))
    assert not {"C007", "C011"} & strange(analysis).keys()
    assert [check.values["entity"] for check in analysis.checks if check.code == "new_normal"] == ["C007", "C011"]


def test_a_series_learns_its_accepted_episode_and_finds_what_departs_from_it() -> None:
    # A level shift on the second day, noticed on the third and accepted; another one on the last.
    shifted = with_shift(plant(5_000), "vibration", 1_440, 5_000, 0.5)
    frame = with_shift(shifted, "vibration", 4_500, 5_000, 0.5)
    calm, again = of_plant(frame[:4_320], 2_880), of_plant(frame, 4_320)
    episode = EarlierEpisode(
        "vibration", MINUTE_ZERO + timedelta(minutes=1_440), MINUTE_ZERO + timedelta(minutes=2_880)
    )
    accepted = (NewNormal("vibration", None, (MINUTE_ZERO + timedelta(minutes=1_440)).date()),)
    still = analyze_series(replace(calm, earlier_episodes=(episode,)))
    assert [flag.open for flag in process_flags(still)] == [True]
    settled = analyze_series(replace(calm, earlier_episodes=(episode,), new_normals=accepted))
    assert process_flags(settled) == []
    assert "series_new_normal" in {check.code for check in settled.checks}
    (departed,) = process_flags(analyze_series(replace(again, earlier_episodes=(episode,), new_normals=accepted)))
    assert departed.time_from is not None
    assert abs((departed.time_from - MINUTE_ZERO).total_seconds() / 60 - 4_500) <= 10
