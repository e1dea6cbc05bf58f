"""Flags on a water pump's sensors: each file's first rows are the baseline, the rest is judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks import series_rivals
from benchmarks.scanning import scan
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit

OWN = "sereno"
_BASELINE = 400
_LABELS = ("anomaly", "changepoint")
_RIVALS: dict[str, tuple[series_rivals.Monitor, float]] = {
    "isolation forest on rows": (series_rivals.forest, 1.0),
    "T2 + Q on rows": (series_rivals.hotelling_and_residual, 1.0),
    "T2 + Q on 15-row means": (series_rivals.on_trailing_means(series_rivals.hotelling_and_residual), 3.0),
}
"""Monitors, and how many times the baseline's 99 % quantile must be passed."""


def units(data: Path, quick: bool) -> list[Unit]:
    """One for each file; a look takes four."""
    files = sorted((data / "skab" / "valve1").glob("*.csv"), key=lambda path: int(path.stem))
    return [Unit(path.stem, {"file": path.name}) for path in (files[::4] if quick else files)]


def measure(data: Path, unit: Unit) -> Result:
    """Confusion of the flagged rows with the labels, whole and before the fault."""
    frame = pl.read_csv(data / "skab" / "valve1" / unit.values["file"], separator=";")
    labels = frame["anomaly"].to_numpy()[_BASELINE:] > 0
    frame = frame.drop(_LABELS)
    normal, judged = frame[:_BASELINE], frame[_BASELINE:]
    scanned = scan(judged, normal, time_column="datetime", separator=";")
    counts = {OWN: _counts(scanned.flagged, labels)}
    sensors = [part.drop("datetime").to_numpy().astype(np.float64) for part in (normal, judged)]
    for name, (monitor, times) in _RIVALS.items():
        limit = times * float(np.quantile(monitor(sensors[0], sensors[0]), 0.99))
        counts[name] = _counts(monitor(*sensors) > limit, labels)
    return {"seconds": scanned.seconds, "findings": len(scanned.findings), "counts": counts}


def _counts(flagged: NDArray[np.bool_], labels: NDArray[np.bool_]) -> dict[str, int]:
    before = np.arange(len(labels)) < (int(np.argmax(labels)) if labels.any() else len(labels))
    return {
        "hits": int((flagged & labels).sum()),
        "missed": int((~flagged & labels).sum()),
        "false": int((flagged & ~labels).sum()),
        "normal": int((~labels).sum()),
        "false_before": int((flagged & before).sum()),
        "before": int(before.sum()),
    }


def _rates(counts: Sequence[dict[str, int]]) -> dict[str, float]:
    total = {key: sum(one[key] for one in counts) for key in (counts[0] if counts else _counts(*_NOTHING))}
    return {
        "F1": 2 * total["hits"] / max(2 * total["hits"] + total["missed"] + total["false"], 1),
        "false alarm rate": total["false"] / max(total["normal"], 1),
        "false alarm rate before the fault": total["false_before"] / max(total["before"], 1),
    }


_NOTHING = (np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_))


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Rates over the rows of all files together."""
    own = _rates([result["counts"][OWN] for _, result in results])
    per_file = tuple(
        (
            unit.values["file"],
            *(round(value, 3) for value in _rates([result["counts"][OWN]]).values()),
            result["findings"],
        )
        for unit, result in results
    )
    return Summary(
        figures=(
            Figure("F1", own["F1"], 0.88),
            Figure("false alarm rate", own["false alarm rate"], 0.14, at_least=False),
            Figure("false alarm rate before the fault", own["false alarm rate before the fault"], 0.10, at_least=False),
        ),
        rivals={name: _rates([result["counts"][name] for _, result in results]) for name in _RIVALS},
        details=(Detail("By file", ("file", "F1", "false alarm rate", "before the fault", "findings"), per_file),),
    )


SECTION = Section(
    name="skab",
    title="Series with a fault (SKAB valve1)",
    how="Each file's first 400 rows are the baseline, the rest is scanned with `--time datetime`; rows of all files "
    "are pooled. The rivals flag above the baseline's 99 % quantile (three times it on means).",
    units=units,
    measure=measure,
    summarize=summarize,
)
