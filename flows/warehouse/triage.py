"""Verdicts of people on findings and candidates.

A verdict closes a finding. A closed one speaks again when its acceptance runs out, when it has a reason that it had
not then, or when half as much money again is at stake.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from analyzers.errors import UsageError
from analyzers.finding_types import FindingType
from analyzers.results import Candidate, Family, Finding, Review, SubjectKind
from flows.warehouse import audit, sql

MORE_EXPOSURE = Decimal("1.5")
"""Exposure that is this many times what it was at the verdict reopens a finding."""
LEARNING = timedelta(days=28)
"""How long a finding that is accepted as the new normal stays quiet, where nobody says otherwise."""
_STATISTICAL = frozenset(kind.value for kind in FindingType)


class Verdict(StrEnum):
    """What a person decided about a finding."""

    CONFIRMED = "confirmed"
    FALSE_POSITIVE = "false_positive"
    ACCEPTED = "accepted"
    """True, but tolerated; until a date."""
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Disposition:
    """One verdict, with what was known when it was given."""

    fingerprint: str
    monitor: str
    type: str
    verdict: Verdict
    who: str
    decided_at: datetime
    why: str
    until: date | None
    exposure: Decimal | None
    currency: str | None
    reasons: tuple[str, ...]
    """Types of the flags behind the finding."""
    audit_seq: int
    normal_from: date | None = None
    """The first day of what was accepted as the new normal; None where it is only tolerated."""


@dataclass(frozen=True)
class Statement:
    """What a person says: the verdict, who, why and when, and until when or since when it holds."""

    verdict: Verdict
    who: str
    why: str
    at: datetime
    until: date | None = None
    normal_from: date | None = None

    def checked(self) -> Statement:
        """The statement with its end filled in where the new normal gives one.

        UsageError where it is incomplete, an acceptance has no end or one in the past, or the new normal is to come.
        """
        if not self.who.strip() or not self.why.strip():
            raise UsageError("a verdict needs a person and a reason; add --reason")
        if self.normal_from is not None and self.verdict is not Verdict.ACCEPTED:
            raise UsageError(
                f"only what is accepted can be the new normal, not what is {self.verdict}; leave out --normal-from"
            )
        if self.normal_from is not None and self.normal_from > self.at.date():
            raise UsageError(f"--normal-from {self.normal_from} lies in the future; name the day since which it is so")
        until = self.until
        if self.verdict is Verdict.ACCEPTED and until is None:
            if self.normal_from is None:
                raise UsageError(
                    "an accepted finding needs an end; add --until with a date, or --normal-from where it is the new "
                    "normal"
                )
            until = self.at.date() + LEARNING
        if until is not None and until < self.at.date():
            raise UsageError(f"--until {until} has passed; name a later date")
        return replace(self, until=until)


@dataclass(frozen=True)
class Basis:
    """What a person knew of a finding when they decided about it."""

    exposure: Decimal | None = None
    currency: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """What a verdict can be given on: a finding, or a candidate."""

    fingerprint: str
    id: str
    monitor: str
    type: str
    label: str
    records: tuple[str, ...]
    basis: Basis
    is_finding: bool
    normal_of: str | None = None
    """The series or entity that an acceptance can be the new normal of; None where nothing was learnt of any."""


@dataclass(frozen=True)
class TrackRecord:
    """What reviewers decided about findings of one type so far; the latest verdict of each counts."""

    confirmed: int = 0
    false_positive: int = 0
    accepted: int = 0
    inconclusive: int = 0

    def __add__(self, other: TrackRecord) -> TrackRecord:
        return TrackRecord(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def dispose(
    connection: sql.Connection,
    fingerprint: str,
    verdict: Verdict,
    *,
    who: str,
    why: str,
    at: datetime,
    until: date | None = None,
    normal_from: date | None = None,
) -> Disposition:
    """Record a verdict with its audit entry, and close the finding (an inconclusive one is in review).

    normal_from : the first day of what is accepted as the new normal; without `until` the finding is then quiet for
    `LEARNING`, since what is found later departs from the new normal. UsageError where the finding is unknown, the
    reason is empty, an acceptance has no end or one in the past, or what is to be the normal was never learnt.
    """
    item = item_of(connection, fingerprint)
    until = Statement(verdict, who, why, at, until, normal_from).checked().until
    if normal_from is not None and item.normal_of is None:
        raise UsageError(
            f"finding {item.id} of type {item.type} compares with no past of a series or an entity, so there is no "
            "normal to renew; accept it with --until instead"
        )
    about = item.basis
    draft = Disposition(
        fingerprint, item.monitor, item.type, verdict, who, at, why, until, about.exposure, about.currency,
        about.reasons, 0, normal_from,
    )  # fmt: skip
    made = replace(draft, audit_seq=audit.append(connection, "disposition", fingerprint, audited(draft), at))
    sql.insert(connection, "dispositions", [{**vars(made), "reasons": json.dumps(about.reasons)}])
    review = Review.IN_REVIEW if verdict is Verdict.INCONCLUSIVE else Review.CLOSED
    sql.run(connection, "UPDATE findings SET review = ? WHERE fingerprint = ?", [review.value, fingerprint])
    return made


def find_item(connection: sql.Connection, identifier: str, monitor: str | None = None) -> Item:
    """A finding or candidate by its id, its fingerprint, or enough of its start.

    UsageError where none or several fit; it names the nearest id.
    """
    plain = identifier.strip()
    ids = _ids(connection, monitor)
    fitting = {mark for mark, short in ids.items() if plain and plain != "v1:" and _starts(mark, short, plain)}
    if len(fitting) == 1:
        return item_of(connection, fitting.pop())
    if fitting:
        raise UsageError(f"{len(fitting)} findings start with {plain[:80]!r}; give more of the id")
    near = difflib.get_close_matches(plain, sorted(set(ids.values())), n=1)
    hint = f"the nearest is {near[0]}" if near else "`sereno findings` lists their ids"
    raise UsageError(f"no finding {plain[:80]!r}; {hint}")


def item_of(connection: sql.Connection, fingerprint: str) -> Item:
    """The finding of this fingerprint, else the candidate; UsageError where there is neither."""
    row = sql.first(
        connection,
        "SELECT id, monitor, type, subject_label, exposure, currency FROM findings WHERE fingerprint = ?",
        [fingerprint],
    )
    if row is not None:
        name, monitor, kind, label, exposure, currency = row
        reasons, records, normal_of = _said(connection, fingerprint, kind)
        basis = Basis(exposure, currency, reasons)
        return Item(fingerprint, name, monitor, kind, label, records, basis, is_finding=True, normal_of=normal_of)
    document = sql.scalar(
        connection,
        "SELECT document FROM candidates WHERE fingerprint = ? ORDER BY data_date DESC, origin LIMIT 1",
        [fingerprint],
    )
    if document is None:
        raise UsageError(f"no finding {fingerprint[:80]!r}; `sereno findings` lists their ids")
    found = Candidate.model_validate_json(document)
    basis = Basis(found.exposure, found.currency, tuple(dict.fromkeys((found.type, *found.also))))
    return Item(
        fingerprint, found.id, found.monitor, found.type, found.subject.label, found.records, basis, is_finding=False
    )


def audited(disposition: Disposition) -> dict[str, Any]:
    """What the audit log keeps of a verdict, beside the fingerprint that is the entry's subject."""
    return {name: value for name, value in vars(disposition).items() if name not in ("fingerprint", "audit_seq")}


