"""Spanish templates for records: a function for each kind of fact, which leaves out what its fact does not say."""

from __future__ import annotations

from analyzers.results import Direction, FactKind
from reports.clauses.magnitude import Magnitude, magnitude
from reports.clauses.saying import Saying, Templates, is_amount, told, within
from reports.clauses.slots import Slots, finite

_RECORD = "el registro"
_SIDES = {Direction.ABOVE: "por encima de", Direction.BELOW: "por debajo de"}


def _value(slots: Slots) -> str:
    """El importe de 48.200,00 EUR."""
    if is_amount(slots):
        return told("el importe", within(slots.actual, "de {}"))
    if slots.feature:
        return told(f"el valor de {slots.feature}", within(slots.actual, "({})"))
    return told("el valor", within(slots.actual, "de {}"))


def counted(slots: Slots, count: int | None, one: str, many: str) -> str | None:
    """A count with what is counted, in the right number."""
    return None if count is None else f"{slots.counted(count)} {one if count == 1 else many}"


def _earlier(slots: Slots, count: int | None) -> str | None:
    return counted(slots, count, "registro anterior", "registros anteriores")


def _others(slots: Slots, count: int | None) -> str | None:
    """Records that a count is of: earlier ones, or for want of a history the others."""
    return _earlier(slots, count) if slots.is_of_the_past else counted(slots, count, "registro más", "registros más")


def counted_days(slots: Slots, count: int | None) -> str | None:
    """A count of days."""
    return counted(slots, count, "día", "días")


def with_article(text: str) -> str:
    """De with its article joined, as Spanish does."""
    return f"del {text[3:]}" if text.startswith("el ") else f"de {text}"


def on_side(direction: Direction, text: str) -> str:
    """Por encima de o por debajo de algo, with the article joined."""
    return f"{_SIDES[direction].removesuffix('de')}{with_article(text)}"


def than_usual(slots: Slots, usual: str) -> str:
    """Es 12 veces lo habitual, solo el 8 % de lo habitual, está muy por encima: as exact as the ratio allows."""
    if slots.is_within():
        return f"está dentro de {usual}"
    if times := slots.times():
        return f"es {times} veces {usual}"
    if portion := slots.portion():
        return f"es solo el {portion} de {usual}"
    if slots.direction is None:
        return f"se aparta de {usual}"
    degree = {Magnitude.SOMEWHAT: "algo ", Magnitude.WELL: "bastante ", Magnitude.HARDLY: "ligeramente "}
    return f"está {degree.get(magnitude(slots.fact), '')}{on_side(slots.direction, usual)}"


def bracket(*parts: str | None) -> str | None:
    """The parts that there are, in brackets."""
    said = " ".join(part for part in parts if part)
    return f"({said})" if said else None


def _own_history(slots: Slots) -> Saying:
    usual = told("lo habitual", within(slots.value("entity"), "en {}"))
    compared = _others(slots, slots.whole("count") or None)
    return Saying(_value(slots), told(than_usual(slots, usual), bracket(slots.expected(), within(compared, "en {}"))))


def _peers(slots: Slots) -> Saying:
    compared = counted(slots, slots.whole("count"), "registro comparable", "registros comparables")
    usual = than_usual(slots, f"lo habitual entre {compared or 'registros comparables'}")
    return Saying(_value(slots), told(usual, bracket(slots.expected())))


def _how_often(slots: Slots, *, earlier: bool) -> str:
    """Solo aparece en 3 de 402.113 registros anteriores."""
    count, total = slots.whole("count"), slots.whole("total")
    if count is None:
        return "es poco frecuente"
    of_total = _earlier(slots, total) if earlier else _other_records(slots, total)
    only = "solo " if total is not None and count * 20 < total else ""
    if count == 0:
        never = "no había aparecido nunca" if earlier else "no aparece en ningún otro registro"
        return told(never, within(of_total, "en {}" if earlier else "entre {}"))
    if total is None:
        return f"aparece {only}en {_others(slots, count)}"
    return f"aparece {only}en {slots.counted(count)} de {of_total}"


def _other_records(slots: Slots, count: int | None) -> str | None:
    return (
        None if count is None else "el otro registro" if count == 1 else f"los otros {slots.counted(count)} registros"
    )


