"""From scores to decisions: conformal p-values, an empirical null where there is no history, and the FDR procedure.

What is guaranteed: where history and batch are exchangeable, conformal p-values are super-uniform, and with
Benjamini-Hochberg, told by Storey's estimate how many records are normal, the expected share of false ones among the
flagged records is at most the nominal one. Trimming the
tail of the history trades a little of that for sight: anomalies in an uncleaned history otherwise hide their like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.results import Guarantee, GuaranteeKind

Floats = NDArray[np.float64]

_LEAST_FOR_TAIL = 40
_MIDDLE = 0.5
"""Anomalies are taken to have p-values below it."""
LEAST_NULL = 0.7
"""A share of normal records below it is a shift of the batch: nobody looks at three records in ten."""
_TRIM_FDR = 0.05
"""Records of the history leave it where, by its own bulk, all but a twentieth of what is as strange are anomalies."""


@dataclass(frozen=True)
class BulkNull:
    """A null distribution fitted to the bulk of the scores.

    Up to the highest sixteenth it is the scores' own distribution; beyond, a generalised Pareto tail whose shape and
    scale come from the spacings of quantiles within the bulk, so that anomalies (less than 3 % of the scores) do not
    touch it.

    References
    ----------
    Efron, "Large-Scale Simultaneous Hypothesis Testing: The Choice of a Null Hypothesis", JASA 2004. Pickands,
    "Statistical Inference Using Extreme Order Statistics", Annals of Statistics 1975.
    """

    ordered: Floats
    threshold: float
    scale: float
    shape: float

    @classmethod
    def of(cls, scores: Floats) -> BulkNull:
        """Fit the null to scores, of shape (n,), where higher is stranger."""
        ordered = np.sort(scores)
        shares = 0.5 ** np.arange(1, 6)
        levels = np.quantile(ordered, 1 - shares)
        spacings = np.diff(levels)
        threshold = float(levels[3])
        if len(scores) < _LEAST_FOR_TAIL or not (spacings > 0).all():
            spread = float(np.quantile(ordered, 0.75) - levels[0]) or float(ordered.std()) or 1.0
            return cls(ordered, threshold, spread / np.log(2), 0.0)
        shape = float(np.clip(np.log2(spacings[3] / spacings[0]) / 3, 0.0, 1.0))
        last = float(spacings[2:].mean() if shape == 0 else spacings[3])
        scale = last / np.log(2) if shape == 0 else last * shape / (2**shape - 1)
        return cls(ordered, threshold, scale, shape)

    def log10_survival(self, scores: Floats) -> Floats:
        """Decimal logarithm of the share of the null at or above each score, of shape (n,); falls with the score."""
        n = len(self.ordered)
        above = n - np.searchsorted(self.ordered, np.minimum(scores, self.threshold), side="left")
        inside = np.log10((above + 0.5) / (n + 1))
        excess = np.maximum(scores - self.threshold, 0) / self.scale
        tail = -excess if self.shape == 0 else -np.log1p(self.shape * excess) / self.shape
        return np.asarray(inside + tail / np.log(10))

    def p_values(self, scores: Floats) -> Floats:
        """Share of the null at or above each score, of shape (n,)."""
        return np.asarray(10.0 ** self.log10_survival(scores))


@dataclass(frozen=True)
class Calibration:
    """Scores of held-out history, each by the detector that did not see the record."""

    by_detector: tuple[Floats, ...]

    @classmethod
    def of(cls, held_out: Sequence[Floats]) -> Calibration:
        """From the held-out scores of each detector; none where there is no history."""
        return cls(tuple(held_out))

    def __len__(self) -> int:
        return sum(map(len, self.by_detector))

    @property
    def scores(self) -> Floats:
        """All of them, of shape (n,)."""
        return np.concatenate(self.by_detector) if self.by_detector else np.zeros(0)

    def trimmed(self) -> Calibration:
        """Without those that the bulk of all says are anomalies themselves."""
        if len(self) < _LEAST_FOR_TAIL:
            return self
        scores = self.scores
        kept = ~benjamini_hochberg(BulkNull.of(scores).p_values(scores), _TRIM_FDR)
        parts = np.split(kept, np.cumsum([len(part) for part in self.by_detector])[:-1])
        return Calibration(tuple(part[keep] for part, keep in zip(self.by_detector, parts, strict=True)))

    def p_values(self, scores: Floats) -> Floats:
        """Conformal p-values of new records, scored by every detector: of shape (n_detectors, n) to (n,).

        p = (1 + number of held-out scores at or above the record's own by the same detector) / (n_held_out + 1): a
        record is compared with each held-out one by the detector that saw neither.

        References
        ----------
        Bates, Candes, Lei, Romano and Sesia, "Testing for Outliers with Conformal p-values", Annals of Statistics
        2023. Vovk, "Cross-conformal Predictors", Annals of Mathematics and Artificial Intelligence 2015.
        """
        above = np.zeros(scores.shape[1])
        for held_out, own in zip(self.by_detector, scores, strict=True):
            above += len(held_out) - np.searchsorted(np.sort(held_out), own, side="left")
        return np.asarray((1.0 + above) / (len(self) + 1.0))


def benjamini_hochberg(p_values: Floats, fdr: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected so that the expected share of false ones is at most `fdr`, of the same shape.

    References
    ----------
    Benjamini and Hochberg, "Controlling the False Discovery Rate", JRSS B 1995.
    """
    n = len(p_values)
    if not n:
        return np.zeros(0, dtype=bool)
    ordered = np.sort(p_values)
    passed = np.flatnonzero(ordered <= fdr * np.arange(1, n + 1) / n)
    limit = ordered[passed[-1]] if len(passed) else -1.0
    return np.asarray(p_values <= limit)


def null_share(p_values: Floats) -> float:
    """Share of the hypotheses that look true: so many more p-values lie above one half than anomalies have.

    At most 1. Below `LEAST_NULL` the rest are no anomalies but a shift of the whole batch.

    References
    ----------
    Storey, "A Direct Approach to False Discovery Rates", JRSS B 2002; for conformal p-values Bates et al. 2023.
    """
    if not len(p_values):
        return 1.0
    share = (1 + int((p_values > _MIDDLE).sum())) / (len(p_values) * (1 - _MIDDLE))
    return min(share, 1.0)


def _shift(calibration: Calibration, by_detector: Floats) -> Floats:
    """How much stranger the middle of the batch is than that of the history, of shape (n_detectors,)."""
    return np.array(
        [np.median(own) - np.median(held) for held, own in zip(calibration.by_detector, by_detector, strict=True)]
    )


@dataclass(frozen=True)
class Decision:
    """What the scores of a batch amount to; arrays of shape (n_batch,)."""

    p_values: Floats | None
    """None in a ranking."""
    severity: Floats
    """0 to 100, rising with the score."""
    flagged: NDArray[np.bool_]
    guarantee: Guarantee


def decide(by_detector: Floats, calibration: Calibration, fdr: float) -> Decision:
    """Decide which records of a batch to flag.

    Parameters
    ----------
    by_detector : ndarray of shape (n_detectors, n_batch)
        Higher is stranger.
    calibration : Calibration
        Scores of held-out history; empty where there is none, and the batch is ranked against its own bulk.
    fdr : float
        Nominal share of false ones among the flagged.
    """
    scores = np.asarray(by_detector.mean(axis=0))
    if len(calibration):
        kept = calibration.trimmed()
        p_values = kept.p_values(by_detector)
        share = null_share(p_values)
        flagged = benjamini_hochberg(p_values, fdr / max(share, LEAST_NULL)) & (p_values <= fdr)
        shifted = 0
        if share < LEAST_NULL:
            # A shift must not loosen the cut, and what it has brought to all records is no reason to look at one.
            strange = benjamini_hochberg(p_values, fdr)
            among_itself = kept.p_values(by_detector - _shift(kept, by_detector)[:, None])
            flagged = benjamini_hochberg(np.maximum(p_values, among_itself), fdr)
            shifted = int((strange & ~flagged).sum())
        smallest = 1 / (len(kept) + 1)
        guarantee = Guarantee(
            kind=GuaranteeKind.FDR,
            fdr=fdr,
            calibration_size=len(kept),
            smallest_p=smallest,
            too_small=smallest > fdr / max(len(scores), 1),
            shifted=shifted,
        )
        return Decision(p_values, severity(kept.scores, scores), flagged, guarantee)
    if len(scores) < _LEAST_FOR_TAIL:
        nothing = np.zeros(len(scores), dtype=bool)
        guarantee = Guarantee(kind=GuaranteeKind.RANKING, fdr=fdr, calibration_size=len(scores), too_small=True)
        return Decision(None, severity(scores, scores), nothing, guarantee)
    flagged = benjamini_hochberg(BulkNull.of(scores).p_values(scores), fdr)
    guarantee = Guarantee(kind=GuaranteeKind.RANKING, fdr=fdr, calibration_size=len(scores))
    return Decision(None, severity(scores, scores), flagged, guarantee)


def severity(null: Floats, scores: Floats) -> Floats:
    """How strange, 0 to 100, of the shape of `scores`: 100 (1 - exp(-t/3)), where 10^-t is the null's share above."""
    if not len(null):
        return np.zeros(len(scores))
    decades = -BulkNull.of(null).log10_survival(scores)
    return np.asarray(100 * (1 - np.exp(-np.maximum(decades, 0) / 3)))
