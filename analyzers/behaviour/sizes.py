"""How strange the amounts and measures of an entity's latest records are against its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analyzers.behaviour.clock import Floats
from analyzers.behaviour.population import LEAST_PEERS, Population, View, medians, records_of

LEAST_WITHIN = 3
_PRIOR = 5.0
"""Records that the crowd's spread counts for beside an entity's own."""
_CLIP = 2.5
"""No single record counts for more deviations: one large basket is no new habit."""
_MOSTLY = 0.9
_LEAST_EXPLAINED = 0.05
"""Share of the values' mean deviation that a category must take away to be compared by."""
_LEAST_OF_KIND = 30


@dataclass(frozen=True)
class Sizes:
    """One column of numbers on a scale on which ratios are differences where nearly all of it is positive.

    scaled : (n,), NaN where there is no number; logarithmic : whether it is a logarithm.
    """

    population: Population
    column: str
    scaled: Floats
    logarithmic: bool
    sums: tuple[Floats, Floats, Floats]

    @classmethod
    def of(cls, population: Population, column: str, kinds: Sequence[str] = ()) -> Sizes:
        """The scaled values of one column, and their running count, sum and sum of squares.

        kinds : categories; a value is compared with what records of its kind usually come to, by the one of them that
            tells most, so that another mix is no other amount.
        """
        values = population.numbers(column)
        known = values[np.isfinite(values)]
        logarithmic = bool(len(known)) and float(np.mean(known > 0)) >= _MOSTLY
        middle = float(np.median(np.abs(known))) if len(known) else 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = (
                np.where(values > 0, np.log(values), np.nan) if logarithmic else np.arcsinh(values / (middle or 1.0))
            )
        scaled = scaled - _usual_of_kind(population, scaled, kinds)
        kept = _tamed(scaled, population.codes)
        there = np.isfinite(kept)
        held = np.where(there, kept, 0.0)
        sums = tuple(np.concatenate([[0.0], np.cumsum(part)]) for part in (there.astype(np.float64), held, held**2))
        return cls(population, column, scaled, logarithmic, (sums[0], sums[1], sums[2]))

    def before(self, place: np.ndarray) -> tuple[Floats, Floats, Floats]:
        """Count, mean and spread of each entity's values before a place, (N,); the spread is shrunk to the crowd's."""
        first = self.population.starts
        count, total, squares = (sums[place] - sums[first] for sums in self.sums)
        mean = total / np.maximum(count, 1.0)
        inner = np.maximum(squares - count * mean**2, 0.0)
        enough = count >= 4
        crowd = float(np.median(inner[enough] / (count[enough] - 1))) if enough.any() else 1.0
        spread = np.sqrt((inner + _PRIOR * max(crowd, 1e-6)) / (np.maximum(count - 1, 0) + _PRIOR))
        return count, mean, spread


def change(view: View, sizes: Sizes) -> Floats:
    """Signed deviations by which the window's values differ from the entity's own, (N,), less what its segment shares.

    It must hold for the later half of the window too.
    """
    count, mean, spread = sizes.before(view.before)
    both = []
    for start in (view.before, view.recent):
        entity, place = records_of(start, view.after)
        away = np.clip((sizes.scaled[place] - mean[entity]) / np.maximum(spread[entity], 1e-9), -_CLIP, _CLIP)
        there = np.isfinite(away)
        size = np.bincount(entity[there], minlength=len(mean)).astype(np.float64)
        total = np.bincount(entity[there], away[there], len(mean))
        usual = medians(np.where(size > 0, total / np.maximum(size, 1.0), np.nan), view.population.groups, LEAST_PEERS)
        deviation = np.sqrt(size + size**2 / np.maximum(count, 1.0))
        both.append(((total - size * usual) / np.maximum(deviation, 1.0), size))
    (whole, size), (late, late_size) = both
    late = late * np.sqrt(size / np.maximum(late_size, 1.0))
    same = np.where(whole * late > 0, np.minimum(np.abs(whole), np.abs(late)) * np.sign(whole), 0.0)
    return np.where((size >= LEAST_WITHIN) & (late_size >= 2) & (count >= 4), same, np.nan)


def _usual_of_kind(population: Population, scaled: Floats, kinds: Sequence[str]) -> Floats:
    """Median of the values of each record's kind (n,), by the category whose medians explain most; 0 without any."""
    value = pl.when(pl.col("value").is_finite()).then("value")
    best, usual = _LEAST_EXPLAINED, np.zeros(len(scaled))
    for name in kinds:
        kind = population.frame[name].cast(pl.String).fill_null("")
        frame = pl.DataFrame({"kind": kind, "value": scaled}).with_columns(value)
        frame = frame.with_columns(
            kind=pl.col("value").median().over("kind"), many=pl.len().over("kind"), all=pl.col("value").median()
        )
        frame = frame.with_columns(kind=pl.when(pl.col("many") >= _LEAST_OF_KIND).then("kind").otherwise("all"))
        around, within = ((pl.col("value") - pl.col(of)).abs().mean() for of in ("all", "kind"))
        explained = frame.select(1 - within / around).item()
        if explained is not None and explained > best:
            best, usual = explained, frame["kind"].fill_null(0.0).to_numpy().astype(np.float64)
    return usual


def _tamed(scaled: Floats, codes: np.ndarray) -> Floats:
    """Values drawn in to four robust deviations around their entity's median."""
    frame = pl.DataFrame({"entity": codes, "value": scaled}).with_columns(
        pl.when(pl.col("value").is_finite()).then("value")
    )
    middle = pl.col("value").median().over("entity")
    frame = frame.with_columns(middle=middle).with_columns(away=(pl.col("value") - pl.col("middle")).abs())
    reach = 4 * 1.4826 * pl.col("away").median().over("entity") + 1e-9
    tamed = frame.select(pl.col("value").clip(pl.col("middle") - reach, pl.col("middle") + reach).alias("value"))
    return tamed["value"].fill_null(float("nan")).to_numpy().astype(np.float64)
