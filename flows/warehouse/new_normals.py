"""What people accepted as the new normal of a series or an entity."""

from __future__ import annotations

from datetime import date, datetime

from analyzers.settings import NewNormal
from flows.warehouse import sql

ACCEPTED = """
SELECT fingerprint FROM dispositions GROUP BY fingerprint HAVING arg_max_null(normal_from, audit_seq) <= $day
"""
"""Fingerprints of the findings whose latest verdict makes them the new normal of a date `$day`."""


def new_normals(
    connection: sql.Connection, monitor: str, data_date: date, *, before: datetime | None = None
) -> tuple[NewNormal, ...]:
    """Those in force on a date: the latest verdict on their finding says so, and they have begun.

    before : only verdicts given before that instant count.
    """
    query = """
        SELECT subject_id, entity_column, entity, said.normal_from FROM (
            SELECT fingerprint, arg_max_null(normal_from, audit_seq) AS normal_from FROM dispositions
            WHERE monitor = $monitor AND ($before IS NULL OR decided_at < $before) GROUP BY fingerprint) AS said
        JOIN findings USING (fingerprint) WHERE said.normal_from <= $day ORDER BY said.normal_from, fingerprint
    """
    found = sql.rows(connection, query, {"monitor": monitor, "day": data_date, "before": before})
    return tuple(
        NewNormal(subject, None if column is None else (column, entity), since)
        for subject, column, entity, since in found
    )
