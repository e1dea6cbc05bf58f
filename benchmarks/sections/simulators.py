"""Ledger, plant and customers, simulated, through their example monitors: what was planted, what only looks odd."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from analyzers.analyze import analyze
from analyzers.columns import Role
from analyzers.results import Finding
from analyzers.settings import Material
from benchmarks.batch_material import batch_material
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit
from flows.demo import customers, ledger, plant
from flows.demo.truth import Decoy, Planted, Score, score
from flows.demo.walkthrough import example_monitors
from flows.workspace import Workspace

_SEEDS = 5
_MONITORS = ("ledger", "plant", "customers")
_DATA_DATE = date(2026, 1, 15)


@dataclass(frozen=True)
class _Truth:
    planted: Sequence[Planted]
    decoys: Sequence[Decoy]


def units(data: Path, quick: bool) -> list[Unit]:
    """All simulators and each seed; none is the demo's own."""
    del data
    seeds = range(101, 102 if quick else 101 + _SEEDS)
    return [Unit(f"{name} {seed}", {"monitor": name, "seed": seed}) for name in _MONITORS for seed in seeds]


def measure(data: Path, unit: Unit) -> Result:
    """Simulate, analyze one batch with the example monitor, compare with the truth."""
    del data
    name = unit.values["monitor"]
    with tempfile.TemporaryDirectory(prefix="sereno-benchmark-") as folder:
        workspace, truth = _workspace(Path(folder), name, unit.values["seed"])
        monitor = workspace.monitor(name)
        material = batch_material(workspace, monitor, _DATA_DATE)
    analysis = analyze(material)
    mailed = [finding for finding in analysis.findings if finding.mailed]
    keys = _keys(material)
    return {
        "mailed": _compared(score(mailed, truth.planted, truth.decoys, keys)),
        "all": _compared(score(analysis.findings, truth.planted, truth.decoys, keys)),
        "delays": _delays(mailed, truth.planted, keys) if name == "plant" else [],
        "kinds": [[item.kind, item.rule_like] for item in truth.planted],
        "decoy_kinds": Counter(item.kind for item in truth.decoys),
    }


def _workspace(folder: Path, name: str, seed: int) -> tuple[Workspace, _Truth]:
    """A workspace as `sereno init` leaves it, with the simulated files that the example monitor reads."""
    (folder / "monitors").mkdir()
    (folder / "sereno.yaml").write_text("name: benchmark\n", encoding="utf-8")
    shutil.copyfile(example_monitors() / f"{name}.yaml", folder / "monitors" / f"{name}.yaml")
    if name == "ledger":
        books = ledger.simulate(seed, _DATA_DATE)
        ledger.write(books, folder / "data" / "ledger")
        return Workspace.open(folder), _Truth(books.planted, books.decoys)
    if name == "customers":
        shops = customers.simulate(seed, _DATA_DATE)
        customers.write(shops, folder / "data" / "customers")
        return Workspace.open(folder), _Truth(shops.planted, shops.decoys)
    pumps = plant.simulate(seed, _DATA_DATE)
    plant.write(pumps, folder / "data" / "plant")
    return Workspace.open(folder), _Truth(pumps.planted, pumps.decoys)


def _keys(material: Material) -> dict[str, str]:
    """Key of each record by its id; nothing where records have no key."""
    column = material.columns.one(Role.KEY)
    if column is None:
        return {}
    return dict(zip(material.batch["record_id"].to_list(), material.batch[column].to_list(), strict=True))


def _compared(result: Score) -> Result:
    return {
        "findings": result.findings,
        "true": result.true_findings,
        "decoys": result.decoys,
        "decoys_flagged": result.decoys_flagged,
        "missed": [[item.kind, item.rule_like] for item in result.missed],
        "false": [f"{finding.type}: {finding.subject.label}" for finding in result.false],
    }


