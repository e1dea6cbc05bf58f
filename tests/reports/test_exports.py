"""Exports: the contract's form, valid JSON whatever the figures, and no formula in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from datetime import datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.results import Fact, FactKind
from reports.clauses import clause
from reports.exports import finding_object, findings_csv, findings_jsonl, plain_cell
from reports.spreadsheet import findings_xlsx
from tests.reports.sample_night import HOSTILE, finding, hostile_night, sample_night, told

CONTRACT = {
    *("id", "fingerprint", "monitor", "data_date", "type", "subject", "time_from", "time_to", "severity", "exposure"),
    *("currency", "priority", "condition", "review", "first_seen", "times_seen", "facts", "narrative"),
}
FACT = {
    *("id", "kind", "feature", "actual", "expected_low", "expected_high", "ratio", "direction", "unit", "at"),
    *("values", "clause"),
}
NARRATIVE = {"text", "lang", "mode", "grounded", "replaced", "model"}


def test_a_finding_has_the_contract_s_form() -> None:
    reported = sample_night().parts[0].findings[0]
    found = finding_object(reported, lang="en", timezone="Europe/Madrid")
    assert set(found) >= CONTRACT
    assert found["records"] == ["c1f0"]
    assert "rows" not in found
    assert found["exposure"] == 48200.0
    assert found["time_from"] == "2026-05-31T09:20:00Z"
    assert [set(fact) for fact in found["facts"]] == [FACT] * 5
    assert set(found["narrative"]) == NARRATIVE
    assert found["facts"][1]["clause"] == clause(reported.finding.facts[1], "en", timezone="Europe/Madrid")


def test_a_scan_names_rows_instead_of_records() -> None:
    found = finding_object(sample_night().parts[0].findings[0], lang="es", rows=True)
    assert found["rows"] == [17]
    assert "records" not in found


def test_each_line_is_one_finding() -> None:
    for night in (sample_night(), hostile_night()):
        findings = night.parts[0].findings
        lines = findings_jsonl(findings, lang="en").splitlines()
        assert [json.loads(line)["id"] for line in lines] == [reported.finding.id for reported in findings]


def test_figures_that_json_cannot_write_are_null() -> None:
    fact = Fact(id="f1", kind=FactKind.PEERS, feature="amount", actual=math.nan, ratio=math.inf, expected_low=1.0)
    line = findings_jsonl([told(finding("odd", facts=(fact,)), "en", ("what", "Odd.", ("f1",)))], lang="en")
    written = json.loads(line, parse_constant=lambda name: f"not JSON: {name}")["facts"][0]
    assert (written["actual"], written["ratio"], written["expected_low"]) == (None, None, 1.0)


def test_csv_reads_back_line_by_line() -> None:
    findings = sample_night().parts[0].findings
    read = list(csv.DictReader(io.StringIO(findings_csv(findings, lang="es", timezone="Europe/Madrid"))))
    assert [line["id"] for line in read] == [reported.finding.id for reported in findings]
    assert (read[0]["exposure"], read[0]["currency"]) == ("48200.00", "EUR")
    assert read[0]["time_from"] == "2026-05-31 11:20:00+02:00"
    assert read[-1]["within_budget"] == "false"


def test_csv_of_nothing_is_its_header() -> None:
    assert findings_csv([], lang="en").startswith("id,monitor,data_date,type,title,subject,")


def test_hostile_names_stay_in_their_cell() -> None:
    findings = hostile_night().parts[0].findings
    read = list(csv.DictReader(io.StringIO(findings_csv(findings, lang="en"))))
    assert len(read) == len(findings)
    assert all(None not in line for line in read)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="=+-@＝＋－＠\t\r\n \x00\u202ea1|'\"", max_size=12))
def test_no_cell_is_a_formula(text: str) -> None:
    assert not plain_cell(text).startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert plain_cell("HYPERLINK" + text).startswith("HYPERLINK")


def test_a_formula_is_shown_as_text() -> None:
    assert plain_cell("=cmd|' /C calc'!A0") == "'=cmd|' /C calc'!A0"
    assert plain_cell("\n=1+1") == "'=1+1"
    assert plain_cell(HOSTILE).startswith("</title>")


def test_a_workbook_holds_typed_cells_and_runs_nothing() -> None:
    findings = [*sample_night().parts[0].findings, *hostile_night().parts[0].findings]
    book = findings_xlsx(findings, lang="en", timezone="Europe/Madrid")
    assert book == findings_xlsx(findings, lang="en", timezone="Europe/Madrid")
    frame = pl.read_excel(io.BytesIO(book))
    assert frame["id"].to_list() == [reported.finding.id for reported in findings]
    assert frame["exposure"].dtype == pl.Float64
    assert frame["exposure"][0] == 48200.0
    assert frame["time_from"][0] == datetime(2026, 5, 31, 11, 20)  # noqa: DTZ001
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert not [name for name in parts.namelist() if "external" in name.lower() or "hyperlink" in name.lower()]


def test_a_night_without_findings_is_a_workbook_too() -> None:
    assert pl.read_excel(io.BytesIO(findings_xlsx([], lang="es"))).is_empty()


def test_expected_loss_and_allowance_are_in_every_export() -> None:
    first = sample_night().parts[0].findings[0]
    allowed = first.finding.model_copy(update={"allowed": "=leasing, approved", "expected_loss": None})
    findings = [first, first.model_copy(update={"finding": allowed})]
    told = [json.loads(line) for line in findings_jsonl(findings, lang="en").splitlines()]
    assert [(each["expected_loss"], each["allowed"]) for each in told] == [
        (32100.0, None),
        (None, "=leasing, approved"),
    ]
    rows = list(csv.DictReader(io.StringIO(findings_csv(findings, lang="en"))))
    assert [(row["expected_loss"], row["allowed"]) for row in rows] == [("32100.00", ""), ("", "'=leasing, approved")]
    sheet = pl.read_excel(io.BytesIO(findings_xlsx(findings, lang="en")))
    assert sheet.select("expected_loss", "allowed").rows() == [(32100.0, None), (None, "=leasing, approved")]
