"""Findings over the nights: which are known, what changed since the previous run, and what can be looked up.

`findings` has one row per fingerprint, `sightings` one per fingerprint and data date, `run_findings` what a run said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from analyzers.errors import UsageError
from analyzers.results import Condition, Finding, Review
from flows.warehouse import sql
from flows.warehouse.narratives import narratives_of
from flows.warehouse.triage import Disposition, latest_dispositions, review_of, verdicts_on
from reports.contents import Narrative


@dataclass(frozen=True)
class Known:
    """What earlier nights say about a fingerprint; a night's own date counts neither way."""

    fingerprint: str
    first_seen: date
    last_seen: date
    times_seen: int
    """Data dates that saw it, without the one asked for."""
    disposition: Disposition | None


@dataclass(frozen=True)
class Changes:
    """What changed since the run before."""

    new: int
    still_open: int
    """Seen before, not closed and not ended, whether or not this run sees them."""
    unseen: int
    """How many of these this run does not see: they left the batch, or no longer stand out."""
    ended: int
    """Conditions that were active and no longer are."""
    open_exposure: dict[str, Decimal] = field(default_factory=dict)
    """Money at risk in what is still open, per currency."""
    oldest: date | None = None
    """When the oldest of what is still open was first seen."""
    ended_fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredFinding:
    """A finding as its latest run told it, with its present condition, review state and count."""

    run: str
    finding: Finding
    narrative: Narrative | None


def known(connection: sql.Connection, fingerprints: Sequence[str], data_date: date) -> dict[str, Known]:
    """Those of the fingerprints that another data date saw."""
    if not fingerprints:
        return {}
    query = """
        SELECT fingerprint, min(data_date), max(data_date), count(DISTINCT data_date) FROM sightings
        WHERE fingerprint IN (SELECT unnest($all)) AND data_date <> $data_date GROUP BY fingerprint
    """
    verdicts = latest_dispositions(connection, fingerprints)
    found = sql.rows(connection, query, {"all": list(fingerprints), "data_date": data_date})
    return {
        fingerprint: Known(fingerprint, first_seen, last_seen, times_seen, verdicts.get(fingerprint))
        for fingerprint, first_seen, last_seen, times_seen in found
    }


def recognize(connection: sql.Connection, findings: Iterable[Finding], data_date: date) -> tuple[Finding, ...]:
    """The findings of a run with `first_seen`, `times_seen` and `review` filled in, before they are reported."""
    given = tuple(findings)
    fingerprints = [finding.fingerprint for finding in given]
    before, verdicts = known(connection, fingerprints, data_date), verdicts_on(connection, given)
    filled = []
    for finding in given:
        past = before.get(finding.fingerprint)
        update = {
            "first_seen": min(past.first_seen, data_date) if past else data_date,
            "times_seen": past.times_seen + 1 if past else 1,
            "review": review_of(finding, verdicts.get(finding.fingerprint), data_date),
        }
        filled.append(finding.model_copy(update=update))
    return tuple(filled)


def changes(
    connection: sql.Connection, monitor: str, data_date: date, findings: Iterable[Finding], *, judged: bool = True
) -> Changes:
    """What a run's findings change; the same before it is published and after.

    judged : whether the run looked at any records; if not, an absent finding has not ended.
    """
    now = {finding.fingerprint: finding for finding in findings}
    earlier = _earlier(connection, monitor, data_date)
    ended = [past.fingerprint for past in earlier if judged and past.was_active and _over(now.get(past.fingerprint))]
    still = [past for past in earlier if past.fingerprint not in ended and _is_open(past, now.get(past.fingerprint))]
    exposure: Counter[str] = Counter()
    for past in still:
        latest = now.get(past.fingerprint)
        amount, currency = (latest.exposure, latest.currency) if latest else (past.exposure, past.currency)
        if amount is not None:
            exposure[currency or ""] += amount  # type: ignore[assignment]  # a Counter adds any numbers
    return Changes(
        new=len(now.keys() - {past.fingerprint for past in earlier}),
        still_open=len(still),
        unseen=sum(past.fingerprint not in now for past in still),
        ended=len(ended),
        open_exposure={currency: Decimal(amount) for currency, amount in sorted(exposure.items())},
        oldest=min((past.first_seen for past in still), default=None),
        ended_fingerprints=tuple(sorted(ended)),
    )


def list_findings(
    connection: sql.Connection,
    *,
    monitor: str | None = None,
    data_date: date | None = None,
    review: Review | None = None,
    condition: Condition | None = None,
    limit: int | None = None,
) -> list[StoredFinding]:
    """Findings, the newest date first, then by falling priority: of one date, or each as its latest date told it."""
    wanted = {
        "said.monitor = ?": monitor,
        "said.data_date = ?": data_date,
        "known.review = ?": review,
        "known.condition = ?": condition,
    }
    where, parameters = sql.conditions(wanted)
    return _stored(connection, where, parameters, latest=data_date is None, limit=limit)


