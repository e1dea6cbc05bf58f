"""What is true of an entity's behaviour: its silence, its latest records against earlier ones; recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from benchmarks.claims.record_truth import Truth, best, compare, frequency
from benchmarks.claims.source import Floats, Source
from benchmarks.claims.statement import Finding, Judgement, Statement

TYPES = frozenset({"stopped", "slower_rhythm", "faster_rhythm", "moved_place", "changed_mix", "changed_amounts"})
"""Findings whose figures are of the days that end with the batch."""
_DAY = 86_400.0
_WINDOWS = 40
"""Earlier windows that say what is usual in one: each half a window before the next, none within the present one."""


@dataclass(frozen=True)
class _Past:
    """All records of an entity in time order, up to `until` (seconds)."""

    rows: NDArray[np.int64]
    at: Floats
    until: float

    def latest(self, days: float) -> NDArray[np.bool_]:
        """Records of the days that end with the batch."""
        return np.asarray(self.at >= self.until - days * _DAY)

    def earlier_windows(self, days: float) -> Iterator[NDArray[np.bool_]]:
        """Records in each of the windows before the present one, as far back as the first record."""
        step, end = max(int(days) // 2, 1) * _DAY, self.until - days * _DAY
        for _ in range(_WINDOWS):
            start = end - days * _DAY
            if start <= self.at[0] - 1:
                return
            yield (self.at >= start) & (self.at < end)
            end -= step


def _pasts(statement: Statement, finding: Finding, source: Source) -> Iterator[_Past]:
    stated = statement.texts.get("entity")
    named = str(finding.get("subject")) if stated in (None, "it") else str(stated)
    for column, label in source.called(named):
        for time in source.time_columns[:2]:
            at = np.floor(source.seconds(time))
            rows = np.flatnonzero((source.labels(column) == label) & np.isfinite(at))
            rows = rows[np.argsort(at[rows], kind="stable")]
            yield _Past(rows, at[rows], source.settings.until or float(np.nanmax(at)) + 1)


def silence(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Whole days since the last record, when that was, and the usual days between two."""

    def of(past: _Past) -> Judgement:
        judgement = Judgement()
        gaps = np.diff(past.at) / _DAY
        judgement.figure(statement, "actual", float((past.until - past.at[-1]) // _DAY))
        judgement.figure(statement, "count", len(past.at))
        if len(gaps):
            low, median, high = (float(part) for part in np.quantile(gaps, [0.1, 0.5, 0.9]))
            judgement.figure(statement, "low", round(low, 1))
            judgement.figure(statement, "high", round(high, 1))
            judgement.figure(statement, "ratio", (past.until - past.at[-1]) // _DAY / median if median else None)
        _since(judgement, statement, past, source)
        return judgement

    return best((of(past) for past in _pasts(statement, finding, source)), "nobody of that name has records")


def _since(judgement: Judgement, statement: Statement, past: _Past, source: Source) -> None:
    stated = statement.times.get("at")
    if stated is None:
        return
    days = {str(source.dates(time)[past.rows[-1]]) for time in source.time_columns}
    told = statement.texts.get("at_day")
    if told is not None:
        judgement.need(told in days, f"the last record is of {days}")
    elif isinstance(stated, datetime):
        judgement.need(abs(stated.timestamp() - past.at[-1]) < 1, f"the last record is of {past.at[-1]:.0f}")


def category_shift(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """How many of the latest and of the earlier records have the value."""
    days = statement.figures.get("days")
    wanted = statement.texts.get("feature")
    columns = [column] if wanted and (column := source.column(wanted)) else source.columns
    if days is None:
        return Judgement(unchecked=["names no length of time"])

    def of(past: _Past, column: str) -> Judgement:
        judgement = Judgement()
        cells = source.labels(column)[past.rows]
        filled = cells != ""
        alike = np.array([source.is_called(statement.texts["actual"], str(cell)) for cell in cells])
        now = past.latest(days.value)
        figures = {"count": now & alike, "total": now & filled, "earlier": ~now & alike, "earlier_total": ~now & filled}
        for slot, chosen in figures.items():
            judgement.figure(statement, slot, float(chosen.sum()))
        share, before = (float(alike[c & filled].mean()) if (c & filled).any() else 0.0 for c in (now, ~now))
        side = statement.texts.get("direction")
        if side is not None:
            judgement.need((share > before) == (side == "above"), f"its share goes from {before:.3g} to {share:.3g}")
        return judgement

    return best(
        (of(past, column) for past in _pasts(statement, finding, source) for column in columns),
        "nobody of that name has records",
    )


def recent_level(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The median of the latest values against the same in earlier windows, else against all earlier values."""

    def of(past: _Past, column: str) -> Judgement:
        days = statement.figures.get("days")
        if days is None:
            return Judgement(unchecked=["names no length of time"])
        values, now = source.numbers(column)[past.rows], past.latest(days.value)
        known = np.isfinite(values)
        windows = [values[window & known] for window in past.earlier_windows(days.value)]
        usual = np.array([np.median(window) for window in windows if len(window)])
        return _against(statement, values[now & known], usual if len(usual) else values[~now & known], np.median)

    return best(_of_values(of, statement, finding, source), "nobody of that name has records")


def recent_sum(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """What the latest records add up to, against the same in earlier windows."""

    def of(past: _Past, column: str) -> Judgement:
        days = statement.figures.get("days")
        if days is None:
            return Judgement(unchecked=["names no length of time"])
        values = np.nan_to_num(source.numbers(column)[past.rows])
        earlier = np.array([values[window].sum() for window in past.earlier_windows(days.value)])
        return _against(statement, values[past.latest(days.value)], earlier, np.sum)

    return best(_of_values(of, statement, finding, source), "nobody of that name has records")


def _of_values(
    of: Callable[[_Past, str], Judgement], statement: Statement, finding: Finding, source: Source
) -> Iterator[Judgement]:
    wanted = statement.texts.get("feature")
    column = source.column(wanted) if wanted else None
    for past in _pasts(statement, finding, source):
        for name in [column] if column else source.number_columns:
            yield of(past, name)


def _against(statement: Statement, latest: Floats, usual: Floats, told: Callable[[Floats], np.float64]) -> Judgement:
    judgement = Judgement()
    actual = float(told(latest)) if len(latest) else 0.0
    judgement.figure(statement, "actual", actual)
    judgement.figure(statement, "count", len(latest))
    if not len(usual):
        judgement.need("low" not in statement.figures, "there is nothing to compare with")
        return judgement
    low, median, high = (float(part) for part in np.quantile(usual, [0.1, 0.5, 0.9]))
    judgement.figure(statement, "low", low)
    judgement.figure(statement, "high", high)
    compare(judgement, statement, actual, low, median, high)
    return judgement


def paced(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Records in a window: the days that end with the batch where behaviour is told, else those up to a record."""
    days = statement.figures.get("days")
    if finding.get("type") not in TYPES or days is None:
        return frequency(statement, finding, source)

    def of(past: _Past) -> Judgement:
        counts = np.array([float(window.sum()) for window in past.earlier_windows(days.value)])
        return _against(statement, past.latest(days.value).astype(np.float64), counts, np.sum)

    return best((of(past) for past in _pasts(statement, finding, source)), "nobody of that name has records")


def at_stake(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """What is missing or too much against the usual sum; of another place or mix, all of the latest records' money."""
    stated = statement.figures.get("actual")
    windows = {fact["values"].get("days") for fact in finding["facts"]} - {None}
    if stated is None:
        return Judgement()

    def of(past: _Past, column: str) -> Judgement:
        judgement = Judgement()
        values = np.nan_to_num(source.numbers(column)[past.rows])
        reach = []
        for days in windows or {28}:
            now = float(values[past.latest(days)].sum())
            earlier = [float(values[window].sum()) for window in past.earlier_windows(days)]
            moved = finding.get("type") in ("moved_place", "changed_mix")
            reach.append(now if moved else abs(now - float(np.median(earlier))) if earlier else now)
        judgement.need(any(stated.shows(one) for one in reach), f"{stated} is {reach}")
        if stated.unit is not None:
            held = {str(source.labels(name)[past.rows[-1]]).strip() for name in source.columns}
            known = stated.unit in held or stated.unit == source.settings.currency
            judgement.need(known, f"no record is in {stated.unit}")
        return judgement

    return best(_of_values(of, statement, finding, source), "nobody of that name has records")


BEHAVIOUR_TRUTHS: Mapping[str, Truth] = {
    "silence": silence,
    "category_shift": category_shift,
    "recent_level": recent_level,
    "recent_sum": recent_sum,
    "frequency": paced,
}
