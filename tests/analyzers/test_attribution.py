from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analyzers.attribution import Typical, attribute
from analyzers.detectors import Ensemble


def correlated(n: int, random: np.random.Generator) -> NDArray[np.float32]:
    mixing = random.normal(size=(6, 6))
    return np.asarray(random.normal(size=(n, 6)) @ mixing, dtype=np.float32)


def test_the_planted_feature_carries_the_score() -> None:
    random = np.random.default_rng(0)
    X = correlated(1_000, random)
    planted = random.integers(6, size=40)
    rows = X[:40].copy()
    rows[np.arange(40), planted] += (6 * X.std(axis=0))[planted]
    detector = Ensemble().fit(X[40:])
    drops = attribute(
        lambda variants: np.asarray(-detector.score_samples(variants), dtype=np.float64),
        rows,
        Typical.of(X[40:], np.array([], dtype=np.intp)),
        [np.array([position]) for position in range(6)],
    )
    assert (drops.argmax(axis=1) == planted).mean() >= 0.9


def test_typical_follows_the_other_features_and_surprises_are_typically_none() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=2_000)
    X = np.column_stack([x, x + 0.05 * random.normal(size=2_000), np.abs(random.normal(size=2_000))]).astype(np.float32)
    typical = Typical.of(X, np.array([2]))
    values = typical.values(np.array([[1.5, -1.5, 4.0]], dtype=np.float32))
    assert values[0, 1] == pytest.approx(1.5, abs=0.35)
    assert values[0, 2] == 0


def test_groups_are_put_back_together() -> None:
    def total(rows: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(rows.sum(axis=1), dtype=np.float64)

    X = np.zeros((50, 3), dtype=np.float32)
    typical = Typical.of(X, np.array([0, 1, 2]))
    drops = attribute(total, np.array([[1, 2, 4]], dtype=np.float32), typical, [np.array([0, 1]), np.array([2])])
    assert drops.tolist() == [[3.0, 4.0]]
    assert attribute(total, X[:0], typical, [np.array([0])]).shape == (0, 1)
