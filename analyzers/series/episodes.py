"""Hits become episodes: opened after a delay, closed past a deadband, dated by the chart that raised them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analyzers.series.charts import Aspect, Charted
from analyzers.series.limits import ALARM, QUIET, SMOOTHING
from analyzers.series.numeric import Booleans, Floats, runs

LOOK_BACK = 30
"""Rows before the alarm that may still belong to it, or two windows of the chart that raised it where that is more."""


@dataclass(frozen=True)
class Episode:
    """Rows `start` to `end` (one past the last) of a score; `peak` is the row of the highest."""

    start: int
    alarm: int
    peak: int
    end: int
    open: bool


def find_episodes(
    score: Floats, *, on_delay: int = 0, off_delay: int = SMOOTHING, quiet: float = QUIET, look_back: int = LOOK_BACK
) -> list[Episode]:
    """Episodes of a score over its limit.

    An alarm that lasts `on_delay` rows opens an episode. It starts up to `look_back` rows earlier, where the score
    left the quiet. It ends with its last alarm, after which the score falls through the deadband or `off_delay` rows
    pass without an alarm; at the last row it is open unless that has happened.

    Parameters
    ----------
    score : (n,), `ALARM` is the limit and `quiet` the deadband's lower edge (ISA-18.2).
    on_delay, off_delay, look_back : rows.
    """
    alarms = runs(score >= ALARM)
    joined: list[tuple[int, int]] = []
    for first, last in alarms:
        if joined and _belongs(score, joined[-1][1], first, off_delay, quiet):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    lasting = [(first, last) for first, last in joined if last - first > on_delay]
    return [_episode(score, first, last, off_delay, quiet, look_back) for first, last in lasting]


def _belongs(score: Floats, end: int, alarm: int, off_delay: int, quiet: float) -> bool:
    """Whether the next alarm continues an episode: it comes soon, or the score was never quiet between."""
    return alarm - end < off_delay or bool((score[end:alarm] > quiet).all())


def _episode(score: Floats, first: int, last: int, off_delay: int, quiet: float, look_back: int) -> Episode:
    start = first
    while start > 0 and first - start < look_back and score[start - 1] > QUIET:
        start -= 1
    still = len(score) - last < off_delay and bool((score[last:] > quiet).all())
    peak = first + int(np.argmax(score[first:last]))
    return Episode(start=start, alarm=first, peak=peak, end=last, open=still)


def dated(episodes: list[Episode], deviations: Floats, charted: Charted) -> list[Episode]:
    """The episodes with starts that go back only as far as the chart that raised the alarm supports.

    The start is the most likely moment at which that chart's deviates went from 0 to another mean: the largest
    `sum**2 / count` of those from the start to the alarm, less half the chart's window, which trails. A CUSUM carries
    its own estimate: it left zero there.

    References
    ----------
    E. S. Page, Biometrika 41 (1954); D. V. Hinkley, "Inference about the change-point in a sequence of random
    variables", Biometrika 57 (1970).
    """
    floors = [0, *(episode.end for episode in episodes)]
    return [
        replace(episode, start=_start(episode, floor, deviations, charted))
        for episode, floor in zip(episodes, floors, strict=False)
    ]


def _start(episode: Episode, floor: int, deviations: Floats, charted: Charted) -> int:
    recent = deviations[max(episode.alarm - SMOOTHING + 1, floor) : episode.alarm + 1]
    raised = int(np.argmax(np.mean(recent**2, axis=0)))
    chart = charted.charts[raised]
    earliest = max(floor, episode.alarm - max(LOOK_BACK, 2 * chart.window))
    away = deviations[earliest : episode.alarm + 1, raised] * (np.sign(recent[:, raised].sum()) or 1.0)
    if chart.aspect is Aspect.CUSUM:
        zeros = np.flatnonzero(deviations[floor : episode.alarm + 1, raised] == 0)
        return floor + int(zeros[-1]) + 1 if len(zeros) and zeros[-1] + floor < episode.alarm else episode.alarm
    sums = np.maximum(np.cumsum(away[::-1])[::-1], 0.0)
    likely = earliest + int(np.argmax(sums**2 / np.arange(len(away), 0, -1)))
    return max(likely - chart.window // 2, floor)


def members(episodes: list[Episode], rows: int, *, beyond: int = 0) -> Booleans:
    """Which of so many rows belong to an episode, and the `beyond` rows after each."""
    chosen = np.zeros(rows, dtype=bool)
    for episode in episodes:
        chosen[episode.start : episode.end + beyond] = True
    return chosen
