"""Partitions on a Dask cluster: the same night as in one process, to the last finding, whatever happens to a worker."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import psutil
import pytest
from distributed import LocalCluster
from distributed.security import Security

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.errors import OperationError, SerenoError, UsageError
from analyzers.series.assets import AssetAnalysis
from analyzers.series.samples import samples_by_asset
from analyzers.settings import AnalysisSettings, Material
from flows.dask_settings import DaskSettings
from flows.demo import ledger, plant
from flows.doctor.dask import look_at_dask
from flows.doctor.line import Patient, Status
from flows.egress import guard
from flows.egress.destinations import destinations_of
from flows.spreading import deciding
from flows.spreading.cluster import Cluster
from flows.spreading.partition import Partition
from flows.spreading.parts import read_part, write_part
from flows.version import code_version
from flows.workspace import Workspace
from tests.flows.command_line import sereno
from tests.flows.conftest import free_port

DAY = date(2026, 11, 15)
TOLD = ("flags", "facts", "findings", "narratives", "checks", "candidates", "entity_risk", "run_findings")
"""Tables that hold what a night decided and says."""
UNLIKE = {"run", "run_id", "at", "created_at", "decided_at"}
"""Columns of the clock and of the night's own."""
SERENO = (sys.executable, "-m", "flows.cli")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with ledger and plant that no night has seen; its settings are still to be written."""
    folder = tmp_path_factory.mktemp("site")
    ledger.write(ledger.simulate(1, DAY), folder / "data" / "ledger")
    plant.write(plant.simulate(1, DAY), folder / "data" / "plant")
    (folder / "monitors").mkdir()
    for name in ("ledger", "plant"):
        shutil.copy(Path(__file__).parents[2] / "monitors" / f"{name}.yaml", folder / "monitors")
    (folder / ".sereno-key").write_text("5e" * 32, encoding="utf-8")
    (folder / ".sereno-key").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def alone(site: Path, tmp_path_factory: pytest.TempPathFactory, server: str) -> dict[str, list[str]]:
    """What a night tells that stays in its own process."""
    folder = copied(site, tmp_path_factory.mktemp("alone"))
    assert "partitions" not in night(folder, server)
    found = told(folder)
    assert all(found.values())
    return found


def copied(site: Path, folder: Path, more: str = "") -> Path:
    shutil.copytree(site, folder, dirs_exist_ok=True)
    folder.chmod(0o700)
    text = f"timezone: Europe/Madrid\nnarration: false\nprefect: {{port: {free_port()}}}\n{more}"
    (folder / "sereno.yaml").write_text(text, encoding="utf-8")
    return folder


def night(folder: Path, server: str) -> str:
    """Run a night that must go well; what it said."""
    status, lines, said = sereno(folder, "run", "--data-date", str(DAY), "--no-mail", server=server)
    assert (status, [line["status"] for line in lines]) == (0, ["done", "done"]), said
    return said


def told(folder: Path) -> dict[str, list[str]]:
    """Every line of what a night decided, by table."""
    found = {}
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        for table in TOLD:
            cursor = connection.execute(f"SELECT * FROM {table}")
            kept = [place for place, column in enumerate(cursor.description or ()) if column[0] not in UNLIKE]
            found[table] = sorted(repr([row[place] for place in kept]) for row in cursor.fetchall())
    return found


@pytest.mark.long
@pytest.mark.xdist_group("dask")
def test_two_workers_tell_what_one_process_tells(
    site: Path, alone: dict[str, list[str]], tmp_path: Path, server: str
) -> None:
    folder = copied(site, tmp_path, "dask: {workers: 2, rows: 4096}\n")
    said = night(folder, server)
    assert said.count(" partitions on 2 workers: ") >= 2
    assert told(folder) == alone
    # Whatever a worker or the cluster tries beyond loopback is refused and kept.
    assert not (folder / "egress.log").exists()
    assert not list((folder / "work").glob("night-*"))


@pytest.mark.slow
@pytest.mark.xdist_group("dask")
def test_a_worker_killed_within_its_partition_changes_nothing(
    site: Path, alone: dict[str, list[str]], tmp_path: Path, server: str
) -> None:
    folder = copied(site, tmp_path, "dask: {workers: 2, rows: 4096}\n")
    command = [*SERENO, "run", "--workspace", str(folder), "--data-date", str(DAY), "--no-mail", "--json"]
    environment = {**os.environ, "PREFECT_API_URL": server}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        killed = None
        while killed is None and process.poll() is None:
            # One asset is done and two are left: whichever worker it is, it has one of them.
            if list(folder.glob("work/night-*/partitions/*/*.made.outcome")):
                listening, workers = inspected(process.pid)
                killed = workers[0]
                killed.kill()
            time.sleep(0.02)
        lines = [json.loads(line) for line in (process.communicate(timeout=250)[0]).splitlines()]
    assert killed is not None
    assert listening == {"127.0.0.1"}
    assert [line["status"] for line in lines] == ["done", "done"]
    assert told(folder) == alone


def inspected(pid: int) -> tuple[set[str], list[psutil.Process]]:
    """At which addresses a process and its children listen, and which of them are Dask's workers."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    listening = {
        connection.laddr.ip
        for one in family
        for connection in one.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    return listening, [one for one in family if "spawn_main" in " ".join(one.cmdline())]


