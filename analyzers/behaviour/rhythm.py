"""How strange an entity's silence and its number of records are, by the crowd's clock and its own rhythm.

Scores are of shape (N,), higher is stranger, NaN where there is nothing to say; what they amount to is decided by
comparison with the same scores at earlier moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaincc

from analyzers.behaviour.clock import DAY, Floats
from analyzers.behaviour.population import Population, View, records_of

_GAPS = 40
"""An entity's rhythm is that of its last so many gaps."""
_PRIOR_GAPS = 6.0
"""Gaps that the crowd's regularity counts for beside an entity's own."""
_LONGER = 1.25
"""A silence up to so many times the entity's longest earlier one has happened before."""
_HALF = 1.8
"""Deviations of half a window count for so many of the whole: the root of two, and some leniency."""
_SETTLED = 8
"""Gaps after which a longer one than ever is a pause rather than a rhythm not yet known."""
_ENOUGH_MATURE = 0.25
_SEASONAL = 1.5
"""Deviations from which the same window a year before shows a season of the entity's own."""
_RATE_DRIFT = 0.03
"""Share (squared) by which rates wander anyway."""
_YEAR = 365 * DAY
_SEASON = 10 * DAY


@dataclass(frozen=True)
class Rhythms:
    """Sums over each entity's gaps, so that any moment's rhythm is a difference of two places."""

    population: Population

    @cached_property
    def gaps(self) -> Floats:
        """Crowd time since the entity's record before, (n,); 0 for its first."""
        gaps = np.diff(self.population.crowd_times, prepend=0.0)
        gaps[self.population.starts] = 0.0
        return gaps

    @cached_property
    def _sums(self) -> tuple[Floats, Floats]:
        return (
            np.concatenate([[0.0], np.cumsum(self.gaps)]),
            np.concatenate([[0.0], np.cumsum(self.gaps**2)]),
        )

    @cached_property
    def longest(self) -> Floats:
        """Longest gap of the entity up to each record, (n,)."""
        codes = self.population.codes
        offset = codes * (float(self.gaps.max(initial=0.0)) + 1.0)
        return np.asarray(np.maximum.accumulate(self.gaps + offset) - offset)

    @cached_property
    def _pauses(self) -> tuple[Floats, Floats, float]:
        """By how much gaps exceeded an ordinary one, sorted, what those from each on add up to, and the time watched.

        Only gaps longer than all that the entity had had before, where there is enough of a second year only in it: who
        shuts every winter says nothing of the others.
        """
        population = self.population
        codes, place = population.codes, np.arange(len(population.codes))
        settled = place - population.starts[codes] >= _SETTLED
        mature = settled & (population.seconds - population.seconds[population.starts][codes] > _YEAR)
        settled = mature if mature.sum() >= _ENOUGH_MATURE * settled.sum() else settled
        ends = np.append(population.starts[1:], len(codes))
        mean, variation, _ = self.usual(ends)
        new = settled & (self.gaps > _LONGER * np.concatenate([[0.0], self.longest[:-1]]))
        excess = self.gaps - ordinary_gap(mean, variation)[codes]
        excess = np.sort(excess[new & np.isfinite(excess) & (excess > 0)])
        return excess, np.concatenate([np.cumsum(excess[::-1])[::-1], [0.0]]), float(self.gaps[settled].sum())

    def pauses(self, longer: Floats) -> Floats:
        """Share of all time that lies in a pause which has lasted at least so long already, of the same shape."""
        excess, sums, whole = self._pauses
        least = np.maximum(longer, 0.0)
        place = np.searchsorted(excess, np.nan_to_num(least), side="left")
        inside = sums[place] - least * (len(excess) - place)
        return np.asarray((np.maximum(inside, 0.0) + 1.0) / (whole + 1.0))

    def usual(self, after: np.ndarray) -> tuple[Floats, Floats, Floats]:
        """Mean gap, squared coefficient of variation shrunk to the crowd's, and number of gaps before each place."""
        first = self.population.starts
        since = np.maximum(after - _GAPS, np.minimum(first + 1, after))
        count = np.maximum(after - since, 0).astype(np.float64)
        total, squares = (sums[after] - sums[since] for sums in self._sums)
        known = count >= 2
        mean = np.where(known, total / np.maximum(count, 1), np.nan)
        variation = squares / np.maximum(count, 1) / np.maximum(mean, 1e-9) ** 2 - 1
        crowd = float(np.nanmedian(variation[known & (mean > 0)])) if (known & (mean > 0)).any() else 1.0
        crowd = min(max(crowd, 0.05), 4.0)
        shrunk = (np.nan_to_num(variation) * count + _PRIOR_GAPS * crowd) / (count + _PRIOR_GAPS)
        return mean, np.clip(shrunk, 0.05, 6.0), count


