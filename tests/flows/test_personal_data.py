"""No output of a night holds a personal value or a secret that was planted in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import polars as pl
import pytest

from flows.warehouse import Warehouse, sql
from tests.flows.conftest import DATA_DATE, TWICE, payments

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("nightly")]

NAME, ACCOUNT, APPROVER, QUARANTINED = (
    "Zoë Quintanilla-Öztürk",
    "ES7921000813610123456789",
    "u-839201",
    "Xaver Unlesbar",
)
SECRETS = ("smtp-hunter2-secret", "erp-hunter3-secret")
PLANTED = (NAME, ACCOUNT, ACCOUNT[4:], APPROVER, QUARANTINED, "Quintanilla", "Unlesbar", *SECRETS)


def plant(folder: Path) -> None:
    """Put persons into the records that findings will be about, one into a row that cannot be read, and passwords."""
    frame = payments()
    planted = pl.col("payment").is_in(list(TWICE))
    frame = frame.with_columns(
        created_by=pl.when(planted).then(pl.lit(NAME)).otherwise("created_by"),
        iban=pl.when(planted)
        .then(pl.lit("ES79 2100 0813 6101 2345 6789"))
        .otherwise(pl.lit("ES00") + pl.col("supplier")),
        approved=pl.when(planted).then(pl.lit(APPROVER)).otherwise(pl.lit("u-1")),
    )
    unreadable = frame.tail(1).with_columns(
        payment=pl.lit("P00999"), amount=pl.lit("many"), created_by=pl.lit(QUARANTINED), iban=pl.lit(ACCOUNT)
    )
    pl.concat([frame, unreadable]).write_csv(folder / "data" / "payments-2026.csv")
    (folder / "data" / "staff.csv").write_text(f"created_by,iban\n{NAME},{ACCOUNT}\nBob,ES11\n", encoding="utf-8")
    monitor = folder / "monitors" / "payments.yaml"
    monitor.write_text(
        monitor.read_text(encoding="utf-8")
        + "  iban: {role: person, field: bank_account}\n  approved: {role: person, field: approved_by}\n"
        + "references:\n  employees: {files: data/staff.csv, person: [created_by]}\n",
        encoding="utf-8",
    )
    settings = folder / "sereno.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("narration: false\n", "")
        + 'mail: {password: "${SMTP}"}\n'
        + 'databases: {erp: {kind: postgresql, host: localhost, database: d, user: u, password: "${ERP}"}}\n',
        encoding="utf-8",
    )


def command(folder: Path, *arguments: str, debug: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SMTP": SECRETS[0], "ERP": SECRETS[1], "SERENO_DEBUG": "1" if debug else "0"}
    environment = {name: value for name, value in environment.items() if not name.startswith("PREFECT")}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments, "--workspace", str(folder), "--json"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment,
    )


def outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file of the workspace but sources, settings and the warehouse, unpacked; and what is derived in it."""
    own = {"data", "monitors", "sereno.yaml", "warehouse.duckdb", ".sereno-key"}
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder)
        if path.is_file() and where.parts[0] not in own:
            yield from unpacked(str(where), path.read_bytes())
    with Warehouse(folder / "warehouse.duckdb", work=folder / "work").reading() as connection:
        sources = {name for (name,) in sql.rows(connection, "SELECT DISTINCT table_name FROM stored_columns")}
        for (table,) in sql.rows(connection, "SELECT table_name FROM duckdb_tables()"):
            # Records, references and what was quarantined of them are the warehouse's purpose; all else is derived.
            if table not in sources | {"quarantine"}:
                yield table, repr(sql.rows(connection, f"SELECT * FROM {sql.quoted(table)}"))


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    if name.endswith((".xlsx", ".zip")):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for inner in packed.namelist():
                yield from unpacked(f"{name}/{inner}", packed.read(inner))
    elif name.endswith(".eml"):
        for part in message_from_bytes(content, policy=policy.default).walk():
            yield name, "".join(f"{key}: {value}\n" for key, value in part.items())
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield from unpacked(f"{name}/{part.get_filename() or part.get_content_type()}", payload)
    else:
        yield name, content.decode(errors="replace")


def test_no_output_of_a_night_holds_a_planted_personal_value_or_secret(folder: Path) -> None:
    plant(folder)
    night = command(folder, "run", "--data-date", str(DATA_DATE))
    assert night.returncode == 0, night.stderr
    listed = command(folder, "findings")
    about = [json.loads(line)["id"] for line in listed.stdout.splitlines() if TWICE[0] in line]
    assert about, listed.stdout
    packed = command(folder, "evidence", about[0])
    assert packed.returncode == 0, packed.stderr
    told = dict(outputs(folder))
    assert any(name.startswith(".prefect/") for name in told), "Prefect's own database is looked at, too"
    assert any(name.endswith("records.csv") for name in told)
    assert "skeletons" in told, "the model's cache is looked at, too"
    for index, done in enumerate(
        (night, listed, packed, command(folder, "audit", "export"), command(folder, "doctor"))
    ):
        told |= {f"output {index}": done.stdout, f"errors {index}": done.stderr}
    assert any(TWICE[0] in text for name, text in told.items() if name.endswith(".html")), "the finding is told"
    assert any("person-" in text for text in told.values()), "its person is told by a mask"
    leaks = {(name, value) for name, text in told.items() for value in PLANTED if value in text}
    assert leaks == set()


def test_a_night_that_fails_over_a_record_does_not_quote_it(folder: Path) -> None:
    plant(folder)
    source = folder / "data" / "payments-2026.csv"
    source.write_bytes(source.read_bytes() + f'P01000,"{NAME},\xff\xfe\x00'.encode("latin-1"))
    night = command(folder, "run", "--data-date", str(DATA_DATE))
    told = {**dict(outputs(folder)), "output": night.stdout, "errors": night.stderr}
    assert {(name, value) for name, text in told.items() for value in PLANTED if value in text} == set()
