"""One `sereno scan` with its defaults over frames, the way a user would run it: files in, files out."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.scan import Scan, run_scan


@dataclass(frozen=True)
class Scanned:
    """What a scan gave: `scores` has a line for each input row, in order; `findings` are the contract's objects."""

    scores: pl.DataFrame
    findings: list[dict[str, Any]]
    seconds: float

    @property
    def score(self) -> NDArray[np.float64]:
        """Score of each input row, higher is stranger."""
        return self.scores["score"].to_numpy().astype(np.float64)

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each input row was flagged, before the budget."""
        return self.scores["flagged"].to_numpy().astype(np.bool_)


def scan(
    judged: pl.DataFrame,
    baseline: pl.DataFrame | None = None,
    *,
    time_column: str | None = None,
    entities: Sequence[str] = (),
    seed: int = 0,
    separator: str | None = None,
    fdr: float = Scan.fdr,
) -> Scanned:
    """Write the frames as Parquet (as CSV where a separator is named), scan them without a model, read what came out.

    Everything not named here is what `sereno scan` does on its own. `fdr` moves the cut only, never the scores.
    """
    with tempfile.TemporaryDirectory(prefix="sereno-benchmark-") as name:
        folder = Path(name)
        normal = () if baseline is None else (_written(baseline, folder / "baseline", separator),)
        wanted = Scan(
            inputs=(_written(judged, folder / "input", separator),),
            baselines=normal,
            time=time_column,
            entities=tuple(entities),
            scores=folder / "scores.parquet",
            findings=folder / "findings.jsonl",
            report=folder / "report.html",
            narrate=False,
            seed=seed,
            fdr=fdr,
        )
        started = time.monotonic()
        run_scan(wanted, lambda _: None)
        seconds = time.monotonic() - started
        scores = pl.read_parquet(folder / "scores.parquet").sort("row")
        lines = (folder / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    if scores.height != judged.height:
        raise ValueError(f"a scan of {judged.height} rows gave {scores.height} scores")
    return Scanned(scores, [json.loads(line) for line in lines], seconds)


def _written(frame: pl.DataFrame, path: Path, separator: str | None) -> str:
    if separator is None:
        whole = path.with_suffix(".parquet")
        frame.write_parquet(whole)
    else:
        whole = path.with_suffix(".csv")
        frame.write_csv(whole, separator=separator)
    return str(whole)