def dispositions(
    connection: sql.Connection,
    *,
    fingerprint: str | None = None,
    monitor: str | None = None,
    type: str | None = None,  # noqa: A002 - the word that findings use
) -> list[Disposition]:
    """Verdicts, the latest first: of one finding, or of a monitor's findings of one type."""
    where, parameters = sql.conditions({"fingerprint = ?": fingerprint, "monitor = ?": monitor, "type = ?": type})
    query = f"SELECT {_DISPOSITION} FROM dispositions{where} ORDER BY audit_seq DESC"
    return [_disposition(row) for row in sql.rows(connection, query, parameters)]


def latest_dispositions(connection: sql.Connection, fingerprints: Sequence[str]) -> dict[str, Disposition]:
    """The latest verdict on each of these findings that has one."""
    if not fingerprints:
        return {}
    query = f"SELECT {_DISPOSITION} FROM dispositions WHERE fingerprint IN (SELECT unnest($all)) ORDER BY audit_seq"
    found = [_disposition(row) for row in sql.rows(connection, query, {"all": list(fingerprints)})]
    return {each.fingerprint: each for each in found}


def verdicts_on(connection: sql.Connection, findings: Sequence[Finding]) -> dict[str, Disposition]:
    """The latest verdict on each of these findings that has one.

    What is said of a record is a verdict on every finding about it: tonight's strongest reason may be another than
    yesterday's, and gives the finding another type and fingerprint. An episode, or an entity, is not the one before.
    """
    given = latest_dispositions(connection, [finding.fingerprint for finding in findings])
    about = {
        (finding.monitor, finding.subject.id): finding.fingerprint
        for finding in findings
        if finding.subject.kind in (SubjectKind.RECORD, SubjectKind.GROUP)
    }
    if not about:
        return given
    listed = ", ".join(f"said.{name}" for name in _DISPOSITION.split(", "))
    query = f"""
        SELECT {listed}, known.subject_id FROM dispositions AS said
        JOIN (SELECT fingerprint, subject_id, subject_kind FROM findings
            UNION SELECT fingerprint, subject_id, subject_kind FROM candidates) AS known USING (fingerprint)
        WHERE known.subject_kind IN ('record', 'group') AND known.subject_id IN (SELECT unnest($subjects))
        ORDER BY said.audit_seq
    """
    for *row, subject in sql.rows(connection, query, {"subjects": sorted({subject for _, subject in about})}):
        verdict = _disposition(tuple(row))
        fingerprint = about.get((verdict.monitor, subject))
        if fingerprint is not None and verdict.audit_seq >= given.get(fingerprint, verdict).audit_seq:
            given[fingerprint] = verdict
    return given


