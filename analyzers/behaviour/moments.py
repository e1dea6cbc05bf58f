"""The same questions at the end of the batch and at earlier moments: scores, p-values, and which are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analyzers.behaviour.clock import DAY, Floats
from analyzers.behaviour.habits import MOST_VALUES, Habits, shift
from analyzers.behaviour.population import Population, View
from analyzers.behaviour.rhythm import Rhythms, fading, pace, silence
from analyzers.behaviour.sizes import Sizes, change
from analyzers.calibration import Calibration, benjamini_hochberg, severity
from analyzers.columns import Columns, Role
from analyzers.settings import BehaviourSettings

Flags = NDArray[np.bool_]

LEAST_MOMENTS = 6
MOST_MOMENTS = 80
STEP = 7 * DAY
"""Earlier moments are at least so far apart; a week, so that each has the same weekday."""
LONG = 3
"""Windows over which a slower rhythm is looked for."""
_YEAR = 365 * DAY
_ENOUGH = 2_000
"""Scores that the entities of a known year, and the others, need to be compared with their like only."""
_MOST_SCORES = 250_000
"""Scores of each kind to compare with; more would only take time."""


class BehaviourType(StrEnum):
    """Types of the findings about behaviour."""

    STOPPED = "stopped"
    """Silent for longer than its own rhythm makes plausible."""
    SLOWER = "slower_rhythm"
    FASTER = "faster_rhythm"
    MOVED = "moved_place"
    """Another value of a column that says where."""
    MIX = "changed_mix"
    """Another value of any other category."""
    AMOUNTS = "changed_amounts"
    """Larger or smaller amounts or measures."""


@dataclass(frozen=True)
class Question:
    """One comparison: its type, the column that it is about, and the scores that it gives at a moment."""

    type: BehaviourType
    column: str | None
    ask: Callable[[View], Floats]


@dataclass(frozen=True)
class Answer:
    """What a question came to at the end of the batch; arrays are (N,), NaN where there was nothing to compare."""

    question: Question
    scores: Floats
    p_values: Floats
    severity: Floats
    calibration_size: int


@dataclass(frozen=True)
class Materials:
    """Everything that the questions are asked of, computed once."""

    population: Population
    rhythms: Rhythms
    habits: dict[str, Habits]
    sizes: dict[str, Sizes]

    @classmethod
    def of(cls, population: Population, columns: Columns, settings: BehaviourSettings) -> Materials:
        """The population's rhythms, the habits in its categories, the sizes of its measures and amounts."""
        present = set(population.frame.columns)
        told = {*columns.names(Role.CATEGORY), *settings.place} & present - {settings.entity, settings.peers}
        categories = [column.name for column in columns.columns if column.name in told]
        usable = [name for name in categories if 1 < population.frame[name].n_unique() <= MOST_VALUES]
        habits = {name: Habits.of(population, name) for name in usable}
        numbers = [*columns.names(Role.EXPOSURE), *columns.names(Role.MEASURE)]
        sizes = {name: Sizes.of(population, name, list(habits)) for name in numbers if name in present}
        return cls(population, Rhythms(population), habits, sizes)

    def questions(self, place: tuple[str, ...]) -> list[Question]:
        """All comparisons; `place` are the columns that say where."""
        rhythms = self.rhythms
        asked = [
            Question(BehaviourType.STOPPED, None, lambda view: silence(view, rhythms)),
            Question(BehaviourType.SLOWER, None, lambda view: _slower(view, rhythms)),
            Question(BehaviourType.FASTER, None, lambda view: pace(view, rhythms)),
        ]
        for name, habits in self.habits.items():
            kind = BehaviourType.MOVED if name in place else BehaviourType.MIX
            asked.append(Question(kind, name, lambda view, habits=habits: shift(view, habits)))  # type: ignore[misc]
        for name, sizes in self.sizes.items():
            asked.append(
                Question(BehaviourType.AMOUNTS, name, lambda view, sizes=sizes: np.abs(change(view, sizes)))  # type: ignore[misc]
            )
        return asked


