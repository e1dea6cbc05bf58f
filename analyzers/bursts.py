"""Too many records of an entity within days: the flags of its records are one burst."""

from __future__ import annotations

from collections.abc import Iterable

from analyzers.results import Flag


def joined_bursts(flags: Iterable[Flag]) -> list[Flag]:
    """One flag for each subject, led by its strangest record."""
    bursts: dict[str, Flag] = {}
    for flag in flags:
        first = bursts.get(flag.subject.id)
        bursts[flag.subject.id] = flag if first is None else _merged(first, flag)
    return list(bursts.values())


def _merged(first: Flag, other: Flag) -> Flag:
    """Both flags as one: the rows of both, the facts of the stranger one."""
    leader, second = (first, other) if first.score >= other.score else (other, first)
    starts = [flag.time_from for flag in (first, other) if flag.time_from]
    ends = [flag.time_to for flag in (first, other) if flag.time_to]
    return leader.model_copy(
        update={
            "rows": tuple(sorted({*leader.rows, *second.rows})),
            "time_from": min(starts, default=None),
            "time_to": max(ends, default=None),
        }
    )
