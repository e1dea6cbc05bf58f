"""What the benchmark counts by: a wrong count would make every figure wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.journal import Journal
from benchmarks.section import Figure, Unit
from benchmarks.sections.attribution import features_named
from benchmarks.sections.discovery import best_power


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30), st.floats(0, 0.6))
def test_best_power_is_that_of_the_best_threshold(rows: list[tuple[int, bool]], fdp: float) -> None:
    rows = [*rows, (3, True)]
    score = np.array([float(value) for value, _ in rows])
    anomalous = np.array([label for _, label in rows])
    best = 0.0
    for threshold in score:
        above = score >= threshold
        if (above & ~anomalous).sum() <= fdp * above.sum():
            best = max(best, (above & anomalous).sum() / anomalous.sum())
    assert best_power(score, anomalous, fdp) == pytest.approx(best)


@pytest.mark.parametrize(
    ("value", "at_least", "met"),
    [(0.9, True, True), (0.79, True, False), (0.7, False, True), (0.81, False, False), (None, True, False)],
)
def test_a_figure_is_met_on_the_right_side_of_its_target_only(value: float | None, at_least: bool, met: bool) -> None:
    assert Figure("recall", value, 0.8, at_least).met is met


def test_a_figure_without_a_target_is_neither_met_nor_missed() -> None:
    assert Figure("power", 0.5).met is None


def test_features_come_in_the_order_of_the_facts_each_once() -> None:
    facts: list[dict[str, Any]] = [
        {"kind": "combination", "feature": "x3", "values": {"columns": "x3,x1"}},
        {"kind": "peers", "feature": "x1", "values": {}},
        {"kind": "strangeness", "feature": "x9", "values": {}},
        {"kind": "peers", "feature": "x2", "values": None},
    ]
    assert features_named(facts) == ["x3", "x1", "x2"]


def test_results_of_other_code_are_measured_again(tmp_path: Path) -> None:
    path, unit = tmp_path / "journal.jsonl", Unit("6_cardio 0")
    Journal(path, "0.1.0+old").add("adbench", unit, {"auroc": 0.5})
    assert Journal(path, "0.1.0+old").get("adbench", unit) == {"auroc": 0.5}
    assert Journal(path, "0.1.0+new").get("adbench", unit) is None
    assert Journal(path, "0.1.0+old").get("skab", unit) is None