def _rare_value(slots: Slots) -> Saying:
    named = slots.quoted(slots.fact.actual) or slots.actual
    if slots.fact.actual == "":
        return Saying(
            told("un valor vacío", within(slots.feature, "de {}")), _how_often(slots, earlier=slots.is_of_the_past)
        )
    return Saying(
        told("el valor", named, within(slots.feature, "de {}")), _how_often(slots, earlier=slots.is_of_the_past)
    )


def _pair(slots: Slots, *, earlier: bool) -> Saying:
    columns = [name for name in (slots.value("first"), slots.value("second")) if name]
    of = within(" y ".join(columns) or slots.feature, "de {}")
    named = within(slots.quoted(slots.fact.actual), ", {},")
    return Saying(told("la combinación", of, named), _how_often(slots, earlier=earlier))


def _new_entity(slots: Slots) -> Saying:
    count = slots.whole("count")
    if slots.is_of_the_past:
        earlier = "no tenía registros anteriores" if not count else f"solo tenía {_earlier(slots, count)}"
    else:
        earlier = "no tiene más registros" if not count else f"solo tiene {_others(slots, count)}"
    unusual = slots.whole("unusual")
    earlier += f", y de sus registros {slots.number(unusual)} son inusuales" if unusual and unusual > 1 else ""
    named = slots.name(slots.fact.actual)
    if named:
        return Saying(told(named, within(slots.feature, "({})")), earlier)
    return Saying(told("el valor", within(slots.feature, "de {}")), earlier)


def _frequency(slots: Slots) -> Saying:
    count, days = finite(slots.fact.actual), slots.whole("days")
    within_days = within(counted_days(slots, days), "en {}")
    counted = "un número inusual de registros"
    if count is not None:
        counted = f"{slots.number(count)} registro{'' if count == 1 else 's'}"
    said = told("hubo", counted, within(slots.value("entity"), "de {}"), within_days)
    times, expected = None if slots.is_within() else slots.times(), slots.expected()
    if times:
        said = told(said + ",", f"{times} veces el número habitual", bracket(expected))
    elif expected:
        said = told(said + ",", f"cuando lo habitual es {expected}")
    return Saying("", said)


def _unusual_time(slots: Slots) -> Saying:
    hour, low, high = (finite(v) for v in (slots.fact.actual, slots.fact.expected_low, slots.fact.expected_high))
    when = told(within(slots.weekday(), "en {}"), within(slots.occasion(), ", el {}"))
    hours = within(slots.expected_hours(), "fuera del horario habitual ({})")
    inside = hour is None or low is None or high is None or low <= hour <= high
    usual = hours if hours and not inside else "un momento inusual" if when else "en un momento inusual"
    others = slots.whole("count")
    more = f", como {slots.number(others)} registro{'s' if others != 1 else ''} más del hallazgo" if others else ""
    return Saying(_RECORD, told("cae", when, f", {usual}" if when else usual) + more, of_record=True)


def _combination(slots: Slots) -> Saying:
    listed = slots.fact.values.get("columns")
    names = [name for part in str(listed or "").split(",")[:6] if (name := slots.name(part))]
    strongest = slots.feature
    if len(names) < 2:
        return Saying(strongest or _RECORD, "resulta inusual en combinación con el resto del registro")
    most = f", sobre todo {strongest}" if strongest else ""
    conjunction = and_before(names[-1])
    said = f"{', '.join(names[:-1])} {conjunction} {names[-1]}"
    return Saying(said, f"resultan inusuales en combinación{most}")


def and_before(text: str) -> str:
    """`y`, or `e` before the sound i."""
    word = text.lstrip("«").lower()
    sounds = word.startswith(("i", "í", "hi", "hí")) and not word.startswith(("hie", "hia", "ie", "ia"))
    return "e" if sounds else "y"


def _strangeness(slots: Slots) -> Saying:
    share, count = finite(slots.fact.actual), slots.whole("count")
    compared = counted(slots, count, "registro comparable", "registros comparables") or "los registros comparables"
    if share == 1:
        every = "" if count == 1 or compared.startswith("los ") else "los "
        return Saying(_RECORD, f"es más extraño que {every}{compared}", of_record=True)
    shown = slots.percent(share)
    if shown is None:
        return Saying(_RECORD, "está entre los más extraños de los registros comparables", of_record=True)
    return Saying(_RECORD, f"es más extraño que el {shown} de {compared}", of_record=True)


