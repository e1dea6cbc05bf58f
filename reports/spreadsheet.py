"""Findings as an Excel workbook: typed cells, a heading that stays, and no text that could run as a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import xlsxwriter

from reports.contents import Lang, ReportedFinding
from reports.phrases import Phrases, one_line

_WIDTHS = {
    "title": 34,
    "subject": 22,
    "text": 90,
    "time_from": 18,
    "time_to": 18,
    "exposure": 14,
    "expected_loss": 14,
    "allowed": 30,
}
_PLAIN_WIDTH = 12
_LONGEST = 32_000
"""Excel holds 32,767 characters in a cell."""
_WRITTEN = datetime(2000, 1, 1)  # noqa: DTZ001 - Excel knows no zones; fixed, so that the same findings give the same file


def findings_xlsx(findings: Iterable[ReportedFinding], *, lang: Lang, timezone: str = "UTC") -> bytes:
    """One sheet, a row a finding, in their order; instants in `timezone`, without it, as Excel has none."""
    phrases = Phrases(lang, timezone)
    stream = io.BytesIO()
    safe = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(stream, safe) as book:
        book.set_properties({"created": _WRITTEN})
        sheet = book.add_worksheet(one_line(phrases.text("page.findings"), 31))
        heading = book.add_format({"bold": True, "bottom": 1})
        formats = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "valign": "top"}),
            date: book.add_format({"num_format": "yyyy-mm-dd", "valign": "top"}),
            float: book.add_format({"num_format": "#,##0.00", "valign": "top"}),
            str: book.add_format({"text_wrap": True, "valign": "top"}),
            int: book.add_format({"valign": "top"}),
        }
        rows = [_cells(reported, phrases) for reported in findings]
        names = list(rows[0]) if rows else ["id"]
        for at, name in enumerate(names):
            sheet.set_column(at, at, _WIDTHS.get(name, _PLAIN_WIDTH))
            sheet.write_string(0, at, name, heading)
        for line, row in enumerate(rows, start=1):
            for at, value in enumerate(row.values()):
                _write(sheet, line, at, value, formats)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(rows), 1), len(names) - 1)
    return stream.getvalue()


def _write(sheet: Any, line: int, at: int, value: Any, formats: dict[type, Any]) -> None:
    if value is None:
        return
    form = formats[type(value)]
    if isinstance(value, str):
        sheet.write_string(line, at, value, form)
    elif isinstance(value, date):
        sheet.write_datetime(line, at, value, form)
    else:
        sheet.write_number(line, at, value, form)


def _cells(reported: ReportedFinding, phrases: Phrases) -> dict[str, str | int | float | date | None]:
    finding = reported.finding

    def local(when: datetime | None) -> datetime | None:
        return None if when is None else when.astimezone(phrases.zone).replace(tzinfo=None, microsecond=0)

    def text(value: str | None) -> str | None:
        return one_line(value, _LONGEST) if value else None

    return {
        "id": text(finding.id),
        "monitor": text(finding.monitor),
        "data_date": finding.data_date,
        "title": text(phrases.type_title(finding.type)),
        "subject": text(finding.subject.label),
        "priority": round(finding.priority, 1),
        "strangeness": round(finding.severity, 1),
        "exposure": None if finding.exposure is None else float(finding.exposure),
        "currency": text(finding.currency),
        "condition": finding.condition.value if finding.condition else None,
        "review": finding.review.value,
        "first_seen": finding.first_seen,
        "times_seen": finding.times_seen,
        "time_from": local(finding.time_from),
        "time_to": local(finding.time_to),
        "within_budget": "yes" if finding.mailed else "no",
        "text": text(reported.narrative.text),
        "type": text(finding.type),
        "fingerprint": text(finding.fingerprint),
        "expected_loss": None if finding.expected_loss is None else float(finding.expected_loss),
        "allowed": text(finding.allowed),
    }
