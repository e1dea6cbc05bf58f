from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.utils.estimator_checks import estimator_checks_generator

from analyzers.detectors import (
    ContextEnsemble,
    Ensemble,
    HistogramDensity,
    KthNeighbour,
    MinorComponents,
    NearestReference,
    TrimmedMahalanobis,
    load_detector,
)
from analyzers.detectors.context import TailScale
from analyzers.detectors.extremes import ColumnExtremes
from analyzers.errors import MonitorError

DETECTORS = [
    NearestReference(),
    KthNeighbour(),
    TrimmedMahalanobis(),
    HistogramDensity(),
    MinorComponents(),
    ColumnExtremes(),
]


# scikit-learn skips these two without the array libraries and the pandas that they are about.
NOT_OURS = {"check_array_api_input", "check_classifier_data_not_an_array"}
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}")
    for one in (*DETECTORS, Ensemble(n_rounds=1), ContextEnsemble(surprises=(0,)))
    for estimator, check in estimator_checks_generator(one)
    if check.func.__name__ not in NOT_OURS
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_detectors_are_scikit_learn_estimators(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    "detector",
    [one for one in (*DETECTORS, Ensemble(), ContextEnsemble()) if not isinstance(one, MinorComponents)],
    ids=lambda one: type(one).__name__,
)
def test_a_row_far_from_all_others_is_the_strangest(detector: Any) -> None:
    X = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    X[17] = 9
    assert np.argmin(detector.fit(X).score_samples(X)) == 17


def test_a_broken_relation_is_seen_where_each_value_is_usual() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=1_000)
    X = np.column_stack([first, first + 0.1 * random.normal(size=1_000), random.normal(size=1_000)])
    broken = np.array([[1.0, -1.0, 0.0]])
    for detector in (MinorComponents(), ContextEnsemble()):
        assert (detector.fit(X).score_samples(X) <= detector.score_samples(broken)).mean() == 0
    far = np.array([[9.0, 9.0, 0.0]])
    minor = MinorComponents().fit(X)
    assert minor.score_samples(far)[0] > minor.score_samples(broken)[0]


def test_neighbour_distances_agree_with_plain_ones() -> None:
    random = np.random.default_rng(0)
    X, new = random.normal(size=(50, 3)), random.normal(size=(7, 3))
    detector = KthNeighbour(k=4, n_references=50).fit(X)
    distances = np.sqrt(((new[:, None, :] - X[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(-detector.score_samples(new), np.sort(distances, axis=1)[:, 3], atol=1e-9)


def test_one_surprise_is_enough_among_many_ordinary_columns() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(2_000, 20))
    X[:, 0] = np.abs(X[:, 0])
    row = np.zeros((1, 20))
    row[0, 0] = 7.0
    plain, context = Ensemble().fit(X), ContextEnsemble(surprises=(0,)).fit(X)
    assert (context.score_samples(X) <= context.score_samples(row)).mean() == 0
    assert (plain.score_samples(X) <= plain.score_samples(row)).mean() > 0.001


def test_a_tail_scale_rises_and_gives_decades() -> None:
    values = np.random.default_rng(0).exponential(size=100_000)
    scale = TailScale.of(values)
    grid = np.linspace(-1, 20, 500)
    assert (np.diff(scale(grid)) >= 0).all()
    np.testing.assert_allclose(scale(np.log([100.0, 1e4])), [2.0, 4.0], atol=0.15)
    mostly_zero = TailScale.of(np.concatenate([np.zeros(999), [1.0]]))
    assert mostly_zero(np.zeros(1))[0] == 0
    assert mostly_zero(np.ones(1))[0] > 2


def test_columns_of_codes_have_no_extremes() -> None:
    X = np.random.default_rng(0).integers(0, 3, size=(500, 2)).astype(float)
    X[0, 0] = 50
    assert len(np.unique(ColumnExtremes().fit(X).score_samples(X))) == 1


def test_named_detectors_join_the_ensemble() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    named = load_detector("sklearn.covariance.EllipticEnvelope")
    assert len(Ensemble(extra=(named,)).fit(X).members_) == len(Ensemble().fit(X).members_) + 1
    assert isinstance(load_detector("sklearn.ensemble:IsolationForest"), IsolationForest)


@pytest.mark.parametrize(
    "path", ["forest", "no_such_package.Forest", "sklearn.ensemble.NoSuchForest", "collections.OrderedDict", "os.path"]
)
def test_a_bad_import_path_is_the_monitors_error(path: str) -> None:
    with pytest.raises(MonitorError, match="detectors"):
        load_detector(path)
