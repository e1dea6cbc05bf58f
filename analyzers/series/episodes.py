"""Hits become episodes: opened after a delay, closed past a deadband, with a start that looks back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzers.series.limits import ALARM, QUIET, SMOOTHING
from analyzers.series.numeric import Booleans, Floats, runs

LOOK_BACK = 30
"""Rows before the alarm that still belong to it while the score was not quiet."""


@dataclass(frozen=True)
class Episode:
    """Rows `start` to `end` (one past the last) of a score; `peak` is the row of the highest."""

    start: int
    alarm: int
    peak: int
    end: int
    open: bool


def find_episodes(
    score: Floats, *, on_delay: int = 0, off_delay: int = SMOOTHING, look_back: int = LOOK_BACK
) -> list[Episode]:
    """Episodes of a score over its limit.

    An alarm that lasts `on_delay` rows opens an episode. It starts up to `look_back` rows earlier, where the score
    left the quiet. It ends with its last alarm, after which the score is quiet or `off_delay` rows pass without an
    alarm; at the last row it is open unless that has happened.

    Parameters
    ----------
    score : (n,), `ALARM` is the limit and `QUIET` the deadband's lower edge.
    on_delay, off_delay, look_back : rows.
    """
    alarms = runs(score >= ALARM)
    joined: list[tuple[int, int]] = []
    for first, last in alarms:
        if joined and _belongs(score, joined[-1][1], first, off_delay):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    lasting = [(first, last) for first, last in joined if last - first > on_delay]
    return [_episode(score, first, last, off_delay, look_back) for first, last in lasting]


def _belongs(score: Floats, end: int, alarm: int, off_delay: int) -> bool:
    """Whether the next alarm continues an episode: it comes soon, or the score was never quiet between."""
    return alarm - end < off_delay or bool((score[end:alarm] > QUIET).all())


def _episode(score: Floats, first: int, last: int, off_delay: int, look_back: int) -> Episode:
    start = first
    while start > 0 and first - start < look_back and score[start - 1] > QUIET:
        start -= 1
    still = len(score) - last < off_delay and bool((score[last:] > QUIET).all())
    peak = first + int(np.argmax(score[first:last]))
    return Episode(start=start, alarm=first, peak=peak, end=last, open=still)


def members(episodes: list[Episode], rows: int) -> Booleans:
    """Which of so many rows belong to an episode."""
    chosen = np.zeros(rows, dtype=bool)
    for episode in episodes:
        chosen[episode.start : episode.end] = True
    return chosen
