"""The doctor: what it finds, and that it changes nothing."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from analyzers.errors import OperationError
from flows.cli import status
from flows.doctor.line import Line, Patient, Status, ok
from flows.doctor.machine import look_at_machine
from flows.doctor.mail import look_at_mail
from flows.doctor.model import judge_build, look_at_model
from flows.doctor.prefect import look_at_prefect
from flows.doctor.sections import SECTIONS, examine
from flows.doctor.software import locked_versions, look_at_software, meets
from flows.doctor.sources import look_at_sources
from flows.doctor.workspace import look_at_workspace
from flows.model_store import register
from flows.warehouse import Warehouse, schema
from flows.workspace import Workspace
from reports.narrator.engines import default_model_path

MONITOR = """\
title: Payments
owners: [a@example.com]
records: {files: data/*.csv}
columns: {payment: {role: key}, paid_at: time, amount: exposure}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def site(folder: Path, settings: str = "", monitor: str | None = MONITOR) -> Patient:
    folder.chmod(0o700)
    text = f"timezone: Europe/Madrid\nprefect: {{port: {free_port()}}}\n{settings}"
    (folder / "sereno.yaml").write_text(text, encoding="utf-8")
    (folder / "monitors").mkdir(exist_ok=True)
    if monitor is not None:
        (folder / "monitors" / "payments.yaml").write_text(monitor, encoding="utf-8")
    return Patient(Workspace.open(folder))


def told(lines: Iterator[Line]) -> dict[str, Line]:
    return {line.name: line for line in lines}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# -- as a whole --------------------------------------------------------------------------------------------------------
def test_the_doctor_changes_nothing_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "payments.csv").write_text("payment,paid_at,amount\n1,2026-01-01,5\n", encoding="utf-8")
    before = contents(tmp_path)
    assert status(["doctor", "--workspace", str(tmp_path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["section"] for line in lines} == set(SECTIONS)
    assert all((line["remedy"] is None) == (line["status"] == "ok") for line in lines)
    assert contents(tmp_path) == before
    assert status(["doctor", "--workspace", str(tmp_path)]) == 0
    assert "-> " in capsys.readouterr().out


def test_a_problem_is_an_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site(tmp_path, monitor="columns: {amount: exposure}\n")
    assert status(["doctor", "--workspace", str(tmp_path)]) == 1
    assert "problem  workspace" in capsys.readouterr().out


def test_sources_are_looked_at_and_contacted_only_where_asked(tmp_path: Path) -> None:
    settings = (
        "databases:\n"
        "  shop: {kind: sqlite, file: shop.db}\n"
        "  lake: {kind: duckdb, file: lake.duckdb}\n"
        "  erp: {kind: postgresql, host: 127.0.0.1, port: 1, database: d, user: u}\n"
        "  far: {kind: postgresql, host: db.example.com, database: d, user: u, tls: prefer}\n"
    )
    monitor = MONITOR + "references: {vendors: {database: shop, table: vendors}, limits: {files: limits.csv}}\n"
    patient = site(tmp_path, settings, monitor)
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE vendors (vendor)")
    connection.close()
    (tmp_path / "data").mkdir()
    old = tmp_path / "data" / "payments.csv"
    old.write_text("payment,paid_at,amount\n1,2026-01-01,5\n", encoding="utf-8")
    os.utime(old, (0, 0))
    lines = list(look_at_sources(patient))
    assert [(line.name, line.status) for line in lines] == [
        ("shop", Status.OK),
        ("lake", Status.PROBLEM),
        ("erp", Status.OK),
        ("far", Status.WARNING),
        ("far", Status.OK),
        ("payments", Status.WARNING),
        ("payments.limits", Status.PROBLEM),
    ]
    assert "days old" in lines[5].text
    # Nobody outside is asked, not even by a test.
    near = site(tmp_path, settings.partition("  far:")[0], monitor).workspace
    contacted = told(look_at_sources(Patient(near, connect=True)))
    assert contacted["erp"].status is Status.PROBLEM
    assert "Connection refused" in contacted["erp"].text
    assert contacted["payments.vendors"].text == "shop: vendors has 1 columns"


def test_a_section_that_fails_does_not_silence_the_next() -> None:
    def failing(patient: Patient) -> Iterator[Line]:
        yield ok("first", "")
        raise OperationError("it is broken; mend it")

    def sound(patient: Patient) -> Iterator[Line]:
        yield ok("fine", "")

    lines = list(examine(Patient(None), {"one": failing, "two": sound}))
    assert [(name, line.status, line.remedy) for name, line in lines] == [
        ("one", Status.OK, None),
        ("one", Status.PROBLEM, "mend it"),
        ("two", Status.OK, None),
    ]


# -- software and Prefect ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "wanted", "met"),
    [
        ("0.150.0", ">=0.139,<0.151", True),
        ("0.155.1", ">=0.139,<0.151", False),
        ("2.0.58", ">=2.0,<2.1", True),
        ("2.1.0b1", ">=2.0,<2.1", False),
        ("3.8.8", "==3.8.8", True),
        ("3.8.10", "==3.8.8", False),
        ("2.0", "==2.0.0", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, met: bool) -> None:
    assert meets(version, wanted) is met


def test_packages_that_do_not_fit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(look_at_software(Patient(None)))
    assert {lines["python"].status, lines["packages"].status} == {Status.OK}
    monkeypatch.setattr(metadata, "requires", lambda name: ["duckdb==1.0.0", "no-such-package>=1"])
    found = [line.text for line in look_at_software(Patient(None)) if line.status is Status.PROBLEM]
    assert len(found) == 2
    assert "no-such-package is missing" in found


def test_a_lock_may_hold_several_versions() -> None:
    lock = '[[package]]\nname = "x"\nversion = "1"\n[[package]]\nname = "x"\nversion = "2"\n[[package]]\nname = "y"\n'
    assert locked_versions(lock) == {"x": frozenset({"1", "2"})}


def test_silent_breakages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = site(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").touch()
    monkeypatch.setattr("flows.doctor.prefect.SILENT", (("fastapi", "<0.1", "it stops"),))
    monkeypatch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "true")
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api")
    lines = list(look_at_prefect(patient))
    statuses = {line.name: line.status for line in lines}
    assert (statuses["fastapi"], statuses["folders"]) == (Status.PROBLEM, Status.PROBLEM)
    assert {line.status for line in lines if line.name == "environment"} == {Status.WARNING, Status.PROBLEM}


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    patient = site(tmp_path)
    assert patient.workspace is not None
    with socket.socket() as other:
        other.bind(("127.0.0.1", patient.workspace.settings.prefect.port))
        other.listen()
        assert "is taken" in told(look_at_prefect(patient))["server"].text


# -- model and machine -------------------------------------------------------------------------------------------------
SAID = "CPU : SSE3 = 1 | AVX = 1 | AVX2 = 1 | AVX512 = 1 | AVX512_VBMI = 1 | REPACK = 1 | "


def test_a_build_for_another_processor_is_told() -> None:
    every = frozenset({"pni", "avx", "avx2", "avx512f", "avx512vbmi"})
    assert judge_build(SAID, gpu=False, has=every).status is Status.OK
    lacking = judge_build(SAID, gpu=False, has=every - {"avx512vbmi"})
    assert (lacking.status, "AVX512_VBMI" in lacking.text) == (Status.PROBLEM, True)
    assert judge_build(SAID, gpu=True, has=frozenset()).status is Status.OK


def test_the_model_in_use_is_looked_at(tmp_path: Path) -> None:
    if default_model_path() is None:
        pytest.skip("the default model is not installed")
    lines = told(look_at_model(site(tmp_path)))
    assert {lines[name].status for name in ("llama.cpp", "model", "memory")} <= {Status.OK, Status.WARNING}
    assert lines["exam"].status is Status.WARNING
    lines = told(look_at_model(site(tmp_path, "model: models/gone.gguf\n")))
    assert (lines["model"].status, "gone.gguf" in lines["model"].text) == (Status.WARNING, True)
    assert told(look_at_model(site(tmp_path, "narration: false\n")))["model"].status is Status.OK


def test_a_model_server_is_contacted_only_where_asked(tmp_path: Path) -> None:
    public = told(look_at_model(site(tmp_path, "model_server: http://8.8.8.8/v1\n")))
    assert (public["server"].status, "public address" in public["server"].text) == (Status.PROBLEM, True)
    patient = site(tmp_path, f"model_server: http://127.0.0.1:{free_port()}/v1\n")
    assert told(look_at_model(patient))["server"].status is Status.OK
    asking = Patient(patient.workspace, connect=True)
    assert told(look_at_model(asking))["server"].status is Status.PROBLEM


def test_a_model_that_was_exchanged_is_told(tmp_path: Path) -> None:
    model = default_model_path()
    if model is None:
        pytest.skip("the default model is not installed")
    patient = site(tmp_path, f"model: models/{model.name}\n")
    assert patient.workspace is not None
    (register.models_folder(patient.workspace) / model.name).symlink_to(model)
    recorded = register.Added(
        file=model.name, sha256="0" * 64, size=1, added_at=datetime(2026, 5, 31, tzinfo=UTC), origin="x"
    )
    register.remember(patient.workspace, recorded)
    line = told(look_at_model(patient))["model"]
    assert (line.status, "not the file that was recorded" in line.text) == (Status.PROBLEM, True)


def test_machine_and_time_zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(look_at_machine(site(tmp_path)))["time zones"].status is Status.OK
    monkeypatch.setattr("flows.doctor.machine.COMFORTABLE_DISK", 1 << 60)
    assert told(look_at_machine(Patient(None)))["disk"].status is Status.WARNING
    monkeypatch.setattr("flows.doctor.machine.LEAST_DISK", 1 << 60)
    assert told(look_at_machine(Patient(None)))["disk"].status is Status.PROBLEM


# -- workspace and mail ------------------------------------------------------------------------------------------------
def test_rights_are_looked_at(tmp_path: Path) -> None:
    patient = site(tmp_path)
    (tmp_path / "archive").mkdir(mode=0o755)
    (tmp_path / "archive").chmod(0o755)
    line = told(look_at_workspace(patient))["rights"]
    assert (line.status, "chmod -R go=" in (line.remedy or "")) == (Status.PROBLEM, True)
    (tmp_path / "archive").chmod(0o700)
    assert told(look_at_workspace(patient))["rights"].status is Status.OK
    tmp_path.chmod(0o777)
    assert told(look_at_workspace(patient))["rights"].status is Status.PROBLEM


def test_the_warehouse_is_opened_and_not_brought_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = site(tmp_path)
    assert patient.workspace is not None
    assert told(look_at_workspace(patient))["warehouse"].status is Status.OK
    warehouse = Warehouse.of(patient.workspace)
    with warehouse.writing():
        pass
    assert warehouse.present_version() == schema.newest()
    present = schema.newest()
    for newest, expected in ((present, Status.OK), (present - 1, Status.PROBLEM), (present + 1, Status.WARNING)):
        monkeypatch.setattr(schema, "newest", lambda newest=newest: newest)
        assert told(look_at_workspace(patient))["warehouse"].status is expected
    assert warehouse.present_version() == present
    warehouse.path.write_bytes(b"no database" * 1000)
    statuses = [line.status for name, line in examine(patient, {"workspace": look_at_workspace})]
    assert statuses[-1] is Status.PROBLEM


def test_mail_is_contacted_only_where_asked(tmp_path: Path) -> None:
    assert told(look_at_mail(site(tmp_path)))["server"].status is Status.WARNING
    port = free_port()
    patient = site(tmp_path, f"mail: {{host: 127.0.0.1, port: {port}, security: none, timeout: 5}}\n")
    assert told(look_at_mail(patient))["server"].status is Status.OK
    asking = Patient(patient.workspace, connect=True)
    assert told(look_at_mail(asking))["server"].status is Status.PROBLEM
    controller = Controller(object(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        line = told(look_at_mail(asking))["server"]
    finally:
        controller.stop()
    assert (line.status, "answers" in line.text) == (Status.OK, True)
    nobody = site(tmp_path, monitor=MONITOR.replace("owners: [a@example.com]\n", ""))
    assert told(look_at_mail(nobody))["recipients"].status is Status.WARNING
