"""The night's report and mails, and everything of the night into the warehouse in one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.errors import WarehouseError
from flows import reviewing
from flows.archive import INDEX, archive_index
from flows.audiences import Audience, audiences_of, seen_by
from flows.half_published import noted
from flows.ingestion import run_record
from flows.outcomes import Outcome, Outcomes
from flows.plan import MonitorRun, Plan
from flows.shown_settings import shown
from flows.system_user import system_user
from flows.triage_links import form_address, with_links
from flows.version import version, versions
from flows.warehouse import (
    audit,
    configurations,
    deliveries,
    entity_risk,
    findings,
    narratives,
    run_settings,
    runs,
    similar,
    sql,
)
from flows.warehouse.deliveries import Delivery
from flows.warehouse.publish import publish as publish_run
from flows.warehouse.runs import RunStatus
from flows.writing import write_whole
from reports.contents import MonitorPart, Night, ReportedFinding
from reports.digest import Digest
from reports.exports import findings_csv, findings_jsonl
from reports.mail import compose_mail
from reports.page import render_page
from reports.spreadsheet import findings_xlsx

_HEAD_TO_COME = "audit-head-to-come"
"""Stands in a rendered page for the chain's head, which is known only inside the transaction."""


def publish(plan: Plan, outcomes: Outcomes, *, mail: bool) -> dict[str, Outcome]:
    """Render the report, store the night's runs and queue its mails; what became of every monitor.

    Reports and mails are written before the transaction ends: what the warehouse speaks of is always there. A night
    that is tried again after it was killed behind the transaction finds its work done, and changes nothing.
    """
    with plan.warehouse.reading() as connection:
        parts = tuple(_part(connection, plan, run, outcomes.of[run.name]) for run in plan.runs)
        correction = max((_next_correction(connection, run) for run in outcomes.going()), default=0)
        night = _night(plan, parts, correction)
        audiences = audiences_of(connection, plan, night) if mail else {}
        if not plan.workspace.settings.mail.quiet_nights:
            audiences = {each: readers for each, readers in audiences.items() if not Digest(seen_by(night, each)).quiet}
        published = _published(connection, outcomes.going())
    if published is not None:
        mails = {
            name: _mail_name(plan, published, recipient)[1]
            for audience, recipients in audiences.items()
            for recipient in recipients
            for name in audience.monitors
        }
        return {run.name: _outcome(plan, run, outcomes.of[run.name], published, mails) for run in plan.runs}
    report = _report_path(plan)
    everything = Audience(tuple(part.monitor for part in night.parts))
    form = form_address(plan.workspace)
    linked = with_links(night, form)
    pages = {audience: render_page(seen_by(linked, audience)) for audience in {*audiences, everything}}
    # Drawn before the transaction, so that the warehouse is held for writing only.
    exports = _exports(night)
    page = plan.workspace.folder / report
    readers = [reader for recipients in audiences.values() for reader in recipients]
    files = [report, *(f"{report.removesuffix('.html')}.findings.{suffix}" for suffix in exports)]
    files += [_mail_name(plan, report, reader)[1] for reader in readers]
    with noted(plan.workspace, plan.night, report, files), plan.warehouse.writing() as connection:
        _note_configuration(connection, plan)
        for run in plan.runs:
            _store(connection, plan, run, outcomes.of[run.name], report)
        head = audit.head(connection)
        night = night.model_copy(update={"audit_head": head})
        pages = {audience: html.replace(_HEAD_TO_COME, head or "") for audience, html in pages.items()}
        write_whole(page, pages[everything])
        for suffix, content in exports.items():
            write_whole(page.with_suffix(f".findings.{suffix}"), content)
        write_whole(plan.workspace.archive / INDEX, archive_index(connection, plan.workspace, plan.style))
        mails = _queue(connection, plan, night, audiences, pages, report, form)
    return {run.name: _outcome(plan, run, outcomes.of[run.name], report, mails) for run in plan.runs}


