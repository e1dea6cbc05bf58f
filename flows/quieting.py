"""What people decided keeps a finding out of the mail: it is counted and listed, and its place goes to the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from analyzers.columns import Role
from analyzers.findings import Measure, rebudgeted
from analyzers.results import Analysis, Check, CheckStatus, Finding, Review
from analyzers.settings import Material
from flows.warehouse import findings, sql
from flows.warehouse.snoozes import muted_until, snoozes_at


def settle(
    connection: sql.Connection, material: Material, analysis: Analysis, data_date: date, *, at: datetime
) -> Analysis:
    """The analysis with its findings in the review state that people left them in, and mailed accordingly.

    at : the instant at which snoozes are asked.
    """
    told = _muted(connection, material, findings.recognize(connection, analysis.findings, data_date), at)
    closed = {finding.fingerprint for finding in told if finding.review is Review.CLOSED}
    muted = {finding.fingerprint for finding in told if finding.muted_until is not None}
    if not closed and not muted:
        return replace(analysis, findings=told)
    values = {"closed": len(closed), "muted": len(muted - closed)}
    check = Check(name="triage", status=CheckStatus.DONE, code="quiet_findings", values={**values})
    quiet = rebudgeted(material, told, closed | muted)
    return replace(analysis, findings=quiet, checks=(*analysis.checks, check))


def _muted(
    connection: sql.Connection, material: Material, told: tuple[Finding, ...], at: datetime
) -> tuple[Finding, ...]:
    snoozes = snoozes_at(connection, at, material.settings.monitor)
    if not snoozes:
        return told
    measure, columns = Measure(material), material.columns.names(Role.ENTITY)
    ends = [
        muted_until(
            finding,
            snoozes,
            [finding.fields[name] for name in columns if name in finding.fields],
            material=measure.is_material(finding),
        )
        for finding in told
    ]
    return tuple(finding.model_copy(update={"muted_until": end}) for finding, end in zip(told, ends, strict=True))
