"""Reference tables as the analyzers take them: masked like the records, with dated changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from analyzers.audit import analyze_audit
from analyzers.persons import mask_of as mask
from analyzers.results import Flag
from analyzers.settings import Material
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.reference_material import account_changes, masked_references
from flows.warehouse import Warehouse, snapshots

KEY = b"k" * 64
DAY = date(2026, 3, 10)
OLD, NEW = "ES91 2100 0418 4502 0005 1332", "ES7921000813610123456789"


def monitor(account_role: str = "person", **stated: object) -> Monitor:
    columns = {
        "id": "key",
        "paid": "time",
        "vendor": "entity",
        "amount": "exposure",
        "iban": {"role": account_role, "field": "bank_account"},
        "clerk": {"role": "person", "field": "created_by"},
    }
    references = {
        "vendors": {"files": "v.csv"},
        "employees": {"files": "e.csv", "person": ["name"]},
    }
    return Monitor.model_validate(
        {"name": "m", "title": "M", "records": {"files": "r.csv"}, "references": references, "columns": columns}
        | stated
    )


VENDORS = pl.DataFrame({"vendor": ["V1", "V2", "V3"], "bank account": [NEW.lower(), "ES111111", None]})
EMPLOYEES = pl.DataFrame({"number": ["E1"], "name": ["Ana"], "clerk": ["ana"], "iban": ["ES11 1111"]})


def records() -> pl.DataFrame:
    """Payments to three vendors, to the accounts that the masters have now; V1's is new."""
    at = datetime(2026, 3, 10, 9, tzinfo=UTC)
    return pl.DataFrame(
        {
            "id": ["P1", "P2", "P3"],
            "record_id": ["r1", "r2", "r3"],
            "paid": [at + timedelta(minutes=i) for i in range(3)],
            "vendor": ["V1", "V2", "V3"],
            "amount": [Decimal("100.0000")] * 3,
            "iban": [NEW, "ES 1111 11", "ES222222"],
            "clerk": ["bo"] * 3,
        },
        schema_overrides={"paid": pl.Datetime("us", "UTC"), "amount": pl.Decimal(18, 4)},
    )


def test_accounts_are_masked_with_the_records_and_named_columns_always() -> None:
    tables = {"vendors": VENDORS, "employees": EMPLOYEES}
    masked = masked_references(monitor(), tables, KEY)
    own = mask_persons(records(), monitor().described(), KEY)
    assert masked["vendors"]["bank account"][0] == own["iban"][0] == mask(NEW, KEY)
    assert masked["employees"]["iban"][0] == own["iban"][1]
    assert masked["employees"]["name"][0] == mask("ana", KEY)
    assert masked["employees"]["clerk"][0] == mask("ana", KEY)
    assert masked["vendors"]["vendor"].to_list() == ["V1", "V2", "V3"]
    plain = masked_references(monitor("ignore"), tables, KEY)
    assert plain["vendors"].equals(VENDORS)
    assert plain["employees"]["name"][0] == mask("ana", KEY)
    assert masked_references(monitor(unmask=True), tables, KEY)["employees"].equals(EMPLOYEES)


def test_a_mask_cannot_be_forged_by_a_value_that_looks_like_one() -> None:
    assert mask("person-0123456789", KEY) != "person-0123456789"


@pytest.mark.parametrize("role", ["person", "ignore"])
def test_a_changed_account_reaches_the_audit_test_masked_where_it_is_personal(tmp_path: Path, role: str) -> None:
    said = monitor(role)
    key = KEY
    with Warehouse(tmp_path / "w.duckdb").writing() as connection:
        before = VENDORS.with_columns(
            pl.when(pl.col("vendor") == "V1").then(pl.lit(OLD)).otherwise("bank account").alias("bank account")
        )
        for day, table in ((DAY - timedelta(days=9), before), (DAY - timedelta(days=2), VENDORS)):
            snapshots.take(connection, "m", "vendors", table, day)
        batch = mask_persons(records(), said.described(), key)
        changes = account_changes(connection, said, VENDORS, batch, until=DAY, key=key)
        early = account_changes(connection, said, VENDORS, batch, until=DAY - timedelta(days=3), key=key)
    assert early is not None
    assert early.is_empty()
    assert changes is not None
    assert changes.select("entity", "changed_on").rows() == [("V1", DAY - timedelta(days=2))]
    tables = {"vendors": VENDORS, "employees": EMPLOYEES}
    given = Material(
        columns=said.described(), history=batch.clear(), batch=batch, settings=said.analysis_settings(),
        references=masked_references(said, tables, key), hash_key=key, account_changes=changes,
    )  # fmt: skip
    found = {flag.type: flag for flag in analyze_audit(given).flags}
    assert _values(found["bank_changed"])["days"] == 2
    shared = found["shared_bank_account"]
    assert shared.subject.id == "V2"
    shown = str([flag.model_dump() for flag in found.values()])
    assert ("13" + "32" in shown) is (role == "ignore")
    if role == "person":
        assert _values(found["bank_changed"])["current"] == mask(NEW, key)


def _values(flag: Flag) -> dict[str, object]:
    return {**flag.facts[0].values}


def test_without_a_vendor_table_or_its_account_nothing_is_dated(tmp_path: Path) -> None:
    batch = mask_persons(records(), monitor().described(), KEY)
    with Warehouse(tmp_path / "w.duckdb").writing() as connection:
        for vendors in (None, VENDORS.drop("bank account"), VENDORS.with_columns(vendor=pl.lit("other"))):
            assert account_changes(connection, monitor(), vendors, batch, until=DAY, key=KEY) is None
        known = account_changes(connection, monitor(), VENDORS, batch, until=DAY, key=KEY)
    assert known is not None
    assert known.is_empty()
