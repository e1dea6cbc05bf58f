"""Operating states: series are compared only within the same state; stopped and transient time is not scored."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import polars as pl

from analyzers.errors import MonitorError
from analyzers.series.numeric import Booleans, Floats, Integers
from analyzers.series.samples import Samples

_STOPPED_TEXTS = """
    0 off stop stopped idle standby down shutdown halted out maintenance starting stopping startup transient false no
    aus stillstand gestoppt wartung anfahren abfahren
    parado parada detenido detenida apagado apagada reposo mantenimiento arranque
"""
STOPPED = frozenset(_STOPPED_TEXTS.split())
"""State texts of time that is not scored, in English, German and Spanish."""
LONGEST_SETTLING = 240
SHORTEST_SETTLING = 5
MOST_CHANGES = 200
"""Changes of state that the settling time is learnt from, the latest."""
LEAST_CHANGES = 3
NEAR = 1.0
"""Usual deviations from its eventual level within which a measure has settled."""
RUN_DOWN = 3
"""Samples before a stop that belong to it already."""
LEAST_STATE = 120
"""Samples of a state that the baseline needs before the state can be scored."""
LONGEST_RULE = 500

_COMPARISON = re.compile(
    r'\s*(?:"(?P<quoted>[^"]+)"|(?P<name>[^\s<>=!"]+))\s*(?P<sign><=|>=|==|!=|<|>|=)\s*'
    r"(?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*"
)
_JOINT = re.compile(r"(and|or)\b", re.IGNORECASE)
_SIGNS: dict[str, Callable[[pl.Expr, float], pl.Expr]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Phases:
    """What the asset was doing.

    running : (n,) bool. scored : (n,) bool, running in a known state and the quickest measure settled.
    unsettled : (n, measures) bool, readings that still settle after a change of state.
    state : (n,) int, the state each sample is compared in.
    stopped, transient, unknown : numbers of batch samples left out since the asset stood, had just changed its
        state, or was in a state that the baseline hardly knows.
    settling : (measures,) samples after a change of state that are left out.
    """

    running: Booleans
    scored: Booleans
    unsettled: Booleans
    state: Integers
    stopped: int
    transient: int
    unknown: int
    settling: Integers


def running_rule(rule: str, frame: pl.DataFrame) -> tuple[pl.Expr, tuple[str, ...]]:
    """Reads a rule such as `speed > 50 and "oil pressure" >= 1.5`; `and` binds before `or`.

    Returns it as an expression over the frame's columns, and the columns that it names.

    Raises
    ------
    MonitorError
        The rule is no such comparison, or names a column that is missing or not a number.
    """
    if len(rule) > LONGEST_RULE:
        raise MonitorError(f"settings.series.running is longer than {LONGEST_RULE} characters: shorten the rule")
    alternatives: list[list[pl.Expr]] = [[]]
    named: list[str] = []
    position = 0
    while True:
        found = _COMPARISON.match(rule, position)
        if found is None:
            raise _bad_rule(rule, position)
        alternatives[-1].append(_comparison(found, rule, frame))
        named.append(found["quoted"] or found["name"])
        position = found.end()
        if position == len(rule):
            break
        joint = _JOINT.match(rule, position)
        if joint is None:
            raise _bad_rule(rule, position)
        if joint[1].lower() == "or":
            alternatives.append([])
        position = joint.end()
    whole = reduce(operator.or_, [reduce(operator.and_, comparisons) for comparisons in alternatives])
    return whole, tuple(dict.fromkeys(named))


def _comparison(found: re.Match[str], rule: str, frame: pl.DataFrame) -> pl.Expr:
    name = found["quoted"] or found["name"]
    if name not in frame.columns:
        raise MonitorError(f"settings.series.running {rule!r} names {name!r}, which is no column of the records")
    if not frame.schema[name].is_numeric():
        raise MonitorError(f"settings.series.running {rule!r} compares {name!r}, which is not a number")
    return _SIGNS[found["sign"]](pl.col(name), float(found["number"]))


def _bad_rule(rule: str, position: int) -> MonitorError:
    return MonitorError(
        f"settings.series.running {rule!r} cannot be read at character {position + 1}: "
        "write comparisons such as speed > 50, joined by 'and' or 'or'"
    )


def operating_phases(samples: Samples) -> Phases:
    """Tells running from stopped and settled from transient, and drops states that the baseline hardly knows."""
    idle = np.array([name.strip().casefold() in STOPPED for name in samples.state_names], dtype=bool)
    running = samples.running & ~idle[samples.states]
    state = np.where(running, samples.states, -1)
    settling = _settling(samples, state)
    unsettled = _near_changes(state, samples.segments, settling)
    settled = running & ~unsettled.all(axis=1)
    usual = np.bincount(samples.states[settled & samples.baseline], minlength=len(samples.state_names))
    known = settled & (usual >= LEAST_STATE)[samples.states]
    batch = np.arange(len(samples)) >= samples.first_batch
    return Phases(
        running=running,
        scored=known,
        unsettled=unsettled,
        state=samples.states,
        stopped=int((~running & batch).sum()),
        transient=int((running & ~settled & batch).sum()),
        unknown=int((settled & ~known & batch).sum()),
        settling=settling,
    )


def _near_changes(state: Integers, segments: Integers, settling: Integers) -> Booleans:
    """Readings within their measure's settling time after a change of state, or `RUN_DOWN` samples before one."""
    rows, changes = np.arange(len(state)), _changes(state, segments)
    position = np.searchsorted(changes, rows, side="right")
    bounded = np.r_[-len(state) - LONGEST_SETTLING, changes, 2 * len(state) + RUN_DOWN]
    before = bounded[position + 1] - rows <= RUN_DOWN
    near: Booleans = ((rows - bounded[position])[:, None] < settling) | before[:, None]
    return near


