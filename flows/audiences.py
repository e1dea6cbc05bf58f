"""Who is told what: readers by their monitors, and never a finding that names the reader."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from flows.conflicts import aliases, persons_named
from flows.plan import Plan
from flows.warehouse import sql
from reports.contents import MonitorPart, Night


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
    """Persons in the records of each finding and candidate of the night, by fingerprint."""
    named: dict[str, frozenset[str]] = {}
    for part in night.parts:
        told = {reported.finding.fingerprint: reported.finding.records for reported in part.findings}
        drawn = {candidate.fingerprint: candidate.records for candidate in part.drawn}
        named |= persons_named(connection, plan.run(part.monitor).monitor, told | drawn)
    return named


def _without(part: MonitorPart, withheld: frozenset[str]) -> MonitorPart:
    if not withheld:
        return part
    findings = tuple(each for each in part.findings if each.finding.fingerprint not in withheld)
    hidden = [each.finding for each in part.findings if each.finding.fingerprint in withheld]
    return part.model_copy(
        update={
            "findings": findings,
            "drawn": tuple(each for each in part.drawn if each.fingerprint not in withheld),
            "new": part.new - sum(finding.times_seen == 1 for finding in hidden),
        }
    )