_PAYEE = {"E": "al mismo beneficiario", "S": "a un beneficiario parecido", "D": "a otro beneficiario"}
_NUMBER = {
    "E": "con el mismo número de factura",
    "S": "con un número de factura parecido",
    "D": "con otro número de factura",
}


def _duplicate(slots: Slots) -> Saying:
    pattern = str(slots.fact.values.get("pattern") or "").upper()
    pattern = pattern if len(pattern) == 4 and set(pattern) <= set("ESD") else ""
    alike = {"S": "se parece", "D": "acompaña"}.get(pattern[3:], "coincide")
    document = told("del documento", slots.value("other")) if slots.value("other") else "de un primer pago"
    joined = {"coincide": "con el", "se parece": "al", "acompaña": "al"}[alike]
    days, earlier = slots.whole("days"), None
    if days is not None:
        earlier = "el mismo día" if days == 0 else f"{counted_days(slots, days)} antes"
    day = within(slots.day("other_at"), ", el {}," if earlier else "el {}") if days != 0 else None
    paid = told("pagado", earlier, day) if earlier or day else None
    match = told(_PAYEE.get(pattern[:1]), _NUMBER.get(pattern[1:2]))
    if match and slots.fact.values.get("respelt") is True:
        match += ", escrito de otro modo"
    return Saying(_value(slots), told(alike, joined, document, within(paid, ", {}"), match).rstrip(","))


def _stoppable(slots: Slots) -> Saying:
    known, day = slots.fact.values.get("stoppable"), slots.day("until")
    status = within(slots.quoted(slots.fact.values.get("status")), "pues el pago tiene el estado {}")
    if known is None:
        return Saying("el dinero", "puede haber salido ya")
    if known:
        stop = told("todavía puede detenerse,", status) if status else None
        return Saying("el dinero", stop or told("todavía puede detenerse", within(day, "hasta el {}")))
    left = told("ya ha salido,", status) if status else None
    return Saying("el dinero", left or told("ya había salido", within(day, "el {}")))


def _below_limit(slots: Slots) -> Saying:
    limit, actual = slots.quantity(slots.fact.expected_high), finite(slots.fact.actual)
    ratio, count = finite(slots.fact.ratio), slots.whole("count")
    top = finite(slots.fact.expected_high)
    said_limit = told("límite", within(limit, "de {}"))
    if actual is not None and top is not None and actual >= top:
        return Saying(_value(slots), f"no queda por debajo del {said_limit}")
    near = "justo por debajo" if ratio is not None and 0.9 <= ratio < 1 else "por debajo"
    share = slots.percent(ratio) if ratio is not None and ratio < 1 else None
    close = counted(slots, count, "importe más del mismo origen", "importes más del mismo origen") if count else None
    return Saying(
        _value(slots),
        told(f"queda {near} del {said_limit}", within(share, "(el {} de este)"), within(close, ", igual que {}")),
    )


def _split(slots: Slots) -> Saying:
    pieces, days, total = slots.whole("count"), slots.whole("days"), finite(slots.fact.actual)
    limit, top = slots.quantity(slots.fact.expected_high), finite(slots.fact.expected_high)
    subject = counted(slots, pieces, "importe", "importes") or "varios importes"
    when = None
    if days is not None:
        when = "del mismo día" if days == 0 else f"en {counted_days(slots, days)}"
    above = ", por encima del" if total is not None and top is not None and total > top else ", frente al"
    adds = "suma" if pieces == 1 else "suman"
    return Saying(
        told(subject, when),
        told(
            f"{adds} {slots.actual}" if slots.actual else "cuentan como una sola suma",
            within(limit, f"{above} límite de {{}}"),
        ),
    )


def _like(slots: Slots, what: str) -> str:
    only = "solo " if slots.is_seldom(slots.fact.values.get("share")) else ""
    return f", algo que {only}ocurre en el {{}} de los {what}"


def _round_amount(slots: Slots) -> Saying:
    unit, share = slots.number(slots.fact.values.get("unit_of")), slots.percent(slots.fact.values.get("share"))
    multiple = f"es un múltiplo exacto de {unit}" if unit else "es una cifra redonda"
    return Saying(_value(slots), told(multiple, within(share, _like(slots, "importes"))))


