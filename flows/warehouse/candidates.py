"""Candidates: what no mail named and a person is asked to look at, by chance or from the top of the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from analyzers.results import Candidate, Origin
from flows.warehouse import sql


@dataclass(frozen=True)
class Drawing:
    """What came of the records drawn at random over the nights.

    An inconclusive verdict judges nothing. `below_line` is what there was to draw from, summed over `nights`.
    """

    nights: int
    drawn: int
    judged: int
    missed: int
    below_line: int


def store(
    connection: sql.Connection,
    found: Iterable[Candidate],
    data_date: date,
    *,
    run: str | None = None,
    below_line: int = 0,
) -> int:
    """Keep the candidates of a night, or of a look at the history, in the place of that date's earlier ones."""
    given = list(found)
    for monitor, origin in sorted({(each.monitor, each.origin.value) for each in given}):
        forget(connection, monitor, data_date, Origin(origin))
    sql.run(
        connection,
        "DELETE FROM candidates WHERE data_date = $day AND fingerprint IN (SELECT unnest($again))",
        {"day": data_date, "again": [each.fingerprint for each in given]},
    )
    return sql.insert(
        connection,
        "candidates",
        [
            {
                "fingerprint": each.fingerprint,
                "id": each.id,
                "monitor": each.monitor,
                "origin": each.origin,
                "data_date": data_date,
                "run": run,
                "type": each.type,
                "subject_kind": each.subject.kind,
                "subject_id": each.subject.id,
                "exposure": each.exposure,
                "currency": each.currency,
                "below_line": below_line,
                "document": each.model_dump_json(),
            }
            for each in given
        ],
    )


def forget(connection: sql.Connection, monitor: str, data_date: date, origin: Origin) -> None:
    """Remove a date's candidates that nobody has judged; those that somebody has stay with their verdicts."""
    sql.run(
        connection,
        "DELETE FROM candidates WHERE monitor = ? AND data_date = ? AND origin = ? "
        "AND fingerprint NOT IN (SELECT fingerprint FROM dispositions)",
        [monitor, data_date, origin.value],
    )


def list_candidates(
    connection: sql.Connection, *, monitor: str | None = None, origin: Origin | None = None
) -> list[Candidate]:
    """Candidates, those of the newest date first, then by fingerprint."""
    where, parameters = sql.conditions({"monitor = ?": monitor, "origin = ?": origin})
    query = f"SELECT document FROM candidates{where} ORDER BY data_date DESC, fingerprint"
    return [Candidate.model_validate_json(row[0]) for row in sql.rows(connection, query, parameters)]


def drawing(connection: sql.Connection, monitor: str, until: date) -> Drawing:
    """What reviewers found among the records drawn up to a date; true ones that are tolerated were missed too."""
    query = """
        WITH verdicts AS (SELECT fingerprint, arg_max(verdict, audit_seq) AS verdict FROM dispositions
                WHERE monitor = $monitor GROUP BY fingerprint),
            nights AS (SELECT data_date, max(below_line) AS below_line FROM candidates
                WHERE monitor = $monitor AND origin = 'below_line' AND data_date <= $until GROUP BY data_date)
        SELECT (SELECT count(*) FROM nights), count(*),
            count(*) FILTER (verdict IN ('confirmed', 'accepted', 'false_positive')),
            count(*) FILTER (verdict IN ('confirmed', 'accepted')),
            coalesce((SELECT sum(below_line) FROM nights), 0)
        FROM candidates LEFT JOIN verdicts USING (fingerprint)
        WHERE monitor = $monitor AND origin = 'below_line' AND data_date <= $until
    """
    row = sql.rows(connection, query, {"monitor": monitor, "until": until})[0]
    return Drawing(*(int(value) for value in row))
