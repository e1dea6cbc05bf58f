"""Card transactions: each day of July against June, frauds that show in amount and habit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from benchmarks.scanning import scan
from benchmarks.section import Detail, Figure, Result, Section, Summary, Unit, mean

OWN = "sereno"
_LABELS = ("TX_FRAUD", "TX_FRAUD_SCENARIO")
_LEFT_OUT = ("TX_TIME_SECONDS", "TX_TIME_DAYS", *_LABELS)
_TERMINAL_FRAUD = 2
"""Frauds at a compromised terminal look like any other payment; they are left out of both sides."""
_SCENARIOS = {1: "amount", 3: "leaked card"}


def units(data: Path, quick: bool) -> list[Unit]:
    """One for each day of July; a look takes four."""
    days = sorted((data / "fdh").glob("2018-07-*.parquet"))
    return [Unit(path.stem, {"file": path.name}) for path in (days[::8] if quick else days)]


def measure(data: Path, unit: Unit) -> Result:
    """Average precision of the day, and what was flagged."""
    june = _payments(sorted((data / "fdh").glob("2018-06-*.parquet")))
    day = _payments([data / "fdh" / unit.values["file"]])
    fraud = day["TX_FRAUD_SCENARIO"].to_numpy()
    scanned = scan(day.drop(_LEFT_OUT), june.drop(_LEFT_OUT), entities=("CUSTOMER_ID", "TERMINAL_ID"))
    amount = day["TX_AMOUNT"].cast(pl.Float64).to_numpy()
    scores = {OWN: scanned.score, "amount": amount, "amount over the customer's median": amount / _usual(june, day)}
    flagged = scanned.flagged
    return {
        "seconds": scanned.seconds,
        "frauds": int((fraud > 0).sum()),
        "flagged": int(flagged.sum()),
        "hits": int((flagged & (fraud > 0)).sum()),
        "findings": len(scanned.findings),
        "ap": {name: float(average_precision_score(fraud > 0, values)) for name, values in scores.items()},
        "found": {
            label: [int((flagged & (fraud == number)).sum()), int((fraud == number).sum())]
            for number, label in _SCENARIOS.items()
        },
    }


def _payments(paths: Sequence[Path]) -> pl.DataFrame:
    frame = pl.concat([pl.read_parquet(path) for path in paths])
    return frame.filter(pl.col("TX_FRAUD_SCENARIO") != _TERMINAL_FRAUD)


def _usual(june: pl.DataFrame, day: pl.DataFrame) -> np.ndarray:
    """Median amount of each payment's customer in June; everybody's where the customer is new."""
    amount = pl.col("TX_AMOUNT").cast(pl.Float64)
    medians = june.group_by("CUSTOMER_ID").agg(usual=amount.median())
    everybody = float(june.select(amount.median()).item())
    joined = day.select("CUSTOMER_ID").join(medians, on="CUSTOMER_ID", how="left", maintain_order="left")
    return joined["usual"].fill_null(everybody).clip(0.01).to_numpy()


def summarize(results: Sequence[tuple[Unit, Result]]) -> Summary:
    """Mean over days; precision and recall of the flags over all days together."""
    flagged, hits, frauds = (sum(result[key] for _, result in results) for key in ("flagged", "hits", "frauds"))
    rivals = [name for name in (results[0][1]["ap"] if results else {}) if name != OWN]
    found = {
        label: [sum(result["found"][label][i] for _, result in results) for i in (0, 1)]
        for label in _SCENARIOS.values()
    }
    return Summary(
        figures=(
            Figure("mean daily AP", mean([result["ap"][OWN] for _, result in results]), 0.85),
            Figure("precision of the flags (nominal 0.9)", hits / flagged if flagged else None),
            Figure("recall of the flags", hits / frauds if frauds else None),
            *(
                Figure(f"recall of the flags, {label}", some / whole if whole else None)
                for label, (some, whole) in found.items()
            ),
        ),
        rivals={name: {"mean daily AP": mean([result["ap"][name] for _, result in results]) or 0.0} for name in rivals},
        details=(
            Detail(
                "By day",
                ("day", "AP", *rivals, "frauds", "flagged", "hits"),
                tuple(
                    (
                        unit.name,
                        *(round(result["ap"][name], 3) for name in (OWN, *rivals)),
                        result["frauds"],
                        result["flagged"],
                        result["hits"],
                    )
                    for unit, result in results
                ),
            ),
        ),
    )


SECTION = Section(
    name="cards",
    title="Card transactions (Fraud Detection Handbook)",
    how="Each day of July against June with `--entity CUSTOMER_ID --entity TERMINAL_ID`, nothing else stated; scenario "
    "2's frauds are left out of both sides, those of scenarios 1 and 3 stay in June as nobody would know them.",
    units=units,
    measure=measure,
    summarize=summarize,
)
