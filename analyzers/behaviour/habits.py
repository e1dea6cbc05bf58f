"""How strange the values of a category are that an entity's latest records have: another place, another mix.

The likelihood ratio (G) of the window's counts against the entity's own shares, which are shrunk to everybody's,
follow the season, and rise and fall with what its likes do: what moves all of them is nobody's change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analyzers.behaviour.clock import DAY, Floats, Integers
from analyzers.behaviour.population import Population, View

MOST_VALUES = 2_000
"""Values beyond which a category says nothing about habits."""
LEAST_WITHIN = 3
"""Records in the window that a comparison needs, two of them in its later half."""
_PRIOR = 4.0
"""Records with everybody's shares that each entity is taken to have had."""
_LIFT = 8.0
"""Records by which a value's rise or fall among an entity's likes is shrunk to none."""
_MOST_LIKES = 200
"""Values up to which entities with the same usual value are compared with each other, beyond with all."""
_YEAR, _SEASON = 365 * DAY, 14 * DAY


@dataclass(frozen=True)
class Habits:
    """Every pair of entity and value that occurs, with its records in order of time.

    entity, value : of each pair (P,); keys : pair and second of each record, sorted (n,).
    """

    population: Population
    column: str
    values: tuple[str, ...]
    entity: Integers
    value: Integers
    keys: Integers
    starts: Integers
    span: int

    @classmethod
    def of(cls, population: Population, column: str) -> Habits:
        """The pairs of one category column; null is a value."""
        texts = population.frame[column].cast(pl.String).fill_null("")
        distinct = texts.unique().sort()
        value = texts.replace_strict(distinct, pl.int_range(len(distinct), eager=True)).to_numpy().astype(np.int64)
        joined = population.codes * len(distinct) + value
        pairs, place = np.unique(joined, return_inverse=True)
        span = population.end + 10_000 * DAY
        keys = np.sort(place * span + population.seconds)
        starts = np.searchsorted(keys, np.arange(len(pairs)) * span)
        size = len(distinct)
        return cls(population, column, tuple(distinct.to_list()), pairs // size, pairs % size, keys, starts, span)

    def until(self, moment: int) -> Integers:
        """Records of each pair before a moment, (P,)."""
        wanted = np.arange(len(self.entity)) * self.span + max(moment, 0)
        return np.searchsorted(self.keys, wanted, side="left") - self.starts

    def between(self, start: int, end: int) -> Integers:
        """Records of each pair from one moment to before another, (P,)."""
        return self.until(end) - self.until(start)


def shift(view: View, habits: Habits) -> Floats:
    """Strangeness of the window's values for each entity, (N,): the root of G.

    It must hold for the later half of the window too, so that a single trip counts for little.
    """
    n = len(view.population.labels)
    within = habits.between(view.moment - view.window, view.moment)
    recent = habits.between(view.moment - view.window // 2, view.moment)
    shares = expected_shares(view, habits)
    both = []
    for counts in (within, recent):
        size = np.bincount(habits.entity, counts, n)
        ratio = counts / np.maximum(size[habits.entity] * shares, 1e-12)
        both.append((2.0 * np.bincount(habits.entity, counts * np.log(np.maximum(ratio, 1e-12)), n), size))
    (whole, size), (late, late_size) = both
    score = np.sqrt(np.maximum(np.minimum(whole, late * size / np.maximum(late_size, 1.0)), 0.0))
    return np.where((size >= LEAST_WITHIN) & (late_size >= 2), score, np.nan)


def expected_shares(view: View, habits: Habits) -> Floats:
    """Share of the entity's records in the window that each pair should have, (P,): its own, less or more by its likes.

    Its likes are the entities with the same usual value. Where theirs fall away from a value, so should its own, and
    what falls away goes where theirs went: a closed shop moves its customers next door.
    """
    n, k = len(view.population.labels), len(habits.values)
    start = view.moment - view.window
    past, within = habits.until(start), habits.between(start, view.moment)
    own = _own_shares(view, habits, past, within)
    likes = np.maximum(usual_value(view, habits), 0) if k <= _MOST_LIKES else np.zeros(n, dtype=np.int64)
    cell = likes[habits.entity] * k + habits.value
    groups = k if k <= _MOST_LIKES else 1
    before, lately = (np.bincount(cell, counts, groups * k).reshape(groups, k) for counts in (past, within))
    shares = (before + 0.1) / (before + 0.1).sum(axis=1, keepdims=True)
    moved = (lately + _LIFT * shares) / (lately.sum(axis=1, keepdims=True) + _LIFT)
    gains = np.maximum(moved - shares, 0.0).sum(axis=1)
    # Without the entity's own records: nobody explains himself.
    mine = np.bincount(habits.entity, within, n)[habits.entity]
    whose = likes[habits.entity]
    usual = shares.ravel()[cell]
    others = (lately.ravel()[cell] - within + _LIFT * usual) / (lately.sum(axis=1)[whose] - mine + _LIFT)
    kept = own * np.minimum(others / usual, 1.0)
    lost = np.bincount(habits.entity, own - kept, n)[habits.entity]
    gained = lost * np.maximum(others - usual, 0.0) / np.maximum(gains[whose], 1e-9)
    return np.asarray(kept + gained)


def _own_shares(view: View, habits: Habits, past: Integers, within: Integers) -> Floats:
    """Each pair's share in its entity's past, shrunk to everybody's, half of it that of the same season, (P,)."""
    n, k = len(view.population.labels), len(habits.values)
    everybody = np.bincount(habits.value, past + within, k) + 0.5
    crowd = (everybody / everybody.sum())[habits.value]
    size = np.bincount(habits.entity, past, n)[habits.entity]
    own = (past + _PRIOR * crowd) / (size + _PRIOR)
    year = view.moment - _YEAR
    if year - view.window - _SEASON < 0:
        return np.asarray(own)
    then = habits.between(year - view.window - _SEASON, year + _SEASON)
    season = np.bincount(habits.entity, then, n)[habits.entity]
    seasonal = (then + _PRIOR * own) / (season + _PRIOR)
    return np.asarray(np.where(season >= LEAST_WITHIN, 0.5 * (own + seasonal), own))


def usual_value(view: View, habits: Habits) -> Integers:
    """The value that most of each entity's records before the window have, (N,); -1 without any."""
    past = habits.until(view.moment - view.window)
    order = np.lexsort((-habits.value, past, habits.entity))
    usual = np.full(len(view.population.labels), -1, dtype=np.int64)
    usual[habits.entity[order]] = np.where(past[order] > 0, habits.value[order], -1)
    return usual