def _benford(slots: Slots) -> Saying:
    digits, count = slots.value("digits") or slots.number(slots.fact.values.get("digits")), slots.whole("count")
    share, expected = slots.percent(slots.fact.actual), slots.expected(percent=True)
    amounts = counted(slots, count, "importe", "importes") or "los importes"
    subject = told(f"el {share}" if share else "una parte inusual", "de", amounts)
    said = told("empieza", f"por {digits}" if digits else "por unos mismos dígitos")
    times, mad = slots.times(), slots.number(slots.fact.values.get("mad"))
    if expected:
        said += f", {times} veces el {expected}" if times else f", cuando el {expected}"
        said += " que da la ley de Benford" if times else " es lo que da la ley de Benford"
    excess = slots.number(slots.fact.values.get("excess"))
    spread = mad and told(within(mad, "desviación absoluta media de {}"), within(excess, ", {} más que por azar"))
    return Saying(subject, told(said, bracket(spread)))


def _endings(slots: Slots) -> Saying:
    ending, count = slots.quoted(slots.fact.values.get("ending")), slots.whole("count")
    share, usual = slots.percent(slots.fact.actual), slots.percent(slots.fact.expected_high)
    amounts = counted(slots, count, "importe", "importes") or "los importes"
    subject = told(f"el {share}" if share else "una parte inusual", "de", amounts)
    made = f"termina en {ending}" if ending else "tiene una misma terminación"
    return Saying(subject, told(made, within(usual, ", cuando lo habitual es el {}")))


def _no_description(slots: Slots) -> Saying:
    return Saying(told("el campo", slots.feature or "de la descripción"), "está vacío")


def _sequence_gap(slots: Slots) -> Saying:
    missing = finite(slots.fact.actual)
    count = "números" if missing is None else f"{slots.number(missing)} número{'' if missing == 1 else 's'}"
    after, before = slots.value("after"), slots.value("before")
    where = f"entre los documentos {after} y {before}" if after and before else within(after, "tras el documento {}")
    where = where or within(before, "antes del documento {}") or "en la secuencia"
    return Saying("", told("falta" if missing == 1 else "faltan", count, where))


def _weekend(slots: Slots) -> Saying:
    when = told(within(slots.weekday(), "en {}") or "en fin de semana", within(slots.occasion(), ", el {}"))
    share = within(slots.percent(slots.fact.values.get("share")), _like(slots, "registros"))
    return Saying(_RECORD, told("cae", when, share), of_record=True)


def _holiday(slots: Slots) -> Saying:
    named = told("cae en día festivo", within(slots.quoted(slots.fact.values.get("holiday")), "({})"))
    return Saying(_RECORD, told(named, within(slots.occasion(), ", el {}")), of_record=True)


def _night(slots: Slots) -> Saying:
    hour, low, high = (finite(v) for v in (slots.fact.actual, slots.fact.expected_low, slots.fact.expected_high))
    when = within(slots.occasion(), "el {}")
    inside = hour is not None and low is not None and high is not None and low <= hour < high
    if inside:
        return Saying(_RECORD, told("cae", when or "en un momento inusual"), of_record=True)
    outside = told("fuera del horario de oficina", within(slots.expected_hours(), "({})"))
    return Saying(_RECORD, told("cae", when, f", {outside}" if when else outside), of_record=True)


def _period_end(slots: Slots) -> Saying:
    days = slots.whole("days")
    if days is None:
        near = "cerca del cierre del periodo"
    elif days == 0:
        near = "en el último día del periodo"
    else:
        near = f"{counted_days(slots, days)} antes del cierre del periodo"
    return Saying(_RECORD, told("cae", near, within(slots.occasion(), ", el {}")), of_record=True)


def _self_approved(slots: Slots) -> Saying:
    by = slots.name(slots.fact.actual) or "la misma persona"
    return Saying(_RECORD, f"fue creado y también aprobado por {by}", of_record=True)


def _bank_changed(slots: Slots) -> Saying:
    days, previous, current = slots.whole("days"), slots.value("previous"), slots.value("current")
    when = "antes del pago"
    if days is not None:
        when = "el mismo día del pago" if days == 0 else f"{counted_days(slots, days)} {when}"
    return Saying("la cuenta bancaria", told("se cambió", when, within(previous, ", de {}"), within(current, "a {}")))


def _shared_details(slots: Slots) -> Saying:
    other = slots.value("with")
    same = f"coincide con el de {other}" if other else "coincide con el de un tercero"
    return Saying(f"el dato {slots.feature}" if slots.feature else "el dato", same)


