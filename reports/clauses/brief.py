"""The short form of a clause, for tables and mail: what happened, without ranges, counts and dates.

A template leaves out what its fact lacks. So the short form is the clause of a fact that lacks what can be looked up
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzers.results import Direction, Fact, FactKind

K = FactKind
_BESIDE: Mapping[FactKind, frozenset[str]] = {
    K.OWN_HISTORY: frozenset({"expected", "count"}),
    K.PEERS: frozenset({"expected", "count"}),
    K.FREQUENCY: frozenset({"expected"}),
    K.DUPLICATE: frozenset({"other_at", "pattern"}),
    K.ROUND_AMOUNT: frozenset({"share"}),
    K.BENFORD: frozenset({"mad", "excess"}),
    K.WEEKEND: frozenset({"share", "at"}),
    K.HOLIDAY: frozenset({"at"}),
    K.PERIOD_END: frozenset({"at"}),
    K.BANK_CHANGED: frozenset({"previous", "current"}),
    K.RELATIVE_SIZE: frozenset({"expected"}),
    K.BELOW_LIMIT: frozenset({"count"}),
    K.OUTSIDE_BAND: frozenset({"expected", "at"}),
    K.LEVEL_SHIFT: frozenset({"expected"}),
    K.MORE_VARIATION: frozenset({"actual", "expected"}),
    K.LESS_VARIATION: frozenset({"actual", "expected"}),
    K.RELATION_BROKEN: frozenset({"actual", "expected", "ratio"}),
    K.FLAT_LINE: frozenset({"at"}),
    K.SILENT: frozenset({"expected", "at"}),
    K.SPIKES: frozenset({"expected"}),
    K.GROSS_RANGE: frozenset({"actual"}),
    K.SENSOR_DRIFT: frozenset({"expected"}),
}


def brief(fact: Fact) -> Fact:
    """The fact without what its short clause leaves out; its direction stays what its figures say."""
    beside = _BESIDE.get(fact.kind, frozenset())
    if not beside:
        return fact
    update: dict[str, object] = {name: None for name in ("actual", "ratio", "at") if name in beside}
    if "expected" in beside:
        update |= {"expected_low": None, "expected_high": None, "direction": _direction(fact)}
    update["values"] = {name: value for name, value in fact.values.items() if name not in beside}
    return fact.model_copy(update=update)


def _direction(fact: Fact) -> Direction | None:
    actual, low, high = fact.actual, fact.expected_low, fact.expected_high
    if fact.direction is not None or not isinstance(actual, int | float):
        return fact.direction
    if high is not None and actual > high:
        return Direction.ABOVE
    return Direction.BELOW if low is not None and actual < low else None