def find(connection: sql.Connection, identifier: str) -> StoredFinding:
    """A finding by its id, its fingerprint, or enough of its start; UsageError where none or several fit."""
    plain = identifier.strip()
    query = "SELECT fingerprint FROM findings WHERE starts_with(id, $given) OR starts_with(fingerprint, $given) LIMIT 2"
    matches = sql.rows(connection, query, {"given": plain}) if plain else []
    if len(matches) != 1:
        what = "no finding" if not matches else "more than one finding"
        raise UsageError(f"{what} starts with {plain[:80]!r}; `sereno findings` lists their ids")
    found = _stored(connection, " WHERE said.fingerprint = ?", [matches[0][0]], latest=True, limit=1)
    if not found:
        raise UsageError(f"the evidence of finding {plain[:80]!r} was deleted by retention; its verdicts remain")
    return found[0]


def told_on(connection: sql.Connection, fingerprint: str, data_date: date | None) -> tuple[StoredFinding, str]:
    """A finding exactly as a date's run told it, or the latest, and its document as text.

    UsageError where that date's run did not see it, or retention deleted what it said.
    """
    query = """
        SELECT run, document FROM run_findings WHERE fingerprint = $fingerprint
            AND ($day IS NULL OR data_date = $day) ORDER BY data_date DESC LIMIT 1
    """
    row = sql.first(connection, query, {"fingerprint": fingerprint, "day": data_date})
    if row is None:
        days = "SELECT DISTINCT data_date FROM run_findings WHERE fingerprint = ? ORDER BY data_date DESC LIMIT 10"
        kept = ", ".join(str(day) for (day,) in sql.rows(connection, days, [fingerprint]))
        about = f"finding {fingerprint.removeprefix('v1:')[:12]}"
        if kept:
            raise UsageError(f"{about} was not seen on {data_date}; there is evidence of {kept}")
        raise UsageError(f"the evidence of {about} was deleted by retention; its verdicts remain")
    run, document = row
    finding = Finding.model_validate_json(document)
    return StoredFinding(run, finding, narratives_of(connection, [run]).get((run, finding.id))), document


@dataclass(frozen=True)
class _Earlier:
    fingerprint: str
    first_seen: date
    was_active: bool
    unconditional: bool
    review: str
    exposure: Decimal | None
    currency: str | None


def _earlier(connection: sql.Connection, monitor: str, data_date: date) -> list[_Earlier]:
    """All that earlier dates saw, with the condition it was in before this date."""
    query = """
        SELECT fingerprint, past.first_seen,
            coalesce(past.condition = 'active' AND NOT coalesce(ended_on < $data_date, false), false),
            past.condition IS NULL, review, exposure, currency
        FROM (SELECT fingerprint, min(data_date) AS first_seen, arg_max_null(condition, data_date) AS condition
            FROM sightings WHERE monitor = $monitor AND data_date < $data_date GROUP BY fingerprint) AS past
        JOIN findings USING (fingerprint) ORDER BY fingerprint
    """
    return [_Earlier(*row) for row in sql.rows(connection, query, {"monitor": monitor, "data_date": data_date})]


def _over(finding: Finding | None) -> bool:
    return finding is None or finding.condition is Condition.ENDED


def _is_open(past: _Earlier, finding: Finding | None) -> bool:
    review = finding.review if finding else past.review
    return review != Review.CLOSED and (past.was_active or past.unconditional or finding is not None)


def _stored(
    connection: sql.Connection, where: str, parameters: list[sql.Cell], *, latest: bool, limit: int | None
) -> list[StoredFinding]:
    only = (
        "QUALIFY row_number() OVER (PARTITION BY said.fingerprint ORDER BY said.data_date DESC) = 1" if latest else ""
    )
    most = "" if limit is None else f"LIMIT {int(limit)}"
    query = f"""
        SELECT said.run, said.document, known.first_seen, known.times_seen, known.condition, known.review
        FROM run_findings AS said JOIN findings AS known USING (fingerprint){where} {only}
        ORDER BY said.data_date DESC, said.priority DESC, said.fingerprint {most}
    """
    found = sql.rows(connection, query, parameters)
    texts = narratives_of(connection, [row[0] for row in found])
    result = []
    for run, document, first_seen, times_seen, condition, review in found:
        present = {
            "first_seen": first_seen,
            "times_seen": times_seen,
            "condition": None if condition is None else Condition(condition),
            "review": Review(review),
        }
        finding = Finding.model_validate_json(document).model_copy(update=present)
        result.append(StoredFinding(run, finding, texts.get((run, finding.id))))
    return result
