"""One night, top to bottom: pull -> ingest -> analyze -> explain -> publish -> deliver.

Each step is a Prefect task of coarse grain (a monitor, or the night). Tasks hand over files in the run's folder and
return counts; the warehouse is written in two transactions, `ingest` and `publish`. A monitor that fails does not
stop the others: the report says so. A night that is tried again (Retry in the UI) goes on where it broke. What a step
needs is imported when it runs: a night without anything new costs little more than Prefect itself.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from prefect.tasks import exponential_backoff
from prefect.utilities.annotations import quote

from flows import ingestion
from flows.crash_notice import tell_crashed
from flows.delivery import deliver_outbox, waiting
from flows.egress import guard
from flows.failures import failure
from flows.half_published import clear_half_published
from flows.handover import Handover
from flows.house_style import read_style
from flows.models import model_hash
from flows.monitors import Monitor
from flows.narrating import Narrating, narrating_beside
from flows.night_artifacts import Progress, show_summary
from flows.notices import failed_notice, tell, tell_missed
from flows.one_line_failures import exit_status_of, one_line_failure, worth_retrying
from flows.outcomes import Decision, Outcome, Outcomes
from flows.plan import Plan, plan_runs
from flows.present_run import asked_at, by_schedule, can_be_retried, run_name, token
from flows.schedule import data_date_of, is_superseded
from flows.spreading.deciding import spread_of
from flows.structured_logs import about
from flows.warehouse import Warehouse
from flows.workspace import Workspace, exclusive, keep_for_retry, run_folder

log = logging.getLogger("sereno.night")


_AGAIN: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": worth_retrying,
}


def _done_before(context: Any, parameters: dict[str, Any]) -> str:
    """What this step of this night is kept under: a night that is tried again goes on where it broke."""
    outcomes = parameters["outcomes"].of if "outcomes" in parameters else {}
    states = [f"{name} {outcome.status}" for name, outcome in outcomes.items()]
    about = parameters.get("name") or " ".join(parameters.get("names") or states)
    step = hashlib.blake2b(f"{context.task.name} {about}".encode(), digest_size=8).hexdigest()
    return f"{parameters['plan'].handover.mark()}-{step}"


# Counts and paths only, as JSON: what is read back is never a pickle.
_KEPT: dict[str, Any] = {"persist_result": True, "cache_key_fn": _done_before, "result_serializer": "json"}


@task(name="pull", task_run_name="pull {name}", timeout_seconds=3600, **_AGAIN, **_KEPT)
@one_line_failure
def pull(plan: Plan, name: str) -> int:
    """Read one monitor's source and reference tables into the run's folder; the number of records."""
    return ingestion.pull(plan, plan.run(name))


@task(name="ingest", task_run_name="ingest", timeout_seconds=3600, **_AGAIN, **_KEPT)
@one_line_failure
def ingest(plan: Plan, names: list[str]) -> dict[str, list[str]]:
    """Bring what was pulled into the warehouse in one transaction; what is to become of each monitor's date."""
    decided = ingestion.ingest(plan, [plan.run(name) for name in names])
    return {name: [decision.value, why] for name, (decision, why) in decided.items()}


@task(name="analyze", task_run_name="analyze {name}", timeout_seconds=7200, **_KEPT)
@one_line_failure
def analyze(plan: Plan, name: str) -> int:
    """Flag what is abnormal in one monitor's batch; the number of findings."""
    from flows import analysis

    return analysis.analyze_run(plan, plan.run(name))


@task(name="explain", task_run_name="explain", timeout_seconds=7200, **_KEPT)
@one_line_failure
def explain(plan: Plan, names: list[str], narrating: Narrating | None) -> int:
    """Let the local model explain every finding, as it began to beside the analysis; the number of narratives."""
    from flows import explanation

    return explanation.explain(plan, [plan.run(name) for name in names], narrating)


