"""What the pipeline benchmark measures: scans beside their floor, and nights over a growing history."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.pipelines.generated import LAST_DAY, Generated, generate
from benchmarks.pipelines.serving import served
from benchmarks.pipelines.watching import Watched, watch

Say = Callable[[str], None]
_SERENO = (sys.executable, "-m", "flows.cli")
_FLOOR = Path(__file__).parent / "floor.py"
_MONITOR = """\
title: Purchases
owners: [operations@example.com]
timezone: UTC
schedule: "30 2 * * *"
batch: 1
history: 30
currency: EUR
records: {files: "data/*.csv", shape: events}
columns:
  id: key
  posted_at: time
  supplier: entity
  buyer: category
  account: category
  method: category
  country: category
  department: category
  description: text
  amount: exposure
  quantity: measure
  unit_price: measure
  discount: measure
  tax: measure
  weight: measure
  hours: measure
  distance: measure
  freight: measure
  temperature: measure
  rating: measure
"""


@dataclass(frozen=True)
class Taken:
    """Seconds, processor seconds and peak memory (MiB) of one command; `stages` in seconds where it says them."""

    seconds: float
    processor: float
    peak: float
    stages: dict[str, float]


def measure_scans(folder: Path, sizes: Sequence[int], say: Say) -> list[dict[str, Any]]:
    """For each size: the floor with one core and with all, and a scan of the CSV and of the Parquet file."""
    results = []
    for rows in sizes:
        made = generate(folder / str(rows), rows)
        floors = {jobs: watch([sys.executable, _FLOOR, made.csv, str(jobs)]) for jobs in (1, -1)}
        parts = {jobs: json.loads(each.output) for jobs, each in floors.items()}
        result: dict[str, Any] = {
            "rows": rows,
            "floor": {**parts[1], "seconds": round(sum(parts[1].values()), 2)},
            "floor_all_cores": {**parts[-1], "seconds": round(sum(parts[-1].values()), 2)},
            "csv": asdict(_scan(made, made.csv)),
            "parquet": asdict(_scan(made, made.parquet)),
        }
        result["ratio"] = round(result["csv"]["seconds"] / result["floor"]["seconds"], 2)
        result["ratio_all_cores"] = round(result["csv"]["seconds"] / result["floor_all_cores"]["seconds"], 2)
        say(
            f"scan of {rows:,}: {result['csv']['seconds']:.1f} s from CSV, {result['parquet']['seconds']:.1f} s from "
            f"Parquet, {result['csv']['peak']:.0f} MiB; {result['ratio']} times the floor, "
            f"{result['ratio_all_cores']} times that on all cores"
        )
        results.append(result)
    return results


def measure_nights(folder: Path, sizes: Sequence[int], say: Say) -> list[dict[str, Any]]:
    """For each size: the first night that takes in a month, the next with a day's new records, and two without any.

    The last finds everything started (`sereno serve`); beside it stands what importing Prefect alone takes.
    """
    results = []
    for rows in sizes:
        workspace = site_of(folder / f"nights-{rows}", generate(folder / str(rows), rows))
        before = LAST_DAY - timedelta(days=1)
        first = _night(workspace, before.isoformat())
        (workspace / "night.csv").rename(workspace / "data" / "night.csv")
        result: dict[str, Any] = {
            "rows": rows,
            "first": asdict(first),
            "next": asdict(_night(workspace, LAST_DAY.isoformat())),
            "nothing_new": asdict(_night(workspace, LAST_DAY.isoformat())),
        }
        with served(workspace):
            result["nothing_new_served"] = asdict(_night(workspace, LAST_DAY.isoformat()))
        result["import_of_prefect"] = asdict(_taken(watch([sys.executable, "-c", "from prefect import flow"]), {}))
        told = ", ".join(f"{name.replace('_', ' ')} {result[name]['seconds']:.1f} s" for name in list(result)[1:])
        say(f"nights over {rows:,} records: {told}; {result['next']['peak']:.0f} MiB")
        results.append(result)
    return results


def exponent(results: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float | None:
    """Of growth with the number of rows, fitted by least squares on logarithms; None for a single size."""
    if len(results) < 2:
        return None
    x = [math.log(result["rows"]) for result in results]
    y = [math.log(value(result)) for result in results]
    middle, level = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
    return round(slope, 3)


def _scan(made: Generated, path: Path) -> Taken:
    report = made.csv.parent / "report.html"
    taken = watch([*_SERENO, "scan", path, "--no-llm", "--json", "--report", report])
    return _taken(taken, {"analyzing": "read", "explaining": "analyze"})


def _taken(watched: Watched, stages: dict[str, str]) -> Taken:
    """`stages`: what is over when a line with this beginning comes."""
    ends = [(name, at) for begin, name in stages.items() for at, line in watched.said if line.startswith(begin)]
    starts = [0.0, *(at for _, at in ends)]
    spent = {name: round(at - start, 2) for (name, at), start in zip(ends, starts, strict=False)}
    if ends:
        spent["explain and write"] = round(watched.seconds - ends[-1][1], 2)
    return Taken(round(watched.seconds, 2), round(watched.processor, 2), round(watched.peak, 1), spent)


def site_of(folder: Path, made: Generated) -> Path:
    """A workspace whose monitor reads all days but the last; that one lies beside it, as `night.csv`."""
    for name in ("monitors", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "monitors" / "purchases.yaml").write_text(_MONITOR, encoding="utf-8")
    (folder / "sereno.yaml").write_text("name: Benchmark\nnarration: false\n", encoding="utf-8")
    records, last = pl.scan_parquet(made.parquet), pl.lit(LAST_DAY)
    shown = pl.col("posted_at").dt.strftime("%Y-%m-%d %H:%M:%S")
    for name, chosen in (("data/month.csv", pl.col("posted_at") < last), ("night.csv", pl.col("posted_at") >= last)):
        records.filter(chosen).with_columns(shown).sink_csv(folder / name)
    return folder


def _night(workspace: Path, day: str) -> Taken:
    command = [*_SERENO, "run", "--workspace", str(workspace), "--data-date", day, "--no-mail", "--json"]
    return _taken(watch(command), {})
