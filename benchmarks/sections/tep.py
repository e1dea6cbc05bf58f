"""Faults of a simulated chemical plant: detection at a threshold that a normal run sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import series_rivals
from benchmarks.scanning import scan
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit, mean

OWN = "sereno"
_NORMAL = "d00_te"
_HARDLY_VISIBLE = ("d03_te", "d09_te", "d15_te")
"""Faults that the literature leaves out: they hardly change any mean or variance."""
_ONSET = 160
_FALSE_ALARMS = 0.01
_ENDS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 800)
"""Rows after the onset at which a scan ends that knows nothing later."""
_START = datetime(2024, 1, 1)  # noqa: DTZ001 (a file of a plant names no zone)
_INTERVAL = timedelta(minutes=3)
_RIVALS: dict[str, series_rivals.Monitor] = {
    "isolation forest on rows": series_rivals.forest,
    "PCA T2": series_rivals.hotelling,
    "Mahalanobis": series_rivals.mahalanobis,
    "Mahalanobis on 15-row means": series_rivals.on_trailing_means(series_rivals.mahalanobis),
}


def units(data: Path, quick: bool) -> list[Unit]:
    """The normal run and each faulty one; a look takes three faults."""
    runs = [path.stem for path in sorted((data / "tep").glob("d*_te.dat"))]
    wanted = (_NORMAL, "d01_te", "d05_te", "d10_te") if quick else runs
    return [Unit(name, {"run": name}) for name in runs if name in wanted]


def measure(data: Path, unit: Unit) -> Result:
    """Scores of each row, by the product and the rivals."""
    normal = np.loadtxt(data / "tep" / "d00.dat").T
    rows = np.loadtxt(data / "tep" / f"{unit.values['run']}.dat")
    scanned = scan(_frame(rows, after=len(normal)), _frame(normal, after=0), time_column="time")
    scores = {OWN: scanned.score, **{name: monitor(normal, rows) for name, monitor in _RIVALS.items()}}
    return {
        "seconds": scanned.seconds,
        "findings": len(scanned.findings),
        "flagged": scanned.flagged.tolist(),
        "known_after": None if unit.values["run"] == _NORMAL else _known_after(normal, rows),
        "scores": {name: values.tolist() for name, values in scores.items()},
    }


def _known_after(normal: NDArray[np.float64], rows: NDArray[np.float64]) -> int | None:
    """Rows after the onset until a scan that ends there flags its last row; None where none does.

    A scan of the whole run knows the end when it dates the start of an episode; this one does not.
    """
    for after in _ENDS:
        seen = rows[: _ONSET + after]
        scanned = scan(_frame(seen, after=len(normal)), _frame(normal, after=0), time_column="time")
        if scanned.flagged[-1]:
            return after
    return None


def _frame(rows: NDArray[np.float64], *, after: int) -> pl.DataFrame:
    times = pl.Series("time", [_START + (after + number) * _INTERVAL for number in range(len(rows))])
    names = [*(f"xmeas_{i}" for i in range(1, 42)), *(f"xmv_{i}" for i in range(1, 12))]
    return pl.DataFrame({"time": times, **{name: rows[:, i] for i, name in enumerate(names)}})


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Detection rates after the onset; the threshold lets the stated share of the normal run pass."""
    by_run = {unit.values["run"]: result for unit, result in results}
    faults = [run for run in by_run if run != _NORMAL]
    counted = [run for run in faults if run not in _HARDLY_VISIBLE]
    if _NORMAL not in by_run:
        return Summary((Figure("mean detection rate", None, 0.99),))

    def detection(run: str, name: str) -> float:
        threshold = _threshold(np.array(by_run[_NORMAL]["scores"][name]))
        return float((np.array(by_run[run]["scores"][name])[_ONSET:] > threshold).mean())

    def before(run: str) -> float:
        threshold = _threshold(np.array(by_run[_NORMAL]["scores"][OWN]))
        return float((np.array(by_run[run]["scores"][OWN])[:_ONSET] > threshold).mean())

    known = [_ENDS[-1] if by_run[run]["known_after"] is None else by_run[run]["known_after"] for run in counted]
    alarms = np.array(by_run[_NORMAL]["flagged"])
    flagged = {run: float(np.array(by_run[run]["flagged"])[_ONSET:].mean()) for run in faults}
    return Summary(
        figures=(
            Figure("mean detection rate", mean([detection(run, OWN) for run in counted]), 0.99),
            Figure("rows above the threshold before the onset", mean([before(run) for run in counted])),
            Figure("detection rate of scans that end at the row", mean([1 - late / _ENDS[-1] for late in known])),
            Figure("rows until such a scan flags the fault, median", median(known) if known else None),
            Figure("rows flagged by default, normal run", float(alarms.mean())),
            Figure("rows flagged by default after the onset", mean([flagged[run] for run in counted])),
        ),
        rivals={
            name: {"mean detection rate": mean([detection(run, name) for run in counted]) or 0.0} for name in _RIVALS
        },
        details=(
            Detail(
                "Detection rate by fault",
                (
                    "run",
                    OWN,
                    *_RIVALS,
                    "flagged by default",
                    "above it before the onset",
                    "known after rows",
                    "findings",
                ),
                tuple(
                    (
                        run,
                        *(round(detection(run, name), 3) for name in (OWN, *_RIVALS)),
                        round(flagged[run], 3),
                        round(before(run), 3),
                        "never" if by_run[run]["known_after"] is None else by_run[run]["known_after"],
                        by_run[run]["findings"],
                    )
                    for run in faults
                ),
            ),
        ),
    )


def _threshold(normal: NDArray[np.float64]) -> float:
    """The smallest score that at most the stated share of the normal rows lies above."""
    return float(np.quantile(normal, 1 - _FALSE_ALARMS, method="higher"))


SECTION = Section(
    name="tep",
    title="Plant faults (Tennessee Eastman)",
    how="The normal training run is the baseline, each faulty run the input with stamps of 3 minutes; the threshold on "
    "the score leaves 1 % false alarms on the normal test run; rows from 160 on, mean over the faults but 3, 9 and 15. "
    "A scan dates an episode's start backwards and gives all its rows one score, which the rivals, row by row, cannot: "
    "so it is also told how long after the onset a scan that ends there flags its last row, by default limits.",
    units=units,
    measure=measure,
    summarize=summarize,
)
