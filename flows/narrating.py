"""Narration beside the analysis: a thread of its own loads the model and narrates each run once it is analyzed."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

from flows.models import engine_or_template
from flows.plan import MonitorRun, Plan
from flows.timed_narration import Clock, TimedNarration
from flows.warehouse import narratives as stored
from flows.workspace import Workspace
from reports.contents import Cost, ModelNote
from reports.narrator import Narration, Narrator
from reports.narrator.engines import Engine
from reports.narrator.skeleton import Skeleton

Opening = Callable[[Workspace], tuple[Engine | None, ModelNote]]
_NOTHING = Narration((), {}, 0)


@dataclass(frozen=True)
class Narrated:
    """What is told of each monitor's findings, by its name, and what that came to (null without a model)."""

    of: dict[str, tuple[Narration, Cost | None]]
    note: ModelNote


class Narrating:
    """Narrates the runs that it is given.

    at_once : whether the model is loaded before there is anything to tell.
    """

    def __init__(
        self, plan: Plan, *, at_once: bool, clock: Clock = time.monotonic, opening: Opening = engine_or_template
    ) -> None:
        self._plan, self._at_once, self._clock, self._opening = plan, at_once, clock, opening
        self._given: SimpleQueue[tuple[MonitorRun, int] | None] = SimpleQueue()
        self._result: Future[Narrated] = Future()
        self._given_up = threading.Event()
        self.runs: set[str] = set()
        """Names of the monitors that it was given."""
        with plan.warehouse.reading() as connection:
            self._kept = stored.load_skeletons(connection)
        # In a copy of the context, so that its lines reach the log of the run that Prefect shows.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), name="narration", daemon=True)
        self._thread.start()

    def give(self, run: MonitorRun, *, to_come: int) -> None:
        """Narrate an analyzed run; `to_come`: runs that are still to be analyzed."""
        self.runs.add(run.name)
        self._given.put((run, to_come))

    def finish(self) -> Narrated:
        """What came of it, once everything is told or the time is used up. Raises what went wrong."""
        self._given.put(None)
        return self._result.result()

    def close(self) -> None:
        """Give up what still goes on, but for the questions that the model is answering."""
        self._given_up.set()
        self._given.put(None)
        self._thread.join()

    # -- in the thread -------------------------------------------------------------------------------------------------
    def _work(self) -> None:
        try:
            self._result.set_result(self._narrated())
        except BaseException as error:
            self._result.set_exception(error)

    def _narrated(self) -> Narrated:
        timed = self._open() if self._at_once else None
        names: list[str] = []
        with_findings: set[str] = set()
        while (given := self._given.get()) is not None:
            run, to_come = given
            names.append(run.name)
            if findings := self._plan.handover.read_analysis(run.name).findings:
                timed = timed or self._open()
                timed.tell(run, findings, to_come=to_come)
                with_findings.add(run.name)
        if timed is None:
            return Narrated(dict.fromkeys(names, (_NOTHING, None)), ModelNote(reason="nothing was to be explained"))
        timed.finish()
        told = {name: timed.narration(name) if name in with_findings else (_NOTHING, None) for name in names}
        return Narrated(told, timed.note)

    def _open(self) -> TimedNarration:
        workspace = self._plan.workspace
        engine, note = self._opening(workspace)
        narrator = Narrator(
            engine,
            lang=workspace.settings.language,
            mode=note.mode,
            skeletons={key: Skeleton.model_validate_json(text) for key, text in self._kept.items()},
            prefixes=workspace.prefixes(),
        )
        return TimedNarration(
            narrator,
            engine,
            note,
            seconds=workspace.settings.narration_minutes * 60,
            watts=workspace.settings.watts,
            clock=self._clock,
            given_up=self._given_up.is_set,
        )


@contextlib.contextmanager
def narrating_beside(plan: Plan, runs: Sequence[MonitorRun]) -> Iterator[Narrating | None]:
    """What narrates these runs while others are analyzed; None where this night, tried again, has explained all."""
    if not runs or plan.handover.explained():
        yield None
        return
    narrating = Narrating(plan, at_once=any(plan.handover.count(run.name, "batch") for run in runs))
    try:
        yield narrating
    finally:
        narrating.close()