@task(name="publish", task_run_name="publish", timeout_seconds=3600, **_KEPT)
@one_line_failure
def publish(plan: Plan, outcomes: Outcomes, mail: bool) -> dict[str, dict[str, Any]]:
    """Render the report and write everything of this night in one transaction, the mails to come included."""
    from flows import publishing

    return {name: vars(outcome) for name, outcome in publishing.publish(plan, outcomes, mail=mail).items()}


@task(name="tidy", task_run_name="tidy", timeout_seconds=3600)
@one_line_failure
def tidy(plan: Plan) -> int:
    """Delete what the monitors' retention says; the number of files that went."""
    from flows import tidying

    tidied = tidying.tidy(plan.workspace, plan.warehouse, plan.style, at=datetime.now(UTC))
    for sentence in tidied.sentences():
        log.info(sentence)
    return len(tidied.files)


@task(name="deliver", task_run_name="deliver", timeout_seconds=3600, **_AGAIN)
@one_line_failure
def deliver(plan: Plan) -> int:
    """Hand over every mail that waits in the outbox."""
    return deliver_outbox(plan.workspace, plan.warehouse, log.info)


@flow(name="night", flow_run_name=run_name, persist_result=False, on_crashed=[tell_crashed])
def night(
    monitors: list[str] | None = None, data_date: date | None = None, mail: bool = True, force: bool = False
) -> Any:
    """Run one night of the monitors: one report, one mail a reader.

    A scheduled night that a newer one has overtaken while nothing ran ends at once: the newest runs, the rest is
    offered as a backfill, by mail.

    Args:
        monitors: Which monitors, by name; all where none is named.
        data_date: Last day of the batch; yesterday where none is given.
        mail: Whether the mail goes out.
        force: Decide a date again that was decided already; its mail is a numbered correction.
    """
    os.umask(0o077)
    guard.install()
    # Prefect leaves the level of other loggers at warnings: neither its UI nor the console would show the steps.
    logging.getLogger("sereno").setLevel(logging.INFO)
    workspace = Workspace.open()
    workspace.prepare()
    start = asked_at()
    chosen: list[Monitor] = []
    try:
        chosen = workspace.monitors(tuple(monitors or ()))
        if by_schedule():
            tell_missed(workspace, chosen, datetime.now(UTC))
            if all(is_superseded(monitor, start, datetime.now(UTC)) for monitor in chosen):
                return Completed(message="a newer night of this schedule is due; `sereno backfill` decides this one")
        lines = _run(workspace, chosen, data_date, start, mail=mail, force=force)
    except Exception as error:
        if os.environ.get("SERENO_DEBUG") == "1":
            log.exception("where it happened")
        message, _ = failure(error)
        if mail:
            zone = chosen[0].timezone if chosen else workspace.settings.timezone
            day = data_date or data_date_of(start, zone)
            tell(workspace, failed_notice(workspace, token(), chosen, day, message))
        return Failed(message=message)
    show_summary(lines, workspace.settings.language)
    failed = [f"{line['monitor']}: {line['message']}" for line in lines if line["exit_status"]]
    return Failed(message="; ".join(failed), data=lines) if failed else lines


def _run(
    workspace: Workspace, chosen: list[Monitor], data_date: date | None, start: datetime, *, mail: bool, force: bool
) -> list[dict[str, Any]]:
    style = read_style(workspace)
    night_id, runs = plan_runs(chosen, data_date, now=start, token=token())
    with exclusive(workspace, [run.name for run in runs]), run_folder(workspace, night_id) as folder:
        plan = Plan(
            night=night_id,
            workspace=workspace,
            warehouse=Warehouse(workspace.warehouse, work=workspace.work),
            handover=Handover(folder),
            runs=runs,
            started_at=datetime.now(UTC),
            force=force,
            model_hash=model_hash(workspace),
            style=style,
        )
        clear_half_published(workspace, plan.warehouse)
        lines = _night(plan, mail=mail)
        # Only a deployment's run has a Retry: what failed on the command line is not kept.
        if any(line["exit_status"] for line in lines) and can_be_retried():
            keep_for_retry(folder)
    _forget_gone(workspace)
    if untold := [line for line in lines if line["status"] == "failed" and not line["report"] and mail]:
        why = "; ".join(dict.fromkeys(line["message"] for line in untold))
        names = {line["monitor"] for line in untold}
        monitors = [monitor for monitor in chosen if monitor.name in names]
        tell(workspace, failed_notice(workspace, night_id, monitors, max(run.data_date for run in runs), why))
    return lines


