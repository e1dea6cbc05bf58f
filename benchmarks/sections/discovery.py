"""Whether the nominal share of false flags holds, and at which cost in sight, on exchangeable splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from benchmarks import labelled_tables
from benchmarks.scanning import scan
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit, mean

NOMINAL = 0.1
"""The default of `sereno scan --fdr`."""
_SPLITS = 20
_MOST_HISTORY = 4_000
_MOST_NULL = 1_000
_ANOMALIES = 0.1
"""Share of anomalies in the batch, where there are so many."""
_LEAST_NORMAL = 1_200
_LEAST_ANOMALIES = 20
_QUICK_SETS = ("6_cardio", "20_letter", "28_pendigits", "41_Waveform")

_COLUMNS = (
    ("own", "fdp"),
    ("own", "power"),
    ("best", "power"),
    ("own", "flagged"),
    ("forest", "fdp"),
    ("forest", "power"),
)
"""What is told of each set."""


def units(data: Path, quick: bool) -> list[Unit]:
    """One for each set and split; sets too small to hold a history and a batch are left out."""
    chosen = []
    for path in labelled_tables.paths(data):
        _, y = labelled_tables.load(path)
        if (~y).sum() >= _LEAST_NORMAL and y.sum() >= _LEAST_ANOMALIES and (not quick or path.stem in _QUICK_SETS):
            chosen.append(path.stem)
    splits = range(5 if quick else _SPLITS)
    return [Unit(f"{name} {split}", {"set": name, "split": split}) for name in chosen for split in splits]


def measure(data: Path, unit: Unit) -> Result:
    """Realised share of false flags and power of one split, of the product and of whoever knows the labels."""
    split = unit.values["split"]
    history, batch, anomalous = _split(*labelled_tables.load(data / "adbench" / f"{unit.values['set']}.npz"), split)
    scanned = scan(labelled_tables.frame(batch), labelled_tables.frame(history))
    forest = IsolationForest(contamination=NOMINAL, random_state=split).fit(history)
    return {
        "seconds": scanned.seconds,
        "own": _realised(scanned.flagged, anomalous),
        "forest": _realised(forest.predict(batch) < 0, anomalous),
        "best": {"power": best_power(scanned.score, anomalous, NOMINAL)},
    }


def _split(
    X: NDArray[np.float64], y: NDArray[np.bool_], split: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """History and batch drawn from the normals at random, anomalies added to the batch, all shuffled."""
    random = np.random.default_rng(split)
    normal, strange = random.permutation(np.flatnonzero(~y)), random.permutation(np.flatnonzero(y))
    n_null = min(_MOST_NULL, len(normal) // 3)
    history = normal[n_null : n_null + _MOST_HISTORY]
    wanted = round(n_null * _ANOMALIES / (1 - _ANOMALIES))
    rows = random.permutation(np.concatenate([normal[:n_null], strange[:wanted]]))
    return X[history], X[rows], y[rows]


def _realised(flagged: NDArray[np.bool_], anomalous: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "fdp": float((flagged & ~anomalous).sum() / max(flagged.sum(), 1)),
        "power": float((flagged & anomalous).sum() / anomalous.sum()),
        "flagged": int(flagged.sum()),
    }


def best_power(score: NDArray[np.float64], anomalous: NDArray[np.bool_], fdp: float) -> float:
    """Largest share of the anomalies above any threshold at which the realised share of false ones is at most `fdp`."""
    order = np.argsort(-score, kind="stable")
    hits, taken = np.cumsum(anomalous[order]), np.arange(1, len(order) + 1)
    last_of_equals = np.r_[score[order][1:] < score[order][:-1], True]
    allowed = last_of_equals & ((taken - hits) <= fdp * taken)
    return float(hits[allowed].max(initial=0) / anomalous.sum())


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Means over sets of the means over splits; power relative to the best, of these means."""
    sets = list(dict.fromkeys(unit.values["set"] for unit, _ in results))
    rows = []
    for name in sets:
        of_set = [result for unit, result in results if unit.values["set"] == name]
        values = [float(np.mean([one[part][what] for one in of_set])) for part, what in _COLUMNS]
        rows.append((name, *(round(value, 3) for value in values)))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    power, best = mean(columns[2]), mean(columns[3])
    return Summary(
        figures=(
            Figure("realised FDP at nominal 0.1", mean(columns[1]), NOMINAL + 0.02, at_least=False),
            Figure(
                "power over that of the threshold that knows the labels", power / best if power and best else None, 0.9
            ),
            Figure("power", power),
            Figure("power of the threshold that knows the labels", best),
        ),
        rivals={
            "isolation forest, contamination 0.1": {
                "realised FDP at nominal 0.1": mean(columns[5]) or 0.0,
                "power": mean(columns[6]) or 0.0,
            }
        },
        details=(
            Detail(
                "By set, mean of the splits",
                ("set", "FDP", "power", "best power", "flagged", "forest's FDP", "forest's power"),
                tuple(rows),
            ),
        ),
    )


SECTION = Section(
    name="fdr",
    title="False discovery on exchangeable splits",
    how="History (at most 4,000 rows) and null batch (at most 1,000) drawn at random from the normals of the ADBench "
    "sets that are large enough, a tenth of anomalies added to the batch, 20 splits; mean over sets. The threshold "
    "that knows the labels is the lowest on the same scores with a realised share of false ones of at most 0.1.",
    units=units,
    measure=measure,
    summarize=summarize,
)
