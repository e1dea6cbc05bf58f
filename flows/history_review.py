"""The strangest of a monitor's history, offered for review: what is confirmed leaves the history of later runs."""

from __future__ import annotations

from datetime import date

from analyzers.columns import Shape
from analyzers.findings import build_findings
from analyzers.long_shape import pivoted
from analyzers.results import Candidate, Finding, Origin
from analyzers.series import analyze_series
from analyzers.settings import Material
from analyzers.tabular import strangest
from flows.judged import judged_cases
from flows.replay import Past
from flows.warehouse import Warehouse, candidates
from flows.workspace import Workspace


def strangest_of(workspace: Workspace, past: Past, until: date, count: int) -> tuple[Candidate, ...]:
    """At most `count` records, or episodes, of the history up to a date, the strangest first, kept for triage.

    They are compared with one another, whatever the monitor would flag. What people have judged is not offered again.
    """
    whole = past.whole(until)
    material = Material(
        columns=past.monitor.described(),
        history=whole.clear(),
        batch=whole,
        settings=past.monitor.analysis_settings(),
        hash_key=workspace.hash_key(),
    )
    known = judged_cases(workspace, past.monitor.name)
    found = _found(material, count + len(known))
    fresh = [finding for finding in found if not any(case.is_about(finding) for case in known)][:count]
    offered = tuple(_candidate(finding) for finding in fresh)
    with Warehouse.of(workspace).writing() as connection:
        candidates.forget(connection, past.monitor.name, until, Origin.HISTORY)
        candidates.store(connection, offered, until)
    return offered


def _found(material: Material, count: int) -> list[Finding]:
    pivot = pivoted(material) if material.columns.shape is Shape.LONG else None
    seen = pivot.material if pivot else material
    flags = strangest(seen, count) if material.columns.shape is Shape.EVENTS else analyze_series(seen).flags
    found = build_findings(seen, flags)
    found = pivot.findings_back(found) if pivot else found
    return sorted(found, key=lambda finding: (-finding.severity, finding.fingerprint))


def _candidate(finding: Finding) -> Candidate:
    shared = ("id", "fingerprint", "monitor", "type", "also", "subject", "records", "time_from", "time_to", "severity")
    taken = {name: getattr(finding, name) for name in (*shared, "exposure", "currency", "facts", "fields")}
    return Candidate(origin=Origin.HISTORY, **taken)