@pytest.mark.long
@pytest.mark.xdist_group("dask")
def test_a_scheduler_with_tls_takes_workers_that_have_the_guard(
    site: Path, alone: dict[str, list[str]], tmp_path: Path, server: str
) -> None:
    port = free_port()
    tls = {"authority": "ca.pem", "certificate": "cert.pem", "key": "key.pem"}
    dask = {"scheduler": f"tls://127.0.0.1:{port}", "tls": tls, "rows": 4096, "wait": 30}
    folder = copied(site, tmp_path, f"dask: {json.dumps(dask)}\n")
    made = Security.temporary()  # type: ignore[no-untyped-call]
    for name, content in (("ca", made.tls_ca_file), ("cert", made.tls_client_cert), ("key", made.tls_client_key)):
        (folder / f"{name}.pem").write_text(content, encoding="ascii")
        (folder / f"{name}.pem").chmod(0o600)
    with dask_process(folder, "scheduler", "--host", "127.0.0.1", "--port", str(port)):
        status, lines, said = sereno(folder, "run", "--data-date", str(DAY), "--no-mail", server=server)
        assert status == 1, said
        assert "no worker at tls://" in lines[0]["message"]
        worker = ("worker", f"tls://127.0.0.1:{port}", "--host", "127.0.0.1", "--nthreads", "1")
        with dask_process(folder, *worker):
            status, lines, said = sereno(folder, "run", "--data-date", str(DAY), "--no-mail", server=server)
            assert status == 2, said
            assert "without the egress guard" in lines[0]["message"]
        preload = ("--preload", "flows.spreading.worker")
        with dask_process(folder, *worker, *preload), dask_process(folder, *worker, *preload):
            night(folder, server)
    assert told(folder) == alone
    assert not (folder / "egress.log").exists()


def test_each_monitor_waits_anew_for_a_first_worker(tmp_path: Path) -> None:
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=0, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None
    ) as nobody:
        settings = DaskSettings(scheduler=nobody.scheduler_address, rows=4_096, wait=1)
        with Cluster(settings, tmp_path, tmp_path) as cluster:
            for _ in range(2):
                with pytest.raises(OperationError, match="no worker at tcp"):
                    cluster.blocks(20_000)


@contextmanager
def dask_process(folder: Path, kind: str, *arguments: str) -> Iterator[None]:
    """`dask scheduler` or `dask worker`, as a site starts them."""
    files = ("--tls-ca-file", "ca.pem", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    command = [sys.executable, "-m", "dask", kind, *arguments, *files, "--no-dashboard"]
    environment = {**os.environ, "SERENO_WORKSPACE": str(folder)}
    environment.pop(guard.VARIABLE, None)
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def vibrating() -> Material:
    """Three machines by the minute for a day, then two hours in which one shakes."""
    rng, start = np.random.default_rng(2), datetime(2026, 5, 1, tzinfo=UTC)
    times = pl.datetime_range(start, start + timedelta(hours=26), "1m", closed="left", eager=True, time_unit="us")
    frames = [
        pl.DataFrame({"time": times, "pump": [name] * len(times), "speed": rng.normal(size=len(times))})
        for name in ("P1", "P2", "P3")
    ]
    frame = pl.concat(frames).with_columns(
        speed=pl.when((pl.col("pump") == "P2") & (pl.col("time") > start + timedelta(hours=25)))
        .then(pl.col("speed") + 9)
        .when(pl.col("time").dt.minute() == 7)
        .then(None)
        .otherwise("speed"),
        record_id=pl.int_range(pl.len()).cast(pl.String),
    )
    roles = {"time": Role.TIME, "pump": Role.ENTITY, "speed": Role.MEASURE}
    old = pl.col("time") < start + timedelta(hours=24)
    return Material(
        Columns(shape=Shape.SERIES, columns=tuple(Column(name=name, role=role) for name, role in roles.items())),
        frame.filter(old),
        frame.filter(~old),
        AnalysisSettings(),
    )


def same(one: Any, other: Any) -> bool:
    """Whether two parts are equal, field by field; NaN is itself."""
    pairs = [(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)]
    return all(
        a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        if isinstance(a, np.ndarray)
        else a == b
        for a, b in pairs
    )


def test_parts_come_back_from_files_as_they_were(tmp_path: Path) -> None:
    material = vibrating()
    analysis = AssetAnalysis((), material.columns, material.settings)
    flags = 0
    for number, samples in enumerate(samples_by_asset(material, None)):
        outcome = analysis(samples)
        flags += len(outcome.flags)
        for name, part in ((f"{number}", samples), (f"{number}.made", outcome)):
            write_part(tmp_path, name, part)
            assert same(read_part(tmp_path, name), part)
    assert flags
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    write_part(tmp_path, "rows", rows)
    assert np.array_equal(read_part(tmp_path, "rows"), rows)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_no_pickle_is_read(tmp_path: Path) -> None:
    with (tmp_path / "0.array").open("wb") as file:
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="Python objects"):
        read_part(tmp_path, "0")


