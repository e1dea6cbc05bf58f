"""Who is told what: readers by their monitors, and never a finding that names the reader."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from analyzers.results import Condition, Finding, Review
from flows.conflicts import aliases, persons_named
from flows.plan import Plan
from flows.warehouse import sql
from reports.contents import MonitorPart, Night, ReportedFinding


@dataclass(frozen=True)
class Audience:
    """Readers who see the same: the parts of these monitors, without the withheld findings and candidates."""

    monitors: tuple[str, ...]
    withheld: frozenset[str] = frozenset()
    """Fingerprints."""


def audiences_of(connection: sql.Connection, plan: Plan, night: Night) -> dict[Audience, list[str]]:
    """Recipients by what they see; one mail a person, over all their monitors."""
    named = _named(connection, plan, night)
    monitors: defaultdict[str, list[str]] = defaultdict(list)
    for run in plan.runs:
        for address in dict.fromkeys((*run.monitor.owners, *plan.workspace.settings.mail.recipients)):
            monitors[address].append(run.name)
    audiences: defaultdict[Audience, list[str]] = defaultdict(list)
    for address, names in monitors.items():
        own = aliases(address, plan.workspace.settings.people)
        withheld = frozenset(fingerprint for fingerprint, persons in named.items() if persons & own)
        audiences[Audience(tuple(names), withheld)].append(address)
    return dict(audiences)


def seen_by(night: Night, audience: Audience) -> Night:
    """The night as this audience sees it."""
    parts = (_without(part, audience.withheld) for part in night.parts if part.monitor in audience.monitors)
    return night.model_copy(update={"parts": tuple(parts)})


def _named(connection: sql.Connection, plan: Plan, night: Night) -> dict[str, frozenset[str]]:
    """Persons in the records of each finding and candidate of the night, and of earlier ones, by fingerprint."""
    named: dict[str, frozenset[str]] = {}
    for part in night.parts:
        told = {reported.finding.fingerprint: reported.finding.records for reported in part.findings}
        drawn = {candidate.fingerprint: candidate.records for candidate in part.drawn}
        earlier = {
            past.fingerprint: past.records
            for reported in part.findings
            if reported.similar is not None
            for past in reported.similar.told
        }
        named |= persons_named(connection, plan.run(part.monitor).monitor, earlier | told | drawn)
    return named


def _without(part: MonitorPart, withheld: frozenset[str]) -> MonitorPart:
    if not withheld:
        return part
    findings = tuple(
        _without_earlier(each, withheld) for each in part.findings if each.finding.fingerprint not in withheld
    )
    hidden = [each.finding for each in part.findings if each.finding.fingerprint in withheld]
    open_before = [finding for finding in hidden if finding.times_seen > 1 and _is_open(finding)]
    exposure = dict(part.open_exposure)
    for finding in open_before:
        if finding.exposure is not None and (currency := finding.currency or "") in exposure:
            exposure[currency] -= finding.exposure
    return part.model_copy(
        update={
            "findings": findings,
            "drawn": tuple(each for each in part.drawn if each.fingerprint not in withheld),
            "new": part.new - sum(finding.times_seen == 1 for finding in hidden),
            "still_open": part.still_open - len(open_before),
            "open_exposure": exposure,
        }
    )


def _without_earlier(reported: ReportedFinding, withheld: frozenset[str]) -> ReportedFinding:
    if reported.similar is None:
        return reported
    told = tuple(past for past in reported.similar.told if past.fingerprint not in withheld)
    similar = reported.similar.model_copy(update={"told": told}) if told else None
    return reported.model_copy(update={"similar": similar})


def _is_open(finding: Finding) -> bool:
    return finding.review is not Review.CLOSED and finding.condition is not Condition.ENDED
