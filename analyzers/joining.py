"""Tabular flags that are one matter.

Too many records of an entity within days, several unusual ones of a new entity, a run of records at an unusual time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from analyzers.results import FactKind, Flag, Scalar

_LONGEST_PAUSE = timedelta(hours=4)
"""Between two records of one occasion: half a working day."""


def joined_bursts(flags: Iterable[Flag]) -> list[Flag]:
    """One flag for each subject, with the facts of its strangest record."""
    bursts: dict[str, list[Flag]] = {}
    for flag in flags:
        bursts.setdefault(flag.subject.id, []).append(flag)
    return [_as_one(burst, max(burst, key=lambda flag: flag.score)) for burst in bursts.values()]


def joined_newcomers(flags: Iterable[Flag]) -> list[Flag]:
    """One flag for each new entity, with the facts of its first record and how many of its records are unusual."""
    newcomers: dict[object, list[Flag]] = {}
    for flag in sorted(flags, key=_in_time):
        entity = next(((fact.feature, fact.actual) for fact in flag.facts if fact.kind is FactKind.NEW_ENTITY), None)
        newcomers.setdefault(entity or flag.subject.id, []).append(flag)
    return [_led_by_first(of_one, FactKind.NEW_ENTITY, {"unusual": len(of_one)}) for of_one in newcomers.values()]


def joined_occasions(flags: Iterable[Flag]) -> list[Flag]:
    """One flag for each run of records at an unusual time, with the facts of the first and how many more there are.

    A Saturday on which an office worked is one thing to look at, not eight.
    """
    runs: list[list[Flag]] = []
    for flag in sorted(flags, key=_in_time):
        before = runs[-1][-1].time_from if runs else None
        if before and flag.time_from and flag.time_from - before <= _LONGEST_PAUSE:
            runs[-1].append(flag)
        else:
            runs.append([flag])
    return [_led_by_first(run, FactKind.UNUSUAL_TIME, {"count": len(run) - 1}) for run in runs]


def _in_time(flag: Flag) -> tuple[str, tuple[int, ...]]:
    return str(flag.time_from), flag.rows


def _led_by_first(flags: Sequence[Flag], kind: FactKind, counted: dict[str, Scalar]) -> Flag:
    """The flags as one, whose fact of `kind` also says how many they are.

    The first record leads: it stays the same from night to night, where the strangest may change.
    """
    first = flags[0]
    if len(flags) == 1:
        return first
    told = [
        fact.model_copy(update={"values": {**fact.values, **counted}}) if fact.kind is kind else fact
        for fact in first.facts
    ]
    return _as_one(flags, first.model_copy(update={"facts": tuple(told)}))


def _as_one(flags: Sequence[Flag], leader: Flag) -> Flag:
    """All flags as one: the rows of all, the score of the strangest, the facts of the leader."""
    starts = [flag.time_from for flag in flags if flag.time_from]
    ends = [flag.time_to for flag in flags if flag.time_to]
    strangest = max(flags, key=lambda flag: flag.score)
    return leader.model_copy(
        update={
            "rows": tuple(sorted({row for flag in flags for row in flag.rows})),
            "score": strangest.score,
            "severity": strangest.severity,
            "p_value": strangest.p_value,
            "time_from": min(starts, default=None),
            "time_to": max(ends, default=None),
        }
    )
