"""Runs: one monitor and one data date, what went in and what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from analyzers.errors import WarehouseError
from analyzers.results import Check, Guarantee
from flows.warehouse import audit, sql


class RunStatus(StrEnum):
    """What became of a run."""

    DONE = "done"
    SKIPPED = "skipped"
    """Its data is broken or missing: nothing was judged."""
    FAILED = "failed"


AUDITED_KINDS = ("publish", *(f"run_{status}" for status in RunStatus))
"""Kinds of the entries in the audit log whose subject is a run."""


@dataclass(frozen=True)
class RunRecord:
    """One run. The four hashes decide whether a repeat would do the same; counts are of the batch."""

    run: str
    monitor: str
    data_date: date
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None = None
    input_fingerprint: str | None = None
    config_hash: str | None = None
    code_version: str | None = None
    model_hash: str | None = None
    records: int = 0
    history_records: int = 0
    quarantined: int = 0
    flags: int = 0
    findings: int = 0
    correction: int = 0
    """0 for the first decision on a date, then the number of the correction; set when it is published."""
    guarantees: tuple[Guarantee, ...] = ()
    report: str | None = None
    """Path of the report, relative to the workspace."""
    error: str | None = None

    def same_work(self, other: RunRecord) -> bool:
        """Whether input, configuration, code and model are the same, so that a repeat decides nothing new."""
        return self._basis() == other._basis() and None not in self._basis()[:3]

    def _basis(self) -> tuple[str | None, ...]:
        return (self.input_fingerprint, self.config_hash, self.code_version, self.model_hash)


_COLUMNS = (
    "run, monitor, data_date, status, started_at, finished_at, input_fingerprint, config_hash, code_version, "
    "model_hash, records, history_records, quarantined, flags, findings, correction, guarantees, report, error"
)


def finished_run(connection: sql.Connection, monitor: str, data_date: date) -> RunRecord | None:
    """The run that decided this date, or None."""
    found = list_runs(connection, monitor=monitor, data_date=data_date, status=RunStatus.DONE)
    return found[0] if found else None


def previous_run(connection: sql.Connection, monitor: str, data_date: date) -> RunRecord | None:
    """The finished run of the latest earlier date, or None."""
    row = sql.first(
        connection,
        f"SELECT {_COLUMNS} FROM runs WHERE monitor = ? AND data_date < ? AND status = 'done' "
        "ORDER BY data_date DESC LIMIT 1",
        [monitor, data_date],
    )
    return None if row is None else _record(row)


def list_runs(
    connection: sql.Connection,
    *,
    monitor: str | None = None,
    data_date: date | None = None,
    status: RunStatus | None = None,
) -> list[RunRecord]:
    """Runs by falling data date, then falling start."""
    where, parameters = sql.conditions({"monitor = ?": monitor, "data_date = ?": data_date, "status = ?": status})
    query = f"SELECT {_COLUMNS} FROM runs{where} ORDER BY data_date DESC, started_at DESC, run"
    return [_record(row) for row in sql.rows(connection, query, parameters)]


def run_of(connection: sql.Connection, run: str) -> RunRecord:
    """The run of this id; WarehouseError where it is gone."""
    row = sql.first(connection, f"SELECT {_COLUMNS} FROM runs WHERE run = ?", [run])
    if row is None:
        raise WarehouseError(f"run {run} is missing, although its findings are there; `sereno audit verify` says more")
    return _record(row)


def flags_about(connection: sql.Connection, run: str, subjects: Sequence[str]) -> list[dict[str, Any]]:
    """The flags that a run raised on these subjects, in its order."""
    names = "analyzer, type, family, subject_kind, subject_id, rows, severity, score, p_value, exposure, currency"
    listed = ", ".join(f'"{name}"' for name in names.split(", "))
    query = f"SELECT {listed} FROM flags WHERE run = $run AND subject_id IN (SELECT unnest($about)) ORDER BY position"
    found = sql.rows(connection, query, {"run": run, "about": list(subjects)})
    return [dict(zip(names.split(", "), row, strict=True)) for row in found]


def watermark(connection: sql.Connection, monitor: str) -> date | None:
    """The newest data date that was decided; None where there is none."""
    found: date | None = sql.scalar(
        connection, "SELECT max(data_date) FROM runs WHERE monitor = ? AND status = 'done'", [monitor]
    )
    return found


def record_run(connection: sql.Connection, run: RunRecord) -> None:
    """Write the run as it is. A failed or skipped one goes here too: it leaves what was decided before in place."""
    audit.append(connection, f"run_{run.status}", run.run, audited(run), run.finished_at or run.started_at)
    store_run(connection, run)


def audited(run: RunRecord) -> dict[str, Any]:
    """What the audit log keeps of a run: no free text, since that may quote a record."""
    return {name: value for name, value in vars(run).items() if name not in ("guarantees", "error")}


def store_run(connection: sql.Connection, run: RunRecord) -> None:
    """Write the run's row only, in the place of one that failed before it was tried again.

    `publish` does the audit itself.
    """
    sql.run(connection, "DELETE FROM runs WHERE run = ? AND status <> 'done'", [run.run])
    guarantees = [guarantee.model_dump(mode="json") for guarantee in run.guarantees]
    sql.insert(connection, "runs", [{**vars(run), "guarantees": json.dumps(guarantees)}])


def store_checks(connection: sql.Connection, run: str, checks: Sequence[Check]) -> None:
    """Write what the run did or skipped."""
    sql.insert(
        connection,
        "checks",
        [
            {
                "run": run,
                "position": position,
                "name": check.name,
                "status": check.status,
                "code": check.code,
                "values": json.dumps(check.values, ensure_ascii=False),
                "flags": check.flags,
            }
            for position, check in enumerate(checks)
        ],
    )


def list_checks(connection: sql.Connection, run: str) -> list[Check]:
    """What the run did or skipped, in its order."""
    query = 'SELECT name, status, code, "values", flags FROM checks WHERE run = ? ORDER BY position'
    return [
        Check(name=name, status=status, code=code, values=json.loads(values), flags=flags)
        for name, status, code, values, flags in sql.rows(connection, query, [run])
    ]


def _record(row: sql.Row) -> RunRecord:
    named: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    named["status"] = RunStatus(named["status"])
    named["guarantees"] = tuple(Guarantee.model_validate(each) for each in json.loads(named["guarantees"]))
    return RunRecord(**named)
