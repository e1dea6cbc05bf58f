"""An episode that several nights see is one finding: each night's part inherits the fingerprint of the first.

One that goes on over midnight is continued by a part that begins where it left off. One that ended within the batch
is judged again by every night whose batch still holds it, and its start, an estimate, moves by some samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl

from analyzers.results import Analysis, Candidate, Condition, Fact, FactKind, Family, Finding, SubjectKind
from analyzers.settings import EarlierEpisode
from flows.warehouse import sql
from flows.warehouse.new_normals import ACCEPTED

GAP = timedelta(hours=2)
"""A part that starts this soon after the earlier part's last sample continues it: detectors need a while to alarm."""
_SAME_SHARE = 0.5
"""Two episodes of a series are the same where they share this much of the shorter one's time."""


def inherit(connection: sql.Connection, analysis: Analysis, data_date: date, *, gap: timedelta = GAP) -> Analysis:
    """The analysis with continued episodes under the fingerprint, id and start of the night they began.

    To be called before anything refers to the findings' ids. Only earlier dates are looked at, so that a date decided
    again gives the same. Where several findings could continue an episode, one of its type does, then the one with
    most of its time, then the earliest.
    """
    renamed: dict[str, str] = {}
    taken: set[str] = set()
    findings = {finding.fingerprint: finding for finding in analysis.findings}
    for earlier in _seen_before(connection, analysis.findings, data_date, gap):
        candidates = [each for each in analysis.findings if each.id not in renamed and _continues(each, earlier, gap)]
        if earlier.fingerprint in findings or earlier.fingerprint in taken or not candidates:
            continue
        chosen = min(candidates, key=lambda each: _distance(each, earlier))
        findings[chosen.fingerprint] = _continued(chosen, earlier)
        renamed[chosen.id] = earlier.id
        taken.add(earlier.fingerprint)
    if not renamed:
        return analysis
    scores = analysis.scores
    if "finding" in scores.columns:
        scores = scores.with_columns(pl.col("finding").replace(renamed))
    return replace(analysis, findings=tuple(findings.values()), scores=scores)


def outside_the_baseline(connection: sql.Connection, monitor: str, data_date: date) -> tuple[EarlierEpisode, ...]:
    """Episodes that earlier dates saw and that were still open then, or that a person confirmed; none that a person
    called a false positive or the new normal.

    An episode over several nights is one, from its start to where it was last seen. Episodes of the history that a
    person confirmed without any night having told them count too.
    """
    query = f"""
        SELECT said.document FROM run_findings AS said
        JOIN (SELECT fingerprint, max(data_date) AS data_date, arg_max_null(condition, data_date) AS condition
            FROM sightings WHERE data_date < $day GROUP BY fingerprint) AS seen USING (fingerprint, data_date)
        LEFT JOIN (SELECT fingerprint, arg_max(verdict, audit_seq) AS verdict FROM dispositions GROUP BY fingerprint)
            AS judged USING (fingerprint)
        WHERE said.monitor = $monitor AND coalesce(judged.verdict, '') <> 'false_positive'
            AND said.fingerprint NOT IN ({ACCEPTED})
            AND (seen.condition = 'active' OR judged.verdict = 'confirmed')
        ORDER BY said.data_date, said.fingerprint
    """
    rows = sql.rows(connection, query, {"day": data_date, "monitor": monitor})
    found = [Finding.model_validate_json(document) for (document,) in rows]
    told = tuple(
        EarlierEpisode(finding.subject.id, finding.time_from, finding.time_to)
        for finding in found
        if finding.family is Family.SERIES and finding.time_from is not None
    )
    return told + _confirmed_of_history(connection, monitor)


def _confirmed_of_history(connection: sql.Connection, monitor: str) -> tuple[EarlierEpisode, ...]:
    query = """
        SELECT DISTINCT document FROM candidates WHERE monitor = $monitor AND origin = 'history'
            AND subject_kind = 'series' AND fingerprint IN (SELECT fingerprint FROM dispositions
                GROUP BY fingerprint HAVING arg_max(verdict, audit_seq) = 'confirmed')
        ORDER BY document
    """
    found = [Candidate.model_validate_json(row[0]) for row in sql.rows(connection, query, {"monitor": monitor})]
    return tuple(
        EarlierEpisode(each.subject.id, each.time_from, each.time_to) for each in found if each.time_from is not None
    )


