"""Input that nobody would choose: every audit test and data check survives it, and says what it could not do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from analyzers.analyze import analyze
from analyzers.audit import TESTS, analyze_audit
from analyzers.audit.circumstances import CIRCUMSTANCES
from analyzers.columns import Column, Columns, Field, Role, Shape
from analyzers.results import CheckStatus
from analyzers.settings import AnalysisSettings, Material
from flows.sources.conforming import conform
from flows.sources.files import read_files
from tests.analyzers.ledger_records import COLUMNS, MONDAY, frame, material, ordinary, payment

NAMES = {test.name for test in TESTS} | {entry.name for entry in CIRCUMSTANCES}
REFERENCES = {
    "vendors": pl.DataFrame({"vendor": [None, "V1"], "changed account": [None, None], "intercompany": [None, None]}),
    "employees": pl.DataFrame({"id": ["E1", None], "iban": [None, ""]}),
    "holidays": pl.DataFrame({"day": ["no date", None]}),
    "closing_days": pl.DataFrame({"day": pl.Series([], dtype=pl.Date)}),
    "payment_runs": pl.DataFrame({"n": [1.0]}),
    "rates": pl.DataFrame({"code": [None, "XXX"], "rate": [None, float("inf")]}),
    "allowed": pl.DataFrame({"entity": [None, "V1"], "reason": ["", None]}),
}


def names_tested(given: Material) -> set[str]:
    """Names of the audit tests that left a check; the whole analysis must go through."""
    analyze(replace(given, references=REFERENCES))
    return {check.name for check in analyze_audit(given).checks}


@pytest.mark.parametrize("name", [column.name for column in COLUMNS.columns if column.role is not Role.KEY])
@pytest.mark.parametrize("references", [{}, REFERENCES])
def test_a_column_that_is_not_there_or_all_null_is_survived(name: str, references: dict[str, pl.DataFrame]) -> None:
    given = replace(material([payment(i) for i in range(40)], ordinary(300)), references=references)
    without = COLUMNS.model_copy(update={"columns": tuple(c for c in COLUMNS.columns if c.name != name)})
    less = replace(given, columns=without, batch=given.batch.drop(name), history=given.history.drop(name))
    assert names_tested(less) >= NAMES
    empty = pl.lit(None, given.batch.schema[name]).alias(name)
    nulls = replace(given, batch=given.batch.with_columns(empty), history=given.history.with_columns(empty))
    assert names_tested(nulls) >= NAMES


def test_every_missing_field_is_named_by_the_test_that_needs_it() -> None:
    bare = Columns(shape=Shape.EVENTS, columns=(Column(name="id", role=Role.KEY),))
    rows = frame([payment(1)]).select("id", "record_id")
    outcome = analyze_audit(Material(columns=bare, history=rows.clear(), batch=rows, settings=AnalysisSettings()))
    assert {check.status for check in outcome.checks} == {CheckStatus.SKIPPED}
    columns = {check.name: check.values.get("columns") for check in outcome.checks}
    assert columns["self_approved"] == "created_by, approved_by"


@pytest.mark.parametrize("height", [0, 1, 2])
@pytest.mark.parametrize("past", [0, 1, 2])
def test_few_records_are_survived(height: int, past: int) -> None:
    given = material([payment(i) for i in range(height)], ordinary(past))
    assert names_tested(given) >= NAMES


ODD: dict[str, Any] = {
    "huge": {"amount": pl.lit("99999999999999.9999").cast(pl.Decimal(18, 4))},
    "zero": {"amount": pl.lit(0).cast(pl.Decimal(18, 4))},
    "negative": {"amount": -pl.col("amount")},
    "one instant": {"paid": pl.lit(MONDAY).cast(pl.Datetime("us", "UTC"))},
    "year 1": {"paid": pl.lit(datetime(1, 1, 1, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))},
    "year 9999": {"paid": pl.lit(datetime(9999, 12, 31, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))},
    "backwards": {"paid": pl.col("paid").reverse()},
    "one number": {"number": pl.lit("4711")},
    "long number": {"number": pl.lit("9" * 5_000)},
    "marks": {"number": pl.lit("\u202e--//;DROP TABLE--"), "vendor": pl.lit("<script>'\"\x00")},
    "itself": {"reverses": pl.col("id")},
    "nobody": {"clerk": pl.lit(""), "manager": pl.lit(" ")},
}


@pytest.mark.parametrize("case", list(ODD))
def test_odd_values_are_survived(case: str) -> None:
    given = material([payment(i) for i in range(40)], ordinary(300))
    changed = [expr.alias(name) for name, expr in ODD[case].items()]
    assert names_tested(replace(given, batch=given.batch.with_columns(changed))) >= NAMES
    assert names_tested(replace(given, history=given.history.with_columns(changed))) >= NAMES


def test_european_decimals_and_spaced_accounts_are_read_and_compared(tmp_path: Any) -> None:
    head = "id;pagado;proveedor;factura;importe;iban\n"
    usual = [
        f"P{i};{2 + i % 20:02}/03/2026 10:00:00;V{i % 9};F-{i};{1_000 + 7 * i},{i % 100:02};ES{i % 9:020d}"
        for i in range(90)
    ]
    twice = [f"Q{i};2{i}/03/2026 10:00:00;V1;F-9999;12.345,67;ES00 0000 0000 0000 0000 01" for i in (1, 3)]
    (tmp_path / "pagos.csv").write_text(head + "\n".join([*usual, *twice]) + "\n", encoding="latin-1")
    columns = Columns(
        shape=Shape.EVENTS,
        columns=(
            Column(name="id", role=Role.KEY),
            Column(name="pagado", role=Role.TIME),
            Column(name="proveedor", role=Role.ENTITY),
            Column(name="factura", role=Role.IGNORE, field=Field.INVOICE),
            Column(name="importe", role=Role.EXPOSURE),
            Column(name="iban", role=Role.IGNORE, field=Field.BANK_ACCOUNT),
        ),
    )
    records = conform(read_files([tmp_path / "pagos.csv"]), columns, timezone="Europe/Madrid").frame
    given = Material(columns, records.clear(), records, AnalysisSettings(skip=("ensemble",), currency="EUR"))
    flags = [flag for flag in analyze_audit(given).flags if flag.type == "duplicate_payment"]
    assert [(flag.subject.label, str(flag.exposure)) for flag in flags] == [("Q3", "12345.67")]


def test_the_order_of_rows_changes_nothing() -> None:
    batch = [payment(i) for i in range(40)]
    batch[7] |= {
        "number": batch[3]["number"],
        "amount": batch[3]["amount"],
        "paid": batch[3]["paid"] + timedelta(days=1),
    }
    given = material(batch, ordinary(600))
    shuffled = replace(
        given, batch=given.batch.reverse(), history=given.history.sample(fraction=1, shuffle=True, seed=1)
    )
    plain, other = (analyze(each).findings for each in (given, shuffled))
    assert [finding.fingerprint for finding in plain] == [finding.fingerprint for finding in other]
    assert [finding.facts for finding in plain] == [finding.facts for finding in other]
    assert plain
