"""An evidence pack: all that an auditor needs to check one finding and to reproduce it, as one zip."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any

import polars as pl

from analyzers.errors import UsageError
from flows.house_style import read_style
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.packing import packed
from flows.publishing import reported
from flows.shown_settings import as_yaml, shown
from flows.version import code_version, versions
from flows.warehouse import Warehouse, audit, finding_records, narratives, run_settings, runs, sql, triage
from flows.warehouse.finding_records import Query
from flows.warehouse.findings import StoredFinding, told_on
from flows.warehouse.run_settings import RunSettings
from flows.warehouse.runs import RunRecord
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.contents import Mode, ReportedFinding
from reports.evidence_pack import Pack, readme, records_csv
from reports.exports import finding_object
from reports.narrator import asked

_REPRODUCED = (
    "id", "fingerprint", "monitor", "data_date", "type", "also", "subject", "records", "time_from", "time_to",
    "severity", "exposure", "currency", "condition", "facts",
)  # fmt: skip
"""What depends on input, settings and code alone, and not on what people decided since."""


@dataclass(frozen=True)
class Evidence:
    """A finding's pack."""

    id: str
    fingerprint: str
    data_date: date
    path: Path
    files: tuple[str, ...]


def write_evidence(workspace: Workspace, identifier: str, *, data_date: date | None, to: Path | None) -> Evidence:
    """Write the pack of a finding as its latest date told it, or the date that is named; it appears whole or not.

    to : the file; beside the report where None. UsageError where the finding, or what that date said, is unknown.
    """
    with Warehouse.of(workspace).reading() as connection:
        item = triage.find_item(connection, identifier)
        if not item.is_finding:
            raise UsageError(f"{item.id} was drawn for review and is no finding; there is evidence of findings only")
        stored, document = told_on(connection, item.fingerprint, data_date)
        gathered = _gather(connection, workspace, stored, document)
    finding = stored.finding
    path = to or workspace.folder / f"{gathered.stem}.evidence-{finding.id}.zip"
    write_whole(path, packed(gathered.files))
    assert finding.data_date is not None  # a night's finding has its date
    return Evidence(finding.id, finding.fingerprint, finding.data_date, path, tuple(gathered.files))


@dataclass(frozen=True)
class _Gathered:
    files: dict[str, bytes]
    stem: str
    """The report's path without its ending."""


def _gather(connection: sql.Connection, workspace: Workspace, stored: StoredFinding, document: str) -> _Gathered:
    finding, run = stored.finding, runs.run_of(connection, stored.run)
    kept = run_settings.of_run(connection, stored.run)
    present = workspace.monitor(finding.monitor) if finding.monitor in workspace.monitor_names() else None
    monitor, in_force = _in_force(workspace, kept, present, finding.monitor)
    masked = not (monitor.unmask and (present is None or present.unmask))
    said = reported(stored)
    lang = said.narrative.lang
    told = finding_object(said, lang=lang, timezone=monitor.timezone)
    columns = monitor.described()
    own = finding_records.own_query(connection, columns, finding)
    start = monitor.history_start(run.data_date).astimezone(UTC)
    compared = finding_records.compared_query(
        connection, columns, finding, start, monitor.batch_bounds(run.data_date)[1].astimezone(UTC)
    )
    key = workspace.hash_key() if masked else None
    verdicts = triage.dispositions(connection, fingerprint=finding.fingerprint)
    narrative = _narrative(connection, said, run, monitor)
    log, head = _log(connection, run, finding.fingerprint)
    own_rows, own_csv = _records(connection, own, monitor, key)
    compared_rows, compared_csv = _records(connection, compared, monitor, key)
    files = {
        "finding.json": _json(told),
        "facts.json": _json({name: told[name] for name in _REPRODUCED}),
        "document.json": document.encode(),
        "narrative.json": _json(narrative),
        "thresholds.json": _json(_thresholds(connection, run, stored, monitor)),
        "run.json": _json(_run(connection, run)),
        "records.csv": own_csv,
        "records.sql": own.text.encode() if own else b"",
        "compared.csv": compared_csv,
        "compared.sql": compared.text.encode() if compared else b"",
        "verdicts.jsonl": _lines(vars(each) for each in verdicts),
        "audit.jsonl": _lines(log),
        "versions.json": _json(in_force.versions),
        "config/sereno.yaml": as_yaml(in_force.workspace).encode(),
        f"config/monitors/{finding.monitor}.yaml": as_yaml(in_force.monitor).encode(),
    }
    pack = Pack(
        reported=said,
        title=monitor.title,
        data_date=run.data_date,
        run=run.run,
        report=run.report,
        code_version=run.code_version or "",
        present_code_version=code_version(),
        config_hash=run.config_hash or "",
        config_shown=kept is not None,
        input_fingerprint=run.input_fingerprint or "",
        model_hash=run.model_hash,
        prompt_hash=narrative["prompt_sha256"],
        records=own_rows,
        compared=compared_rows,
        verdicts=len(verdicts),
        head=head,
        masked=masked,
        files=tuple(files),
    )
    text = readme(pack, lang=lang, timezone=monitor.timezone, style=read_style(workspace))
    report = Path(run.report) if run.report else Path("archive") / str(run.data_date)
    return _Gathered({"README.txt": text.encode(), **files}, report.with_suffix("").as_posix())


