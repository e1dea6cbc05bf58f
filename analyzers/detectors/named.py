"""Outlier estimators that a monitor names by import path."""

from __future__ import annotations

import importlib
from typing import Any

from analyzers.detectors.outlier import OutlierDetector
from analyzers.errors import MonitorError


def load_detector(path: str) -> Any:
    """An instance, with its defaults, of the estimator at `package.module.Class` (or `package.module:Class`).

    Raises
    ------
    MonitorError
        If there is no such class, or if it is no outlier estimator in scikit-learn's sense.
    """
    module_name, _, class_name = path.replace(":", ".").rpartition(".")
    where = f"detectors: {path!r}"
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise MonitorError(f"{where} is not an import path; write it as package.module.Class")
    try:
        estimator_class = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, ValueError) as error:
        raise MonitorError(f"{where} cannot be imported ({error}); install its package or correct the path") from error
    except AttributeError as error:
        raise MonitorError(f"{where}: module {module_name!r} has no {class_name!r}; correct the path") from error
    # Looked at before it is called: what is no estimator might do anything.
    if not isinstance(estimator_class, type) or not _estimates(estimator_class):
        raise MonitorError(f"{where} has no fit with score_samples or decision_function; name an outlier estimator")
    try:
        estimator = estimator_class()
    except Exception as error:  # a foreign constructor may raise anything
        raise MonitorError(f"{where} cannot be made without arguments ({error}); name a class that can") from error
    if not _estimates(estimator):
        raise MonitorError(f"{where} has no score_samples or decision_function as it is made; name another estimator")
    return estimator


def _estimates(candidate: Any) -> bool:
    return hasattr(candidate, "fit") and (
        hasattr(candidate, "score_samples") or hasattr(candidate, "decision_function")
    )


def strangeness(estimator: Any, X: Any) -> Any:
    """How strange each row of X is to a fitted scikit-learn outlier estimator, higher is stranger; X is valid."""
    if isinstance(estimator, OutlierDetector):
        return -estimator.score_valid(X)
    score = getattr(estimator, "score_samples", None) or estimator.decision_function
    return -score(X)
