"""Outlier detectors as scikit-learn estimators."""

from analyzers.detectors.components import MinorComponents
from analyzers.detectors.context import ContextEnsemble
from analyzers.detectors.covariance import TrimmedMahalanobis
from analyzers.detectors.ensemble import Ensemble
from analyzers.detectors.histogram import HistogramDensity
from analyzers.detectors.named import load_detector, strangeness
from analyzers.detectors.outlier import OutlierDetector
from analyzers.detectors.references import KthNeighbour, NearestReference

__all__ = [
    "ContextEnsemble",
    "Ensemble",
    "HistogramDensity",
    "KthNeighbour",
    "MinorComponents",
    "NearestReference",
    "OutlierDetector",
    "TrimmedMahalanobis",
    "load_detector",
    "strangeness",
]