@pytest.mark.parametrize(
    ("guarded", "code", "there", "error", "said"),
    [
        (False, "", True, UsageError, "without the egress guard"),
        (True, "0.0.1+0123", True, UsageError, "the night 0.0.1"),
        (True, "", False, OperationError, "does not see the night's folder"),
    ],
)
def test_a_worker_that_is_not_like_the_night_computes_nothing(
    guarded: bool,
    code: str,
    there: bool,
    error: type[SerenoError],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "is_installed", lambda: guarded)
    monkeypatch.setattr(os, "umask", lambda _: 0o077)
    partition = Partition(tmp_path if there else tmp_path / "gone", (0,), len, code or code_version())
    with pytest.raises(error, match=said):
        partition.compute()


def settings(folder: Path, dask: str) -> Workspace:
    folder.chmod(0o700)
    (folder / "sereno.yaml").write_text(f"dask: {dask}\n", encoding="utf-8")
    return Workspace.open(folder)


@pytest.mark.parametrize(
    ("dask", "said"),
    [
        ("{}", "name `workers`"),
        ("{workers: 2, scheduler: 'tcp://127.0.0.1:8786'}", "name `workers`"),
        ("{scheduler: '10.0.0.5:8786'}", "no address of a scheduler"),
        ("{scheduler: 'tcp://10.0.0.5:8786'}", "can run programs on it"),
        ("{scheduler: 'tls://10.0.0.5:8786'}", "needs `tls`"),
        ("{workers: 2, rows: 10}", "4096"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(dask: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SerenoError, match=said):
        settings(tmp_path, dask)


TLS = "{authority: ca.pem, certificate: cert.pem, key: key.pem}"


def test_the_scheduler_is_an_address_that_may_be_talked_to(tmp_path: Path) -> None:
    workspace = settings(tmp_path, f"{{scheduler: 'tls://dask.example:8786', tls: {TLS}}}")
    (found,) = destinations_of(workspace.settings)
    assert (str(found), found.setting) == ("dask.example:8786", "dask.scheduler")
    (tmp_path / "key.pem").touch()
    (tmp_path / "key.pem").chmod(0o644)
    with pytest.raises(UsageError, match=r"key\.pem: others can read this private key"):
        workspace.prepare()


def test_missing_packages_are_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = settings(tmp_path, "{workers: 1}")
    monkeypatch.setattr(deciding, "PACKAGES", ("dask", "a_package_that_is_not_there"))
    with pytest.raises(UsageError, match=r"a_package_that_is_not_there is not installed; .*sereno\[dask\]"):
        deciding.check_installed(workspace.settings.dask)
    deciding.check_installed(None)
    (line,) = look_at_dask(Patient(workspace))
    assert line.status is Status.PROBLEM


def judged(workspace: Workspace, *, connect: bool = False) -> Status:
    (line,) = look_at_dask(Patient(workspace, connect=connect))
    return line.status


def test_the_doctor_looks_at_the_cluster(tmp_path: Path) -> None:
    assert judged(settings(tmp_path, "{workers: 1}")) is Status.OK
    assert judged(settings(tmp_path, "{workers: 256}")) is Status.WARNING
    nobody = settings(tmp_path, f"{{scheduler: 'tcp://127.0.0.1:{free_port()}'}}")
    assert judged(nobody) is Status.OK
    assert judged(nobody, connect=True) is Status.PROBLEM
    assert not list(look_at_dask(Patient(None)))


@pytest.mark.slow
def test_without_a_dask_section_no_line_of_dask_is_imported() -> None:
    check = "import sys, flows.nightly, flows.cli; print({'dask', 'distributed', 'prefect_dask'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