def track_records(
    connection: sql.Connection, monitor: str, *, before: datetime | None = None
) -> dict[str, TrackRecord]:
    """Per finding type, what reviewers decided so far, or before an instant.

    Candidates say nothing of how often what is reported is real, and do not count.
    """
    found: dict[str, TrackRecord] = {}
    for (kind, _), record in track_records_of_like(connection, monitor, before=before).items():
        found[kind] = found[kind] + record if kind in found else record
    return found


def track_records_of_like(
    connection: sql.Connection, monitor: str, *, before: datetime | None = None
) -> dict[tuple[str, str], TrackRecord]:
    """`track_records` per finding type and what its like share, as `analyzers.risk.alike` has it."""
    query = """
        SELECT said.type, coalesce(entity_column || '=' || entity, subject_id) AS alike,
            count(*) FILTER (verdict = 'confirmed'), count(*) FILTER (verdict = 'false_positive'),
            count(*) FILTER (verdict = 'accepted'), count(*) FILTER (verdict = 'inconclusive')
        FROM (SELECT fingerprint, type, arg_max(verdict, audit_seq) AS verdict FROM dispositions
            WHERE monitor = $monitor AND ($before IS NULL OR decided_at < $before) GROUP BY fingerprint, type) AS said
        JOIN findings USING (fingerprint) GROUP BY said.type, alike ORDER BY said.type, alike
    """
    found = sql.rows(connection, query, {"monitor": monitor, "before": before})
    return {(row[0], row[1]): TrackRecord(*row[2:]) for row in found}


