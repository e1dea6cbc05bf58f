"""What was decided about similar earlier findings, as a fact of tonight's: texts improve with use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from analyzers.results import Fact, FactKind, Finding, Scalar
from flows.warehouse import similar, sql
from reports.contents import EarlierFinding

DAYS = 90
"""How far back a night remembers."""
_SAID = {"false_positive": "dismissed", "accepted": "accepted", "confirmed": "confirmed"}


def remember(
    connection: sql.Connection, monitor: str, findings: Sequence[Finding], data_date: date, *, reasons: bool
) -> tuple[Finding, ...]:
    """The findings, those with similar ones in the last `DAYS` days with a fact about these.

    Similar are earlier findings of the same type about the same entity, or of the same name where there is none.
    reasons : whether the words of a verdict may be told. Where records name persons they may not: a reader may be one
        of those whom an earlier finding names, and the card knows to whom it shows a reason.
    """
    since = data_date - timedelta(days=DAYS)
    known = similar.alike(connection, monitor, findings, data_date, since)
    return tuple(_with(finding, known.get(finding.fingerprint, ()), reasons=reasons) for finding in findings)


def _with(finding: Finding, earlier: Sequence[EarlierFinding], *, reasons: bool) -> Finding:
    if not earlier:
        return finding
    verdicts = Counter(_SAID[one.verdict] for one in earlier if one.verdict in _SAID)
    values: dict[str, Scalar] = {"count": len(earlier), "days": DAYS}
    values |= {said: verdicts[said] for said in _SAID.values() if verdicts[said]}
    if reasons and verdicts:
        values["reason"] = _reason(earlier, verdicts.most_common(1)[0][0])
    lightest = min((fact.weight for fact in finding.facts), default=1.0)
    identity = f"f{len(finding.facts) + 1}"
    fact = Fact(id=identity, kind=FactKind.DECIDED_BEFORE, weight=min(lightest, 0.1), values=values)
    return finding.model_copy(update={"facts": (*finding.facts, fact)})


def _reason(earlier: Sequence[EarlierFinding], said: str) -> str | None:
    """The latest words of the verdict that was given most often."""
    given = [one for one in earlier if one.verdict is not None and _SAID.get(one.verdict) == said]
    telling = [one for one in given if one.reason and _says_something(one.reason)]
    latest = max(telling, key=lambda one: (one.decided_on or date.min, one.fingerprint), default=None)
    return latest.reason if latest else None


def _says_something(reason: str) -> bool:
    """Whether it is more than a figure or the verdict again."""
    words = re.findall(r"[^\W\d_]{3,}", reason.lower())
    return not {*words} <= {"dismissed", "accepted", "confirmed", "descartado", "aceptado", "confirmado", "similar"}
