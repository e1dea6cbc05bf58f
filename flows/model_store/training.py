"""Findings with their final texts and what people decided, as JSON lines for tuning a model on the premises.

Persons stay masked: in findings as the night masked them; who decided is masked here, and so is in the reasons every
name and address that the workspace knows.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from analyzers.persons import masked_person
from flows.publishing import reported
from flows.warehouse import Warehouse
from flows.warehouse.findings import StoredFinding, list_findings
from flows.warehouse.triage import Disposition, dispositions
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.exports import findings_jsonl
from reports.narrator.prompt import build_prompt
from reports.narrator.skeleton import choices
from reports.playbook import playbook_for


def export_training(workspace: Workspace, path: Path, *, monitor: str | None = None) -> tuple[int, int]:
    """Write one line for each finding as its latest night told it; how many, and how many of them were judged.

    A line holds what `sereno findings --json` says of a finding, the `prompt` that a model is given, and
    `dispositions`, the latest first: verdict, reason, day, masked judge. UsageError where the file cannot be written.
    """
    with Warehouse.of(workspace).reading() as connection:
        told = [one for one in list_findings(connection, monitor=monitor) if one.narrative is not None]
        decided: dict[str, list[Disposition]] = defaultdict(list)
        for verdict in dispositions(connection, monitor=monitor):
            decided[verdict.fingerprint].append(verdict)
    lines = list(_lines(workspace, told, decided))
    write_whole(path, "".join(lines))
    return len(lines), sum(bool(decided[one.finding.fingerprint]) for one in told)


def _lines(workspace: Workspace, told: list[StoredFinding], decided: dict[str, list[Disposition]]) -> Iterator[str]:
    key = workspace.hash_key()
    listed = workspace.settings.people
    known = {name for person, others in listed.items() for name in (person, *others)}
    known |= {verdict.who for verdicts in decided.values() for verdict in verdicts}
    monitors = {monitor.name: monitor for monitor in workspace.monitors()}
    for one in told:
        finding, monitor = one.finding, monitors.get(one.finding.monitor)
        (line,) = findings_jsonl(
            [reported(one)],
            lang=workspace.settings.language,
            timezone=monitor.timezone if monitor else workspace.settings.timezone,
        ).splitlines()
        prompt = build_prompt(finding, choices(finding, playbook_for(finding, monitor.playbooks if monitor else None)))
        verdicts = [_verdict(verdict, known, key) for verdict in decided[finding.fingerprint]]
        content = {**json.loads(line), "prompt": prompt.text, "dispositions": verdicts}
        yield json.dumps(content, ensure_ascii=False) + "\n"


def _verdict(verdict: Disposition, known: Collection[str], key: bytes) -> dict[str, Any]:
    return {
        "verdict": verdict.verdict.value,
        "reason": _without(verdict.why, known, key),
        "decided": verdict.decided_at.date().isoformat(),
        "who": masked_person(verdict.who, key),
    }


def _without(text: str, known: Collection[str], key: bytes) -> str:
    """The text with a mask for each known name, longer names first, and for each mail address."""
    for name in sorted(filter(None, known), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", masked_person(name, key), text, flags=re.IGNORECASE)
    return re.sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda match: masked_person(match[0], key), text)
