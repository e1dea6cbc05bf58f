"""`sereno audit reproduce`: a run once more, from what the warehouse keeps of it, and whether it comes to the same.

It runs the night's own steps on a copy of the warehouse that is wound back to what was known then, with the settings
that were kept with the run. The texts are put together again from the answers that were kept of the model: no model
is asked, since an answer was only ever the first one accepted. Nothing in the workspace changes, nothing is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, cast

from analyzers.errors import ModelError, UsageError
from analyzers.results import Check, Finding
from flows.analysis import analyze_run
from flows.handover import Handover
from flows.house_style import read_style
from flows.ingestion import fingerprint_of, hand_over
from flows.model_server import identity
from flows.models import chosen_model, model_hash, open_engine
from flows.monitors import Monitor
from flows.plan import MonitorRun, Plan
from flows.version import code_version, versions
from flows.warehouse import Warehouse, findings, narratives, rewinding, run_settings, runs, snapshots, sql
from flows.warehouse.run_settings import RunSettings
from flows.warehouse.runs import RunRecord
from flows.workspace import Workspace, run_folder
from reports.contents import Lang, Mode, Narrative
from reports.narrator import narrate
from reports.narrator.engines import Engine, Tokens
from reports.narrator.prompt import Prompt
from reports.narrator.skeleton import Skeleton

Say = Callable[[str], None]
_OF_THE_SOURCE = frozenset(("schema", "rows"))
"""Checks of how the source was read, which is not read again."""
_MOST = 20
"""Differences that are told one by one."""


@dataclass(frozen=True)
class Reproduction:
    """What a run came to when it was done once more."""

    run: str
    monitor: str
    data_date: date
    findings: int
    """How many it told, each with its text."""
    differences: tuple[str, ...]
    """What is not the same; empty where everything is, to the last digit."""
    otherwise: tuple[str, ...]
    """What is no longer as it was when it was decided: code, model, settings, records."""

    @property
    def equal(self) -> bool:
        """Whether findings, facts, texts and checks are the same."""
        return not self.differences


@dataclass(frozen=True)
class _Told:
    """What a run says: its findings as documents by fingerprint, their texts likewise, and its checks."""

    documents: Mapping[str, dict[str, Any]]
    texts: Mapping[str, Narrative]
    checks: tuple[Check, ...]


def reproduce(workspace: Workspace, identifier: str, *, say: Say) -> Reproduction:
    """Do a run once more from its record and compare, by its id or enough of its start.

    UsageError where there is no such run, or its evidence was deleted; WarehouseError where the log does not know it.
    """
    workspace.prepare()
    stored = Warehouse.of(workspace)
    with stored.reading() as connection:
        run = rewinding.find_run(connection, identifier)
        monitor, kept = _settings_of(connection, workspace, run)
        told = _told(connection, run)
    with run_folder(workspace, f"reproduce-{run.run}") as folder:
        copy = folder / "warehouse.duckdb"
        say("copying the warehouse")
        stored.backup(copy)
        plan = Plan(
            night=folder.name,
            workspace=workspace,
            warehouse=Warehouse(copy, work=folder),
            handover=Handover(folder),
            runs=(MonitorRun(run.run, monitor, run.data_date),),
            started_at=run.started_at,
            force=True,
            model_hash=run.model_hash,
            style=read_style(workspace),
        )
        say(f"winding it back to {run.started_at:%Y-%m-%d %H:%M} UTC")
        otherwise = [*_of_code_and_settings(workspace, run, monitor, kept), *_wind_back(plan, run)]
        say("analyzing and explaining once more")
        again = _do_again(plan, told, cast("Lang", (kept.workspace if kept else {}).get("language", "en")))
    return Reproduction(
        run=run.run,
        monitor=run.monitor,
        data_date=run.data_date,
        findings=len(told.documents),
        differences=tuple(_differences(told, again)),
        otherwise=tuple(otherwise),
    )


def _settings_of(
    connection: sql.Connection, workspace: Workspace, run: RunRecord
) -> tuple[Monitor, RunSettings | None]:
    """The monitor that the run was decided with; the present one where an earlier Sereno kept none."""
    kept = run_settings.of_run(connection, run.run)
    if kept is not None:
        return Monitor.model_validate(kept.monitor), kept
    if run.findings and not sql.scalar(connection, "SELECT count(*) FROM run_findings WHERE run = ?", [run.run]):
        raise UsageError(f"run {run.run}: retention deleted what it said; there is nothing to compare with")
    return workspace.monitor(run.monitor), None


def _told(connection: sql.Connection, run: RunRecord) -> _Told:
    query = "SELECT fingerprint, id, document FROM run_findings WHERE run = ? ORDER BY position"
    said = sql.rows(connection, query, [run.run])
    written = narratives.narratives_of(connection, [run.run])
    return _Told(
        {fingerprint: json.loads(document) for fingerprint, _, document in said},
        {fingerprint: written[run.run, name] for fingerprint, name, _ in said if (run.run, name) in written},
        tuple(runs.list_checks(connection, run.run)),
    )


def _wind_back(plan: Plan, run: RunRecord) -> list[str]:
    """Bring the copy to what the run knew, and hand its records over; what of them is not as it was."""
    (asked,) = plan.runs
    monitor = asked.monitor
    with plan.warehouse.writing() as connection:
        entry = rewinding.publication_of(connection, run.run)
        otherwise = rewinding.changed_since(connection, run, entry)
        rewinding.rewind(connection, run, entry)
    with plan.warehouse.reading() as connection:
        for name in monitor.references:
            first = snapshots.first_taken(connection, run.monitor, name)
            day = run.data_date if first is None else max(run.data_date, first)
            table = snapshots.as_of(connection, run.monitor, name, day)
            plan.handover.write_frame(run.monitor, f"reference-{name}", table)
        plan.handover.write_notes(run.monitor, {"quarantined": run.quarantined, "records": run.records})
        hand_over(connection, plan, asked)
        then, now = (
            (run.input_fingerprint or "").rpartition(":"),
            fingerprint_of(connection, plan, asked).rpartition(":"),
        )
        start, end = monitor.history_start(run.data_date).astimezone(UTC), monitor.batch_bounds(run.data_date)[1]
        changes = rewinding.record_changes(connection, run, monitor.described(), start, end.astimezone(UTC))
    if then[0] != now[0]:
        counts = [each[0].rpartition(":")[2] for each in (then, now)]
        otherwise.append(f"the records are not those that it read: {counts[0]} then, {counts[1]} of them now")
    elif then[2] != now[2]:
        otherwise.append("the reference tables are not kept just as it read them")
    return otherwise + changes


def _of_code_and_settings(
    workspace: Workspace, run: RunRecord, monitor: Monitor, kept: RunSettings | None
) -> Iterator[str]:
    if run.code_version != code_version():
        yield f"the code is another: {run.code_version} then, {code_version()} now"
    now = versions()
    other = {name: text for name, text in (kept.versions if kept else {}).items() if now.get(name) != text}
    others = [f"{name} {text} then, {now.get(name, 'none')} now" for name, text in other.items() if name != "sereno"]
    if others:
        yield f"programs that it needs are others: {'; '.join(others[:5])}"
    if monitor.config_hash() != run.config_hash:
        whose = "kept with it" if kept is not None else "of today (none were kept with it)"
        yield f"the settings {whose} are not those that it was decided with: their hash is another"
    if run.model_hash not in (None, model_hash(workspace)):
        yield "the model, or the workspace's own beginnings of prompts, are others; its kept answers were used"


def _do_again(plan: Plan, told: _Told, lang: Lang) -> _Told:
    (run,) = plan.runs
    analyze_run(plan, run)
    analysis = plan.handover.read_analysis(run.name)
    with plan.warehouse.reading() as connection:
        found = findings.recognize(connection, analysis.findings, run.data_date)
        kept = narratives.load_skeletons(connection)
    skeletons = {key: Skeleton.model_validate_json(text) for key, text in kept.items()}
    return _Told(
        {each.fingerprint: json.loads(each.model_dump_json()) for each in found},
        _texts(plan, found, told.texts, skeletons, lang),
        analysis.checks,
    )


def _texts(
    plan: Plan, found: Sequence[Finding], told: Mapping[str, Narrative], skeletons: Mapping[str, Skeleton], lang: Lang
) -> dict[str, Narrative]:
    """The texts from the kept answers; where the model had given none of use, none that a later night kept is used."""
    (run,) = plan.runs
    engine = _engine(plan, told.values())
    modes = {each.mode for each in told.values()}
    mode = next((each for each in (Mode.PROSE, Mode.STRICT) if each in modes), Mode.TEMPLATE)
    templates = {name: text.unasked for name, text in told.items() if text.mode is Mode.TEMPLATE}
    texts: dict[str, Narrative] = {}
    for unasked in (None, False, True):
        chosen = [each for each in found if templates.get(each.fingerprint) is unasked]
        narration = narrate(
            chosen,
            lang=lang,
            timezone=run.monitor.timezone,
            engine=engine,
            mode=mode,
            playbooks=run.monitor.playbooks,
            skeletons=skeletons if unasked is None else {},
            prefixes=plan.workspace.prefixes(),
        )
        texts |= {
            each.fingerprint: text.model_copy(update={"unasked": bool(unasked)})
            for each, text in zip(chosen, narration.narratives, strict=True)
        }
    return texts


class _Kept:
    """In the model's place: it answers nothing, so that only kept answers count.

    model : the model itself where it is at hand, since its context decides how many facts a prompt may hold.
    """

    tokens = Tokens()

    def __init__(self, name: str, sha256: str, model: Engine | None) -> None:
        self.name, self.sha256, self._model = name, sha256, model

    def fits(self, prompt: Prompt) -> bool:
        return self._model is None or self._model.fits(prompt)

    def complete(self, prompts: Sequence[Prompt]) -> list[str]:
        return [""] * len(prompts)


def _engine(plan: Plan, told: Iterable[Narrative]) -> Engine | None:
    """What stands for the model that wrote; None where no text of the run is a model's."""
    name = next((each.model for each in told if each.model is not None), None)
    if name is None or plan.model_hash is None:
        return None
    if (server := plan.workspace.settings.model_server) is not None:
        return _Kept(name, identity(server, name), None)
    if plan.model_hash == model_hash(plan.workspace):
        try:
            model, _ = open_engine(chosen_model(plan.workspace), plan.workspace)
        except ModelError:
            model = None
        if model is not None:
            return _Kept(name, model.sha256, model)
    return _Kept(name, plan.model_hash, None)


