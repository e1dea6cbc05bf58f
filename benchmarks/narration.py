"""Measure narratives: false claims, coverage, planted instructions, speed; or check those of one scan.

    python benchmarks/narration.py [--json] [--quick] [--only truth,injections,speed] [--model FILE]
                                   [--mode strict|prose] [--write]
    python benchmarks/narration.py --only truth --beside EARLIER.json --write   the other parts from an earlier run
    python benchmarks/narration.py --check INPUT FINDINGS [--baseline FILE]... [--zone ZONE] [--json]
    python benchmarks/narration.py --blind DIR [--larger FILE]      twenty findings in three versions, to be read blind
    python benchmarks/narration.py --score DIR                      what the readers preferred

Progress goes to standard error; with `--json` the last line of standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.claims.checking import check_all
from benchmarks.claims.source import Settings, Source, read_table
from benchmarks.narrating import blind, injections, measured, speed, truth
from flows.version import code_version
from reports.contents import Mode
from reports.narrator.engines import LlamaEngine, default_model_path

_PAGE = Path(__file__).parent.parent / "docs" / "measured-narration.md"
_PARTS = ("truth", "injections", "speed")


def main() -> int:
    """Exit status 1 where a claim is false or an instruction was obeyed, 2 for a mistake in the call."""
    options = _options()
    if options.check:
        return _check(options)
    if options.score:
        _print(options, blind.score(options.score))
        return 0
    path = options.model or default_model_path()
    if path is None:
        sys.stderr.write("no model is installed; run `make setup`, or name one with --model FILE\n")
        return 2
    engine = LlamaEngine(path, threads=os.cpu_count() or 1)
    if options.blind:
        larger = LlamaEngine(options.larger, threads=os.cpu_count() or 1) if options.larger else None
        told = truth.measure(engine, quick=options.quick, say=_say)
        count = blind.write(options.blind, told.findings, engine, larger, mode=Mode(options.mode))
        _say(f"{count} findings in {options.blind}; fill in marks.csv, then --score {options.blind}")
        return 0
    report = _measured(options, path, engine)
    if options.beside:
        report = beside(report, json.loads(options.beside.read_text(encoding="utf-8").splitlines()[-1]))
    if options.write:
        _PAGE.write_text(measured.page(report), encoding="utf-8")
    _print(options, report)
    return 1 if report.get("false_claims") or report.get("injections_obeyed") else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line of standard output")
    parser.add_argument("--quick", action="store_true", help="fewer findings and blocks, for a look")
    parser.add_argument("--only", type=_parts, default=_PARTS, help=f"of {','.join(_PARTS)}")
    parser.add_argument("--model", type=Path, help="a GGUF file instead of the default model")
    parser.add_argument(
        "--mode",
        choices=("strict", "prose"),
        default="strict",
        help="what the model may do; with --blind the larger one",
    )
    parser.add_argument("--write", action="store_true", help=f"write docs/{_PAGE.name}")
    parser.add_argument("--beside", type=Path, metavar="JSON", help="an earlier run, for the parts not measured now")
    parser.add_argument("--check", nargs=2, metavar=("INPUT", "FINDINGS"), help="check a scan's --findings")
    parser.add_argument("--baseline", action="append", default=[], help="with --check: the scan's baselines")
    parser.add_argument("--zone", default="UTC", help="with --check: the time zone of the texts")
    parser.add_argument("--blind", type=Path, metavar="DIR", help="write a blind reading")
    parser.add_argument("--larger", type=Path, metavar="FILE", help="with --blind: a larger model")
    parser.add_argument("--score", type=Path, metavar="DIR", help="tally a blind reading")
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in _PARTS]:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(_PARTS)}")
    return names


def _check(options: argparse.Namespace) -> int:
    """One scan's findings against its input."""
    judged = read_table(_files(options.check[0]))
    paths = [path for pattern in options.baseline for path in _files(pattern)]
    source = Source.of(judged, read_table(paths) if paths else None, Settings(zone=options.zone))
    lines = Path(options.check[1]).read_text(encoding="utf-8").splitlines()
    tally = check_all((json.loads(line) for line in lines), source).as_object()
    _print(options, {"false_claims": tally["false"] + tally["unread"], **tally})
    return 1 if tally["false"] or tally["unread"] else 0


def _files(pattern: str) -> list[Path]:
    whole = Path(pattern)
    paths = [whole] if whole.is_file() else sorted(whole.parent.glob(whole.name))
    if not paths:
        sys.exit(f"{pattern}: no such file; name the input as the scan was given it")
    return paths


def _measured(options: argparse.Namespace, path: Path, engine: LlamaEngine) -> dict[str, Any]:
    report: dict[str, Any] = {
        "machine": machine.describe(), "code": code_version(), "model": engine.name, "model_sha256": engine.sha256,
        "quick": options.quick, "mode": options.mode,
    }  # fmt: skip
    told = None
    if "truth" in options.only or "speed" in options.only:
        told = truth.measure(engine, mode=Mode(options.mode), quick=options.quick, say=_say)
        report["truth"] = told.as_object()
        report["false_claims"] = report["truth"]["false"] + report["truth"]["unread"]
        report["coverage_top3"] = report["truth"]["coverage_top3"]
    if "injections" in options.only:
        obeyed = injections.measure(options.model, quick=options.quick, say=_say)
        report["injections"] = obeyed.as_object()
        report["injections_obeyed"] = len(obeyed.changed) + len(obeyed.leaked)
    if "speed" in options.only and told is not None:
        report["speed"] = speed.measure(path, engine, told.findings, quick=options.quick, say=_say).as_object()
        report |= {name: report["speed"][name] for name in ("speedup_no_reuse", "speedup_cold", "speedup_warm")}
    return report


def beside(report: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """The report with the parts that only an earlier run measured, and by which code they were measured."""
    missing = [part for part in _PARTS if part in earlier and part not in report]
    figures = ("injections_obeyed", "speedup_no_reuse", "speedup_cold", "speedup_warm", "false_claims", "coverage_top3")
    taken = {name: earlier[name] for name in (*missing, *figures) if name in earlier and name not in report}
    return {**report, **taken, "earlier": {"code": earlier["code"], "parts": missing}}


def _print(options: argparse.Namespace, report: dict[str, Any]) -> None:
    if options.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return
    for name, value in report.items():
        if not isinstance(value, dict | list):
            sys.stdout.write(f"{name}: {value}\n")
    for note in (report.get("notes") or report.get("truth", {}).get("notes", []))[:40]:
        sys.stdout.write(f"{note['outcome']} {note['kind']} ({note['origin']}) {note['said']!r}: {note['why']}\n")
    for place in ("best", "worst"):
        if place in report:
            sys.stdout.write(f"{place}: {report[place]}\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
