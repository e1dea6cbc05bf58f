"""Spanish templates for the behaviour of entities: a function for each kind of fact, as for records."""

from __future__ import annotations

from analyzers.results import FactKind
from reports.clauses.saying import Saying, Templates, is_amount, told, within
from reports.clauses.slots import Slots, finite
from reports.clauses.spanish import bracket, counted, counted_days, than_usual


def _days(slots: Slots) -> str | None:
    return within(counted_days(slots, slots.whole("days")), "en {}")


def _records(slots: Slots, count: int | None) -> str | None:
    return counted(slots, count, "registro", "registros")


def _earlier(slots: Slots, count: int | None) -> str | None:
    return counted(slots, count, "registro anterior", "registros anteriores")


def _silence(slots: Slots) -> Saying:
    days = finite(slots.fact.actual)
    lasting = None if days is None else f"{slots.number(days)} día{'' if days == 1 else 's'}"
    return Saying(
        "",
        told(
            "no hay ningún registro",
            within(slots.value("entity"), "de {}"),
            within(slots.moment("day"), "desde el {}"),
            within(lasting, ", hace {}"),
            within(slots.expected(), ", cuando lo habitual son {} días entre registros"),
            bracket(within(_earlier(slots, slots.whole("count")), "en {}")),
        ),
    )


def _category_shift(slots: Slots) -> Saying:
    named = told("el valor", slots.quoted(slots.fact.actual), within(slots.feature, "de {}"))
    latest, earlier = (
        None if count is None or total is None else f"{slots.counted(count)} de {said(slots, total)}"
        for count, total, said in (
            (slots.whole("count"), slots.whole("total"), _records),
            (slots.whole("before"), slots.whole("before_total"), _earlier),
        )
    )
    if latest is None:
        return Saying(named, "tiene otra proporción que antes")
    return Saying(named, told(f"figura en {latest}", _days(slots), within(earlier, ", frente a {}")))


def _recent(slots: Slots, what: str) -> Saying:
    """La mediana del importe, 299,33 EUR en 8 registros en 28 días, es 3,9 veces lo habitual."""
    column = "del importe" if is_amount(slots) else f"de {slots.feature or 'los valores'}"
    seen = _records(slots, slots.whole("count"))
    said = told(within(slots.actual, ", {}"), within(seen, "en {}"), _days(slots))
    subject = told(f"{what} {column}", said + "," if slots.actual else said)
    usual = told("lo habitual", within(slots.value("entity"), "en {}"))
    return Saying(subject, told(than_usual(slots, usual), bracket(slots.expected())))


SPANISH_BEHAVIOUR: Templates = {
    FactKind.SILENCE: _silence,
    FactKind.CATEGORY_SHIFT: _category_shift,
    FactKind.RECENT_LEVEL: lambda slots: _recent(slots, "la mediana"),
    FactKind.RECENT_SUM: lambda slots: _recent(slots, "la suma"),
}
