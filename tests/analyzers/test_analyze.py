from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from analyzers.analyze import SCORES, analyze, analyze_at
from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.results import Analysis, CheckStatus
from analyzers.settings import AnalysisSettings, Material
from tests.analyzers.ledger_records import MONDAY, material, ordinary, payment

FIRST = payment(1, number="R1-778899", amount=Decimal("4321.50"))
AGAIN = FIRST | {"id": "D2", "paid": FIRST["paid"] + timedelta(hours=2)}
QUIET = [payment(number) for number in range(10, 60)]


def whole(given: Material) -> Material:
    """The same with the statistical ensemble."""
    return replace(given, settings=given.settings.model_copy(update={"skip": ()}))


def assert_sound(analysis: Analysis, given: Material) -> None:
    assert dict(analysis.scores.schema) == SCORES
    assert analysis.scores["row"].to_list() == list(range(given.batch.height))
    assert analysis.scores.drop("p_value", "finding").null_count().sum_horizontal().sum() == 0
    assert analysis.scores["severity"].is_between(0, 100).all()
    ids = {finding.id for finding in analysis.findings}
    assert set(analysis.scores["finding"].drop_nulls()) <= ids
    for finding in analysis.findings:
        assert analysis.scores["flagged"].gather(list(finding.rows)).all()


def test_what_a_rule_found_ranks_high_and_is_flagged_with_its_finding() -> None:
    given = whole(material([*QUIET, FIRST, AGAIN]))
    analysis = analyze(given)
    assert_sound(analysis, given)
    [finding] = [finding for finding in analysis.findings if finding.type == "duplicate_payment"]
    line = analysis.scores.row(51, named=True)
    assert line["flagged"]
    first = next(finding for finding in analysis.findings if 51 in finding.rows)
    assert line["finding"] == first.id
    assert line["severity"] >= finding.severity
    assert analysis.scores["score"].rank("max")[51] >= analysis.scores.height - 3


def test_broken_data_silences_statistics_and_not_the_rules() -> None:
    batch = [FIRST, AGAIN]
    given = whole(material(batch, ordinary(20_000)))
    analysis = analyze(given)
    assert_sound(analysis, given)
    checks = {check.code: check for check in analysis.checks}
    assert checks["volume_collapsed"].status is CheckStatus.FAILED
    assert checks["skipped_data_broken"].values == {"failed": "volume"}
    assert [finding.type for finding in analysis.findings] == ["duplicate_payment"]
    assert analysis.guarantees == ()


@pytest.mark.parametrize("records", [0, 1])
def test_next_to_nothing_gives_a_clean_result(records: int) -> None:
    histories: tuple[list[dict[str, Any]] | None, ...] = (None, [])
    for history in histories:
        given = material(QUIET[:records], history)
        analysis = analyze(given)
        assert_sound(analysis, given)
        assert analysis.findings == ()
        assert analysis.checks


def test_the_order_of_rows_changes_nothing_but_row_numbers() -> None:
    given = material([*QUIET, FIRST, AGAIN, payment(70, clerk="manager1")])
    order = np.random.default_rng(0).permutation(given.batch.height)
    past = np.random.default_rng(1).permutation(given.history.height)
    shuffled = replace(given, batch=given.batch[order], history=given.history[past])
    first, second = analyze(given), analyze(shuffled)
    assert len(first.findings) == 2
    assert [f.model_dump(exclude={"rows"}) for f in first.findings] == [
        f.model_dump(exclude={"rows"}) for f in second.findings
    ]


def test_a_historians_export_is_answered_in_its_own_rows() -> None:
    rng = np.random.default_rng(0)
    columns = Columns(
        shape=Shape.LONG,
        columns=(
            Column(name="at", role=Role.TIME),
            Column(name="tag", role=Role.CATEGORY, field=Field.TAG),
            Column(name="value", role=Role.MEASURE, field=Field.VALUE),
        ),
    )

    def export(start: int, count: int, shift: float) -> pl.DataFrame:
        at = [MONDAY + timedelta(minutes=start + i) for i in range(count)]
        parts = []
        for tag in ("temp", "flow"):
            moved = shift * (np.arange(count) > count // 2) * (tag == "temp")
            parts.append(
                pl.DataFrame({"at": at, "tag": tag, "value": rng.normal(size=count) + moved}).with_columns(
                    pl.col("at").cast(pl.Datetime("us", "UTC"))
                )
            )
        return (
            pl.concat(parts)
            .sort("at", "tag")
            .with_columns(record_id=pl.format("{}-{}", "tag", pl.col("at").dt.epoch()))
        )

    given = Material(
        columns=columns, history=export(0, 2_000, 0.0), batch=export(2_000, 600, 12.0),
        settings=AnalysisSettings(monitor="plant"),
    )  # fmt: skip
    analysis = analyze(given)
    assert_sound(analysis, given)
    assert analysis.findings
    finding = analysis.findings[0]
    assert finding.rows
    assert min(finding.rows) >= 500
    assert set(finding.records) <= set(given.batch["record_id"])


def test_several_rates_at_once_are_what_each_is_alone() -> None:
    tried = whole(material([*(payment(i) for i in range(30)), payment(40, amount=Decimal(90_000))]))
    together = analyze_at(tried, (0.05, 0.4))
    for rate, found in together.items():
        alone = analyze(replace(tried, settings=tried.settings.model_copy(update={"fdr": rate})))
        assert found.findings == alone.findings
        assert found.scores.equals(alone.scores)
        assert (found.checks, found.guarantees) == (alone.checks, alone.guarantees)


def test_confirmed_records_are_history_to_audit_tests_only() -> None:
    tried = whole(material([payment(i) for i in range(30)]))
    confirmed = frozenset(tried.history["record_id"].head(25))
    found = analyze(replace(tried, confirmed=confirmed))
    assert found.history_records == tried.history.height
    assert found.guarantees[0].calibration_size <= tried.history.height - 25
    assert [check.values for check in found.checks if check.code == "confirmed_left_out"] == [{"count": 25}]