def _delays(findings: Sequence[Finding], planted: Sequence[Planted], keys: Mapping[str, str]) -> list[list[Any]]:
    """For each fault that was found: start of its earliest episode, in durations of the fault (below 0: before it)."""
    delays = []
    for item in planted:
        pointing = [finding for finding in findings if score([finding], [item], [], keys).found]
        starts = [finding.time_from for finding in pointing if finding.time_from]
        if starts:
            late = (min(starts) - item.start).total_seconds() / (item.end - item.start).total_seconds()
            delays.append([item.kind, item.rule_like, late])
    return delays


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Shares over all simulators and all seeds together, and for each of them."""
    measured = [result for _, result in results]
    delays = [late for result in measured for _, rule_like, late in result["delays"] if not rule_like]
    figures = [
        Figure("recall, rule-like", _recall(measured, rule_like=True), 0.95),
        Figure("recall, others", _recall(measured, rule_like=False), 0.80),
        Figure("precision of mailed findings", _precision(measured), 0.80),
        Figure(
            "delay over duration, median of faults",
            median(max(late, 0.0) for late in delays) if delays else None,
            0.10,
            False,
        ),
        Figure("faults whose episode starts too early, by over a tenth of their duration", _early(delays)),
        Figure("decoys flagged", _decoys(measured)),
        Figure("recall, rule-like, not only mailed", _recall(measured, rule_like=True, among="all")),
        Figure("recall, others, not only mailed", _recall(measured, rule_like=False, among="all")),
    ]
    for name in dict.fromkeys(unit.values["monitor"] for unit, _ in results):
        own = [result for unit, result in results if unit.values["monitor"] == name]
        figures += [
            Figure(f"{name}: recall, rule-like", _recall(own, rule_like=True)),
            Figure(f"{name}: recall, others", _recall(own, rule_like=False)),
            Figure(f"{name}: precision of mailed findings", _precision(own)),
            Figure(f"{name}: decoys flagged", _decoys(own)),
        ]
    return Summary(tuple(figures), details=(_by_run(results), _by_kind(results), _false(results)))


def _early(delays: Sequence[float]) -> float | None:
    return sum(late < -0.1 for late in delays) / len(delays) if delays else None


def _recall(measured: Sequence[Result], *, rule_like: bool, among: str = "mailed") -> float | None:
    planted = sum(ruled is rule_like for result in measured for _, ruled in result["kinds"])
    missed = sum(ruled is rule_like for result in measured for _, ruled in result[among]["missed"])
    return (planted - missed) / planted if planted else None


def _precision(measured: Sequence[Result]) -> float | None:
    findings = sum(result["mailed"]["findings"] for result in measured)
    return sum(result["mailed"]["true"] for result in measured) / findings if findings else None


def _decoys(measured: Sequence[Result]) -> float | None:
    decoys = sum(result["mailed"]["decoys"] for result in measured)
    return sum(result["mailed"]["decoys_flagged"] for result in measured) / decoys if decoys else None


def _by_run(results: Sequence[tuple[Unit, Result]]) -> Detail:
    return Detail(
        "By run",
        ("run", "planted", "missed in the mail", "missed", "mailed", "of these true", "decoys", "decoys flagged"),
        tuple(
            (
                unit.name,
                len(result["kinds"]),
                len(result["mailed"]["missed"]),
                len(result["all"]["missed"]),
                result["mailed"]["findings"],
                result["mailed"]["true"],
                result["mailed"]["decoys"],
                result["mailed"]["decoys_flagged"],
            )
            for unit, result in results
        ),
    )


def _by_kind(results: Sequence[tuple[Unit, Result]]) -> Detail:
    planted = Counter((unit.values["monitor"], kind) for unit, one in results for kind, _ in one["kinds"])
    missed = {
        among: Counter((unit.values["monitor"], kind) for unit, one in results for kind, _ in one[among]["missed"])
        for among in ("mailed", "all")
    }
    rows = tuple((*key, count, missed["mailed"][key], missed["all"][key]) for key, count in sorted(planted.items()))
    return Detail("By kind of what was planted", ("monitor", "kind", "planted", "missed in the mail", "missed"), rows)


def _false(results: Sequence[tuple[Unit, Result]]) -> Detail:
    types = Counter(
        (unit.values["monitor"], text.partition(":")[0]) for unit, one in results for text in one["mailed"]["false"]
    )
    rows = tuple((*key, count) for key, count in types.most_common())
    return Detail("Mailed findings about nothing planted", ("monitor", "type", "count"), rows)


SECTION = Section(
    name="simulators",
    title="Simulated ledger, plant and customers, with decoys",
    how="All simulators with five seeds that are not the demo's, one batch each (30, 7 and 7 days) through the example "
    "monitors. What counts is what the budget lets into the mail; a fault's delay is that of its episode's start.",
    units=units,
    measure=measure,
    summarize=summarize,
)
