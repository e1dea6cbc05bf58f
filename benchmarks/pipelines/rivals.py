"""Beside what a user would pick instead, on the same generated records: time, memory, and what of the planted is found.

Everyone may flag as many records as Sereno did, the strangest first by his own score.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.pipelines.generated import Generated, generate
from benchmarks.pipelines.watching import Watched, watch

Say = Callable[[str], None]
Floats = NDArray[np.float64]
_HERE = Path(__file__).parent
SCRIPTS = {"pandas + PyOD": _HERE / "pandas_script.py", "per metric": _HERE / "per_metric_script.py"}
_NEEDED = ("pandas", "pyod")


def missing() -> list[str]:
    """Packages of the rivals that are not installed."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def measure_rivals(folder: Path, sizes: Sequence[int], say: Say) -> list[dict[str, Any]]:
    """For each size: Sereno's scan and each rival on the same CSV, one after the other."""
    results = []
    for rows in sizes:
        made = generate(folder / str(rows), rows)
        flagged, scores, taken = _sereno(made)
        count = int(flagged.sum())
        result: dict[str, Any] = {
            "rows": rows,
            "planted": len(made.planted),
            "flags": count,
            "sereno": {**taken, **found(flagged, scores, made.planted)},
        }
        say(_line(rows, "sereno", result["sereno"]))
        for name, script in SCRIPTS.items():
            out = made.csv.with_name(f"{script.stem}.npz")
            watched = watch([sys.executable, script, made.csv, out])
            with np.load(out) as written:
                for scorer in written:
                    own = {**_taken(watched), "parts": json.loads(watched.output.splitlines()[-1])}
                    own |= found(strangest(written[scorer], count), written[scorer], made.planted)
                    key = name if scorer == name else f"{name}: {scorer}"
                    result[key] = own
                    say(_line(rows, key, own))
        results.append(result)
    return results


def strangest(scores: Floats, count: int) -> NDArray[np.bool_]:
    """Which rows have the highest scores, `count` of them; of equal ones the earlier rows."""
    flagged = np.zeros(len(scores), dtype=bool)
    flagged[np.argsort(-scores, kind="stable")[:count]] = True
    return flagged


def found(flagged: NDArray[np.bool_], scores: Floats, planted: Mapping[int, str]) -> dict[str, Any]:
    """How many of the planted records are flagged, of each kind, and the average precision of the scores."""
    labels = np.zeros(len(scores), dtype=bool)
    labels[list(planted)] = True
    kinds = Counter(kind for row, kind in planted.items() if flagged[row])
    return {
        "found": int((flagged & labels).sum()),
        "found_by_kind": dict(sorted(kinds.items())),
        "average_precision": round(float(average_precision_score(labels, scores)), 3),
    }


def _sereno(made: Generated) -> tuple[NDArray[np.bool_], Floats, dict[str, Any]]:
    folder = made.csv.parent
    out = folder / "scores.parquet"
    command = (sys.executable, "-m", "flows.cli", "scan", made.csv, "--no-llm", "--json")
    watched = watch([*command, "--scores", out, "--report", folder / "report.html"])
    written = pl.read_parquet(out).sort("row")
    return written["flagged"].to_numpy(), written["score"].to_numpy(), _taken(watched)


def _taken(watched: Watched) -> dict[str, Any]:
    return {"seconds": round(watched.seconds, 1), "peak": round(watched.peak)}


def _line(rows: int, name: str, one: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in one["found_by_kind"].items()) or "none"
    return (
        f"{rows:,} records, {name}: {one['seconds']:.1f} s, {one['peak']:.0f} MiB, {one['found']} planted ones found "
        f"({kinds}), average precision {one['average_precision']}"
    )
