"""Measure scans and nights of many records: time and memory beside the least that they could cost.

    python benchmarks/pipeline.py [--json] [--sizes 100000,1000000,10000000] [--only scans,nights] [--keep | --compare]
    python benchmarks/pipeline.py --rivals [--json] [--sizes 1000000]   beside what a user would pick instead

Progress goes to standard error; with `--json` the last line of standard output is one JSON object. `--keep` writes the
ratios to benchmarks/pipeline-figures.json, the page docs/measured-pipeline.md and the README's rows; `--compare` says
what got worse since. Ratios, not seconds: machines differ.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.pipelines import page
from benchmarks.pipelines.measuring import exponent, measure_nights, measure_scans
from benchmarks.pipelines.rivals import measure_rivals, missing
from flows.version import code_version

_FIGURES = Path(__file__).parent / "pipeline-figures.json"
_README = Path(__file__).parents[1] / "README.md"
_PAGE = Path(__file__).parents[1] / "docs" / "measured-pipeline.md"
_PARTS = ("scans", "nights")
_LARGEST_NIGHT = 1_000_000
"""More records than this are not measured as nights: the first of them alone takes minutes."""
_WORSE = 1.15
"""A ratio is worse than the kept one from here on: these machines are noisy."""


def main() -> int:
    """Exit status 1 where something got worse than what is kept, 2 for a mistake in the call."""
    options = _options()
    sizes = [int(size) for size in options.sizes.split(",")]
    report: dict[str, Any] = {"machine": machine.describe(), "code": code_version()}
    with tempfile.TemporaryDirectory(prefix="sereno-pipeline-") as name:
        folder = Path(name)
        if options.rivals:
            report["rivals"] = measure_rivals(folder, sizes, _say)
            return _print(report, options)
        if "scans" in options.only:
            report["scans"] = measure_scans(folder, sizes, _say)
        if "nights" in options.only:
            report["nights"] = measure_nights(folder, [size for size in sizes if size <= _LARGEST_NIGHT], _say)
    figures = _figures(report)
    report["figures"] = figures
    for figure, value in figures.items():
        _say(f"{figure}: {value}")
    worse = _worse(figures) if options.compare else []
    for line in worse:
        _say(line)
    if options.keep:
        _FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        _README.write_text(page.in_readme(_README.read_text(encoding="utf-8"), report), encoding="utf-8")
        _PAGE.write_text(page.render(report), encoding="utf-8")
    _print(report, options)
    return 1 if worse else 0


def _print(report: dict[str, Any], options: argparse.Namespace) -> int:
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
    return 0


def _figures(report: dict[str, Any]) -> dict[str, float]:
    """The ratios and exponents that are kept; lower is better in each."""
    scans, nights = report.get("scans", []), report.get("nights", [])
    figures = {f"scan of {one['rows']}: times the floor": one["ratio"] for one in scans}
    figures |= {f"scan of {one['rows']}: times the floor on all cores": one["ratio_all_cores"] for one in scans}
    figures |= {f"scan of {one['rows']}: peak MiB": one["csv"]["peak"] for one in scans}
    grown = {
        "scan: exponent of time": exponent(scans, lambda one: float(one["csv"]["seconds"])),
        "scan: exponent of memory": exponent(scans, lambda one: float(one["csv"]["peak"])),
    }
    figures |= {name: value for name, value in grown.items() if value is not None}
    figures |= {
        f"night over {one['rows']}: a day's records over the first month": round(
            one["next"]["seconds"] / one["first"]["seconds"], 3
        )
        for one in nights
    }
    figures |= {
        f"night over {one['rows']}: nothing new, everything started, over importing Prefect": round(
            one["nothing_new_served"]["seconds"] / one["import_of_prefect"]["seconds"], 2
        )
        for one in nights
    }
    return figures


def _worse(figures: dict[str, float]) -> list[str]:
    if not _FIGURES.is_file():
        return [f"nothing to compare with: {_FIGURES} is missing; run with --keep first"]
    kept = json.loads(_FIGURES.read_text(encoding="utf-8"))
    return [
        f"worse: {name} is {value}, was {kept[name]}"
        for name, value in figures.items()
        if name in kept and value > kept[name] * _WORSE
    ]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure time and memory of scans and nights of many records.")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of standard output")
    parser.add_argument("--sizes", help="numbers of records, with commas")
    parser.add_argument("--only", default=",".join(_PARTS), help=f"of {','.join(_PARTS)}")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--keep", action="store_true", help="keep the ratios in the repository, and write page and README"
    )
    what.add_argument("--compare", action="store_true", help="say what got worse since they were kept")
    what.add_argument("--rivals", action="store_true", help="time, memory and what is found beside rivals, alone")
    options = parser.parse_args()
    options.sizes = options.sizes or ("1000000" if options.rivals else "100000,1000000,10000000")
    if options.rivals and (absent := missing()):
        parser.error(f"--rivals: {' and '.join(absent)} missing; `make bench-rivals` installs what it needs")
    if unknown := set(options.only.split(",")) - set(_PARTS):
        parser.error(f"--only: {', '.join(sorted(unknown))} is none of {', '.join(_PARTS)}")
    if not all(size.isdecimal() and int(size) >= 1_000 for size in options.sizes.split(",")):
        parser.error("--sizes: numbers of at least 1000 with commas between, as 100000,1000000")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
