"""The texts of an evidence pack: its README, which says how an auditor reproduces a finding, and its records as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reports.contents import Lang, ReportedFinding
from reports.exports import formula_escaped
from reports.house_style import HouseStyle
from reports.phrases import Phrases, one_line, printable
from reports.templating import environment


@dataclass(frozen=True)
class Pack:
    """What the README speaks of."""

    reported: ReportedFinding
    title: str
    """The monitor's."""
    data_date: date
    run: str
    report: str | None
    """Path of the report that told it, relative to the workspace."""
    code_version: str
    present_code_version: str
    config_hash: str
    config_shown: bool
    """Whether the settings in the pack are those that the run was decided with."""
    input_fingerprint: str
    model_hash: str | None
    prompt_hash: str | None
    records: int
    compared: int
    verdicts: int
    head: str
    """Of the audit chain up to the last entry about the finding."""
    masked: bool
    files: tuple[str, ...]


def readme(pack: Pack, *, lang: Lang, timezone: str, style: HouseStyle) -> str:
    """What is in the pack and how a finding is reproduced from it, as plain text."""
    phrases = Phrases(lang, timezone, style)
    finding = pack.reported.finding
    about = {
        "pack": pack,
        "finding": finding,
        "type_title": phrases.type_title(finding.type),
        "subject": one_line(finding.subject.label, 200),
        "money": phrases.money(finding.exposure, finding.currency) if finding.exposure is not None else None,
        "narrative": one_line(pack.reported.narrative.text, 4000),
        "file_notes": [(name, phrases.text(f"evidence.files.{_note_of(name)}")) for name in pack.files],
        "phrases": phrases,
        "t": phrases.text,
    }
    text = environment(markup=False, own=style.templates).get_template("evidence.txt").render(about)
    return printable(text).rstrip() + "\n"


def _note_of(name: str) -> str:
    """Key of the sentence that says what a file of the pack holds."""
    return name.rpartition("/")[2].replace(".", "_") if "/monitors/" not in name else "monitor_yaml"


def records_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Records as CSV (RFC 4180) under their columns' names; empty cells are nulls.

    Text that a spreadsheet would run as a formula starts with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([formula_escaped(printable(name)) for name in columns])
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    return formula_escaped(printable(value)) if isinstance(value, str) else value
