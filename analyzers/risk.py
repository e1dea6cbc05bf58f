"""How much a finding matters: likelihood that it is real, consequence if it is, and priority from both.

IEC 31010:2019 describes the consequence/likelihood matrix; it prescribes no scale. Both axes run from 0 to 1 here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.results import Condition, EntityRisk, Finding, Review

SUPPORT = 0.5
"""How much a further reason adds beside the strongest: reasons about one record are not independent."""

_QUANTILES = (0.10, 0.50, 0.90, 0.99)
_CONSEQUENCES = (0.10, 0.35, 0.65, 0.85, 1.00)
"""Consequence of the exposures at `_QUANTILES`, and of ten times the largest of them."""
_EVENT_OF_NO_NOTE = 0.05
_PRIOR_WEIGHT = 8.0
"""Dispositions that the prior counts for; at 20 of a kind the reviewers' record outweighs it."""
ENOUGH_VERDICTS = 20
"""Verdicts on findings of a kind from which their likelihood is a figure rather than a band."""


def combined(severities: Iterable[float]) -> float:
    """Severity (0 to 100) of several reasons about one thing: a noisy-or in which lesser reasons count half.

    Independent of the order of the reasons and never below the strongest of them.
    """
    ordered = sorted(severities, reverse=True)
    if not ordered:
        return 0.0
    doubt = 1.0 - ordered[0] / 100.0
    for severity in ordered[1:]:
        doubt *= 1.0 - SUPPORT * severity / 100.0
    return round(100.0 * (1.0 - doubt), 4)


def priority(likelihood: float, consequence: float) -> float:
    """Priority (0 to 100): the geometric mean of both axes, so that neither makes up for the other's absence."""
    return round(100.0 * float(np.sqrt(max(likelihood, 0.0) * max(consequence, 0.0))), 4)


def likelihood(severity: float) -> float:
    """Likelihood band (0 to 1) that a finding is real, before reviewers have said anything about its kind."""
    return round(min(max(severity / 100.0, 0.0), 0.99), 4)


@dataclass(frozen=True)
class TrackRecord:
    """What reviewers decided about findings of one kind so far; inconclusive verdicts say nothing and do not count."""

    confirmed: int = 0
    """True ones, those that are tolerated included."""
    dismissed: int = 0
    """False positives."""

    @property
    def verdicts(self) -> int:
        """All that count."""
        return self.confirmed + self.dismissed

    def without(self, part: TrackRecord) -> TrackRecord:
        """The record less a part of it."""
        return TrackRecord(max(self.confirmed - part.confirmed, 0), max(self.dismissed - part.dismissed, 0))


def alike(finding: Finding) -> str:
    """What findings of one type must share to be each other's like: the entity, else the subject.

    Where a finding is about several entities, the one whose column the monitor names first counts.
    """
    column, entity = next(iter(finding.entities.items()), (None, None))
    return finding.subject.id if column is None else f"{column}={entity}"


def reviewed_likelihood(prior: float, of_type: TrackRecord, of_like: TrackRecord | None = None) -> float:
    """Likelihood after the reviewers' verdicts on findings of its type, and among them on those like it.

    Two beta-binomial steps. What was decided about the type elsewhere moves `prior`, which weighs eight verdicts;
    the mean that comes of it is the prior, of the same weight, for what was decided about the like.

    of_type : all verdicts on the type, those on the like included. of_like : those on the same type and entity.
    """
    own = of_like or TrackRecord()
    elsewhere = _posterior_mean(prior, of_type.without(own))
    return round(_posterior_mean(elsewhere, own), 4)


def _posterior_mean(prior: float, record: TrackRecord) -> float:
    return (prior * _PRIOR_WEIGHT + record.confirmed) / (_PRIOR_WEIGHT + record.verdicts)


def expected_loss(exposure: Decimal | None, likely: float, record: TrackRecord) -> Decimal | None:
    """Exposure times likelihood, once there are `ENOUGH_VERDICTS` of the kind; None before, or without money."""
    if exposure is None or record.verdicts < ENOUGH_VERDICTS:
        return None
    return (exposure * Decimal(str(likely))).quantize(Decimal("0.01"))


