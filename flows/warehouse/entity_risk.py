"""Risk of entities over the nights: what is open about each on a data date, and how that went on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from analyzers.results import EntityRisk, Finding, NightRisk
from analyzers.risk import entity_risks
from flows.warehouse import sql

NIGHTS = 14
"""Nights of a trend, the present one with them."""
SHOWN = 10
"""Entities of a monitor that the report shows."""


def at_risk(
    connection: sql.Connection, monitor: str, data_date: date, found: Sequence[Finding], *, judged: bool = True
) -> tuple[EntityRisk, ...]:
    """Entities about which something is open on a date, by falling risk, each with its nights up to then.

    found : the run's findings, recognized. judged : whether the run looked at any records; if not, what lasted lasts.
    """
    risks = entity_risks([*found, *_still_open(connection, monitor, data_date, found, judged=judged)])
    return _with_past(connection, monitor, data_date, risks)


def store(connection: sql.Connection, run: str, monitor: str, data_date: date, risks: Sequence[EntityRisk]) -> None:
    """Keep a run's risks; an earlier run's of the same date goes with that run."""
    sql.insert(
        connection,
        "entity_risk",
        [
            {
                "run": run,
                "monitor": monitor,
                "data_date": data_date,
                "entity_column": risk.column,
                "entity": risk.entity,
                "open_findings": risk.open_findings,
                "severity": risk.severity,
                "risk": risk.risk,
                "exposure": json.dumps({currency: str(amount) for currency, amount in risk.exposure.items()}),
            }
            for risk in risks
        ],
    )


def listed(
    connection: sql.Connection, *, monitor: str | None = None, data_date: date | None = None
) -> list[tuple[str, date, EntityRisk]]:
    """Monitor, date and risk of each entity: on a date, or on the latest one of each monitor; by falling risk."""
    latest = "SELECT monitor, max(data_date) AS data_date FROM runs WHERE status = 'done' GROUP BY monitor"
    where, parameters = sql.conditions({"kept.monitor = ?": monitor, "kept.data_date = ?": data_date})
    join = f"JOIN ({latest}) AS newest USING (monitor, data_date)" if data_date is None else ""
    query = f"""
        SELECT kept.monitor, kept.data_date, entity_column, entity, open_findings, severity, risk, exposure
        FROM entity_risk AS kept {join}{where} ORDER BY kept.monitor, risk DESC, entity_column, entity
    """
    found = [(row[0], row[1], _risk(row[2:])) for row in sql.rows(connection, query, parameters)]
    result = []
    for name, day in dict.fromkeys((name, day) for name, day, _ in found):
        own = [risk for given, on, risk in found if (given, on) == (name, day)]
        result += [(name, day, risk) for risk in _with_past(connection, name, day, own)]
    return result


def _risk(row: Sequence[sql.Cell]) -> EntityRisk:
    column, entity, count, severity, risk, exposure = row
    return EntityRisk(
        column=str(column),
        entity=str(entity),
        open_findings=int(str(count)),
        severity=float(str(severity)),
        risk=float(str(risk)),
        exposure={currency: Decimal(amount) for currency, amount in json.loads(str(exposure)).items()},
    )


def _with_past(
    connection: sql.Connection, monitor: str, data_date: date, risks: Sequence[EntityRisk]
) -> tuple[EntityRisk, ...]:
    """The risks with those of the nights before; a night without an open finding has the risk 0."""
    nights = sql.rows(
        connection,
        "SELECT DISTINCT data_date FROM runs WHERE monitor = $monitor AND status = 'done' AND data_date < $day "
        f"ORDER BY data_date DESC LIMIT {NIGHTS - 1}",
        {"monitor": monitor, "day": data_date},
    )
    days = sorted(row[0] for row in nights)
    query = """
        SELECT entity_column, entity, data_date, risk FROM entity_risk
        WHERE monitor = $monitor AND data_date IN (SELECT unnest($days)) AND entity IN (SELECT unnest($entities))
    """
    entities = sorted({risk.entity for risk in risks})
    given: dict[str, sql.Cell] = {"monitor": monitor, "days": days, "entities": entities}
    before = {tuple(row[:3]): row[3] for row in sql.rows(connection, query, given)} if days and entities else {}
    return tuple(
        risk.model_copy(
            update={
                "nights": (
                    *(NightRisk(day=day, risk=before.get((risk.column, risk.entity, day), 0.0)) for day in days),
                    NightRisk(day=data_date, risk=risk.risk),
                )
            }
        )
        for risk in risks
    )


def _still_open(
    connection: sql.Connection, monitor: str, data_date: date, found: Sequence[Finding], *, judged: bool
) -> list[Finding]:
    """Findings of earlier dates that nobody closed: about records, or lasting and not looked at since."""
    query = """
        SELECT arg_max(said.document, said.data_date)
        FROM run_findings AS said JOIN findings AS known USING (fingerprint)
        WHERE said.monitor = $monitor AND said.data_date < $day AND known.review <> 'closed'
            AND (known.condition IS NULL OR ($unjudged AND known.condition = 'active'))
        GROUP BY said.fingerprint
    """
    parameters: dict[str, sql.Cell] = {"monitor": monitor, "day": data_date, "unjudged": not judged}
    documents = [row[0] for row in sql.rows(connection, query, parameters)]
    now = {finding.fingerprint for finding in found}
    earlier = (Finding.model_validate_json(document) for document in documents)
    return [finding for finding in earlier if finding.fingerprint not in now]