def _forget_gone(workspace: Workspace) -> None:
    """Remove the results that Prefect kept of nights whose folder is gone: nobody goes on with them."""
    for path in (workspace.prefect_home / "storage").glob("night-*"):
        if not (workspace.work / path.name.partition(".")[0]).is_dir():
            path.unlink(missing_ok=True)


def _night(plan: Plan, *, mail: bool) -> list[dict[str, Any]]:
    shared: Any = quote(plan)
    outcomes, progress = Outcomes(plan.runs), Progress(2 * len(plan.runs) + 4)
    for run in outcomes.going():
        log.info("%s: reading records", run.name, extra=about(run))
        _keep_failure(outcomes, [run.name], pull(shared, run.name, return_state=True))
        progress.step()
    if names := [run.name for run in outcomes.going()]:
        log.info("writing records into the warehouse")
        state = ingest(shared, names, return_state=True)
        if _keep_failure(outcomes, names, state):
            outcomes.decide({name: (Decision(what), why) for name, (what, why) in state.result().items()})
    progress.step()
    with narrating_beside(plan, outcomes.going()) as narrating:
        _analyze_all(plan, outcomes, progress, narrating)
        if names := [run.name for run in outcomes.going()]:
            log.info("explaining")
            _keep_failure(outcomes, names, explain(shared, names, quote(narrating), return_state=True))
    progress.step()
    if outcomes.to_report():
        log.info("writing the report")
        state = publish(shared, quote(outcomes), mail, return_state=True)
        if _keep_failure(outcomes, list(outcomes.of), state):
            outcomes.of.update({name: Outcome(**each) for name, each in state.result().items()})
            progress.step()
            if mail:
                told = [name for name, outcome in outcomes.of.items() if outcome.report]
                _keep_failure(outcomes, told, deliver(shared, return_state=True))
            if any(run.monitor.retention.any for run in plan.runs):
                _keep_failure(outcomes, list(outcomes.of), tidy(shared, return_state=True))
    elif mail and waiting(plan.warehouse):
        # A night that was killed before its mail had left is decided already: only the mail is still to go.
        state = deliver(shared, return_state=True)
        if not state.is_completed():
            outcomes.undelivered(state.message or "the mail is still to go", exit_status_of(state))
    progress.finish()
    return outcomes.lines()


def _analyze_all(plan: Plan, outcomes: Outcomes, progress: Progress, narrating: Narrating | None) -> None:
    """Analyze every run that goes on; each is narrated while the next is analyzed."""
    with spread_of(plan) as spread:
        spreading: Any = quote(replace(plan, spread=spread))
        runs = outcomes.going()
        for place, run in enumerate(runs, start=1):
            log.info("%s: analyzing %s", run.name, run.data_date, extra=about(run))
            state = analyze(spreading, run.name, return_state=True)
            if _keep_failure(outcomes, [run.name], state) and narrating is not None:
                narrating.give(run, to_come=len(runs) - place)
            progress.step()


def _keep_failure(outcomes: Outcomes, names: list[str], state: State[Any]) -> bool:
    """Note a failed step against the monitors that it was for; whether it went well."""
    if state.is_completed():
        return True
    # Prefect keeps what a failed step returns, too; a retry would take it for the step's result.
    if key := getattr(getattr(state.data, "metadata", None), "storage_key", None):
        Path(key).unlink(missing_ok=True)
    outcomes.fail(names, state.message or "failed", exit_status_of(state))
    log.error("%s: %s", ", ".join(names), state.message)
    return False
