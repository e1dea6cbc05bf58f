"""A month of nights over a small ledger, as a program: `python -m tests.flows.month FOLDER week|month`.

The nights are real flow runs, created for the instant at which the schedule would have started them; what stands for
the present is handed to the product where it takes it. A line of JSON a night tells what it came to. It is a process of
its own, since Prefect reads its settings when it is imported, and the egress guard stays once it is in force.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

MADRID = ZoneInfo("Europe/Madrid")
BATCH = 7
HISTORY = 60
"""Days of payments before the first night."""
A_DAY = 14
MONITOR = f"""\
title: Payments
owners: [controller@example.com]
timezone: Europe/Madrid
schedule: "30 2 * * *"
batch: {BATCH}
currency: EUR
records:
  files: data/payments-*.csv
columns:
  payment: {{role: key, field: document}}
  paid_at: time
  supplier: entity
  amount: exposure
  invoice: {{role: ignore, field: invoice}}
  account: category
  created_by: {{role: person, field: created_by}}
"""


@dataclass(frozen=True)
class Story:
    """What happens on which date."""

    first: date
    nights: int
    twice: date
    """A payment is made twice; the morning after, a person accepts it until `accepted_until`."""
    accepted_until: date
    late: date
    """The day's file comes a day late, with a payment made twice in it."""
    broken: date
    """The day's file is damaged, and mended in the morning."""
    new_column: date
    """From here on files have a column more, and another order."""
    refused: date
    """The mail server refuses the first attempt of that night."""
    away: tuple[date, ...]
    """Dates that nothing decided: the machine was off when their nights were due. It comes back a night later."""
    killed: date | None = None
    """The night's process and the server are killed; both are started again."""
    corrected: date | None = None
    """A record of that date comes after it was decided; it is decided again by force."""

    @property
    def dates(self) -> list[date]:
        """All dates, in their order."""
        return [self.first + timedelta(days=day) for day in range(self.nights)]

    @property
    def late_twice(self) -> tuple[str, str]:
        """Keys of the payment that the late file holds twice."""
        return key_of(self.late, 90), key_of(self.late, 91)

    @property
    def planted_twice(self) -> tuple[str, str]:
        """Keys of the payment that is made twice."""
        return key_of(self.twice, 90), key_of(self.twice, 91)


STORIES = {
    "week": Story(
        first=date(2026, 3, 27),
        nights=7,
        twice=date(2026, 3, 27),
        accepted_until=date(2026, 3, 29),
        late=date(2026, 3, 28),
        broken=date(2026, 3, 30),
        new_column=date(2026, 3, 30),
        refused=date(2026, 3, 31),
        away=(date(2026, 4, 1),),
    ),
    "month": Story(
        first=date(2026, 3, 16),
        nights=30,
        twice=date(2026, 3, 18),
        accepted_until=date(2026, 3, 21),
        late=date(2026, 3, 20),
        broken=date(2026, 3, 24),
        new_column=date(2026, 3, 26),
        refused=date(2026, 3, 31),
        away=(date(2026, 4, 2), date(2026, 4, 3), date(2026, 4, 4)),
        killed=date(2026, 4, 8),
        corrected=date(2026, 4, 10),
    ),
}


def key_of(day: date, number: int) -> str:
    """A payment's key."""
    return f"P{day:%y%m%d}{number:02}"


def payments_of(story: Story, day: date) -> pl.DataFrame:
    """A day's payments, with what is planted in them."""
    rng = np.random.default_rng(day.toordinal())
    supplier = rng.integers(0, 12, A_DAY)
    rows = [
        {
            "payment": key_of(day, number),
            "paid_at": f"{day} {8 + number // 2:02}:{rng.integers(0, 60):02}:00",
            "supplier": f"S{supplier[number]:02}",
            "amount": f"{np.exp(rng.normal(5 + supplier[number] / 4, 0.25)):.2f}",
            "invoice": f"{supplier[number]:02}/{day:%y%m%d}{number:02}",
            "account": f"62{supplier[number] % 5}",
            "created_by": f"Person {rng.integers(0, 4)}",
        }
        for number in range(A_DAY)
    ]
    for planted, cents in ((story.twice, "16"), (story.late, "77")):
        if day == planted:
            twice = {"supplier": "S03", "amount": f"4815.{cents}", "invoice": f"03/{day:%y%m%d}X", "account": "623"}
            rows += [
                {"payment": key_of(day, number), "paid_at": f"{day} {hour}:00:00", **twice, "created_by": "Person 1"}
                for number, hour in ((90, 10), (91, 15))
            ]
    frame = pl.DataFrame(rows)
    if day == date(2026, 3, 29):
        # The clocks skip this hour: the record is read, and told of.
        frame = frame.with_columns(
            paid_at=pl.when(pl.col("payment") == key_of(day, 0)).then(pl.lit(f"{day} 02:30:00")).otherwise("paid_at")
        )
    if day >= story.new_column:
        frame = frame.with_columns(memo=pl.lit("paid")).select(sorted([*frame.columns, "memo"], reverse=True))
    return frame