def _relative_size(slots: Slots) -> Saying:
    largest = slots.quantity(slots.fact.expected_high)
    of = within(slots.value("entity"), "de {}")
    times = slots.times()
    next_largest = f"siguiente {'importe' if is_amount(slots) else 'valor'} más alto"
    if times:
        said = f"es {times} veces el {next_largest}"
    else:
        said = f"{'supera' if slots.direction is Direction.ABOVE else 'acompaña'} al {next_largest}"
    return Saying(_value(slots), told(said, of, bracket(largest)))


def _house_rule(slots: Slots) -> Saying:
    named, text = slots.quoted(slots.fact.actual), slots.quoted(slots.fact.values.get("text"))
    return Saying(told("la regla propia", named), told("se cumple", within(text, ": {}")).replace(" :", ":"))


def _exposure(slots: Slots) -> Saying:
    return Saying("el dinero en riesgo", f"asciende a {slots.actual}" if slots.actual else "no se conoce")


def _seen_before(slots: Slots) -> Saying:
    often = within(counted(slots, slots.whole("count"), "noche", "noches"), "en {}")
    since = within(slots.day("since"), "desde el {}")
    return Saying("el mismo hallazgo", told("ya se había señalado", often or (None if since else "antes"), since))


_JUDGED = (
    ("dismissed", "descartado", "descartados"),
    ("accepted", "aceptado", "aceptados"),
    ("confirmed", "confirmado", "confirmados"),
)


def _decided_before(slots: Slots) -> Saying:
    """Se han señalado 3 hallazgos similares en 90 días, 2 de ellos descartados como «prepago anual»."""
    count = slots.whole("count")
    if not count:
        return Saying("", "ya se han señalado hallazgos similares")
    found = counted(slots, count, "hallazgo similar", "hallazgos similares")
    numbers = [(number, one, more) for key, one, more in _JUDGED if (number := slots.whole(key))]
    most = max(numbers, default=(0,))[0]
    first = next((at for at, (number, *_) in enumerate(numbers) if number == most), 0)
    reason = within(slots.quoted(slots.fact.values.get("reason")), " como {}") or ""
    said = "".join(
        f", {slots.counted(number)} de ellos {one if number == 1 else more}{reason if at == first else ''}"
        for at, (number, one, more) in enumerate(numbers)
    )
    reported = "se ha señalado" if count == 1 else "se han señalado"
    return Saying("", told(reported, found, within(counted_days(slots, slots.whole("days")), "en {}")) + said)


SPANISH: Templates = {
    FactKind.OWN_HISTORY: _own_history,
    FactKind.PEERS: _peers,
    FactKind.RARE_VALUE: _rare_value,
    FactKind.RARE_PAIR: lambda slots: _pair(slots, earlier=slots.is_of_the_past),
    FactKind.NEW_ENTITY: _new_entity,
    FactKind.FREQUENCY: _frequency,
    FactKind.UNUSUAL_TIME: _unusual_time,
    FactKind.COMBINATION: _combination,
    FactKind.STRANGENESS: _strangeness,
    FactKind.DUPLICATE: _duplicate,
    FactKind.STOPPABLE: _stoppable,
    FactKind.BELOW_LIMIT: _below_limit,
    FactKind.SPLIT: _split,
    FactKind.ROUND_AMOUNT: _round_amount,
    FactKind.BENFORD: _benford,
    FactKind.ENDINGS: _endings,
    FactKind.NO_DESCRIPTION: _no_description,
    FactKind.SEQUENCE_GAP: _sequence_gap,
    FactKind.WEEKEND: _weekend,
    FactKind.HOLIDAY: _holiday,
    FactKind.NIGHT: _night,
    FactKind.PERIOD_END: _period_end,
    FactKind.SELDOM_PAIR: lambda slots: _pair(slots, earlier=False),
    FactKind.SELF_APPROVED: _self_approved,
    FactKind.BANK_CHANGED: _bank_changed,
    FactKind.SHARED_DETAILS: _shared_details,
    FactKind.RELATIVE_SIZE: _relative_size,
    FactKind.HOUSE_RULE: _house_rule,
    FactKind.EXPOSURE: _exposure,
    FactKind.DECIDED_BEFORE: _decided_before,
    FactKind.SEEN_BEFORE: _seen_before,
}