def silence(view: View, rhythms: Rhythms) -> Floats:
    """Minus the logarithm of how likely a silence as long is for this entity, at any moment.

    It is the chance that its own rhythm, a gamma law with its mean and spread, leaves such a gap, plus the chance to
    meet it in a pause as they occur among all (holidays, illness): the share of time that lies in one at least as
    long. Beside them stands the share of its own time that its longest silence so far would fill after as long.
    """
    population = view.population
    last = np.maximum(view.after - 1, 0)
    now = population.clock.at(np.asarray(view.moment), population.groups)
    silent = np.maximum(now - population.crowd_times[last], 0.0)
    mean, variation, count = rhythms.usual(view.after)
    shape = 1.0 / (variation * (1.0 + 1.0 / np.maximum(count, 1.0)))
    survival = gammaincc(shape, shape * silent / np.maximum(mean, 1e-6))
    known = population.crowd_times[last] - population.crowd_times[population.starts]
    before = np.maximum(_LONGER * rhythms.longest[last] - silent, 0.0) / np.maximum(known, 1e-6)
    chance = survival + rhythms.pauses(silent - ordinary_gap(mean, variation)) + before
    score = -np.log(np.clip(chance, 1e-300, 1.0))
    return np.where((view.after > population.starts) & np.isfinite(mean), score, np.nan)


def ordinary_gap(mean: Floats, variation: Floats) -> Floats:
    """A gap that the rhythm itself exceeds one time in twenty or so (a gamma law's mean and 1.7 deviations)."""
    return np.asarray(mean * (1.0 + 1.7 * np.sqrt(variation)))


def fading(view: View, rhythms: Rhythms) -> Floats:
    """By how many deviations there are fewer records than usual in the window, (N,); below 0 where there are more.

    The longest absence in the window is taken out of it: a holiday is no slower rhythm, and a stop is another question.
    """
    mean, variation, count = rhythms.usual(view.before)
    span = view.crowd_span(view.moment - view.window, view.moment)
    absent = np.maximum(_longest_within(view, rhythms) - ordinary_gap(mean, variation), 0.0)
    usual = np.maximum(span - absent, 0.0) / np.maximum(mean, 1e-6)
    return _unless_seasonal(view, rhythms, -_deviations(view.within, usual, variation, count), -1.0)


def _longest_within(view: View, rhythms: Rhythms) -> Floats:
    """Crowd time of each entity's longest gap in the window, its ends included, (N,)."""
    population, clock = view.population, view.population.clock
    start, end = (clock.at(np.asarray(edge), population.groups) for edge in (view.moment - view.window, view.moment))
    entity, place = records_of(view.before, view.after)
    longest = np.zeros(len(start))
    since = np.minimum(rhythms.gaps[place], population.crowd_times[place] - start[entity])
    np.maximum.at(longest, entity, since)
    last = population.crowd_times[np.maximum(view.after - 1, 0)]
    return np.maximum(longest, np.minimum(end - last, end - start))


def pace(view: View, rhythms: Rhythms) -> Floats:
    """By how many deviations the number of records in the window differs from the usual; signed, (N,).

    Deviations are those of a renewal process with the entity's own spread of gaps. Both halves of the window must
    differ alike, so that a holiday or a busy week in one of them counts for little, and where the entity did much the
    same a year before, that explains it.
    """
    halves = [
        (view.moment - view.window, view.moment - view.window // 2),
        (view.moment - view.window // 2, view.moment),
    ]
    score = _pace(view, rhythms, view.moment - view.window, view.moment)
    for start, end in halves:
        part = _HALF * _pace(view, rhythms, start, end)
        score = _lesser(score, part)
    return _unless_seasonal(view, rhythms, score, 1.0)


def _pace(view: View, rhythms: Rhythms, start: int, end: int) -> Floats:
    """Deviations of the number of records between two moments."""
    mean, variation, count = rhythms.usual(view.before)
    usual = view.crowd_span(start, end) / np.maximum(mean, 1e-6)
    number = view.population.places(end) - view.population.places(start)
    return _deviations(number, usual, variation, count)


def _unless_seasonal(view: View, rhythms: Rhythms, score: Floats, sign: float) -> Floats:
    """The score less the deviation of the same window a year before, where that was in the same direction and marked.

    sign : -1 where the score is positive for fewer records.
    """
    for shift in (-_SEASON, 0, _SEASON):
        end = view.moment - _YEAR + shift
        if end - view.window < 0:
            break
        then = View.at(view.population, end, view.window)
        before = sign * _pace(then, rhythms, end - view.window, end)
        marked = (then.past >= _SETTLED) & (np.abs(before) >= _SEASONAL) & (before * score > 0)
        left = np.sign(score) * np.maximum(np.abs(score) - np.abs(before), 0.0)
        score = np.where(marked, _lesser(score, left), score)
    return score


def _lesser(one: Floats, other: Floats) -> Floats:
    """The smaller of two deviations of one sign; 0 where their signs differ."""
    return np.where(one * other > 0, np.minimum(np.abs(one), np.abs(other)) * np.sign(one), 0.0 * one)


def _deviations(count: np.ndarray, usual: Floats, variation: Floats, behind: Floats) -> Floats:
    """Difference of square roots, which steadies a count's variance, over its deviation."""
    spread = np.sqrt(variation + usual * (variation / np.maximum(behind, 1.0) + _RATE_DRIFT))
    return np.asarray(2.0 * (np.sqrt(count + 0.375) - np.sqrt(usual + 0.375)) / spread)