def _exports(night: Night) -> dict[str, str | bytes]:
    """The night's findings for spreadsheets and other programs, by the ending of the file beside the report."""
    told = [placed.reported for placed in Digest(night).ordered]
    language: dict[str, Any] = {"lang": night.lang, "timezone": night.timezone}
    return {
        "csv": findings_csv(told, **language),
        "xlsx": findings_xlsx(told, **language),
        "jsonl": findings_jsonl(told, **language),
    }


def reported(stored: findings.StoredFinding) -> ReportedFinding:
    """A stored finding as reports take it."""
    if stored.narrative is None:
        raise WarehouseError(
            f"finding {stored.finding.id}: its narrative is missing; `sereno run --force` writes it anew"
        )
    return ReportedFinding(finding=stored.finding, narrative=stored.narrative)


def _part(connection: sql.Connection, plan: Plan, run: MonitorRun, outcome: Outcome) -> MonitorPart:
    """One monitor's part of the report, whatever became of it."""
    if outcome.status != "going":
        return MonitorPart(
            monitor=run.name,
            title=run.monitor.title,
            run=run.run,
            data_date=run.data_date,
            status="failed" if outcome.status == "failed" else "unchanged",
            error=outcome.message,
        )
    analysis = plan.handover.read_analysis(run.name)
    told = {narrative.finding: narrative for narrative in plan.handover.read_narratives(run.name)}
    recognized = findings.recognize(connection, analysis.findings, run.data_date)
    mailed = [finding for finding in recognized if finding.mailed]
    before = similar.similar_to(connection, run.name, mailed, run.data_date)
    changes = findings.changes(connection, run.name, run.data_date, recognized, judged=analysis.records > 0)
    return MonitorPart(
        monitor=run.name,
        title=run.monitor.title,
        run=run.run,
        data_date=run.data_date,
        status="done",
        records=analysis.records,
        history_records=analysis.history_records,
        quarantined=int(plan.handover.read_notes(run.name).get("quarantined", 0)),
        time_from=run.monitor.batch_bounds(run.data_date)[0],
        time_to=run.monitor.batch_bounds(run.data_date)[1],
        findings=tuple(
            ReportedFinding(finding=finding, narrative=told[finding.id], similar=before.get(finding.fingerprint))
            for finding in recognized
        ),
        checks=analysis.checks,
        guarantees=analysis.guarantees,
        new=changes.new,
        still_open=changes.still_open,
        unseen=changes.unseen,
        open_exposure=changes.open_exposure,
        oldest_open=changes.oldest,
        entities=entity_risk.at_risk(connection, run.name, run.data_date, recognized, judged=analysis.records > 0)[
            : entity_risk.SHOWN
        ],
        ended=changes.ended,
        precision=reviewing.observed_precision(connection, run.name),
        drawn=analysis.drawn,
        missed=reviewing.missed_at_most(connection, run.name, run.data_date),
    )


def _night(plan: Plan, parts: tuple[MonitorPart, ...], correction: int) -> Night:
    settings = plan.workspace.settings
    hashes = "".join(run.monitor.config_hash() for run in plan.runs)
    return Night(
        title=settings.name,
        lang=settings.language,
        timezone=settings.timezone,
        data_date=plan.data_date,
        created_at=datetime.now(UTC),
        parts=parts,
        model=plan.handover.read_model(),
        version=version(),
        config_hash=hashlib.sha256(hashes.encode()).hexdigest()[:16],
        audit_head=_HEAD_TO_COME,
        correction=correction,
        style=plan.style,
    )


def _report_path(plan: Plan) -> str:
    """The first free name of this date in the archive, relative to the workspace."""
    number = 1
    while True:
        path = f"archive/{plan.data_date}{f'-{number}' if number > 1 else ''}.html"
        if not (plan.workspace.folder / path).exists():
            return path
        number += 1


def _published(connection: sql.Connection, going: list[MonitorRun]) -> str | None:
    """The report in which this very night told of all these runs before; None where it did not, or not of all."""
    reports: set[str | None] = set()
    for run in going:
        before = runs.finished_run(connection, run.name, run.data_date)
        reports.add(before.report if before is not None and before.run == run.run else None)
    return reports.pop() if len(reports) == 1 else None


