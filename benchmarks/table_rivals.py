"""What a user would pick instead for a table, with its defaults: scikit-learn, and PyOD where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float64]

PYOD = ("ECOD", "COPOD", "HBOS", "KNN")
"""Detectors of PyOD, by the names of their classes."""


def scores(X: Floats, seed: int) -> dict[str, Floats]:
    """Scores of shape (n_rows,) by detector, higher is stranger; all of them see standardised values."""
    Z = StandardScaler().fit_transform(X)
    rivals: dict[str, Callable[[Floats, int], Floats]] = {"IsolationForest": _forest, "LOF": _local_outlier_factor}
    if importlib.util.find_spec("pyod"):
        rivals |= {name: _pyod(name) for name in PYOD} | {"ADEngine": _ad_engine}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the rivals' own code
        return {name: np.nan_to_num(rival(Z, seed)) for name, rival in rivals.items()}


def _forest(Z: Floats, seed: int) -> Floats:
    return np.asarray(-IsolationForest(random_state=seed).fit(Z).score_samples(Z))


def _local_outlier_factor(Z: Floats, seed: int) -> Floats:
    del seed
    return np.asarray(-LocalOutlierFactor().fit(Z).negative_outlier_factor_)


def _pyod(name: str) -> Callable[[Floats, int], Floats]:
    def fitted(Z: Floats, seed: int) -> Floats:
        del seed
        module = importlib.import_module(f"pyod.models.{name.lower()}")
        return np.asarray(getattr(module, name)().fit(Z).decision_scores_)

    return fitted


def _ad_engine(Z: Floats, seed: int) -> Floats:
    """The consensus of the detectors that PyOD's own engine plans for the data."""
    ADEngine = importlib.import_module("pyod.utils.ad_engine").ADEngine  # noqa: N806 (a class)
    logging.getLogger("pyod").setLevel(logging.ERROR)
    engine = ADEngine(random_state=seed)
    state = engine.run(engine.plan(engine.start(Z, data_type="tabular")))
    if state.consensus is None:
        return np.zeros(len(Z))
    return np.asarray(state.consensus["scores"], dtype=np.float64)