def _seen_before(
    connection: sql.Connection, findings: Iterable[Finding], data_date: date, gap: timedelta
) -> list[Finding]:
    """Episodes about the same series or entity's behaviour as the latest earlier date told them, latest first.

    What was accepted as the new normal goes on no more: what departs from that is another episode.
    """
    lasting = [finding for finding in findings if _lasts(finding) and finding.time_from is not None]
    starts = [finding.time_from for finding in lasting if finding.time_from is not None]
    if not starts:
        return []
    # An episode was last seen by a night no earlier than its own end, so that older nights need not be read. The
    # change of an entity's behaviour is told for as long as it holds, however long ago it began.
    query = f"""
        SELECT said.document FROM run_findings AS said
        JOIN (SELECT fingerprint, max(data_date) AS data_date, arg_max_null(condition, data_date) AS condition
            FROM sightings WHERE data_date < $day GROUP BY fingerprint) AS seen USING (fingerprint, data_date)
        WHERE said.monitor IN (SELECT unnest($monitors)) AND said.subject_id IN (SELECT unnest($subjects))
            AND (seen.condition = 'active' OR said.data_date >= $since)
            AND said.fingerprint NOT IN ({ACCEPTED})
        ORDER BY said.data_date DESC, said.fingerprint
    """
    parameters: dict[str, sql.Cell] = {
        "day": data_date,
        "monitors": sorted({finding.monitor for finding in lasting}),
        "subjects": sorted({finding.subject.id for finding in lasting}),
        "since": (min(starts) - gap).date() - timedelta(days=1),
    }
    found = [Finding.model_validate_json(row[0]) for row in sql.rows(connection, query, parameters)]
    return [finding for finding in found if _lasts(finding)]


def _lasts(finding: Finding) -> bool:
    """Whether it is about a time of a series or of an entity's behaviour, so that another night may continue it."""
    return finding.subject.kind is SubjectKind.SERIES or finding.family is Family.BEHAVIOUR


def _continues(finding: Finding, earlier: Finding, gap: timedelta) -> bool:
    if finding.subject != earlier.subject or finding.monitor != earlier.monitor:
        return False
    if finding.time_from is None or earlier.time_to is None:
        return False
    goes_on = earlier.condition is not Condition.ENDED
    if finding.family is Family.BEHAVIOUR or earlier.family is Family.BEHAVIOUR:
        # The start of a change is an estimate that more records move: any overlap is the same change.
        return goes_on and finding.family is earlier.family and finding.time_from <= earlier.time_to + gap
    if goes_on and earlier.time_to - gap <= finding.time_from <= earlier.time_to + gap:
        return True
    spans = _span(finding), _span(earlier)
    common = _common_time(finding, earlier)
    return common is not None and common >= _SAME_SHARE * min(spans)


def _span(finding: Finding) -> timedelta:
    if finding.time_from is None or finding.time_to is None:
        return timedelta()
    return finding.time_to - finding.time_from


def _common_time(finding: Finding, earlier: Finding) -> timedelta | None:
    """How long both last at the same time; None where they do not meet."""
    if finding.time_from is None or finding.time_to is None or earlier.time_from is None or earlier.time_to is None:
        return None
    common = min(finding.time_to, earlier.time_to) - max(finding.time_from, earlier.time_from)
    return common if common >= timedelta() else None


def _distance(finding: Finding, earlier: Finding) -> tuple[bool, timedelta, datetime | None, str]:
    """How little a finding is the one that continues an earlier one: the least does."""
    common = _common_time(finding, earlier) or timedelta()
    return finding.type != earlier.type, -common, finding.time_from, finding.fingerprint


def _continued(finding: Finding, earlier: Finding) -> Finding:
    start = earlier.time_from or finding.time_from
    return finding.model_copy(
        update={
            "fingerprint": earlier.fingerprint,
            "id": earlier.id,
            "time_from": start,
            "facts": tuple(_since(fact, start, finding.time_to) for fact in finding.facts),
        }
    )


def _since(fact: Fact, start: datetime | None, end: datetime | None) -> Fact:
    """The fact that tells the episode's start and length, counted from its true start."""
    if fact.kind is not FactKind.EPISODE or start is None or end is None:
        return fact
    minutes = (end.astimezone(UTC) - start.astimezone(UTC)) / timedelta(minutes=1)
    return fact.model_copy(update={"at": start, "actual": round(minutes, 2)})