def entity_risks(findings: Iterable[Finding]) -> tuple[EntityRisk, ...]:
    """Risk of every entity that open findings are about, by falling risk.

    The risk (0 to 100) is the noisy-or of the priorities p of its open findings, the lesser of which count half:
    100 (1 - (1 - p1/100) (1 - p2/200) (1 - p3/200) ...), with p1 the highest. So it is never below the finding that
    matters most, grows with each further one, and stays within the scale of priorities. Closed, ended and allowed
    findings do not count; money is added up per currency. No standard prescribes such a figure.
    """
    about: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.review is Review.CLOSED or finding.condition is Condition.ENDED or finding.allowed is not None:
            continue
        for column, entity in finding.entities.items():
            about[column, entity].append(finding)
    risks = [_entity_risk(column, entity, own) for (column, entity), own in about.items()]
    return tuple(sorted(risks, key=lambda risk: (-risk.risk, risk.column, risk.entity)))


def _entity_risk(column: str, entity: str, own: Sequence[Finding]) -> EntityRisk:
    exposure: dict[str, Decimal] = defaultdict(Decimal)
    for finding in own:
        if finding.exposure is not None:
            exposure[finding.currency or ""] += finding.exposure
    return EntityRisk(
        column=column,
        entity=entity,
        open_findings=len(own),
        severity=max(finding.severity for finding in own),
        risk=combined(finding.priority for finding in own),
        exposure=dict(sorted(exposure.items())),
    )


@dataclass(frozen=True)
class ConsequenceScale:
    """Consequence (0 to 1) of an exposure, on a log scale of what is usual in its currency.

    Half of all records lie below 0.35 and one in a hundred above 0.85; only what exceeds that by a factor of ten is 1.
    Exposures of different currencies are never compared.
    """

    anchors: Mapping[str | None, NDArray[np.float64]] = field(default_factory=dict)
    """Per currency the log10 of the exposures that `_CONSEQUENCES` belong to."""
    otherwise: float = 0.5
    """Consequence of what has no exposure, or one in a currency never seen."""

    def of(self, exposure: float | None, currency: str | None) -> float:
        """Consequence of one finding; zero exposure counts as next to nothing."""
        anchors = self.anchors.get(currency)
        if exposure is None or anchors is None:
            return self.otherwise
        if exposure == 0:
            return _EVENT_OF_NO_NOTE
        floor = anchors[0] - 1.0
        return round(
            float(np.interp(np.log10(abs(exposure)), [floor, *anchors.tolist()], [_EVENT_OF_NO_NOTE, *_CONSEQUENCES])),
            4,
        )


def consequence_scale(
    amounts: Sequence[pl.DataFrame], exposure: str | None, currency: str | None, stated: str | None, criticality: float
) -> ConsequenceScale:
    """Scale of the consequences from the exposures of history and batch.

    Parameters
    ----------
    amounts : frames with the columns `exposure` and, where not None, `currency`.
    stated : the currency where no column says it.
    criticality : consequence (0 to 1) of a finding without money.
    """
    if exposure is None:
        return ConsequenceScale(otherwise=criticality)
    label = pl.lit(stated, pl.String) if currency is None else pl.coalesce(pl.col(currency), pl.lit(stated, pl.String))
    sizes = pl.concat(
        [frame.select(currency=label, size=pl.col(exposure).cast(pl.Float64).abs()) for frame in amounts]
    ).filter(pl.col("size").is_finite() & (pl.col("size") > 0))
    quantiles = sizes.group_by("currency").agg(
        [pl.col("size").quantile(share, "linear").log10().alias(f"{share}") for share in _QUANTILES]
    )
    anchors = {row[0]: _spread(np.asarray(row[1:], dtype=np.float64)) for row in quantiles.rows()}
    return ConsequenceScale(anchors=anchors, otherwise=criticality)


def _spread(quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles and a tenfold last anchor, at least 0.05 apart: few or equal amounts still give a scale."""
    steps = np.arange(len(quantiles)) * 0.05
    apart = np.maximum.accumulate(quantiles - steps) + steps
    return np.append(apart, apart[-1] + 1.0)
