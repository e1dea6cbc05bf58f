"""What is deleted when its time is over: records, and the evidence of old nights.

That a night was decided, what it counted, which findings it saw and which verdicts people gave stays: without its
evidence a finding is a fingerprint and a date. The audit log keeps its chain; contents that could be compared with
what is deleted are erased from beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from analyzers.columns import Columns, Role
from flows.warehouse import audit, sql, tables

_EVIDENCE = ("checks", "flags", "facts", "run_findings", "narratives", "entity_risk", "run_settings")


@dataclass(frozen=True)
class Deleted:
    """How many rows went."""

    records: int = 0
    quarantined: int = 0
    reference_rows: int = 0
    findings: int = 0
    """What nights said of findings, a row a night and finding."""

    def __str__(self) -> str:
        """What went, in words."""
        counts = {
            "records": self.records,
            "quarantined rows": self.quarantined,
            "rows of reference tables": self.reference_rows,
            "findings of single nights": self.findings,
        }
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)

    @property
    def any(self) -> bool:
        """Whether anything was deleted."""
        return bool(self.records or self.quarantined or self.reference_rows or self.findings)


def delete_records(connection: sql.Connection, monitor: str, columns: Columns, before: datetime) -> Deleted:
    """Delete a monitor's records from before an instant, what was quarantined then, and reference rows gone by then."""
    day = before.date()
    table, time = tables.table_name("records", monitor), columns.one(Role.TIME)
    stored = tables.stored_columns(connection, table)
    records = 0
    if time is not None and time in stored:
        column = sql.quoted(stored[time].stored)
        records = sql.run(connection, f"DELETE FROM {sql.quoted(table)} WHERE {column} < ?", [before])
    quarantined = sql.run(
        connection,
        "DELETE FROM quarantine WHERE monitor = $monitor AND ingest_id IN "
        "(SELECT run FROM runs WHERE monitor = $monitor AND data_date < $day)",
        {"monitor": monitor, "day": day},
    )
    gone = 0
    names = sql.rows(connection, "SELECT DISTINCT reference FROM reference_snapshots WHERE monitor = ?", [monitor])
    for (reference,) in names:
        name = sql.quoted(tables.table_name("reference", monitor, reference))
        gone += sql.run(connection, f"DELETE FROM {name} WHERE valid_to < ?", [day])
    return Deleted(records=records, quarantined=quarantined, reference_rows=gone)


def delete_evidence(connection: sql.Connection, monitor: str, before: date) -> Deleted:
    """Delete what a monitor's nights before a date said, and the names of findings that no later night saw."""
    runs = "SELECT run FROM runs WHERE monitor = $monitor AND data_date < $day"
    stated: dict[str, sql.Cell] = {"monitor": monitor, "day": before}
    findings = sql.scalar(connection, f"SELECT count(*) FROM run_findings WHERE run IN ({runs})", stated)
    entries = sql.rows(
        connection,
        f"SELECT seq FROM audit JOIN audit_contents USING (seq) WHERE kind = 'publish' AND subject IN ({runs})",
        stated,
    )
    audit.erase(connection, [seq for (seq,) in entries])
    for table in _EVIDENCE:
        sql.run(connection, f"DELETE FROM {table} WHERE run IN ({runs})", stated)
    sql.run(connection, "DELETE FROM candidates WHERE monitor = $monitor AND data_date < $day", stated)
    sql.run(
        connection,
        "UPDATE findings SET subject_label = '', "
        "subject_id = CASE WHEN subject_kind IN ('record', 'group') THEN subject_id ELSE '' END "
        "WHERE monitor = $monitor AND last_seen < $day AND subject_label <> ''",
        stated,
    )
    sql.run(connection, f"UPDATE runs SET error = NULL WHERE run IN ({runs})", stated)
    return Deleted(findings=findings)
