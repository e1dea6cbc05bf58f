"""Narration within a time limit, beside the analysis: what is most important gets the model's text."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast, get_args

import polars as pl
import pytest

from analyzers.errors import ModelError
from analyzers.results import Analysis, Finding
from flows.explanation import explain
from flows.handover import Handover
from flows.house_style import read_style
from flows.narrating import Narrating, narrating_beside
from flows.plan import MonitorRun, Plan, plan_runs
from flows.timed_narration import TimedNarration
from flows.warehouse import Warehouse
from flows.workspace import Workspace, run_folder
from reports.contents import Lang, Mode, ModelNote
from reports.narrator import Narrator
from reports.narrator.engines import Engine
from reports.narrator.narration import BATCH
from reports.narrator.prompt import Prompt
from reports.page import render_page
from tests.reports.sample_facts import EXAMPLES, example, finding
from tests.reports.sample_night import sample_night
from tests.reports.test_narrator import RandomEngine

A_BATCH = 10.0
"""Seconds that the engine needs for one."""
NOTE = ModelNote(name="random", sha256="0" * 64, mode=Mode.STRICT)


class Slow(RandomEngine):
    """Answers each batch in the same time of a clock of its own; fails with batch number `fails_at`."""

    def __init__(self, fails_at: int = 0) -> None:
        super().__init__()
        self.now, self.sizes, self.fails_at = 0.0, list[int](), fails_at

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        self.now += A_BATCH
        self.sizes.append(len(prompts))
        if len(self.sizes) == self.fails_at:
            raise ModelError("the model server does not answer")
        return super().complete(prompts)


def different(count: int, *, named: str = "a") -> list[Finding]:
    """Findings of which each is a question of its own, by rising priority; every fifth is within the mail's budget."""
    pairs = itertools.islice(itertools.combinations(EXAMPLES, 2), 0 if named == "a" else 200, None)
    return [
        finding(*(example(kind) for kind in kinds)).model_copy(
            update={"id": f"{named}{place:011d}", "priority": place / 10, "mailed": place % 5 == 0}
        )
        for place, kinds in enumerate(itertools.islice(pairs, count))
    ]


def a_run(name: str) -> MonitorRun:
    class Monitor:
        timezone, playbooks = "UTC", None

    monitor = Monitor()
    monitor.name = name  # type: ignore[attr-defined]
    return MonitorRun(f"{name}-1", cast("Any", monitor), date(2026, 5, 31))


def timed(engine: Slow, seconds: float) -> TimedNarration:
    narrator = Narrator(engine, lang="en")
    return TimedNarration(narrator, engine, NOTE, seconds=seconds, watts=10, clock=lambda: engine.now)


def told_by_model(narration: TimedNarration, name: str) -> set[str]:
    return {each.finding for each in narration.narration(name)[0].narratives if each.model}


def best(findings: Sequence[Finding], count: int) -> set[str]:
    ranked = sorted(findings, key=lambda one: (one.mailed, one.priority), reverse=True)
    return {one.id for one in ranked[:count]}


def test_the_most_important_findings_get_the_models_text() -> None:
    engine, findings = Slow(), different(100)
    narration = timed(engine, seconds=2.5 * A_BATCH)
    narration.tell(a_run("ledger"), findings, to_come=0)
    narration.finish()
    assert engine.sizes == [BATCH] * 3, "a batch that was begun is finished"
    assert told_by_model(narration, "ledger") == best(findings, 3 * BATCH)
    told, cost = narration.narration("ledger")
    assert [each.finding for each in told.narratives] == [one.id for one in findings]
    for each in told.narratives:
        assert (each.mode is Mode.TEMPLATE) == each.unasked == (each.model is None)
        assert each.grounded
    assert cost is not None
    assert (cost.asked, cost.seconds) == (3 * BATCH, 3 * A_BATCH)


def test_with_time_enough_nothing_is_left() -> None:
    engine, findings = Slow(), different(40)
    narration = timed(engine, seconds=600)
    narration.tell(a_run("ledger"), findings, to_come=0)
    narration.finish()
    assert told_by_model(narration, "ledger") == {one.id for one in findings}
    assert engine.sizes == [BATCH, BATCH, 40 - 2 * BATCH]


def test_each_monitor_has_its_share_and_the_rest_goes_to_the_most_important() -> None:
    engine, many, few = Slow(), different(100), different(BATCH, named="b")
    few = [one.model_copy(update={"mailed": False}) for one in few]
    narration = timed(engine, seconds=4 * A_BATCH)
    narration.tell(a_run("ledger"), many, to_come=1)
    assert len(engine.sizes) == 2, "half of the time"
    narration.tell(a_run("plant"), few, to_come=0)
    assert len(told_by_model(narration, "plant")) == BATCH, "findings that no mail tells have their share too"
    narration.finish()
    assert told_by_model(narration, "ledger") == best(many, 3 * BATCH)
    assert len(engine.sizes) == 4


def test_what_is_known_from_earlier_nights_costs_no_time() -> None:
    findings = different(40)
    first = Narrator(Slow(), lang="en")
    first.add("ledger", findings)
    while first.ask("ledger"):
        pass
    engine = Slow()
    narrator = Narrator(engine, lang="en", skeletons=first.narration("ledger").skeletons)
    again = TimedNarration(narrator, engine, NOTE, seconds=0.001, watts=10, clock=lambda: engine.now)
    again.tell(a_run("ledger"), findings, to_come=0)
    again.finish()
    assert engine.sizes == []
    assert told_by_model(again, "ledger") == {one.id for one in findings}


