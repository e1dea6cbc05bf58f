"""Tests of an asset's clock and of its telegrams: QARTOD's gap test, stuck clock, and an asset that fell silent."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from analyzers.results import Fact, FactKind, Family, Flag, Subject, SubjectKind
from analyzers.series.samples import Presence, Samples, instant

LEAST_REPEATED = 10
"""Readings with one time that make a stuck clock, and four times what is usual."""
LONGER = 4
"""A silence is abnormal if it is so many times as long as the longest in the baseline."""
SHORTEST_SILENCE = 30
"""Sampling intervals that a whole asset is silent at least."""


def inspect_timing(samples: Samples, presences: Iterable[Presence], clock: str) -> list[Flag]:
    """Flags of an asset's stuck clock and of the gaps in its telegrams, within the batch.

    Parameters
    ----------
    presences : of all assets; the others' last telegram tells whether this one fell silent before the batch's end.
    clock : name of the time column, which stands for an asset without a name.
    """
    return [*_stuck_clock(samples, clock), *_gaps(samples, presences, clock)]


def _subject(asset: str, clock: str) -> Subject:
    return Subject(kind=SubjectKind.SERIES, id=asset or clock, label=asset or clock)


def _stuck_clock(samples: Samples, clock: str) -> list[Flag]:
    batch = np.arange(len(samples)) >= samples.first_batch
    limit = max(LEAST_REPEATED, LONGER * float(np.median(samples.repeats)))
    stuck = batch & (samples.repeats >= limit)
    if not stuck.any():
        return []
    first, last = (samples.instant(int(place)) for place in np.flatnonzero(stuck)[[0, -1]])
    most = int(np.argmax(np.where(stuck, samples.repeats, 0)))
    name = samples.asset or clock
    fact = Fact(
        kind=FactKind.CLOCK_STUCK,
        feature=name,
        at=samples.instant(most),
        values={"count": int(samples.repeats[most])},
    )
    return [
        Flag(
            analyzer="sensors",
            type="sensor_clock",
            family=Family.SENSOR,
            subject=_subject(samples.asset, clock),
            rows=samples.rows_of(stuck),
            severity=70.0,
            score=70.0,
            time_from=first,
            time_to=last,
            open=bool(stuck[-1]),
            facts=(fact,),
        )
    ]


def _gaps(samples: Samples, presences: Iterable[Presence], clock: str) -> list[Flag]:
    """Silences of the whole asset, those that still last where other assets are heard included.

    A batch that is its own baseline has no usual silence to compare with: there a check lists the gaps.
    """
    if samples.ranking:
        return []
    first = max(samples.first_batch - 1, 0)
    times = samples.times[first:]
    steps = np.diff(samples.times[: samples.first_batch])
    limit = max(SHORTEST_SILENCE * samples.interval * 1e6, LONGER * float(steps.max(initial=0)))
    end = max((presence.last for presence in presences), default=int(times[-1]))
    flags = [
        _silence(samples.asset, clock, int(times[place]), int(times[place + 1]), samples.interval, still=False)
        for place in np.flatnonzero(np.diff(times) > limit)
    ]
    if end - int(times[-1]) > limit:
        flags.append(_silence(samples.asset, clock, int(times[-1]), end, samples.interval, still=True))
    return flags


def silent_assets(presences: Iterable[Presence], clock: str) -> list[Flag]:
    """Assets that the history's last days held and the batch does not: nothing tests a sensor that is not there."""
    known = list(presences)
    end = max((presence.last for presence in known), default=0)
    starts = [presence.batch_start for presence in known if presence.batch_start is not None]
    flags = []
    for presence in known:
        if presence.batch_start is not None or not starts:
            continue
        interval = presence.interval * 1e6
        regular = min(starts) - presence.last <= max(SHORTEST_SILENCE * interval, LONGER * presence.longest)
        if regular and end - presence.last > max(SHORTEST_SILENCE * interval, LONGER * presence.longest):
            flags.append(_silence(presence.asset, clock, presence.last, end, presence.interval, still=True))
    return flags


def _silence(asset: str, clock: str, last: int, until: int, interval: float, *, still: bool) -> Flag:
    since, to = instant(last), instant(until)
    fact = Fact(
        kind=FactKind.SILENT,
        feature=asset or clock,
        actual=(to - since).total_seconds() / 60,
        expected_high=interval / 60,
        unit="min",
        at=since,
    )
    return Flag(
        analyzer="sensors",
        type="asset_silent",
        family=Family.SENSOR,
        subject=_subject(asset, clock),
        rows=(),
        severity=75.0,
        score=75.0,
        time_from=since,
        time_to=to,
        open=still,
        facts=(fact,),
    )