def _next_correction(connection: sql.Connection, run: MonitorRun) -> int:
    before = runs.finished_run(connection, run.name, run.data_date)
    if before is None:
        return 0
    return before.correction if before.run == run.run else before.correction + 1


def _note_configuration(connection: sql.Connection, plan: Plan) -> None:
    """What the settings say since this night, where they said something else before."""
    under, now = system_user(), datetime.now(UTC)
    configurations.note(connection, configurations.WORKSPACE, shown(plan.workspace.settings), under, now)
    for run in plan.runs:
        configurations.note(connection, run.name, shown(run.monitor), under, now)


def _store(connection: sql.Connection, plan: Plan, run: MonitorRun, outcome: Outcome, report: str) -> None:
    notes = plan.handover.read_notes(run.name)
    record = replace(
        run_record(plan, run, notes.get("input_fingerprint")),
        finished_at=datetime.now(UTC),
        quarantined=int(notes.get("quarantined", 0)),
        report=report,
    )
    if outcome.status == "going":
        analysis = plan.handover.read_analysis(run.name)
        publish_run(connection, record, analysis, plan.handover.read_narratives(run.name))
        in_force = run_settings.RunSettings(shown(run.monitor), shown(plan.workspace.settings), versions())
        run_settings.store(connection, run.run, in_force)
        if (cost := plan.handover.read_cost(run.name)) is not None:
            narratives.store_cost(connection, run.run, cost)
        new = plan.handover.read_skeletons(run.name)
        narratives.keep_skeletons(connection, {key: skeleton.model_dump_json() for key, skeleton in new.items()})
    elif outcome.status == "failed":
        runs.record_run(connection, replace(record, status=RunStatus.FAILED, error=outcome.message))


def _queue(
    connection: sql.Connection,
    plan: Plan,
    night: Night,
    audiences: dict[Audience, list[str]],
    pages: dict[Audience, str],
    report: str,
    form: str | None,
) -> dict[str, str]:
    """Write every recipient's mail into the outbox and queue it; a path by monitor."""
    settings = plan.workspace.settings.mail
    paths: dict[str, str] = {}
    for audience, recipients in audiences.items():
        for recipient in recipients:
            message_id, path = _mail_name(plan, report, recipient)
            message = compose_mail(
                with_links(seen_by(night, audience), form, by=recipient),
                sender=settings.sender,
                recipient=recipient,
                message_id=message_id,
                date=night.created_at,
                report=pages[audience].encode(),
                report_name=f"sereno-{Path(report).name}",
            )
            write_whole(plan.workspace.folder / path, message.as_bytes())
            entry = Delivery(message_id, plan.night, recipient, path, correction=night.correction)
            deliveries.queue(connection, entry, at=night.created_at)
            paths |= dict.fromkeys(audience.monitors, path)
    return paths


def _mail_name(plan: Plan, report: str, recipient: str) -> tuple[str, str]:
    """A mail's Message-ID, and its path relative to the workspace.

    A night tried again after it told of a failure tells more than before, in a report and a mail of their own.
    """
    number = Path(report).stem.removeprefix(str(plan.data_date))
    name = f"{plan.night}{number}", hashlib.sha256(recipient.encode()).hexdigest()[:8]
    domain = plan.workspace.settings.mail.sender.rpartition("@")[2]
    return f"<{'.'.join(name)}@{domain}>", f"outbox/{'-'.join(name)}.eml"


def _outcome(plan: Plan, run: MonitorRun, before: Outcome, report: str, mails: dict[str, str]) -> Outcome:
    if before.status not in {"going", "failed"}:
        return before
    told = replace(
        before,
        report=str(plan.workspace.folder / report),
        mail=str(plan.workspace.folder / mails[run.name]) if run.name in mails else None,
    )
    if told.status == "failed":
        return told
    analysis = plan.handover.read_analysis(run.name)
    return replace(
        told,
        status="done",
        records=analysis.records,
        flags=len(analysis.flags),
        findings=len(analysis.findings),
    )
