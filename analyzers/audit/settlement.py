"""Whether the money of a payment can still be stopped, by its status or by its dates.

No standard says so for all ways of paying: a SEPA credit transfer is on the payee's account one banking day after it
was accepted (SCT rulebook), cheques and drafts take longer. `settlement_days` and the lists of statuses are the
monitor's; what is compared with is the batch's last day, for the core reads no clock.
"""

from __future__ import annotations

from datetime import date, timedelta

from analyzers.audit.books import Books, Line
from analyzers.results import Fact, FactKind, Scalar

_WEIGHT = 0.7


def settlement_facts(books: Books, line: Line) -> tuple[Fact, ...]:
    """One fact, or none where neither a status nor a date says anything.

    A status that the monitor knows decides. Else the money leaves `settlement_days` after the payment's day, or after
    its due date where that is later, and can be stopped until then.
    """
    values = _by_status(books, line) or _by_dates(books, line)
    if not values:
        return ()
    return (Fact(kind=FactKind.STOPPABLE, weight=_WEIGHT, values=values),)


def _by_status(books: Books, line: Line) -> dict[str, Scalar]:
    status = line.get("status")
    if status is None:
        return {}
    word, settings = str(status).casefold(), books.settings
    if word in {each.casefold() for each in settings.paid_statuses}:
        return {"stoppable": False, "status": str(status)}
    if word in {each.casefold() for each in settings.open_statuses}:
        return {"stoppable": True, "status": str(status)}
    return {}


def _by_dates(books: Books, line: Line) -> dict[str, Scalar]:
    dates = [day for day in (line.get("day"), line.get("due")) if day is not None]
    last = books.material.last_day
    if not dates or last is None:
        return {}
    later = min(books.settings.settlement_days, (date.max - max(dates)).days)
    leaves = max(dates) + timedelta(days=later)
    return {"stoppable": leaves > last, "until": leaves.isoformat()}
