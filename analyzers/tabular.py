"""Which records of a table are strange: features, ensemble, calibration, and flags that say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.attribution import Typical, attribute
from analyzers.calibration import Calibration, Decision, decide
from analyzers.detectors import load_detector
from analyzers.detectors.context import ContextEnsemble
from analyzers.detectors.outlier import CHUNK_ROWS
from analyzers.evidence import Evidence
from analyzers.features import FeatureKind, FeatureTable, Records, build_features, moved_features
from analyzers.finding_types import Reason
from analyzers.results import Check, CheckStatus, Flag, Outcome, Scalar
from analyzers.settings import Material
from analyzers.spreading import Spread

Floats = NDArray[np.float64]

FIT_ROWS = 10_000
"""Most rows that the detectors are fitted on."""
CALIBRATION_ROWS = 200_000
"""Most held-out rows of the history that scores are compared with."""
EXPLAINED = 300
"""Most flagged rows that get reasons, strangest first; the rest are flagged in the scores only."""
_LEAST_ROWS = 10
_FOLDED_BELOW = 6_000
"""A history with fewer rows is fitted in folds: each row is held out once, from the detector that scores it."""
_FOLDS = 4


@dataclass(frozen=True)
class _Model:
    """The fitted detectors, the featured rows they were fitted on, and the scores of the history's held-out rows."""

    detectors: tuple[ContextEnsemble, ...]
    fitted: NDArray[np.int64]
    calibration: Calibration
    spread: Spread

    def by_detector(self, X: NDArray[np.float32]) -> Floats:
        """Score of each row by each detector, of shape (n_detectors, n_rows)."""
        return np.stack([_score(detector, X, self.spread) for detector in self.detectors])

    def strangeness(self, X: NDArray[np.float32]) -> Floats:
        """Mean score of the detectors for each row, higher is stranger."""
        return np.asarray(self.by_detector(X).mean(axis=0))


