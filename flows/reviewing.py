"""What people's verdicts say of a monitor: how precise its findings are, and how much it misses at most."""

from __future__ import annotations

from datetime import date

from analyzers.proportions import interval, upper_bound
from flows.warehouse import candidates, sql
from reports.contents import Missed, Precision

_PRECISION = """
SELECT count(*) FILTER (verdict IN ('confirmed', 'accepted')), count(*),
    count(*) FILTER (family = 'tabular' AND verdict IN ('confirmed', 'accepted')), count(*) FILTER (family = 'tabular')
FROM (SELECT fingerprint, arg_max(verdict, audit_seq) AS verdict FROM dispositions
    WHERE monitor = $monitor GROUP BY fingerprint) JOIN findings USING (fingerprint)
WHERE verdict <> 'inconclusive'
"""


def observed_precision(connection: sql.Connection, monitor: str) -> tuple[Precision, ...]:
    """The share of real ones among the findings that people judged: of statistics, then of all kinds."""
    real, judged, of_statistics, judged_statistics = sql.rows(connection, _PRECISION, {"monitor": monitor})[0]
    counted = [(True, of_statistics, judged_statistics), (False, real, judged)]
    if judged == judged_statistics:
        counted.pop()
    return tuple(_precision(statistical, hits, cases) for statistical, hits, cases in counted if cases)


def missed_at_most(connection: sql.Connection, monitor: str, until: date) -> Missed | None:
    """The upper bound of 95 % on what is missed, from the cases drawn up to a date; None where none ever was."""
    drawing = candidates.drawing(connection, monitor, until)
    if not drawing.drawn:
        return None
    return Missed(**vars(drawing), share_at_most=upper_bound(drawing.missed, drawing.judged))


def _precision(statistical: bool, real: int, judged: int) -> Precision:
    low, high = interval(real, judged)
    return Precision(statistical=statistical, real=real, judged=judged, low=low, high=high)
