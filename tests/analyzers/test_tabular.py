from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from analyzers import cores, spreading, tabular
from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.detectors import outlier
from analyzers.errors import MonitorError
from analyzers.results import CheckStatus, FactKind, Family, GuaranteeKind, Outcome, PeersChart, SubjectKind
from analyzers.roles import infer_columns
from analyzers.settings import AnalysisSettings, Material
from analyzers.tabular import analyze_tabular

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = Columns(
    shape=Shape.EVENTS,
    columns=(
        Column(name="id", role=Role.KEY),
        Column(name="paid_at", role=Role.TIME),
        Column(name="supplier", role=Role.ENTITY),
        Column(name="amount", role=Role.EXPOSURE),
        Column(name="currency", role=Role.CATEGORY, field=Field.CURRENCY),
    ),
)


def payments(n: int, days: tuple[int, int], seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    supplier = random.integers(0, 30, n)
    day = np.sort(random.integers(*days, n))
    return pl.DataFrame(
        {
            "record_id": [f"r{seed}-{i}" for i in range(n)],
            "id": [f"P{seed}-{i}" for i in range(n)],
            "paid_at": [
                START + timedelta(days=int(d), hours=int(h))
                for d, h in zip(day, random.integers(8, 17, n), strict=True)
            ],
            "supplier": [f"V{s}" for s in supplier],
            "amount": pl.Series((100 + 20 * supplier) * np.exp(0.25 * random.normal(size=n))).cast(pl.Decimal(18, 4)),
            "currency": ["EUR"] * n,
        }
    ).with_columns(pl.col("paid_at").dt.cast_time_unit("us"))


def changed(frame: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    at = pl.int_range(pl.len()) == row
    return frame.with_columns(
        pl.when(at).then(pl.lit(value).cast(frame.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def plain(X: np.ndarray, **settings: Any) -> Material:
    frame = pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])])
    batch = frame.with_columns(record_id=pl.int_range(pl.len()).cast(pl.String))
    return Material(infer_columns(frame), batch.clear(), batch, AnalysisSettings(**settings))


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    return payments(4_000, (0, 90), 1)


@pytest.fixture(scope="module")
def batch() -> pl.DataFrame:
    frame = changed(payments(300, (90, 97), 2), 40, amount=90_000.0)
    return changed(frame, 41, supplier="V_new", amount=60_000.0)


@pytest.fixture(scope="module")
def outcome(history: pl.DataFrame, batch: pl.DataFrame) -> Outcome:
    return analyze_tabular(Material(COLUMNS, history, batch, AnalysisSettings()))


def test_the_planted_are_flagged_and_little_else(outcome: Outcome) -> None:
    assert outcome.scores is not None
    flagged = set(np.flatnonzero(outcome.scores["flagged"].to_numpy()).tolist())
    assert flagged >= {40, 41}
    assert len(flagged) <= 4
    assert {row for flag in outcome.flags for row in flag.rows} >= {40, 41}


def test_there_is_a_score_for_every_row_and_severity_follows_it(outcome: Outcome) -> None:
    scores = outcome.scores
    assert scores is not None
    assert scores["row"].to_list() == list(range(300))
    assert scores.select("row", "score", "severity", "flagged").null_count().sum_horizontal().item() == 0
    assert scores.sort("score")["severity"].diff().drop_nulls().min() >= -1e-9  # type: ignore[operator]
    assert scores["p_value"].is_between(0, 1).all()


def test_facts_can_be_recomputed_from_the_source(outcome: Outcome, history: pl.DataFrame, batch: pl.DataFrame) -> None:
    flag = next(flag for flag in outcome.flags if flag.rows == (40,))
    supplier = batch["supplier"][40]
    own = history.filter(pl.col("supplier") == supplier)["amount"].cast(pl.Float64).to_numpy()
    everybody = history["amount"].cast(pl.Float64).to_numpy()
    assert (flag.type, flag.family) == ("unusual_amount", Family.TABULAR)
    assert (flag.subject.kind, flag.subject.id, flag.subject.label) == (SubjectKind.RECORD, "r2-40", "P2-40")
    assert (flag.exposure, flag.currency) == (Decimal("90000"), "EUR")
    facts = {fact.kind: fact for fact in flag.facts}
    for kind, usual in ((FactKind.OWN_HISTORY, own), (FactKind.PEERS, everybody)):
        fact = facts[kind]
        assert fact.actual == 90_000
        assert (fact.expected_low, fact.expected_high) == pytest.approx(tuple(np.quantile(usual, [0.1, 0.9])))
        assert fact.ratio == pytest.approx(90_000 / np.median(usual))
        assert fact.values["count"] == len(usual)
    assert facts[FactKind.OWN_HISTORY].values["entity"] == supplier
    assert facts[FactKind.OWN_HISTORY].unit == "EUR"
    assert 0.99 <= float(facts[FactKind.STRANGENESS].actual or 0) <= 1
    assert 2 <= len(flag.facts) <= 5
    assert isinstance(flag.chart, PeersChart)
    assert flag.chart.actual == 90_000
    assert flag.chart.peers_label == supplier
    assert set(flag.chart.peers) <= set(own.tolist())


def test_a_large_first_payment_is_a_new_entitys(outcome: Outcome) -> None:
    flag = next(flag for flag in outcome.flags if flag.rows == (41,))
    assert flag.type == "new_entity"
    assert flag.facts[0].kind is FactKind.NEW_ENTITY
    assert (flag.facts[0].actual, flag.facts[0].values["count"]) == ("V_new", 0)


def test_the_guarantee_is_of_the_history(outcome: Outcome) -> None:
    guarantee = outcome.guarantees[0]
    assert guarantee.kind is GuaranteeKind.FDR
    # The first three weeks of 90 days are past only.
    assert 2_950 <= guarantee.calibration_size <= 3_100
    assert not guarantee.too_small


def test_results_follow_time_and_content_not_the_order_of_rows(
    outcome: Outcome, history: pl.DataFrame, batch: pl.DataFrame
) -> None:
    order = np.random.default_rng(5).permutation(300)
    shuffled = batch[order]
    again = analyze_tabular(
        Material(COLUMNS, history.sample(fraction=1, shuffle=True, seed=1), shuffled, AnalysisSettings())
    )
    assert again.scores is not None
    assert outcome.scores is not None
    np.testing.assert_allclose(again.scores["score"].to_numpy(), outcome.scores["score"].to_numpy()[order], rtol=1e-6)
    assert [flag.subject for flag in again.flags] == [flag.subject for flag in outcome.flags]
    assert [flag.facts for flag in again.flags] == [flag.facts for flag in outcome.flags]


def test_a_burst_is_one_flag_of_the_entity(history: pl.DataFrame) -> None:
    quiet = history.filter((pl.col("supplier") != "V3") | (pl.int_range(pl.len()) % 12 == 0))
    frame = payments(300, (90, 97), 2).filter(pl.col("supplier") != "V3")
    burst = payments(14, (91, 92), 3).with_columns(supplier=pl.lit("V3"), amount=pl.lit(160).cast(pl.Decimal(18, 4)))
    batch = pl.concat([frame, burst]).sort("paid_at")
    found = analyze_tabular(Material(COLUMNS, quiet, batch, AnalysisSettings()))
    flags = [flag for flag in found.flags if flag.type == "unusual_frequency"]
    assert flags[0].subject.label == "V3"
    assert len([flag for flag in flags if flag.subject.label == "V3"]) == 1
    assert flags[0].subject.kind is SubjectKind.ENTITY
    assert len(flags[0].rows) >= 10
    fact = next(fact for fact in flags[0].facts if fact.kind is FactKind.FREQUENCY)
    assert float(fact.actual or 0) >= 10
    assert fact.expected_high is not None
    assert float(fact.actual or 0) > fact.expected_high


def test_a_batch_that_has_moved_as_a_whole_is_told_and_single_records_are_judged_by_the_rest(
    history: pl.DataFrame,
) -> None:
    night = payments(200, (91, 92), 5).with_columns(pl.col("paid_at").dt.offset_by("14h"))  # closing the year at night
    night = changed(night, 7, amount=Decimal(90_000))
    moved = analyze_tabular(Material(COLUMNS, history, night, AnalysisSettings()))
    said = {check.code: check.values for check in moved.checks}
    assert "paid_at" in str(said["ensemble_moved"]["columns"])
    assert 7 in {row for flag in moved.flags for row in flag.rows}
    assert moved.scores is not None
    assert moved.scores["flagged"].sum() < 10
    few = analyze_tabular(Material(COLUMNS, history, night.tail(20), AnalysisSettings()))
    assert "ensemble_moved" not in {check.code for check in few.checks}


def test_scores_do_not_depend_on_the_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = plain(np.random.default_rng(5).normal(size=(700, 6)))
    monkeypatch.setattr(outlier, "CHUNK_ROWS", 64)
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 64)
    given = []
    for count in (1, 3):
        monkeypatch.setattr(cores, "cores", lambda count=count: count)
        monkeypatch.setattr(spreading, "cores", lambda count=count: count)
        scores = analyze_tabular(noise).scores
        assert scores is not None
        given.append(scores["score"].to_numpy())
    np.testing.assert_allclose(given[0], given[1], rtol=1e-6)


