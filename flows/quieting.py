"""What people decided keeps a finding out of the mail: it is counted and listed, and its place goes to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from analyzers.columns import Role
from analyzers.findings import Measure, rebudgeted
from analyzers.results import Analysis, Check, CheckStatus, Finding, Review, Scalar
from analyzers.settings import Material
from flows.conflicts import aliases, persons_named
from flows.monitors import Monitor
from flows.plan import MonitorRun
from flows.warehouse import findings, sql
from flows.warehouse.snoozes import muted_until, snoozes_at
from flows.warehouse.triage import Verdict, verdicts_on


def settle(
    connection: sql.Connection,
    material: Material,
    analysis: Analysis,
    run: MonitorRun,
    *,
    at: datetime,
    people: Mapping[str, Iterable[str]],
) -> Analysis:
    """The analysis with its findings in the review state that people left them in, and mailed accordingly.

    at : the instant at which snoozes are asked. people : what belongs together of names, as in `sereno.yaml`.
    """
    told = findings.recognize(connection, analysis.findings, run.data_date)
    told = _muted(connection, material, told, run.monitor, at, people)
    closed = {finding.fingerprint for finding in told if finding.review is Review.CLOSED}
    muted = {finding.fingerprint for finding in told if finding.muted_until is not None}
    if not closed and not muted:
        return replace(analysis, findings=told)
    verdicts = verdicts_on(connection, [finding for finding in told if finding.fingerprint in closed])
    ends = [each.until for each in verdicts.values() if each.verdict is Verdict.ACCEPTED and each.until is not None]
    code, values = "quiet_findings", dict[str, Scalar](closed=len(closed), muted=len(muted - closed))
    if ends:
        code, values = "quiet_findings_until", {**values, "accepted": len(ends), "until": min(ends).isoformat()}
    check = Check(name="triage", status=CheckStatus.DONE, code=code, values=values)
    quiet = rebudgeted(material, told, closed | muted)
    return replace(analysis, findings=quiet, checks=(*analysis.checks, check))


def _muted(
    connection: sql.Connection,
    material: Material,
    told: tuple[Finding, ...],
    monitor: Monitor,
    at: datetime,
    people: Mapping[str, Iterable[str]],
) -> tuple[Finding, ...]:
    snoozes = snoozes_at(connection, at, material.settings.monitor)
    if not snoozes:
        return told
    measure, columns = Measure(material), material.columns.names(Role.ENTITY)
    named = persons_named(connection, monitor, {finding.fingerprint: finding.records for finding in told})
    known_as = {who: aliases(who, people) for who in {each.who for each in snoozes}}
    ends = [
        muted_until(
            finding,
            # Whoever is named in a finding mutes it by a maintenance window no more than by name.
            [each for each in snoozes if not known_as[each.who] & named.get(finding.fingerprint, frozenset())],
            [finding.fields[name] for name in columns if name in finding.fields],
            material=measure.is_material(finding),
        )
        for finding in told
    ]
    return tuple(finding.model_copy(update={"muted_until": end}) for finding, end in zip(told, ends, strict=True))