def known_after(story: Story, day: date) -> dict[date, int]:
    """Payments by their date that had arrived when the night of a date ran for the first time."""
    days = [story.first + timedelta(days=past) for past in range(-HISTORY, (day - story.first).days + 1)]
    missing = {story.late} if day == story.late else set()
    counts = {each: payments_of(story, each).height for each in days if each not in missing}
    if story.corrected is not None and day > story.corrected:
        counts[story.corrected] += 1
    return counts


@dataclass
class Machine:
    """The workspace's machine: on while its server runs."""

    folder: Path
    story: Story
    running: ExitStack = field(default_factory=ExitStack)

    def switch_on(self) -> None:
        """Start the Prefect server and, as `sereno serve` does, register the night."""
        from flows.own_server import own_server
        from flows.serving import _night_deployment

        os.environ["PREFECT_API_URL"] = self.running.enter_context(own_server(self.workspace))
        self.deployment = _night_deployment(self.workspace).apply()

    def switch_off(self) -> None:
        """Stop the server."""
        self.running.close()

    @property
    def workspace(self) -> Any:
        """The workspace as it stands."""
        from flows.workspace import Workspace

        return Workspace.open(self.folder)

    def arrive(self, day: date, of: date | None = None) -> None:
        """A day's file comes."""
        payments_of(self.story, of or day).write_csv(self.folder / "data" / f"payments-{of or day}.csv")

    def night(self, day: date, *, force: bool = False, stated: bool = False) -> None:
        """The night that decides a date, for the instant of its schedule; or asked for by a person who states it."""
        from prefect.client.orchestration import get_client
        from prefect.flow_engine import run_flow
        from prefect.states import Scheduled

        from flows.nightly import night

        start = datetime.combine(day + timedelta(days=1), datetime.min.time(), MADRID) + timedelta(hours=2, minutes=30)
        parameters = {"monitors": ["payments"], "force": force} | ({"data_date": day} if stated else {})
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(
                night, parameters=parameters, state=Scheduled(scheduled_time=start.astimezone(UTC))
            )
        self._tell(day, run_flow(night, flow_run=run, parameters=parameters, return_type="state"))

    def come_back(self, now: datetime) -> None:
        """What `sereno serve` does at its start, and the run that it asks for."""
        from prefect.client.orchestration import get_client
        from prefect.flow_engine import run_flow

        from flows.catching_up import end_orphans, run_newest
        from flows.nightly import night
        from flows.notices import tell_missed

        workspace = self.workspace
        print(json.dumps({"orphans": end_orphans([self.deployment])}), flush=True)
        missed = tell_missed(workspace, workspace.monitors(), now)
        asked = run_newest(workspace, self.deployment, [["payments"]], now)
        print(json.dumps({"missed": [str(day) for day in missed.get("payments", ())]}), flush=True)
        # Asked a second time, nothing is told again and no second run is made.
        tell_missed(workspace, workspace.monitors(), now)
        assert run_newest(workspace, self.deployment, [["payments"]], now) == []
        with get_client(sync_client=True) as client:
            waiting = [run for run in client.read_flow_runs() if run.state and run.state.is_scheduled()]
            waiting = [run for run in waiting if run.deployment_id == self.deployment and not run.auto_scheduled]
        for day, run in zip(asked, waiting, strict=True):
            parameters = {**run.parameters, "data_date": day}
            self._tell(day, run_flow(night, flow_run=run, parameters=parameters, return_type="state"))

    def backfill(self, days: Sequence[date], now: datetime) -> None:
        """Decide what was missed."""
        from flows.backfilling import backfill

        for line in backfill(self.workspace, "payments", days[0], days[-1], mail=False, say=_silent, now=now):
            print(json.dumps(line.contract()), flush=True)

    def accept(self, day: date, until: date) -> None:
        """A person accepts the first payment made twice, the morning after it was told."""
        from flows.triaging import triage
        from flows.warehouse import Warehouse, sql
        from flows.warehouse.triage import Verdict

        with Warehouse.of(self.workspace).reading() as connection:
            found = sql.rows(connection, "SELECT id FROM findings WHERE type = 'duplicate_payment'")
        morning = datetime.combine(day + timedelta(days=1), datetime.min.time(), MADRID) + timedelta(hours=9)
        triage(self.workspace, found[0][0], Verdict.ACCEPTED, why="agreed", who="Ana Ruiz", at=morning, until=until)

    def kill_a_night(self, day: date) -> None:
        """A night is killed while it runs, and the server with it."""
        command = [sys.executable, "-m", "flows.cli", "run", "--data-date", str(day), "--workspace", str(self.folder)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "analyzing" in line:
                    break
            process.kill()
        self.switch_off()
        self.switch_on()

    def _tell(self, day: date, state: Any) -> None:
        from flows.warehouse import Warehouse, runs, sql

        lines = getattr(state.data, "result", state.data)
        line = lines[0] if isinstance(lines, list) else {"status": "failed"}
        with Warehouse.of(self.workspace).reading() as connection:
            mailed = sql.rows(
                connection,
                "SELECT f.subject_label, r.mailed FROM run_findings AS r JOIN findings AS f USING (fingerprint) "
                "WHERE r.run = ? AND f.type = 'duplicate_payment'",
                [line.get("run")],
            )
            checks = runs.list_checks(connection, str(line.get("run")))
        print(
            json.dumps(
                {
                    "night": str(day),
                    "status": line["status"],
                    "message": state.message,
                    "records": line.get("records"),
                    "duplicates": dict(mailed),
                    "quiet": [check.values for check in checks if check.name == "triage"],
                }
            ),
            flush=True,
        )


def _silent(text: str) -> None:
    del text


def run(folder: Path, story: Story) -> None:
    """The whole story."""
    machine = Machine(folder, story)
    before = [payments_of(story, story.first - timedelta(days=past)) for past in range(1, HISTORY + 1)]
    pl.concat(before).write_csv(folder / "data" / "payments-history.csv")
    workspace = machine.workspace
    workspace.prepare()
    workspace.note_serving(datetime.combine(story.first, datetime.min.time(), MADRID))
    with machine.running:
        machine.switch_on()
        for day in story.dates:
            _one_day(machine, story, day)


def _one_day(machine: Machine, story: Story, day: date) -> None:
    if day - timedelta(days=1) == story.late:
        machine.arrive(day, of=story.late)
    if day != story.late:
        machine.arrive(day)
    now = datetime.combine(day + timedelta(days=1), datetime.min.time(), MADRID) + timedelta(hours=8)
    if day in story.away:
        if day == story.away[0]:
            machine.switch_off()
        return
    if story.away and day == story.away[-1] + timedelta(days=1):
        machine.switch_on()
        machine.come_back(now)
        machine.backfill(story.away, now)
        return
    if day == story.broken:
        path = machine.folder / "data" / f"payments-{day}.csv"
        whole = path.read_bytes()
        path.write_bytes(bytes(range(256)) * 40)
        machine.night(day)
        path.write_bytes(whole)
        machine.night(day, stated=True)
        return
    if day == story.refused:
        (machine.folder / "refuse-once").touch()
    if day == story.killed:
        machine.kill_a_night(day)
    machine.night(day)
    if day == story.twice:
        machine.accept(day, story.accepted_until)
    if day == story.corrected:
        machine.night(day, stated=True)
        late = payments_of(story, day).head(1).with_columns(payment=pl.lit(key_of(day, 80)), invoice=pl.lit("99/80"))
        late.write_csv(machine.folder / "data" / f"payments-{day}-more.csv")
        machine.night(day, stated=True)
        machine.night(day, stated=True, force=True)


def main(arguments: Iterator[str]) -> None:
    """The program."""
    folder, name = Path(next(arguments)), next(arguments)
    from flows.prefect_environment import environment
    from flows.workspace import Workspace

    os.environ.update(environment(Workspace.open(folder)) | {"PREFECT_LOGGING_LEVEL": "CRITICAL"})
    run(folder, STORIES[name])


if __name__ == "__main__":
    main(iter(sys.argv[1:]))