def test_a_model_that_fails_midway_costs_no_report(caplog: pytest.LogCaptureFixture) -> None:
    engine, findings = Slow(fails_at=2), different(50)
    narration = timed(engine, seconds=600)
    with caplog.at_level(logging.WARNING, "sereno.night"):
        narration.tell(a_run("ledger"), findings, to_come=0)
        narration.finish()
    assert told_by_model(narration, "ledger") == best(findings, BATCH)
    assert narration.note.failure == "the model server does not answer"
    assert "34 questions were not put to the model: the model server does not answer" in caplog.text


# -- in a thread, beside the analysis ----------------------------------------------------------------------------------
@pytest.fixture
def plan(folder: Path) -> Iterator[Plan]:
    workspace = Workspace.open(folder)
    workspace.prepare()
    night, runs = plan_runs(workspace.monitors(), date(2026, 3, 31), now=datetime.now(UTC))
    with Warehouse.of(workspace).writing():
        pass
    with run_folder(workspace, night) as work:
        yield Plan(
            night=night,
            workspace=workspace,
            warehouse=Warehouse.of(workspace),
            handover=Handover(work),
            runs=runs,
            started_at=datetime.now(UTC),
            force=False,
            model_hash=None,
            style=read_style(workspace),
        )


def analyzed(plan: Plan, findings: Sequence[Finding]) -> MonitorRun:
    (run,) = plan.runs
    found = Analysis(
        findings=tuple(findings), scores=pl.DataFrame({"row": [0]}), checks=(), guarantees=(), flags=(), records=1,
        history_records=1,
    )  # fmt: skip
    plan.handover.write_analysis(run.name, found)
    return run


def opening_of(engine: Engine, opened: threading.Event) -> Any:
    def opening(_: Workspace) -> tuple[Engine, ModelNote]:
        opened.set()
        return engine, NOTE

    return opening


def test_the_model_is_loaded_and_asked_while_the_analysis_goes_on(plan: Plan) -> None:
    opened, engine = threading.Event(), Slow()
    answered = threading.Event()
    complete = engine.complete

    def telling(prompts: Sequence[Prompt]) -> list[str]:
        answered.set()
        return complete(prompts)

    engine.complete = telling  # type: ignore[method-assign]
    with contextlib.closing(Narrating(plan, at_once=True, opening=opening_of(engine, opened))) as narrating:
        assert opened.wait(30), "before there is anything to tell"
        run = analyzed(plan, different(3))
        narrating.give(run, to_come=1)
        assert answered.wait(30), "before the other is analyzed"
        assert explain(plan, [run], narrating) == 3
    assert plan.handover.explained()
    assert {each.model for each in plan.handover.read_narratives(run.name)} == {"random"}
    with narrating_beside(plan, [run]) as again:
        assert again is None, "a night that is tried again does not load the model for what is explained"


def test_without_findings_no_model_is_loaded(plan: Plan) -> None:
    opened = threading.Event()
    run = analyzed(plan, [])
    with contextlib.closing(Narrating(plan, at_once=False, opening=opening_of(Slow(), opened))) as narrating:
        narrating.give(run, to_come=0)
        assert explain(plan, [run], narrating) == 0
    assert not opened.is_set()
    assert plan.handover.read_model().reason == "nothing was to be explained"


def test_what_goes_wrong_in_the_thread_is_the_steps_failure(plan: Plan) -> None:
    def opening(_: Workspace) -> tuple[Engine, ModelNote]:
        raise OSError("the disk is gone")

    with (
        contextlib.closing(Narrating(plan, at_once=True, opening=opening)) as narrating,
        pytest.raises(OSError, match="the disk is gone"),
    ):
        narrating.finish()


def test_a_night_that_breaks_off_gives_the_narration_up(plan: Plan) -> None:
    engine, begun = Slow(), threading.Event()
    complete = engine.complete
    narrating = Narrating(plan, at_once=True, opening=opening_of(engine, threading.Event()))

    def waiting(prompts: Sequence[Prompt]) -> list[str]:
        begun.set()
        assert narrating._given_up.wait(30), "the questions are answered only once nobody waits for them"
        return complete(prompts)

    engine.complete = waiting  # type: ignore[method-assign]
    narrating.give(analyzed(plan, different(60)), to_come=0)
    assert begun.wait(30)
    narrating.close()
    assert engine.sizes == [BATCH], "no question after those that were being answered"


MARK = {"en": "template text, the model had not got to it", "es": "texto de plantilla, el modelo no llegó a tratarlo"}


# -- what people read --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lang", get_args(Lang))
@pytest.mark.parametrize("failure", [None, "the server <b>is gone</b>"])
def test_the_report_marks_and_counts_them(lang: Lang, failure: str | None) -> None:
    night = sample_night(lang)
    part, *others = night.parts
    unasked = {"unasked": True, "mode": Mode.TEMPLATE, "model": None}
    left = tuple(
        each.model_copy(update={"narrative": each.narrative.model_copy(update=unasked)}) for each in part.findings[:2]
    )
    part = part.model_copy(update={"findings": (*left, *part.findings[2:])})
    model = night.model.model_copy(update={"failure": failure})
    page = render_page(night.model_copy(update={"parts": (part, *others), "model": model}))
    assert page.count(MARK[lang]) == 2
    method = page[page.index('id="method"') :]
    counted = {"en": "asked about 2 findings", "es": "sobre 2 hallazgos" if failure is None else "consultado sobre 2"}
    assert counted[lang] in method
    assert "<b>is gone" not in page
    assert ("is gone" in method) == (failure is not None)
    assert MARK[lang] not in render_page(night)