def _differences(then: _Told, now: _Told) -> list[str]:
    """What is not the same, a sentence each; the first `_MOST` of them."""
    told = [*_finding_differences(then, now), *_check_differences(then.checks, now.checks)]
    if len(told) > _MOST:
        told = [*told[:_MOST], f"and {len(told) - _MOST} more"]
    return told


def _finding_differences(then: _Told, now: _Told) -> Iterator[str]:
    for fingerprint in {**then.documents, **now.documents}:
        before, after = then.documents.get(fingerprint), now.documents.get(fingerprint)
        if before is None or after is None:
            name = (before or after or {})["id"]
            yield f"finding {name}: " + ("was not told then" if before is None else "is not found now")
            continue
        name, what = before["id"], [*_fields(before, after)]
        if what:
            yield f"finding {name}: {'; '.join(what)}"
        elif then.texts.get(fingerprint) != now.texts.get(fingerprint):
            yield f"finding {name}: its text is another"


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == "facts":
            facts = [{fact["id"]: fact for fact in each or ()} for each in (old, new)]
            other = [key for key in facts[0] | facts[1] if facts[0].get(key) != facts[1].get(key)]
            kinds = [f"{key} ({(facts[0].get(key) or facts[1][key])['kind']})" for key in other]
            yield f"facts {', '.join(kinds)} differ" if kinds else "its facts stand in another order"
        elif isinstance(old, str | int | float | bool | None) and isinstance(new, str | int | float | bool | None):
            yield f"{name} {_short(old)} then, {_short(new)} now"
        else:
            yield f"{name} differs"


def _short(value: object) -> str:
    return "none" if value is None else " ".join(str(value).split())[:60]


def _check_differences(then: Sequence[Check], now: Sequence[Check]) -> Iterator[str]:
    told = [[check for check in checks if check.name not in _OF_THE_SOURCE] for checks in (then, now)]
    for name in dict.fromkeys(check.name for checks in told for check in checks):
        before, after = ([check for check in checks if check.name == name] for checks in told)
        if before != after:
            yield f"check {name}: differs"
