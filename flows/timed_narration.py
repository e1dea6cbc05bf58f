"""Narration within a time limit: each monitor has its share, what remains goes to the most important findings of all.

Monitors come in their order and the model is asked about one of them at a time, so that two nights of the same records
ask the same questions together, and get the same answers, as long as the time lasts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from analyzers.errors import ModelError
from analyzers.results import Finding
from flows.narration_cost import Meter
from flows.plan import MonitorRun
from reports.contents import Cost, ModelNote
from reports.narrator import Narration, Narrator
from reports.narrator.engines import Engine

log = logging.getLogger("sereno.night")

Clock = Callable[[], float]


class TimedNarration:
    """A night's narration.

    Parameters
    ----------
    seconds : how long the model may write, all monitors together. A batch that was begun is finished.
    watts : of one busy core, for the estimate of the energy.
    clock : seconds that only grow.
    given_up : whether nobody waits for the rest any more.
    """

    def __init__(
        self,
        narrator: Narrator,
        engine: Engine | None,
        note: ModelNote,
        *,
        seconds: float,
        watts: float,
        clock: Clock = time.monotonic,
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._narrator, self._engine, self.note = narrator, engine, note
        self._left, self._watts, self._clock, self._given_up = seconds, watts, clock, given_up
        self._meters: dict[str, Meter] = {}

    def tell(self, run: MonitorRun, findings: Sequence[Finding], *, to_come: int) -> None:
        """Narrate the findings of a run within its share; `to_come`: runs whose findings are still to come."""
        self._narrator.add(run.name, findings, timezone=run.monitor.timezone, playbooks=run.monitor.playbooks)
        until = self._left - self._left / (1 + to_come)
        while self._left > until and self._ask(run.name):
            pass
        self._say(run.name, len(findings))

    def finish(self) -> None:
        """Use what is left of the time for what is left to be told."""
        while (name := self._narrator.most_urgent()) is not None and self._left > 0 and self._ask(name):
            pass
        if left := self._narrator.waiting():
            why = self.note.failure or "the time for narration is used up (narration_minutes)"
            log.warning("%d questions were not put to the model: %s; those findings keep template texts", left, why)

    def narration(self, name: str) -> tuple[Narration, Cost | None]:
        """What is told of a run, and what that came to; no cost where there is no model."""
        told = self._narrator.narration(name)
        if self._engine is None:
            return told, None
        return told, self._meter(name, self._engine).read(len(told.skeletons))

    def _ask(self, name: str) -> bool:
        """One batch of questions about a run; whether there was any, and may be another."""
        if self._engine is None or self._given_up():
            return False
        meter = self._meter(name, self._engine)
        before = meter.seconds
        try:
            with meter.running():
                asked = self._narrator.ask(name)
        except ModelError as error:
            log.warning("%s; the texts that are missing are templates", error)
            self.note = self.note.model_copy(update={"failure": str(error)})
            self._left, asked = 0.0, False
        self._left -= meter.seconds - before
        return asked

    def _meter(self, name: str, engine: Engine) -> Meter:
        if name not in self._meters:
            self._meters[name] = Meter(engine, self._watts, self._clock)
        return self._meters[name]

    def _say(self, name: str, findings: int) -> None:
        waiting = self._narrator.waiting(name)
        later = f", {waiting} questions to the model left for later" if waiting else ""
        log.info("%s: %d findings explained%s", name, findings, later)