def _changes(state: Integers, segments: Integers) -> Integers:
    """First samples of a new state, where no gap hides the change."""
    return np.flatnonzero((np.diff(state) != 0) & (np.diff(segments) == 0)).astype(np.int64) + 1


def _settling(samples: Samples, state: Integers) -> Integers:
    """How many samples each measure takes to settle after a change of state, learnt from the baseline's changes.

    The typical (median) course after a change, in usual deviations, is followed until it stays within `NEAR` of
    where it ends.
    """
    changes = [
        (first, min(last, first + LONGEST_SETTLING))
        for first, last in _stays(state, samples.segments)
        if last - first >= SHORTEST_SETTLING and samples.baseline[first]
    ][-MOST_CHANGES:]
    measures = samples.values.shape[1]
    if len(changes) < LEAST_CHANGES:
        return np.full(measures, LONGEST_SETTLING // 8)
    levels = {code: _level(samples, state, code) for code in {int(state[first]) for first, _ in changes}}
    profile = np.full((len(changes), LONGEST_SETTLING, measures), np.nan)
    for number, (first, last) in enumerate(changes):
        middle, spread = levels[int(state[first])]
        profile[number, : last - first] = (samples.values[first:last] - middle) / spread
    course = _median_over_changes(profile)
    ends = np.array([_tail(part) for part in course.T])
    far = np.nan_to_num(np.abs(course - ends)) > NEAR
    last_far = np.where(far.any(axis=0), LONGEST_SETTLING - far[::-1].argmax(axis=0), 0)
    return np.asarray(last_far + SHORTEST_SETTLING, dtype=np.int64)


def _stays(state: Integers, segments: Integers) -> list[tuple[int, int]]:
    """Stretches of running that begin with a change of state."""
    begun = set(_changes(state, segments).tolist())
    labels = np.cumsum(np.r_[0, (np.diff(state) != 0) | (np.diff(segments) != 0)])
    edges = np.r_[0, np.flatnonzero(np.diff(labels)) + 1, len(state)]
    pairs = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [(first, last) for first, last in pairs if first in begun and state[first] >= 0]


def _level(samples: Samples, state: Integers, code: int) -> tuple[Floats, Floats]:
    """Median and robust deviation of every measure in a state of the baseline."""
    chosen = samples.values[(state == code) & samples.baseline]
    low, middle, high = _quartiles(chosen[:: max(1, len(chosen) // 20_000)])
    return middle, np.maximum((high - low) / 1.349, 1e-9 + 1e-6 * np.abs(middle))


def _quartiles(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Quartiles of each column without its missing readings; NaN for a column without readings."""
    out = np.full((3, values.shape[1]), np.nan)
    known = np.isfinite(values).any(axis=0)
    if known.any():
        out[:, known] = np.nanquantile(values[:, known], [0.25, 0.5, 0.75], axis=0)
    return out[0], out[1], out[2]


def _tail(course: Floats) -> float:
    """Where a course ends: the mean of the last quarter of its known values, 0 where there are none."""
    known = course[np.isfinite(course)]
    return float(known[-max(len(known) // 4, 1) :].mean()) if len(known) else 0.0


def _median_over_changes(profile: Floats) -> Floats:
    """Median over the changes at each sample after one, NaN where fewer than three have readings."""
    enough = np.isfinite(profile).sum(axis=0) >= LEAST_CHANGES
    out = np.full(profile.shape[1:], np.nan)
    out[enough] = np.nanmedian(profile[:, enough], axis=0)
    return out
