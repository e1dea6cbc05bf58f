"""What a simulator knows about its own data: what was planted, and what only looks odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from analyzers.results import Finding, SubjectKind


@dataclass(frozen=True)
class Planted:
    """An anomaly that a professional would want to see.

    `keys` are the records to be pointed at; `related` belong to the same matter (the first of two payments) and are
    no false alarm. Records of a plant have no key: there `entity`, `measures`, `start` and `end` say what and when, as
    `entity` (`customer=C20001`), `start` and `end` do for behaviour.
    """

    kind: str
    rule_like: bool
    """Whether a plain rule finds it (a duplicate, a silent sensor) rather than a comparison with what is usual."""
    entity: str
    start: datetime
    """Time zone aware, UTC, like `end`."""
    end: datetime
    keys: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decoy:
    """Something that looks odd and is normal; the same kind also occurs before the batch, in its natural rhythm."""

    kind: str
    entity: str
    start: datetime
    end: datetime
    keys: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """How findings compare with the truth."""

    planted: int
    found: int
    """Planted anomalies that at least one finding points at."""
    findings: int
    true_findings: int
    """Findings that point at something planted."""
    decoys: int
    decoys_flagged: int
    """Decoys that a finding points at which points at nothing planted."""
    missed: tuple[Planted, ...] = ()
    false: tuple[Finding, ...] = ()


def score(
    findings: Sequence[Finding], planted: Sequence[Planted], decoys: Sequence[Decoy], keys: Mapping[str, str]
) -> Score:
    """Compare findings with the truth.

    A finding points at a payment by the record's key (`keys` maps record ids to them), at something in a plant by
    asset, overlapping time and at least one measure that it speaks of, at an entity's behaviour by entity and time.
    """
    found, true, false = set(), 0, []
    flagged: set[int] = set()
    for finding in findings:
        hits = {n for n, item in enumerate(planted) if _points_at(finding, item, keys, item.related)}
        found |= {n for n in hits if _points_at(finding, planted[n], keys, ())}
        true += bool(hits)
        if not hits:
            false.append(finding)
            flagged |= {n for n, item in enumerate(decoys) if _points_at(finding, item, keys, ())}
    missed = tuple(item for n, item in enumerate(planted) if n not in found)
    return Score(len(planted), len(found), len(findings), true, len(decoys), len(flagged), missed, tuple(false))


def kinds_of(
    finding: Finding, planted: Sequence[Planted], decoys: Sequence[Decoy], keys: Mapping[str, str]
) -> frozenset[str]:
    """What a finding is really about: the kinds of what is planted that it points at, else those of decoys."""
    real = frozenset(item.kind for item in planted if _points_at(finding, item, keys, item.related))
    return real or frozenset(item.kind for item in decoys if _points_at(finding, item, keys, ()))


def _points_at(finding: Finding, item: Planted | Decoy, keys: Mapping[str, str], related: Sequence[str]) -> bool:
    if item.keys:
        return not {keys.get(record) for record in finding.records}.isdisjoint({*item.keys, *related})
    if finding.time_from is None or finding.time_to is None or not _same_asset(finding, item):
        return False
    return finding.time_from <= item.end and finding.time_to >= item.start


def _same_asset(finding: Finding, item: Planted | Decoy) -> bool:
    if finding.subject.kind is SubjectKind.ENTITY:
        return finding.subject.id == item.entity
    asset, _, measure = finding.subject.id.rpartition("/")
    spoken_of = {measure, *(fact.feature for fact in finding.facts)}
    return asset == item.entity and (not item.measures or not spoken_of.isdisjoint(item.measures))
