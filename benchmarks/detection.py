"""Measure detection on public data, side by side with what a user would pick instead.

    python benchmarks/detection.py --data DIR [--json] [--only adbench,skab,...] [--quick] [--resume FILE] [--write]

DIR holds the folders `adbench`, `skab`, `tep` and `fdh` as their origins lay them out. Progress goes to standard error;
the last line of standard output is one JSON object with `--json`, otherwise a table of the targets is printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

# Work is spread over processes, a core each; the workers inherit this before they import anything numeric.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from benchmarks import machine, measured_page  # noqa: E402
from benchmarks.journal import Journal  # noqa: E402
from benchmarks.section import Result, Section, Summary, Unit  # noqa: E402
from benchmarks.sections import SECTIONS  # noqa: E402
from flows.version import code_version  # noqa: E402

_PAGE = Path(__file__).parent.parent / "docs" / "measured-detection.md"


def main() -> int:
    """Run the chosen sections; exit status 1 where a unit of work failed, 2 for a mistake in the call."""
    options = _options()
    chosen = {name: section for name, section in SECTIONS.items() if name in options.only}
    journal = Journal(options.resume, code_version())
    summaries: dict[str, Summary] = {}
    report: dict[str, Any] = {}
    failed: list[str] = []
    for name, section in chosen.items():
        started = time.monotonic()
        results, errors = _run(section, options, journal)
        failed += errors
        if results:
            summaries[name] = section.summarize(results)
            report[name] = _as_object(summaries[name], results, time.monotonic() - started)
    described = machine.describe()
    if options.write:
        page = measured_page.render(SECTIONS, summaries, described, code=code_version(), quick=options.quick)
        _PAGE.write_text(page, encoding="utf-8")
    _print(options, {"machine": described, "code": code_version(), "quick": options.quick, "sections": report}, failed)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with adbench, skab, tep and fdh")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of standard output")
    parser.add_argument("--only", type=_sections, default=list(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="fewer sets, days and seeds, for a look")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes; a core each")
    parser.add_argument("--resume", type=Path, help="file that keeps results, so that a stopped run goes on")
    parser.add_argument("--write", action="store_true", help=f"write {_PAGE.parent.name}/{_PAGE.name}")
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"{options.data}: no such folder; name the one that holds the public data")
    return options


def _sections(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SECTIONS]:
        raise argparse.ArgumentTypeError(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    return names


def _run(
    section: Section, options: argparse.Namespace, journal: Journal
) -> tuple[list[tuple[Unit, Result]], list[str]]:
    """Results by unit in the section's order, and what failed."""
    units = section.units(options.data, options.quick)
    found = {unit.name: known for unit in units if (known := journal.get(section.name, unit)) is not None}
    errors: list[str] = []
    if not units:
        errors.append(f"{section.name}: {options.data} holds nothing to measure it on")
    # Fresh processes: a forked one would share the locks of Polars' threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=options.workers, mp_context=context) as pool:
        waiting: dict[Future[Result], Unit] = {
            pool.submit(measure, section.name, options.data, unit): unit for unit in units if unit.name not in found
        }
        for future in as_completed(waiting):
            unit = waiting[future]
            try:
                found[unit.name] = future.result()
            except Exception as error:  # one broken unit is reported and does not stop the others
                errors.append(f"{section.name} {unit.name}: {type(error).__name__}: {error}")
                _say(errors[-1])
            else:
                journal.add(section.name, unit, found[unit.name])
                _say(f"{section.name} {len(found)}/{len(units)}: {unit.name}")
    return [(unit, found[unit.name]) for unit in units if unit.name in found], errors


def measure(name: str, data: Path, unit: Unit) -> Result:
    """One unit of a section, in a worker."""
    return SECTIONS[name].measure(data, unit)


def _as_object(summary: Summary, results: Sequence[tuple[Unit, Result]], seconds: float) -> dict[str, Any]:
    return {
        "figures": {figure.name: figure.as_object() for figure in summary.figures},
        "rivals": {name: dict(values) for name, values in summary.rivals.items()},
        "details": {
            detail.title: [dict(zip(detail.header, row, strict=True)) for row in detail.rows]
            for detail in summary.details
        },
        "units": len(results),
        "seconds": round(seconds, 1),
    }


def _print(options: argparse.Namespace, report: dict[str, Any], failed: Sequence[str]) -> None:
    targets = {
        f"{name}: {figure}": value
        for name, section in report["sections"].items()
        for figure, value in section["figures"].items()
        if "met" in value
    }
    report["missed"] = [name for name, value in targets.items() if not value["met"]]
    report["failed"] = list(failed)
    if options.json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    for name, value in targets.items():
        bound = f">= {value['at_least']}" if "at_least" in value else f"<= {value['at_most']}"
        shown = "none" if value["value"] is None else f"{value['value']:.3f}"
        sys.stdout.write(f"{'ok    ' if value['met'] else 'MISSED'} {name}: {shown} (target {bound})\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