def test_noise_ranked_against_itself_raises_next_to_nothing() -> None:
    flagged = []
    for seed in range(3):
        found = analyze_tabular(plain(np.random.default_rng(seed).normal(size=(2_000, 10))))
        assert found.scores is not None
        flagged.append(int(found.scores["flagged"].sum()))
    assert sum(flagged) <= 3


def test_the_obvious_is_flagged_without_a_history_and_named() -> None:
    X = np.random.default_rng(0).normal(size=(2_000, 10))
    X[:5, 3] += 9
    found = analyze_tabular(plain(X))
    assert found.scores is not None
    assert np.flatnonzero(found.scores["flagged"].to_numpy()).tolist() == [0, 1, 2, 3, 4]
    assert found.scores["p_value"].null_count() == 2_000
    assert found.guarantees[0].kind is GuaranteeKind.RANKING
    for flag in found.flags:
        assert flag.type == "unusual_value"
        assert (flag.facts[0].kind, flag.facts[0].feature) == (FactKind.PEERS, "x3")
        others = np.delete(X[:, 3], flag.rows[0])
        assert flag.facts[0].expected_high == pytest.approx(np.quantile(others, 0.9))


def test_changes_smaller_than_min_change_are_not_flagged() -> None:
    X = 1_000 + np.random.default_rng(0).normal(size=(2_000, 5))
    X[:3, 2] += 12
    assert len(analyze_tabular(plain(X, min_change=0.001)).flags) == 3
    found = analyze_tabular(plain(X, min_change=0.1))
    assert found.flags == ()
    assert found.scores is not None
    assert not found.scores["flagged"].any()


@pytest.mark.parametrize(
    ("material", "code"),
    [
        (plain(np.random.default_rng(0).normal(size=(5, 3))), "ensemble_too_few"),
        (plain(np.random.default_rng(0).normal(size=(50, 3)), skip=("ensemble",)), "ensemble_off"),
    ],
)
def test_what_cannot_be_analyzed_gets_scores_of_zero_and_a_reason(material: Material, code: str) -> None:
    found = analyze_tabular(material)
    assert found.scores is not None
    assert found.scores["score"].to_list() == [0.0] * material.batch.height
    assert (found.checks[0].status, found.checks[0].code) == (CheckStatus.SKIPPED, code)
    assert found.flags == ()


def test_an_empty_batch_is_no_error(history: pl.DataFrame, batch: pl.DataFrame) -> None:
    found = analyze_tabular(Material(COLUMNS, history, batch.clear(), AnalysisSettings()))
    assert found.scores is not None
    assert found.scores.is_empty()


def test_a_detector_that_does_not_exist_is_the_monitors_error() -> None:
    with pytest.raises(MonitorError):
        analyze_tabular(plain(np.random.default_rng(0).normal(size=(50, 3)), detectors=("no.such.Detector",)))
