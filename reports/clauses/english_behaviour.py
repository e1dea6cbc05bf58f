"""English templates for the behaviour of entities: a function for each kind of fact, as for records."""

from __future__ import annotations

from analyzers.results import FactKind
from reports.clauses.english import bracket, records, than_usual
from reports.clauses.saying import Saying, Templates, is_amount, told, within
from reports.clauses.slots import Slots, finite


def _days(slots: Slots) -> str | None:
    count = slots.whole("days")
    return within(None if count is None else records(slots, count, "day"), "within {}")


def _silence(slots: Slots) -> Saying:
    days = finite(slots.fact.actual)
    lasting = None if days is None else f"{slots.number(days)} day{'' if days == 1 else 's'}"
    usual = slots.expected()
    seen = records(slots, slots.whole("count"), "earlier record")
    return Saying(
        "",
        told(
            "there has been no record",
            within(slots.value("entity"), "of {}"),
            within(slots.moment("day"), "since {}"),
            within(lasting, ", for {}"),
            within(usual, ", where {} days between records are usual"),
            bracket(within(seen, "in {}")),
        ),
    )


def _category_shift(slots: Slots) -> Saying:
    named = told(f"the {slots.feature}" if slots.feature else "the value", slots.quoted(slots.fact.actual))
    latest, earlier = (
        None if count is None or total is None else f"{slots.counted(count)} of {records(slots, total, what)}"
        for count, total, what in (
            (slots.whole("count"), slots.whole("total"), "record"),
            (slots.whole("before"), slots.whole("before_total"), "earlier record"),
        )
    )
    if latest is None:
        return Saying(named, "has another share than before")
    return Saying(named, told(f"stands in {latest}", _days(slots), within(earlier, ", against {}")))


def _recent(slots: Slots, what: str) -> Saying:
    """The median of the amount, 299.33 EUR in 8 records within 28 days, is 3.9 times what is usual."""
    column = "the amount" if is_amount(slots) else slots.feature or "the values"
    seen = records(slots, slots.whole("count"), "record")
    said = told(within(slots.actual, ", {}"), within(seen, "in {}"), _days(slots))
    subject = told(f"the {what} of {column}", said + "," if slots.actual else said)
    usual = told("what is usual", within(slots.value("entity"), "for {}"))
    return Saying(subject, told(than_usual(slots, usual), bracket(slots.expected())))


ENGLISH_BEHAVIOUR: Templates = {
    FactKind.SILENCE: _silence,
    FactKind.CATEGORY_SHIFT: _category_shift,
    FactKind.RECENT_LEVEL: lambda slots: _recent(slots, "median"),
    FactKind.RECENT_SUM: lambda slots: _recent(slots, "sum"),
}
