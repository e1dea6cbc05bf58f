"""Results of made-up runs, for the tests of the warehouse."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from analyzers.results import (
    Analysis,
    Check,
    CheckStatus,
    Condition,
    Fact,
    FactKind,
    Family,
    Finding,
    Flag,
    Guarantee,
    GuaranteeKind,
    Subject,
    SubjectKind,
)
from flows.warehouse.runs import RunRecord, RunStatus
from reports.contents import Claim, Mode, Narrative

MONDAY = date(2026, 3, 2)


def instant(day: date, hour: int = 3) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def payment(name: str, exposure: str | None = "100.10", **changes: Any) -> Finding:
    """A finding about a record."""
    fact = Fact(id="f1", kind=FactKind.DUPLICATE, actual=100.1, unit="EUR", values={"other": "Ñ'1", "days": 3})
    given: dict[str, Any] = {
        "id": name,
        "fingerprint": f"v1:{name}",
        "monitor": "ledger",
        "data_date": None,
        "type": "duplicate_payment",
        "family": Family.AUDIT,
        "subject": Subject(kind=SubjectKind.RECORD, id=f"record-{name}", label=name),
        "rows": (0,),
        "records": (f"r1:{name}",),
        "time_from": instant(MONDAY),
        "time_to": None,
        "severity": 80.0,
        "exposure": None if exposure is None else Decimal(exposure),
        "currency": None if exposure is None else "EUR",
        "likelihood": 0.5,
        "consequence": 0.4,
        "priority": 60.0,
        "facts": (fact,),
    }
    return Finding(**{**given, **changes})


def episode(name: str, **changes: Any) -> Finding:
    """A finding about a series that is still going on."""
    subject = Subject(kind=SubjectKind.SERIES, id=f"series-{name}", label=name)
    settings = {"family": Family.SERIES, "type": "level_shift", "condition": Condition.ACTIVE, "subject": subject}
    return payment(name, exposure=None, **{**settings, **changes})


def analysis(*findings: Finding, records: int = 10) -> Analysis:
    flags = tuple(
        Flag(
            analyzer="duplicates",
            type=finding.type,
            family=finding.family,
            subject=finding.subject,
            rows=finding.rows,
            severity=finding.severity,
            exposure=finding.exposure,
            currency=finding.currency,
            facts=finding.facts,
        )
        for finding in findings
    )
    check = Check(name="volume", status=CheckStatus.DONE, code="volume_done", values={"count": records, "share": 0.5})
    guarantee = Guarantee(kind=GuaranteeKind.FDR, fdr=0.1, calibration_size=100, smallest_p=0.01)
    return Analysis(
        scores=pl.DataFrame(),
        findings=findings,
        checks=(check,),
        guarantees=(guarantee,),
        flags=flags,
        records=records,
        history_records=100,
    )


def run_record(day: date, name: str | None = None, **changes: Any) -> RunRecord:
    given: dict[str, Any] = {
        "run": name or f"run-{day}",
        "monitor": "ledger",
        "data_date": day,
        "status": RunStatus.DONE,
        "started_at": instant(day),
        "finished_at": instant(day, 4),
        "input_fingerprint": "i1:a",
        "config_hash": "c1:a",
        "code_version": "0.1.0",
    }
    return RunRecord(**{**given, **changes})


def narrative(finding: Finding) -> Narrative:
    claim = Claim(text="Paid twice.", facts=("f1",), part="what")
    return Narrative(
        finding=finding.id, text="Paid twice.", claims=(claim,), lang="en", mode=Mode.TEMPLATE, grounded=True
    )
