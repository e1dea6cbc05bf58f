"""Unsupervised ranking of tables: 22 sets, no baseline, labels only for scoring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks import labelled_tables, table_rivals
from benchmarks.scanning import scan
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit, mean

OWN = "sereno"
_SEEDS = 3
_QUICK_SETS = ("4_breastw", "6_cardio", "14_glass", "20_letter", "34_smtp", "39_vertebral", "41_Waveform", "47_yeast")


def units(data: Path, quick: bool) -> list[Unit]:
    """One for each set and seed; a look takes eight smaller sets and one seed."""
    sets = [path for path in labelled_tables.paths(data) if not quick or path.stem in _QUICK_SETS]
    seeds = range(1 if quick else _SEEDS)
    return [Unit(f"{path.stem} {seed}", {"set": path.stem, "seed": seed}) for path in sets for seed in seeds]


def measure(data: Path, unit: Unit) -> Result:
    """AUROC and average precision of the product and of each rival on the same rows."""
    seed = unit.values["seed"]
    X, y = labelled_tables.sample(data / "adbench" / f"{unit.values['set']}.npz", seed)
    scanned = scan(labelled_tables.frame(X), seed=seed)
    scores = {OWN: scanned.score, **table_rivals.scores(X, seed)}
    return {
        "seconds": scanned.seconds,
        "flagged": int(scanned.flagged.sum()),
        "auroc": {name: float(roc_auc_score(y, values)) for name, values in scores.items()},
        "ap": {name: float(average_precision_score(y, values)) for name, values in scores.items()},
    }


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Means over sets of the means over seeds."""
    sets = list(dict.fromkeys(unit.values["set"] for unit, _ in results))
    detectors = list(results[0][1]["auroc"]) if results else [OWN]

    def of_set(name: str, measure: str, detector: str) -> float:
        return float(np.mean([one[measure][detector] for unit, one in results if unit.values["set"] == name]))

    def over_sets(measure: str, detector: str) -> float | None:
        return mean([of_set(name, measure, detector) for name in sets])

    rivals = {
        detector: {"mean AUROC": over_sets("auroc", detector) or 0.0, "mean AP": over_sets("ap", detector) or 0.0}
        for detector in detectors
        if detector != OWN
    }
    return Summary(
        figures=(
            Figure("mean AUROC", over_sets("auroc", OWN), 0.81),
            Figure("mean AP", over_sets("ap", OWN), 0.42),
        ),
        rivals=rivals,
        details=tuple(
            Detail(
                f"{title} by set, mean of the seeds",
                ("set", *detectors),
                tuple((name, *(round(of_set(name, measure, one), 3) for one in detectors)) for name in sets),
            )
            for title, measure in (("AUROC", "auroc"), ("AP", "ap"))
        ),
    )


SECTION = Section(
    name="adbench",
    title="Tables without a baseline (ADBench)",
    how="22 sets of at most 10,000 shuffled rows, each scanned on its own without a baseline; the rivals see the same "
    "rows, standardised, with their defaults.",
    units=units,
    measure=measure,
    summarize=summarize,
)