def _in_force(
    workspace: Workspace, kept: RunSettings | None, present: Monitor | None, name: str
) -> tuple[Monitor, RunSettings]:
    """The monitor that the run was decided with, and all settings in force; the present ones where none were kept."""
    if kept is not None:
        return Monitor.model_validate(kept.monitor), kept
    monitor = present or workspace.monitor(name)
    return monitor, RunSettings(shown(monitor), shown(workspace.settings), versions())


def _narrative(connection: sql.Connection, said: ReportedFinding, run: RunRecord, monitor: Monitor) -> dict[str, Any]:
    """What was written, and the prompt whose kept answer it replays; no prompt where no model wrote it."""
    narrative = said.narrative
    told = {**narrative.model_dump(mode="json"), "prompt_sha256": None, "prompt": None, "answer": None}
    if narrative.mode is Mode.TEMPLATE or run.model_hash is None:
        return told
    prompt, key = asked(
        said.finding,
        lang=narrative.lang,
        model=run.model_hash,
        mode=narrative.mode,
        playbooks=monitor.playbooks,
    )
    answer = narratives.load_skeletons(connection).get(key)
    parts = {"prefix": prompt.prefix, "shared": prompt.shared, "body": prompt.body, "grammar": prompt.grammar}
    return {
        **told,
        "prompt_sha256": prompt.sha256,
        "prompt": parts,
        "answer": None if answer is None else json.loads(answer),
    }


def _thresholds(connection: sql.Connection, run: RunRecord, stored: StoredFinding, monitor: Monitor) -> dict[str, Any]:
    subjects = [stored.finding.subject.id, *stored.finding.records]
    return {
        "settings": monitor.analysis_settings().model_dump(mode="json"),
        "batch_days": [day.isoformat() for day in monitor.batch_days(run.data_date)],
        "history_from": monitor.history_start(run.data_date).isoformat(),
        "flags": runs.flags_about(connection, run.run, subjects),
    }


def _run(connection: sql.Connection, run: RunRecord) -> dict[str, Any]:
    guarantees = [guarantee.model_dump(mode="json") for guarantee in run.guarantees]
    checks = [check.model_dump(mode="json") for check in runs.list_checks(connection, run.run)]
    return {**vars(run), "guarantees": guarantees, "checks": checks}


def _log(connection: sql.Connection, run: RunRecord, fingerprint: str) -> tuple[list[dict[str, Any]], str]:
    """The chain up to the last entry about the finding or its run, and its head there.

    Contents and salts only of entries about them: the rest is there so that the chain can be recomputed.
    """
    entries = list(audit.export(connection))
    about = [entry for entry in entries if entry["subject"] in (run.run, fingerprint)]
    last = about[-1] if about else None
    shown_entries = [
        entry if entry in about else {**entry, "salt": None, "content": None}
        for entry in entries
        if last is not None and entry["seq"] <= last["seq"]
    ]
    return shown_entries, f"{audit.VERSION}:{last['seq']}:{last['hash']}" if last else ""


def _records(connection: sql.Connection, query: Query | None, monitor: Monitor, key: bytes | None) -> tuple[int, bytes]:
    """How many records a query gives, and these as CSV: masked with the key, instants in the monitor's time zone."""
    if query is None:
        return 0, b""
    frame = query.run(connection)
    if key is not None:
        frame = mask_persons(frame, monitor.described(), key)
    instants = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    local = frame.with_columns(
        pl.col(name).dt.convert_time_zone(monitor.timezone).dt.to_string("%Y-%m-%dT%H:%M:%S%.f%:z") for name in instants
    )
    return frame.height, records_csv(local.columns, local.iter_rows(named=True)).encode()


def _json(content: Mapping[str, Any]) -> bytes:
    """Content as JSON: plain values, and those that the audit log can write."""
    plain = json.loads(audit.canonical(content))
    return (json.dumps({name: plain[name] for name in content}, ensure_ascii=False, indent=2) + "\n").encode()


def _lines(contents: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(audit.canonical(content) + "\n" for content in contents).encode()