def confirmed_records(connection: sql.Connection, monitor: str) -> frozenset[str]:
    """Ids of the records in what people confirmed: findings about records or entities, and candidates.

    A finding about a whole batch says nothing of its single records.
    """
    query = """
        WITH confirmed AS (SELECT fingerprint FROM dispositions WHERE monitor = $monitor
            GROUP BY fingerprint HAVING arg_max(verdict, audit_seq) = 'confirmed')
        SELECT document, false FROM run_findings JOIN confirmed USING (fingerprint)
        UNION ALL SELECT document, true FROM candidates JOIN confirmed USING (fingerprint)
    """
    records: set[str] = set()
    for document, candidate in sql.rows(connection, query, {"monitor": monitor}):
        told = (Candidate if candidate else Finding).model_validate_json(document)
        if told.subject.kind in (SubjectKind.RECORD, SubjectKind.GROUP, SubjectKind.ENTITY):
            records.update(told.records)
    return frozenset(records)


def review_of(finding: Finding, disposition: Disposition | None, on: date) -> Review:
    """How far people are with a finding as it stands on a date, after their latest verdict."""
    if disposition is None:
        return Review.OPEN
    if disposition.verdict is Verdict.INCONCLUSIVE:
        return Review.IN_REVIEW
    run_out = disposition.until is not None and on > disposition.until
    basis = Basis(disposition.exposure, disposition.currency, disposition.reasons)
    return Review.OPEN if run_out or speaks_again(finding, basis) else Review.CLOSED


def speaks_again(finding: Finding, basis: Basis) -> bool:
    """Whether a finding has a reason that it had not when a person decided, or half as much money again at stake."""
    new_reason = not _reasons((finding.type, *finding.also)) <= _reasons(basis.reasons)
    return new_reason or _more_at_stake(finding, basis)


def normal_of(told: Finding) -> str | None:
    """The series, else the entity, whose own past a finding compares with; None where it compares with none."""
    if told.subject.kind is SubjectKind.SERIES:
        return told.subject.label
    learnt = told.family in (Family.TABULAR, Family.BEHAVIOUR) or not _STATISTICAL.isdisjoint(told.also)
    return next(iter(told.entities.values()), None) if learnt else None


def _reasons(types: Iterable[str]) -> set[str]:
    """Reasons by their types; that a record is strange is one reason, whichever column carries it tonight."""
    return {"strange" if kind in _STATISTICAL else kind for kind in types}


def _more_at_stake(finding: Finding, basis: Basis) -> bool:
    if finding.exposure is None or finding.exposure <= 0:
        return False
    if basis.exposure is None or finding.currency != basis.currency:
        return True
    return finding.exposure >= basis.exposure * MORE_EXPOSURE


def _said(
    connection: sql.Connection, fingerprint: str, kind: str
) -> tuple[tuple[str, ...], tuple[str, ...], str | None]:
    """Types of the flags behind a finding, its records, and whose past it compares with, as its latest date told."""
    document = sql.scalar(
        connection,
        "SELECT document FROM run_findings WHERE fingerprint = ? ORDER BY data_date DESC LIMIT 1",
        [fingerprint],
    )
    if document is None:
        return (kind,), (), None
    told = Finding.model_validate_json(document)
    return tuple(dict.fromkeys((kind, *told.also))), told.records, normal_of(told)


def _ids(connection: sql.Connection, monitor: str | None) -> dict[str, str]:
    """Id of every finding and candidate by its fingerprint."""
    where, parameters = sql.conditions({"monitor = ?": monitor})
    query = f"SELECT fingerprint, id FROM findings{where} UNION SELECT fingerprint, id FROM candidates{where}"
    return dict(sql.rows(connection, query, [*parameters, *parameters]))


def _starts(fingerprint: str, short: str, given: str) -> bool:
    return short.startswith(given) or fingerprint.startswith(given)


_DISPOSITION = (
    "fingerprint, monitor, type, verdict, who, decided_at, why, until, exposure, currency, reasons, audit_seq, "
    "normal_from"
)


def _disposition(row: sql.Row) -> Disposition:
    named = dict(zip(_DISPOSITION.split(", "), row, strict=True))
    reasons = tuple(json.loads(named["reasons"]))
    return Disposition(**{**named, "verdict": Verdict(named["verdict"]), "reasons": reasons})