def _slower(view: View, rhythms: Rhythms) -> Floats:
    """Fewer records in three times the window: it takes as long to be told from chance."""
    return fading(View.at(view.population, view.moment, LONG * view.window), rhythms)


def earlier_moments(population: Population, settings: BehaviourSettings) -> list[int]:
    """Ends of earlier windows, latest first: a week apart, none within the longest window or the first quarter."""
    window = settings.window * DAY
    latest, earliest = population.end - LONG * window, max(3 * window, population.end // 4)
    steps = max(1, min(MOST_MOMENTS, _MOST_SCORES // max(len(population.labels), 1), (latest - earliest) // STEP + 1))
    apart = max(STEP, (latest - earliest) // max(steps, 1) // STEP * STEP)
    return list(range(latest, earliest - 1, -apart))[:steps]


def watched(view: View, settings: BehaviourSettings) -> NDArray[np.bool_]:
    """Entities with a past to compare with that are not long gone, (N,)."""
    population = view.population
    first = population.seconds[population.starts]
    last = population.seconds[np.maximum(view.after - 1, 0)]
    return np.asarray(
        (view.past >= settings.least_records)
        & (view.moment - first >= 2 * view.window)
        & (last >= view.moment - settings.dormant * DAY)
    )


def answers(materials: Materials, settings: BehaviourSettings, moments: list[int]) -> list[Answer]:
    """Ask every question now and at earlier moments; p-values are conformal, against the earlier scores' bulk.

    Entities whose whole year is known are compared among themselves, and so are the younger ones: their seasons are
    not known yet. A silence that never ended may be a true stop, and no evidence of what is normal: it is no part of
    the comparison.
    """
    population, window = materials.population, settings.window * DAY
    now = View.at(population, population.end, window)
    questions = materials.questions(settings.place)
    pools: list[list[tuple[Floats, Flags]]] = [[] for _ in questions]
    for moment in moments:
        view = View.at(population, moment, window)
        there = watched(view, settings)
        came_back = there & (now.after > view.after)
        for question, pool in zip(questions, pools, strict=True):
            scores = question.ask(view)
            used = np.isfinite(scores) & (came_back if question.type is BehaviourType.STOPPED else there)
            pool.append((scores[used], _is_mature(view)[used]))
    there, mature = watched(now, settings), _is_mature(now)
    return [
        _answer(question, np.where(there, question.ask(now), np.nan), mature, pool)
        for question, pool in zip(questions, pools, strict=True)
        if pool
    ]


def told(answer: Answer, fdr: float) -> Flags:
    """Which entities are told, (N,), by Benjamini-Hochberg over those that the question was asked of."""
    known = np.isfinite(answer.p_values)
    rejected = np.zeros(len(answer.p_values), dtype=bool)
    rejected[known] = benjamini_hochberg(answer.p_values[known], fdr)
    return rejected


def _is_mature(view: View) -> Flags:
    """Entities known for a year before the window."""
    population = view.population
    return np.asarray(view.moment - view.window - population.seconds[population.starts] >= _YEAR)


def _answer(question: Question, scores: Floats, mature: Flags, pool: list[tuple[Floats, Flags]]) -> Answer:
    earlier, was_mature = np.concatenate([one for one, _ in pool]), np.concatenate([one for _, one in pool])
    p_values, strange, size = np.full(len(scores), np.nan), np.zeros(len(scores)), 0
    whole = was_mature.sum() >= _ENOUGH and (~was_mature).sum() >= _ENOUGH
    for grown in (True, False) if whole else (None,):
        known = np.isfinite(scores) & (mature == grown if grown is not None else True)
        kept = Calibration.of([earlier if grown is None else earlier[was_mature == grown]]).trimmed()
        size += len(kept)
        if known.any() and len(kept):
            p_values[known] = kept.p_values(scores[known][None, :])
            strange[known] = severity(kept.scores, scores[known])
    return Answer(question, scores, p_values, strange, size)