def _score(detector: ContextEnsemble, X: NDArray[np.float32], spread: Spread) -> Floats:
    if not len(X):
        return np.zeros(0)
    # Blocks end where the detector's own chunks do: a row's score does not depend on how many blocks there are.
    block = max(1, -(-len(X) // CHUNK_ROWS) // spread.blocks(len(X))) * CHUNK_ROWS
    parts = [X[start : start + block] for start in range(0, len(X), block)]
    return -np.concatenate(spread.each(detector.score_samples, parts)).astype(np.float64)


def analyze_tabular(material: Material) -> Outcome:
    """Score every record of the batch and flag the strange ones, with the reasons.

    With a history, scores become conformal p-values against held-out records of it and `settings.fdr` is kept by
    Benjamini-Hochberg; without one the batch is ranked against its own bulk.

    Returns
    -------
    Outcome
        `scores` has one line per batch row in the batch's order. Flags are of the family `tabular`; their types are
        listed in `analyzers.finding_types.FindingType`.

    Raises
    ------
    MonitorError
        If `settings.detectors` names something that is no outlier estimator.
    """
    return analyze_tabular_at(material, (material.settings.fdr,))[material.settings.fdr]


def analyze_tabular_at(material: Material, rates: Sequence[float]) -> dict[float, Outcome]:
    """`analyze_tabular` at several nominal false discovery rates, by rate; the detectors are fitted once."""
    settings = material.settings
    extra = tuple(load_detector(path) for path in settings.detectors)
    if "ensemble" in settings.skip or material.batch.is_empty():
        code = "ensemble_off" if material.batch.height else "ensemble_empty"
        return dict.fromkeys(rates, _nothing(material, code, {}))
    records = Records.of(material)
    every = build_features(records, settings.timezone)
    moved = moved_features(every, records)
    table = every.only(~moved)
    if not table.features or records.n_reference < _LEAST_ROWS:
        values = {"count": records.n_reference, "needed": _LEAST_ROWS, "features": len(table.features)}
        return dict.fromkeys(rates, _nothing(material, "ensemble_too_few", values))
    model = _fit(records, table, settings.seed, extra, material.spread)
    by_detector = model.by_detector(table.values[records.n_past :])
    scores = np.asarray(by_detector.mean(axis=0))
    warnings = _moved(every.only(moved))
    return {
        rate: _outcome(material, records, table, model, scores, decide(by_detector, model.calibration, rate), warnings)
        for rate in rates
    }


def strangest(material: Material, count: int) -> tuple[Flag, ...]:
    """The `count` strangest records of the batch against its own bulk, with their reasons, flagged or not.

    Empty where there is too little to compare. What a look at a history starts from: `material.history` is left aside.
    """
    alone = replace(material, history=material.history.clear())
    extra = tuple(load_detector(path) for path in material.settings.detectors)
    if alone.batch.height < _LEAST_ROWS:
        return ()
    records = Records.of(alone)
    table = build_features(records, material.settings.timezone)
    if not table.features:
        return ()
    model = _fit(records, table, material.settings.seed, extra, material.spread)
    by_detector = model.by_detector(table.values)
    scores = np.asarray(by_detector.mean(axis=0))
    chosen = np.zeros(len(scores), dtype=np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    decision = replace(decide(by_detector, model.calibration, material.settings.fdr), flagged=chosen)
    return _flags(alone, records, table, model, scores, decision)[0]


def _outcome(
    material: Material,
    records: Records,
    table: FeatureTable,
    model: _Model,
    scores: Floats,
    decision: Decision,
    warnings: tuple[Check, ...],
) -> Outcome:
    flags, meant = _flags(material, records, table, model, scores, decision)
    check = Check(
        name="ensemble",
        status=CheckStatus.DONE,
        code="ensemble_done",
        values={"count": len(scores), "features": len(table.features), "fitted": len(model.fitted)},
        flags=int(meant.sum()),
    )
    if decision.guarantee.shifted:
        warnings = (*warnings, _warning("ensemble_shifted", count=decision.guarantee.shifted, total=len(scores)))
    frame = _scores_frame(records, scores, decision, meant)
    return Outcome(flags=flags, checks=(check, *warnings), guarantees=(decision.guarantee,), scores=frame)


def _moved(table: FeatureTable) -> tuple[Check, ...]:
    """What to say of features in which the whole batch has left its history."""
    if not table.features:
        return ()
    named = (
        feature.other if feature.kind is FeatureKind.FREQUENCY and feature.other else feature.column
        for feature in table.features
    )
    return (_warning("ensemble_moved", columns=", ".join(dict.fromkeys(named))),)


def _warning(code: str, **values: Scalar) -> Check:
    return Check(name="ensemble", status=CheckStatus.WARNING, code=code, values=values)


def _nothing(material: Material, code: str, values: dict[str, int]) -> Outcome:
    """Scores of 0, no flags, and a check that says why."""
    n = material.batch.height
    frame = pl.DataFrame(
        {
            "row": pl.int_range(n, eager=True, dtype=pl.Int64),
            "score": pl.zeros(n, dtype=pl.Float64, eager=True),
            "p_value": pl.Series([None] * n, dtype=pl.Float64),
            "severity": pl.zeros(n, dtype=pl.Float64, eager=True),
            "flagged": pl.Series([False] * n, dtype=pl.Boolean),
        }
    )
    check = Check(name="ensemble", status=CheckStatus.SKIPPED, code=code, values=dict(values))
    return Outcome(checks=(check,), scores=frame)


def _fit(records: Records, table: FeatureTable, seed: int, extra: tuple[object, ...], spread: Spread) -> _Model:
    """Fit on reference records; those of a history that a detector did not see are its calibration."""
    surprises = tuple(int(i) for i in table.surprises)
    shuffled = np.random.default_rng(seed).permutation(np.flatnonzero(records.settled[records.featured]))

    def fitted_on(rows: NDArray[np.int64]) -> ContextEnsemble:
        detector = ContextEnsemble(surprises, table.allowances, extra=extra, random_state=seed)
        return detector.fit(table.values[np.sort(rows)])

    if records.ranking:
        rows = np.sort(shuffled[:FIT_ROWS])
        return _Model((fitted_on(rows),), rows, Calibration.of([]), spread)
    if len(shuffled) < _FOLDED_BELOW:
        folds = np.array_split(shuffled, _FOLDS)
        detectors = tuple(fitted_on(np.setdiff1d(shuffled, fold)) for fold in folds)
        held_out = [_score(one, table.values[fold], spread) for one, fold in zip(detectors, folds, strict=True)]
        return _Model(detectors, np.sort(shuffled), Calibration.of(held_out), spread)
    # A quarter of a history is enough to fit on, and every held-out record makes smaller p-values possible.
    n_fitted = min(len(shuffled) // 4, FIT_ROWS)
    rows, rest = np.sort(shuffled[:n_fitted]), np.sort(shuffled[n_fitted:][:CALIBRATION_ROWS])
    detector = fitted_on(rows)
    held_out = [_score(detector, table.values[rest], spread)]
    return _Model((detector,), rows, Calibration.of(held_out), spread)


def _scores_frame(records: Records, scores: Floats, decision: Decision, meant: NDArray[np.bool_]) -> pl.DataFrame:
    no_p_values = pl.Series([None] * len(scores), dtype=pl.Float64)
    return pl.DataFrame(
        {
            "row": records.batch_rows,
            "score": scores,
            "p_value": no_p_values if decision.p_values is None else decision.p_values,
            "severity": decision.severity,
            "flagged": meant,
        },
        schema_overrides={"row": pl.Int64},
    ).sort("row")


def _flags(
    material: Material, records: Records, table: FeatureTable, model: _Model, scores: Floats, decision: Decision
) -> tuple[tuple[Flag, ...], NDArray[np.bool_]]:
    """Flags of the flagged records, and which records are flagged after `min_change`."""
    meant = decision.flagged.copy()
    chosen = np.flatnonzero(meant)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:EXPLAINED]
    if not len(chosen):
        return (), meant
    flagged = table.values[records.n_past + chosen]
    groups = _column_groups(table)
    typical = Typical.of(table.values[model.fitted], table.surprises)
    by_group = attribute(model.strangeness, flagged, typical, groups)
    single = [np.array([position], dtype=np.intp) for position in range(len(table.features))]
    by_feature = attribute(model.strangeness, flagged, typical, single)
    evidence = Evidence(material, records, table)
    flags = []
    for place, row in enumerate(records.n_history + chosen):
        reasons = _reasons(table, groups, by_group[place], by_feature[place], scores[chosen[place]])
        if not evidence.large_enough(int(row), reasons):
            meant[chosen[place]] = False
            continue
        p_value = None if decision.p_values is None else float(decision.p_values[chosen[place]])
        less_strange = float((scores < scores[chosen[place]]).sum() / max(len(scores) - 1, 1))
        flags.append(
            evidence.flag(
                int(row),
                reasons,
                score=float(scores[chosen[place]]),
                severity=float(decision.severity[chosen[place]]),
                p_value=p_value,
                less_strange=less_strange,
            )
        )
    return evidence.joined(flags), meant


def _column_groups(table: FeatureTable) -> list[NDArray[np.intp]]:
    """Features of one source column belong together: its value, its distance from others, its rarity."""
    columns: dict[str, list[int]] = {}
    for position, feature in enumerate(table.features):
        columns.setdefault(feature.subject, []).append(position)
    return [np.array(positions, dtype=np.intp) for positions in columns.values()]


def _reasons(
    table: FeatureTable, groups: list[NDArray[np.intp]], by_group: Floats, by_feature: Floats, score: float
) -> list[Reason]:
    """The columns that carry the score, strongest first, each with the feature that says it best."""
    order = np.argsort(-by_group, kind="stable")
    whole = max(abs(score), 1e-12)
    return [
        Reason(
            table.features[int(groups[i][np.argmax(by_feature[groups[i]])])],
            float(np.clip(by_group[i] / whole, 0, 1)),
        )
        for i in order
        if by_group[i] > 0
    ]
