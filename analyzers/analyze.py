"""One run of the analyzers: data checks first, then what the records' shape calls for, then findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.calendars import without_runs
from analyzers.columns import Role, Shape
from analyzers.findings import build_findings, finding_checks
from analyzers.learnt_history import new_normal_checks, without_confirmed, without_outdated
from analyzers.long_shape import Pivoted, pivoted
from analyzers.results import Analysis, Check, CheckStatus, Finding, Outcome
from analyzers.settings import Material

SCORES = {
    "row": pl.Int64,
    "score": pl.Float64,
    "p_value": pl.Float64,
    "severity": pl.Float64,
    "flagged": pl.Boolean,
    "finding": pl.String,
}


def analyze(material: Material) -> Analysis:
    """Find what deserves a person's time in `material.batch`.

    Data checks run first. Where one of them failed, the data is broken: statistical analyzers would flag everything
    or nothing and are skipped, with a check that says so; the audit tests, the house's rules and the sensor tests,
    which look at records one by one, still run. An empty batch gives a clean result.

    Raises
    ------
    MonitorError
        A rule of the house that is no valid predicate, or a detector that cannot be imported.
    """
    return analyze_at(material, (material.settings.fdr,))[material.settings.fdr]


def analyze_at(material: Material, rates: Sequence[float]) -> dict[float, Analysis]:
    """`analyze` at several nominal false discovery rates, by rate: what does not depend on them is done once.

    Only tables have such a rate; of series the same analysis is given for each.
    """
    from analyzers.checks import check_data

    checks = check_data(material)
    if material.batch.is_empty():
        return dict.fromkeys(rates, _analysis(material, Outcome(checks=checks), None))
    broken = list(dict.fromkeys(check.name for check in checks if check.status is CheckStatus.FAILED))
    if material.columns.shape is not Shape.EVENTS:
        return dict.fromkeys(rates, _analysis_of_series(material, checks, broken))
    audit = _audit(material)
    behaviour = _behaviour(material, broken, rates)
    found = _statistical(material, broken, rates)
    outcomes = {rate: _joined(found[rate], behaviour[rate], audit) for rate in rates}
    return {rate: _told(material, checks, outcome, None) for rate, outcome in outcomes.items()}


def _analysis_of_series(material: Material, checks: tuple[Check, ...], broken: list[str]) -> Analysis:
    pivot = pivoted(material) if material.columns.shape is Shape.LONG else None
    seen = pivot.material if pivot else material
    return _told(material, checks, _joined(_series(seen, broken), _audit(seen)), pivot)


def _told(material: Material, checks: tuple[Check, ...], outcome: Outcome, pivot: Pivoted | None) -> Analysis:
    flags, explained = without_runs(material, outcome.flags) if pivot is None else (outcome.flags, ())
    said = (*checks, *outcome.checks, *explained)
    return _analysis(material, replace(outcome, flags=flags, checks=said), pivot)


def _statistical(material: Material, broken: list[str], rates: Sequence[float]) -> dict[float, Outcome]:
    from analyzers.tabular import analyze_tabular_at

    if "ensemble" in material.settings.skip:
        return dict.fromkeys(rates, _skipped("ensemble", "skipped_by_settings"))
    if broken:
        return dict.fromkeys(rates, _skipped("ensemble", "skipped_data_broken", failed=", ".join(broken)))
    normal, left_out = without_confirmed(material)
    accepted = new_normal_checks(normal, normal.columns.names(Role.ENTITY), "ensemble")
    return _saying(analyze_tabular_at(normal, rates), (*left_out, *accepted))


def _saying(found: dict[float, Outcome], checks: tuple[Check, ...]) -> dict[float, Outcome]:
    """The outcomes with further checks."""
    return {rate: replace(outcome, checks=(*outcome.checks, *checks)) for rate, outcome in found.items()}


def _behaviour(material: Material, broken: list[str], rates: Sequence[float]) -> dict[float, Outcome]:
    from analyzers.behaviour import analyze_behaviour_at

    if "behaviour" in material.settings.skip:
        return dict.fromkeys(rates, _skipped("behaviour", "skipped_by_settings"))
    if broken and material.settings.behaviour.entity is not None:
        return dict.fromkeys(rates, _skipped("behaviour", "skipped_data_broken", failed=", ".join(broken)))
    entity = material.settings.behaviour.entity
    if entity is None:
        return analyze_behaviour_at(material, rates)
    # An entity whose silence is its new normal has nothing left to compare with, and is not watched until it returns.
    accepted = new_normal_checks(material, [entity], "behaviour")
    return _saying(analyze_behaviour_at(without_outdated(material, entity), rates), accepted)


def _series(material: Material, broken: list[str]) -> Outcome:
    from analyzers.series import analyze_series

    skip = material.settings.skip
    if broken and "series" not in skip:
        settings = material.settings.model_copy(update={"skip": (*skip, "series")})
        outcome = analyze_series(replace(material, settings=settings))
        said = _skipped("series", "skipped_data_broken", failed=", ".join(broken))
        kept = tuple(check for check in outcome.checks if check.name != "series")
        return replace(outcome, checks=(*said.checks, *kept))
    return analyze_series(material)


def _audit(material: Material) -> Outcome:
    from analyzers.audit import analyze_audit

    return analyze_audit(material)


def _skipped(name: str, code: str, **values: str) -> Outcome:
    return Outcome(checks=(Check(name=name, status=CheckStatus.SKIPPED, code=code, values={**values}),))


def _joined(*outcomes: Outcome) -> Outcome:
    return Outcome(
        flags=tuple(chain.from_iterable(outcome.flags for outcome in outcomes)),
        checks=tuple(chain.from_iterable(outcome.checks for outcome in outcomes)),
        guarantees=tuple(chain.from_iterable(outcome.guarantees for outcome in outcomes)),
        scores=next((outcome.scores for outcome in outcomes if outcome.scores is not None), None),
    )


def _analysis(material: Material, outcome: Outcome, pivot: Pivoted | None) -> Analysis:
    seen = pivot.material if pivot else material
    findings = build_findings(seen, outcome.flags)
    checks = (*outcome.checks, *finding_checks(seen, findings))
    scores = _scores(seen.batch.height, outcome.scores, findings)
    if pivot:
        findings, scores = pivot.findings_back(findings), pivot.scores_back(scores)
    return Analysis(
        scores=scores,
        findings=findings,
        checks=checks,
        guarantees=outcome.guarantees,
        flags=outcome.flags,
        records=material.batch.height,
        history_records=material.history.height,
    )


def _scores(height: int, given: pl.DataFrame | None, findings: tuple[Finding, ...]) -> pl.DataFrame:
    """One line per batch row, with the finding that it belongs to first and at least that finding's severity."""
    base = given if given is not None else _unscored(height)
    severity = base["severity"].to_numpy().astype(np.float64)
    score = base["score"].to_numpy().astype(np.float64)
    flagged = base["flagged"].to_numpy().astype(np.bool_)
    lifted, holder = severity.copy(), np.full(height, -1, dtype=np.int64)
    for position in reversed(range(len(findings))):
        rows = np.asarray(findings[position].rows, dtype=np.int64)
        lifted[rows] = np.maximum(lifted[rows], findings[position].severity)
        holder[rows] = position
    names = pl.Series("finding", [finding.id for finding in findings], dtype=pl.String)
    index = pl.Series("holder", holder)
    return pl.DataFrame(
        {
            "row": np.arange(height, dtype=np.int64),
            "score": _lifted_scores(score, severity, lifted),
            "p_value": base["p_value"],
            "severity": lifted,
            "flagged": flagged | (holder >= 0),
            "finding": names.gather(index.set(index < 0, None)) if len(names) else pl.Series([None] * height),
        },
        schema=SCORES,
    )


def _lifted_scores(
    score: NDArray[np.float64], severity: NDArray[np.float64], lifted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores in which a row that rules made more severe ranks beside rows that were scored as severe.

    Between the severities that occur the score is interpolated; above them it goes on by the share of what is left.
    """
    raised = lifted > severity
    if not raised.any():
        return score
    levels = np.unique(severity)
    tops = np.maximum.accumulate(np.maximum.reduceat(score[np.argsort(severity, kind="stable")], _starts(severity)))
    spread = float(score.max() - score.min()) or 1.0
    beyond = np.maximum(lifted - levels[-1], 0.0) / 100.0 * spread
    moved = np.interp(lifted, levels, tops) + beyond
    return np.where(raised, np.maximum(score, moved), score)


def _starts(severity: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each distinct severity begins once sorted."""
    ordered = np.sort(severity, kind="stable")
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _unscored(height: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "score": np.zeros(height),
            "p_value": pl.Series([None] * height, dtype=pl.Float64),
            "severity": np.zeros(height),
            "flagged": np.zeros(height, dtype=np.bool_),
        }
    )
