"""Measure a night that is spread over Dask workers beside the same night in one process.

    python benchmarks/spreading.py [--json] [--rows 300000] [--pumps 12] [--workers 1,2]

For each night (records of a table; pumps of a plant): seconds from the first record read to the report, alone and with
each number of workers; the share of its processor time, Prefect's start included, that is spread; how busy the workers
were; whether both found the same. The speed-up at numbers of workers that this machine does not have is an estimate by
Amdahl's law, and is called so.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks import machine
from benchmarks.pipelines.generated import LAST_DAY, generate
from benchmarks.pipelines.measuring import site_of
from benchmarks.pipelines.watching import Watched, watch
from flows.demo import plant

_SERENO = (sys.executable, "-m", "flows.cli")
_PLANT_DAY = date(2026, 11, 15)
_PUMPS_OF_ONE = 3
_SPREAD = re.compile(r"(\d+) partitions on (\d+) workers: ([0-9.]+) s of work in ([0-9.]+) s")
_ESTIMATED = (8, 64)
_LEAST_ROWS = 4_096


@dataclass(frozen=True)
class Night:
    """One night as it was measured.

    seconds : from the first record read to its end, without starting Prefect. processor : seconds of all its processes.
    work, waited : processor seconds that its partitions took the workers, and seconds that the night waited for them.
    found : a line for each thing that it says.
    """

    seconds: float
    processor: float
    peak: float
    partitions: int
    work: float
    waited: float
    found: tuple[str, ...]


def main() -> int:
    """Exit status 1 where a spread night found something else."""
    options = _options()
    numbers = [int(number) for number in options.workers.split(",")]
    report: dict[str, Any] = {"machine": machine.describe(), "nights": []}
    same = True
    with tempfile.TemporaryDirectory(prefix="sereno-spreading-") as name:
        for what, site, day in (_table(Path(name), options.rows), _plant(Path(name), options.pumps)):
            alone = _night(site, day, None)
            spread = {number: _night(site, day, number) for number in numbers}
            same = same and all(night.found == alone.found for night in spread.values())
            told = _told(what, alone, spread)
            report["nights"].append(told)
            for line in _lines(told):
                _say(line)
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
    return 0 if same else 1


def _told(what: str, alone: Night, spread: dict[int, Night]) -> dict[str, Any]:
    most = max(spread)
    share = min(1.0, max(night.work for night in spread.values()) / alone.processor)
    busy = {number: night.work / (number * night.waited) if night.waited else 0.0 for number, night in spread.items()}
    return {
        "night": what,
        "findings": sum(line.startswith("findings ") for line in alone.found),
        "equal": {number: night.found == alone.found for number, night in spread.items()},
        "seconds_alone": alone.seconds,
        "processor_alone": round(alone.processor, 1),
        "seconds": {number: night.seconds for number, night in spread.items()},
        "partitions": {number: night.partitions for number, night in spread.items()},
        "work": {number: round(night.work, 1) for number, night in spread.items()},
        "waited": {number: round(night.waited, 1) for number, night in spread.items()},
        "spread_share": round(share, 2),
        "busy": {number: round(value, 2) for number, value in busy.items()},
        "estimated_speed_up": {count: round(amdahl(share, count * busy[most]), 1) for count in _ESTIMATED},
    }


def amdahl(share: float, workers: float) -> float:
    """How many times faster work gets of which a share is spread over so many workers (Amdahl 1967)."""
    return 1 / (1 - share + share / max(workers, 1))


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"{told['night']}: {told['findings']} findings; in one process {told['seconds_alone']:.0f} s"]
    for number, seconds in told["seconds"].items():
        equal = "the same findings" if told["equal"][number] else "OTHER FINDINGS"
        lines.append(
            f"  {number} workers: {seconds:.0f} s, {equal}; {told['partitions'][number]} partitions, "
            f"{told['work'][number]} s of work in {told['waited'][number]} s, workers busy {told['busy'][number]:.0%}"
        )
    estimate = ", ".join(f"{value} times on {count} workers" for count, value in told["estimated_speed_up"].items())
    return [
        *lines,
        f"  spread: {told['spread_share']:.0%} of the processor's work; estimate by Amdahl's law: {estimate}",
    ]


def _night(site: Path, day: date, workers: int | None) -> Night:
    """A first night of a fresh copy of the site."""
    folder = site.with_name(f"{site.name}-{workers or 'alone'}")
    shutil.copytree(site, folder)
    folder.chmod(0o700)
    dask = f"dask: {{workers: {workers}, rows: {_LEAST_ROWS * 2}}}\n" if workers else ""
    # Fingerprints are the workspace's own: one key makes them comparable.
    (folder / ".sereno-key").write_text("5e" * 32, encoding="ascii")
    (folder / ".sereno-key").chmod(0o600)
    (folder / "sereno.yaml").write_text(f"name: Benchmark\nnarration: false\n{dask}", encoding="utf-8")
    watched = watch([*_SERENO, "run", "--workspace", folder, "--data-date", day.isoformat(), "--no-mail", "--json"])
    (line,) = [json.loads(line) for line in watched.output.splitlines()]
    if line["status"] != "done":
        raise RuntimeError(f"{folder}: {line}")
    groups = [found.groups() for _, said in watched.said if (found := _SPREAD.search(said))]
    return Night(
        seconds=round(watched.seconds - _begun(watched), 1),
        processor=watched.processor,
        peak=watched.peak,
        partitions=sum(int(group[0]) for group in groups),
        work=sum(float(group[2]) for group in groups),
        waited=sum(float(group[3]) for group in groups),
        found=_found(folder),
    )


def _begun(watched: Watched) -> float:
    return next(at for at, said in watched.said if "reading records" in said)


def _found(folder: Path) -> tuple[str, ...]:
    """A line for each finding, flag with its score and p-value, fact and text."""
    tables = {
        "findings": "* EXCLUDE (last_seen)",
        "flags": "* EXCLUDE (run)",
        "facts": "* EXCLUDE (run)",
        "narratives": "finding, text",
    }
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        return tuple(
            sorted(
                f"{table} {row!r}"
                for table, columns in tables.items()
                for row in connection.execute(f"SELECT {columns} FROM {table}").fetchall()
            )
        )


def _table(folder: Path, rows: int) -> tuple[str, Path, date]:
    site = site_of(folder / "table", generate(folder / "made", rows))
    (site / "night.csv").rename(site / "data" / "night.csv")
    return f"a table of {rows:,} records", site, LAST_DAY


def _plant(folder: Path, pumps: int) -> tuple[str, Path, date]:
    """Several simulated plants under one roof."""
    site = folder / "plant"
    (site / "monitors").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "monitors" / "plant.yaml", site / "monitors")
    for seed in range(-(-pumps // _PUMPS_OF_ONE)):
        made = plant.simulate(seed, _PLANT_DAY)
        named = made.readings.with_columns(pump=pl.format("{}-{}", pl.lit(seed), "pump"))
        (site / "data" / "plant").mkdir(parents=True, exist_ok=True)
        shown = pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        named.with_columns(shown).write_csv(site / "data" / "plant" / f"readings-{seed}.csv")
    return f"a plant of {pumps} pumps", site, _PLANT_DAY


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure nights that are spread over Dask workers.")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of standard output")
    parser.add_argument("--rows", type=int, default=300_000, help="records of the table")
    parser.add_argument("--pumps", type=int, default=12, help="pumps of the plant")
    parser.add_argument("--workers", default="1,2", help="numbers of workers, with commas")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
