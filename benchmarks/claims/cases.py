"""Findings with their input: the three simulators over seeds and dates, and generated tables as a scan sees them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from analyzers.analyze import analyze
from analyzers.columns import Columns
from analyzers.results import Finding
from analyzers.roles import infer_columns
from analyzers.settings import AnalysisSettings, Material
from benchmarks.batch_material import batch_material
from benchmarks.claims import generated
from benchmarks.claims.source import Settings, Source, read_table
from flows.demo import customers, ledger, plant
from flows.demo.walkthrough import example_monitors
from flows.masking import mask_persons
from flows.monitors import Monitor
from flows.sources.conforming import conform
from flows.sources.files import read_files
from flows.workspace import Workspace
from reports.contents import Lang

_FIRST_DATE = date(2026, 1, 15)
_TIMES = {"ledger": "paid_at", "plant": "time", "customers": "sold_at"}
_SIMULATORS = {"ledger": ledger, "plant": plant, "customers": customers}
_SCAN_KEY = b"sereno scan"


@dataclass(frozen=True)
class Case:
    """Findings of one run, and the files behind it as the checker reads them."""

    name: str
    lang: Lang
    zone: str
    findings: tuple[Finding, ...]
    source: Source


def cases(*, quick: bool = False) -> Iterator[Case]:
    """Every run; languages alternate, so that each simulator and table is told in both."""
    langs: tuple[Lang, Lang] = ("en", "es")
    for number in range(4 if quick else 10):
        when = _FIRST_DATE + timedelta(days=17 * (number % 7))
        yield _simulated("ledger", 500 + number, when, langs[number % 2])
    for number in range(1 if quick else 6):
        when = _FIRST_DATE + timedelta(days=17 * (number % 7))
        yield _simulated("customers", 500 + number, when, langs[number % 2])
    plants, tables = (2, len(generated.TABLES)) if quick else (32, 10 * len(generated.TABLES))
    for number in range(max(plants, tables)):
        if number < plants:
            when = _FIRST_DATE + timedelta(days=17 * (number % 7))
            yield _simulated("plant", 500 + number, when, langs[number % 2])
        if number < tables:
            name = list(generated.TABLES)[number % len(generated.TABLES)]
            yield _scanned(name, 500 + number, langs[number // len(generated.TABLES) % 2])


def _simulated(name: str, seed: int, when: date, lang: Lang) -> Case:
    """A simulator's batch through its example monitor; the checker gets the rows of its CSV files as text."""
    with tempfile.TemporaryDirectory(prefix="sereno-benchmark-") as folder:
        workspace = _workspace(Path(folder), name, seed, when)
        monitor = workspace.monitor(name)
        material = batch_material(workspace, monitor, when)
        source = _source(workspace, monitor, when, material)
        findings = analyze(material).findings
    return Case(f"{name} {seed} {when}", lang, monitor.timezone, findings, source)


def _workspace(folder: Path, name: str, seed: int, when: date) -> Workspace:
    (folder / "monitors").mkdir()
    (folder / "sereno.yaml").write_text("name: benchmark\n", encoding="utf-8")
    shutil.copyfile(example_monitors() / f"{name}.yaml", folder / "monitors" / f"{name}.yaml")
    simulator = _SIMULATORS[name]
    simulator.write(simulator.simulate(seed, when), folder / "data" / name)
    return Workspace.open(folder)


def _source(workspace: Workspace, monitor: Monitor, when: date, material: Material) -> Source:
    folder, zone, name = workspace.folder, monitor.timezone, monitor.name
    paths = sorted(path for pattern in monitor.records.files or () for path in folder.glob(str(pattern)))
    rows = read_table(paths)
    seconds = pl.Series(Source.of(rows, None, Settings(zone=zone)).seconds(_TIMES[name]))
    rows = rows.with_columns(__at=seconds).sort("__at", maintain_order=True)
    start, end = (bound.timestamp() for bound in monitor.batch_bounds(when))
    first = monitor.history_start(when).timestamp()
    judged = rows.filter((pl.col("__at") >= start) & (pl.col("__at") < end)).drop("__at")
    before = rows.filter((pl.col("__at") >= first) & (pl.col("__at") < start)).drop("__at")
    if (judged.height, before.height) != (material.batch.height, material.history.height):
        raise ValueError(f"{name}: the checker reads other rows than the night")
    settings = Settings(
        zone=zone,
        until=end,
        currency=monitor.currency,
        mask_key=material.hash_key,
        limits=(10_000.0,) if name == "ledger" else (),
        running=("speed", 50.0) if name == "plant" else None,
        labels={"temperature": "bearing temperature"} if name == "plant" else {},
        references={
            key: read_table([folder / path for path in table.files]) for key, table in monitor.references.items()
        },
    )
    return Source.of(judged, before, settings)


def _scanned(name: str, seed: int, lang: Lang) -> Case:
    """A generated table as `sereno scan` reads and judges it, with or without a baseline."""
    table = generated.TABLES[name](seed)
    with tempfile.TemporaryDirectory(prefix="sereno-benchmark-") as folder:
        paths = [_written(table.judged, Path(folder) / "judged.csv")]
        if table.baseline is not None:
            paths.append(_written(table.baseline, Path(folder) / "baseline.csv"))
        read = [read_files([str(path)]) for path in paths]
        frame = read[0].frame if len(read) == 1 else pl.concat([part.frame for part in read], how="vertical_relaxed")
        columns = infer_columns(frame, entities=table.entities, time=table.time)
        parts = [_conformed(part, columns) for part in read]
        material = Material(
            columns=columns,
            history=parts[1] if len(parts) > 1 else parts[0].clear(),
            batch=parts[0],
            settings=AnalysisSettings(budget=20),
        )
        findings = analyze(material).findings
        tables = [read_table([path]) for path in paths]
    source = Source.of(tables[0], tables[1] if len(tables) > 1 else None)
    return Case(f"{name} {seed}", lang, "UTC", findings, source)


def _conformed(part: object, columns: Columns) -> pl.DataFrame:
    frame = conform(part, columns, timezone="UTC").frame  # type: ignore[arg-type]
    return mask_persons(frame, columns, _SCAN_KEY)


def _written(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_csv(path)
    return path
