"""Findings for other programs: JSON objects and CSV.

The JSON form of a finding is a contract (`docs/design.md`, "Running it"): keys are added, never renamed or removed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from analyzers.results import Fact
from reports.clauses import clause
from reports.contents import Lang, ReportedFinding
from reports.phrases import Phrases, one_line, printable

# What makes a spreadsheet read a cell as a formula (OWASP, "CSV Injection"), the full-width forms included.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")

_CSV_COLUMNS = [
    "id",
    "monitor",
    "data_date",
    "type",
    "title",
    "subject",
    "priority",
    "severity",
    "exposure",
    "currency",
    "condition",
    "review",
    "first_seen",
    "times_seen",
    "time_from",
    "time_to",
    "within_budget",
    "text",
    "fingerprint",
    "expected_loss",
    "allowed",
]


def finding_object(
    reported: ReportedFinding, *, lang: Lang, timezone: str = "UTC", rows: bool = False
) -> dict[str, Any]:
    """A finding in the contract's form, ready for JSON.

    With `rows` (`sereno scan`) it names the rows of the input, from 0, otherwise the ids of its records. Instants are
    ISO 8601 in UTC, money is a number beside its currency, and clauses are written in `lang` and `timezone`.
    """
    finding, narrative = reported.finding, reported.narrative
    about = {"rows": list(finding.rows)} if rows else {"records": list(finding.records)}
    return {
        "id": finding.id,
        "fingerprint": finding.fingerprint,
        "monitor": finding.monitor,
        "data_date": finding.data_date.isoformat() if finding.data_date else None,
        "type": finding.type,
        "also": list(finding.also),
        "subject": printable(finding.subject.label),
        **about,
        "time_from": _instant(finding.time_from),
        "time_to": _instant(finding.time_to),
        "severity": finding.severity,
        "exposure": float(finding.exposure) if finding.exposure is not None else None,
        "currency": finding.currency,
        "expected_loss": float(finding.expected_loss) if finding.expected_loss is not None else None,
        "priority": finding.priority,
        "condition": finding.condition.value if finding.condition else None,
        "review": finding.review.value,
        "first_seen": finding.first_seen.isoformat() if finding.first_seen else None,
        "times_seen": finding.times_seen,
        "mailed": finding.mailed,
        "allowed": printable(finding.allowed) if finding.allowed is not None else None,
        "facts": [_fact_object(fact, lang, timezone) for fact in finding.facts],
        "narrative": {
            "text": printable(narrative.text),
            "lang": narrative.lang,
            "mode": narrative.mode.value,
            "grounded": narrative.grounded,
            "replaced": narrative.replaced,
            "model": narrative.model,
        },
    }


def _fact_object(fact: Fact, lang: Lang, timezone: str) -> dict[str, Any]:
    return {
        "id": fact.id,
        "kind": fact.kind.value,
        "feature": fact.feature,
        "actual": printable(fact.actual) if isinstance(fact.actual, str) else fact.actual,
        "expected_low": fact.expected_low,
        "expected_high": fact.expected_high,
        "ratio": fact.ratio,
        "direction": fact.direction.value if fact.direction else None,
        "unit": fact.unit,
        "at": _instant(fact.at),
        "values": {name: printable(value) if isinstance(value, str) else value for name, value in fact.values.items()},
        "clause": clause(fact, lang, timezone=timezone),
    }


def _instant(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when else None


def findings_jsonl(
    findings: Iterable[ReportedFinding], *, lang: Lang, timezone: str = "UTC", rows: bool = False
) -> str:
    """Findings as JSON lines, in their order; figures that JSON cannot write are null."""
    objects = (finding_object(reported, lang=lang, timezone=timezone, rows=rows) for reported in findings)
    return "".join(json_line(found) + "\n" for found in objects)


def json_line(found: dict[str, Any]) -> str:
    """One object as one line of JSON (RFC 8259: without NaN and infinities, which become null)."""
    try:
        return json.dumps(found, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(found), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value  # noqa: PLR0124


def findings_csv(findings: Iterable[ReportedFinding], *, lang: Lang, timezone: str = "UTC") -> str:
    """Findings as CSV (RFC 4180) with a header line, for spreadsheets.

    Text that a spreadsheet would run as a formula starts with an apostrophe; instants are in `timezone`, and numbers
    have a decimal point whatever the language.
    """
    phrases = Phrases(lang, timezone)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _CSV_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_csv_row(reported, phrases) for reported in findings)
    return stream.getvalue()


def _csv_row(reported: ReportedFinding, phrases: Phrases) -> dict[str, object]:
    finding = reported.finding
    texts = {
        "id": finding.id,
        "monitor": finding.monitor,
        "type": finding.type,
        "title": phrases.type_title(finding.type),
        "subject": finding.subject.label,
        "currency": finding.currency or "",
        "condition": finding.condition.value if finding.condition else "",
        "review": finding.review.value,
        "text": reported.narrative.text,
        "fingerprint": finding.fingerprint,
        "allowed": finding.allowed or "",
    }
    return {name: plain_cell(text) for name, text in texts.items()} | {
        "data_date": finding.data_date or "",
        "priority": round(finding.priority, 1),
        "severity": round(finding.severity, 1),
        "exposure": "" if finding.exposure is None else f"{finding.exposure:f}",
        "expected_loss": "" if finding.expected_loss is None else f"{finding.expected_loss:f}",
        "first_seen": finding.first_seen or "",
        "times_seen": finding.times_seen,
        "time_from": _local(finding.time_from, phrases),
        "time_to": _local(finding.time_to, phrases),
        "within_budget": str(finding.mailed).lower(),
    }


def _local(when: datetime | None, phrases: Phrases) -> str:
    return when.astimezone(phrases.zone).isoformat(sep=" ", timespec="seconds") if when else ""


def plain_cell(text: str) -> str:
    """The text on one line, with an apostrophe before it where a spreadsheet would run it as a formula."""
    return formula_escaped(one_line(text, 2000))


def formula_escaped(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula, blanks before it or not."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS) else text
