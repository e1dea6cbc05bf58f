"""Cases that people have judged, as a backtest compares what it raises with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from analyzers.results import Candidate, Family, Finding, SubjectKind
from flows.warehouse import Warehouse, sql
from flows.workspace import Workspace

_QUERY = """
WITH judged AS (SELECT fingerprint, arg_max(verdict, audit_seq) AS verdict FROM dispositions
    WHERE monitor = $monitor GROUP BY fingerprint)
SELECT verdict, document, false FROM (
    SELECT fingerprint, arg_max(document, data_date) AS document FROM run_findings GROUP BY fingerprint)
    JOIN judged USING (fingerprint) WHERE verdict <> 'inconclusive'
UNION ALL SELECT verdict, document, true FROM (
    SELECT fingerprint, arg_max(document, data_date) AS document FROM candidates
    WHERE fingerprint NOT IN (SELECT fingerprint FROM run_findings) GROUP BY fingerprint)
    JOIN judged USING (fingerprint) WHERE verdict <> 'inconclusive'
ORDER BY document
"""


@dataclass(frozen=True)
class Judged:
    """A finding or candidate with the latest verdict on it; `real` where it was confirmed, or is true and tolerated."""

    about: Finding | Candidate
    real: bool

    def is_about(self, finding: Finding) -> bool:
        """Whether a finding is about the same: its fingerprint, one of its records, or its series at its time."""
        if finding.fingerprint == self.about.fingerprint:
            return True
        if self._is_interval or finding.subject.kind is SubjectKind.SERIES or finding.family is Family.BEHAVIOUR:
            return finding.subject.id == self.about.subject.id and self._overlaps(finding.time_from, finding.time_to)
        return not set(self.about.records).isdisjoint(finding.records)

    def lies_within(self, start: datetime, end: datetime, records: Collection[str]) -> bool:
        """Whether it is about one of these records, or about a series between two instants."""
        if self._is_interval:
            return self._overlaps(start, end)
        return any(record in records for record in self.about.records)

    @property
    def _is_interval(self) -> bool:
        behaves = isinstance(self.about, Finding) and self.about.family is Family.BEHAVIOUR
        return behaves or self.about.subject.kind is SubjectKind.SERIES

    def _overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        before = end is not None and self.about.time_from is not None and self.about.time_from > end
        after = start is not None and self.about.time_to is not None and self.about.time_to < start
        return not before and not after


def judged_cases(workspace: Workspace, monitor: str) -> list[Judged]:
    """All that people have judged in a monitor; nothing where there is no warehouse yet."""
    if not workspace.warehouse.is_file():
        return []
    with Warehouse.of(workspace).reading() as connection:
        found = sql.rows(connection, _QUERY, {"monitor": monitor})
    return [
        Judged((Candidate if drawn else Finding).model_validate_json(document), verdict in ("confirmed", "accepted"))
        for verdict, document, drawn in found
    ]
