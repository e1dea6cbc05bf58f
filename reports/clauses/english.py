"""English templates for records: a function for each kind of fact, which leaves out what its fact does not say."""

from __future__ import annotations

from analyzers.results import Direction, FactKind
from reports.clauses.magnitude import Magnitude, magnitude
from reports.clauses.saying import Saying, Templates, is_amount, told, within
from reports.clauses.slots import Slots, finite

_RECORD = "the record"


def _value(slots: Slots) -> str:
    """The amount of 48,200.00 EUR."""
    named = "the amount" if is_amount(slots) else f"the {slots.feature}" if slots.feature else "the value"
    return told(named, within(slots.actual, "of {}"))


def records(slots: Slots, count: int | None, what: str = "earlier record") -> str | None:
    """A count of records, or of what else is counted, with its plural."""
    return None if count is None else f"{slots.counted(count)} {what}{'' if count == 1 else 's'}"


def than_usual(slots: Slots, usual: str) -> str:
    """Is 12 times what is usual, only 8 % of it, well above it: as exact as the ratio allows."""
    if slots.is_within():
        return f"is within {usual}"
    if times := slots.times():
        return f"is {times} times {usual}"
    if portion := slots.portion():
        return f"is only {portion} of {usual}"
    if slots.direction is None:
        return f"stands out from {usual}"
    degree = {Magnitude.SOMEWHAT: "somewhat ", Magnitude.WELL: "well ", Magnitude.HARDLY: "slightly "}
    return f"is {degree.get(magnitude(slots.fact), '')}{slots.direction.value} {usual}"


def bracket(*parts: str | None) -> str | None:
    """The parts that there are, in brackets."""
    said = " ".join(part for part in parts if part)
    return f"({said})" if said else None


def whose(slots: Slots) -> str:
    """Which records a count is of: earlier ones, or for want of a history the others."""
    return "earlier" if slots.is_of_the_past else "other"


def _own_history(slots: Slots) -> Saying:
    usual = f"what is usual for {slots.value('entity') or 'it'}"
    earlier = records(slots, slots.whole("count") or None, f"{whose(slots)} record")
    expected = slots.expected()
    return Saying(
        _value(slots),
        told(than_usual(slots, usual), bracket(expected, within(earlier, "in {}"))),
    )


def _peers(slots: Slots) -> Saying:
    compared = records(slots, slots.whole("count"), "comparable record") or "comparable records"
    return Saying(_value(slots), told(than_usual(slots, f"what is usual among {compared}"), bracket(slots.expected())))


def _how_often(slots: Slots, which: str) -> str:
    """Occurred in only 3 of 402,113 earlier records."""
    count, total = slots.whole("count"), slots.whole("total")
    if count is None:
        return "is rare"
    only = "only " if total is not None and count * 20 < total else ""
    if count == 0:
        never = "had never occurred before" if which == "earlier" else "occurs nowhere else"
        return told(never, within(records(slots, total, f"{which} record"), "in {}"))
    if total is None:
        return f"occurred in {only}{records(slots, count, f'{which} record')}"
    return f"occurred in {only}{slots.counted(count)} of {records(slots, total, f'{which} record')}"


def _rare_value(slots: Slots) -> Saying:
    named = slots.quoted(slots.fact.actual) or slots.actual
    if slots.fact.actual == "":
        return Saying(told("an empty", slots.feature or "value"), _how_often(slots, whose(slots)))
    return Saying(
        told(f"the {slots.feature}" if slots.feature else "the value", named), _how_often(slots, whose(slots))
    )


def _pair(slots: Slots, which: str) -> Saying:
    columns = [name for name in (slots.value("first"), slots.value("second")) if name]
    of = within(" and ".join(columns) or slots.feature, "of {}")
    named = within(slots.quoted(slots.fact.actual), ", {},")
    return Saying(told("the combination", of, named), _how_often(slots, which))


def _new_entity(slots: Slots) -> Saying:
    count = slots.whole("count")
    earlier = f"no {whose(slots)} records" if not count else f"only {records(slots, count, f'{whose(slots)} record')}"
    named = slots.name(slots.fact.actual)
    unusual = slots.whole("unusual")
    more = f", and of its records {slots.number(unusual)} are unusual" if unusual and unusual > 1 else ""
    return Saying(
        told(f"the {slots.feature}" if slots.feature else ("" if named else "it"), named),
        f"{'had' if slots.is_of_the_past else 'has'} {earlier}" + more,
    )


def _frequency(slots: Slots) -> Saying:
    count, days = finite(slots.fact.actual), slots.whole("days")
    entity = slots.value("entity")
    within_days = within(None if days is None else records(slots, days, "day"), "within {}")
    counted = (
        "an unusual number of records" if count is None else f"{slots.number(count)} record{'' if count == 1 else 's'}"
    )
    said = told(f"there {'was' if count in (None, 1) else 'were'}", counted, within(entity, "of {}"), within_days)
    times, expected = None if slots.is_within() else slots.times(), slots.expected()
    if times:
        said = told(said + ",", f"{times} times the usual number", bracket(expected))
    elif expected:
        said = told(said + ",", f"where {expected} {'is' if ' to ' not in expected else 'are'} usual")
    return Saying("", said)


def _unusual_time(slots: Slots) -> Saying:
    hour, low, high = (finite(v) for v in (slots.fact.actual, slots.fact.expected_low, slots.fact.expected_high))
    when = told(within(slots.weekday(), "on a {}"), within(slots.occasion(), ", {}"))
    hours = within(slots.expected_hours(), "outside the usual hours ({})")
    inside = hour is None or low is None or high is None or low <= hour <= high
    usual = hours if hours and not inside else "an unusual time" if when else "at an unusual time"
    others = slots.whole("count")
    more = ""
    if others:
        one = others == 1
        more = f", as {'does' if one else 'do'} {slots.number(others)} other record{'' if one else 's'} of the finding"
    return Saying(_RECORD, told("falls", when, f", {usual}" if when else usual) + more, of_record=True)


def _combination(slots: Slots) -> Saying:
    listed = slots.fact.values.get("columns")
    names = [name for part in str(listed or "").split(",")[:6] if (name := slots.name(part))]
    strongest = slots.feature
    if len(names) < 2:
        return Saying(strongest or "the record", "is unusual in combination with the rest of the record")
    most = f", {strongest} most of all" if strongest else ""
    said = f"{', '.join(names[:-1])} and {names[-1]}"
    return Saying(said, f"are unusual in combination{most}")


def _strangeness(slots: Slots) -> Saying:
    share, count = finite(slots.fact.actual), slots.whole("count")
    compared = records(slots, count, "comparable record") or "comparable records"
    if share == 1:
        return Saying(_RECORD, f"is stranger than {'all ' if count != 1 else ''}{compared}", of_record=True)
    shown = slots.percent(share)
    if shown is None:
        return Saying(_RECORD, "is among the strangest of comparable records", of_record=True)
    return Saying(_RECORD, f"is stranger than {shown} of {compared}", of_record=True)


_SAME = {"E": "the same {}", "S": "a similar {}", "D": "another {}"}


def _duplicate(slots: Slots) -> Saying:
    pattern = str(slots.fact.values.get("pattern") or "").upper()
    pattern = pattern if len(pattern) == 4 and set(pattern) <= set("ESD") else ""
    alike = {"S": "is close to", "D": "stands beside"}.get(pattern[3:], "equals")
    days, other = slots.whole("days"), slots.value("other")
    earlier = None
    if days is not None:
        earlier = "on the same day" if days == 0 else f"{records(slots, days, 'day')} earlier"
    day = within(slots.day("other_at"), ", on {}," if earlier else "on {}") if days != 0 else None
    document = f"that of document {other}" if other else "that of a first payment"
    paid = told("paid" if other else "made", earlier, day) if earlier or day else None
    match = None
    if pattern:
        payee, number = _SAME[pattern[0]].format("payee"), _SAME[pattern[1]].format("invoice number")
        respelt = ", written differently" if slots.fact.values.get("respelt") is True else ""
        match = f"to {payee} with {number}{respelt}"
    return Saying(_value(slots), told(alike, document, within(paid, ", {}"), match).rstrip(","))


def _stoppable(slots: Slots) -> Saying:
    known, day = slots.fact.values.get("stoppable"), slots.day("until")
    status = within(slots.quoted(slots.fact.values.get("status")), "since the payment has the status {}")
    if known is None:
        return Saying("the money", "may already have left")
    if known:
        return Saying("the money", told("can still be stopped", status or within(day, "until {}")))
    return Saying("the money", told("has left,", status) if status else told("had left", within(day, "by {}")))


def _below_limit(slots: Slots) -> Saying:
    limit, actual = slots.quantity(slots.fact.expected_high), finite(slots.fact.actual)
    ratio, count = finite(slots.fact.ratio), slots.whole("count")
    top = finite(slots.fact.expected_high)
    said_limit = told("the limit", within(limit, "of {}"))
    if actual is not None and top is not None and actual >= top:
        return Saying(_value(slots), f"is not below {said_limit}")
    near = "just below" if ratio is not None and 0.9 <= ratio < 1 else "below"
    share = slots.percent(ratio) if ratio is not None and ratio < 1 else None
    close = None
    if count:
        close = f", like {records(slots, count, 'other amount')} of the same origin"
    return Saying(_value(slots), told(f"is {near} {said_limit}", within(share, "({} of it)"), close))


def _split(slots: Slots) -> Saying:
    pieces, days, total = slots.whole("count"), slots.whole("days"), finite(slots.fact.actual)
    limit, top = slots.quantity(slots.fact.expected_high), finite(slots.fact.expected_high)
    subject = records(slots, pieces, "amount") or "several amounts"
    when = None
    if days is not None:
        when = "on the same day" if days == 0 else f"within {records(slots, days, 'day')}"
    above = ", above" if total is not None and top is not None and total > top else ", against"
    adds = "comes" if pieces == 1 else "come"
    return Saying(
        told(subject, when),
        told(
            f"together {adds} to {slots.actual}" if slots.actual else "together count as one sum",
            within(limit, f"{above} the limit of {{}}"),
        ),
    )


def _like(slots: Slots, what: str) -> str:
    only = "only " if slots.is_seldom(slots.fact.values.get("share")) else ""
    return f", like {only}{{}} of all {what}"


def _round_amount(slots: Slots) -> Saying:
    unit, share = slots.number(slots.fact.values.get("unit_of")), slots.percent(slots.fact.values.get("share"))
    multiple = f"is a whole multiple of {unit}" if unit else "is a round figure"
    return Saying(_value(slots), told(multiple, within(share, _like(slots, "amounts"))))


def _benford(slots: Slots) -> Saying:
    digits, count = slots.value("digits") or slots.number(slots.fact.values.get("digits")), slots.whole("count")
    share, expected = slots.percent(slots.fact.actual), slots.expected(percent=True)
    subject = told(share or "an unusual share", "of", records(slots, count, "amount") or "the amounts")
    verb = "begins" if count == 1 else "begin"
    said = told(verb, f"with {digits}" if digits else "with some digits")
    times, mad = slots.times(), slots.number(slots.fact.values.get("mad"))
    if expected:
        said += f", {times} times the {expected}" if times else f", where {expected}"
        said += " that Benford's law gives" if times else " is what Benford's law gives"
    excess = slots.number(slots.fact.values.get("excess"))
    spread = within(mad, "mean absolute deviation {}") and told(
        within(mad, "mean absolute deviation {}"), within(excess, ", {} more than chance gives")
    )
    return Saying(subject, told(said, bracket(spread)))


def _endings(slots: Slots) -> Saying:
    ending, count = slots.quoted(slots.fact.values.get("ending")), slots.whole("count")
    share, usual = slots.percent(slots.fact.actual), slots.percent(slots.fact.expected_high)
    subject = told(share or "an unusual share", "of", records(slots, count, "amount") or "the amounts")
    verb = "ends" if count == 1 else "end"
    return Saying(subject, told(verb, f"in {ending}" if ending else "alike", within(usual, ", where {} is usual")))


def _no_description(slots: Slots) -> Saying:
    return Saying(told("the field", slots.feature or "for the description"), "is empty")


def _sequence_gap(slots: Slots) -> Saying:
    missing = finite(slots.fact.actual)
    count = "numbers" if missing is None else f"{slots.number(missing)} number{'' if missing == 1 else 's'}"
    after, before = slots.value("after"), slots.value("before")
    where = f"between documents {after} and {before}" if after and before else within(after, "after document {}")
    where = where or within(before, "before document {}") or "in the sequence"
    return Saying(count, told("is" if missing == 1 else "are", "missing", where))


def _weekend(slots: Slots) -> Saying:
    when = told(within(slots.weekday(), "on a {}") or "on a weekend", within(slots.occasion(), ", {}"))
    share = within(slots.percent(slots.fact.values.get("share")), _like(slots, "records"))
    return Saying(_RECORD, told("falls", when, share), of_record=True)


def _holiday(slots: Slots) -> Saying:
    named = within(slots.quoted(slots.fact.values.get("holiday")), "the holiday {}") or "a holiday"
    return Saying(_RECORD, told(f"falls on {named}", within(slots.occasion(), ", {}")), of_record=True)


def _night(slots: Slots) -> Saying:
    hour, low, high = (finite(v) for v in (slots.fact.actual, slots.fact.expected_low, slots.fact.expected_high))
    when = within(slots.occasion(), "on {}")
    inside = hour is not None and low is not None and high is not None and low <= hour < high
    if inside:
        return Saying(_RECORD, told("falls", when or "at an unusual time"), of_record=True)
    outside = told("outside office hours", within(slots.expected_hours(), "({})"))
    return Saying(_RECORD, told("falls", when, f", {outside}" if when else outside), of_record=True)


def _period_end(slots: Slots) -> Saying:
    days = slots.whole("days")
    if days is None:
        near = "near the end of the period"
    elif days == 0:
        near = "on the last day of the period"
    else:
        near = f"{records(slots, days, 'day')} before the end of the period"
    return Saying(_RECORD, told("falls", near, within(slots.occasion(), ", on {}")), of_record=True)


def _self_approved(slots: Slots) -> Saying:
    by = slots.name(slots.fact.actual) or "the same person"
    return Saying(_RECORD, f"was both created and approved by {by}", of_record=True)


def _bank_changed(slots: Slots) -> Saying:
    days, previous, current = slots.whole("days"), slots.value("previous"), slots.value("current")
    when = "before the payment"
    if days is not None:
        when = "on the day of the payment" if days == 0 else f"{records(slots, days, 'day')} {when}"
    return Saying(
        "the bank account", told("was changed", when, within(previous, ", from {}"), within(current, "to {}"))
    )


def _shared_details(slots: Slots) -> Saying:
    other = slots.value("with") or "someone else"
    return Saying(f"the {slots.feature}" if slots.feature else "the detail", f"is the same as that of {other}")


def _relative_size(slots: Slots) -> Saying:
    largest = slots.quantity(slots.fact.expected_high)
    of = within(slots.value("entity"), "of {}")
    times = slots.times()
    next_largest = "the next largest amount" if is_amount(slots) else "the next largest value"
    if times:
        said = f"is {times} times {next_largest}"
    else:
        said = f"{'is larger than' if slots.direction is Direction.ABOVE else 'stands beside'} {next_largest}"
    return Saying(_value(slots), told(said, of, bracket(largest)))


def _house_rule(slots: Slots) -> Saying:
    named, text = slots.quoted(slots.fact.actual), slots.quoted(slots.fact.values.get("text"))
    return Saying(told("the house rule", named), told("applies", within(text, ": {}")).replace(" :", ":"))


def _exposure(slots: Slots) -> Saying:
    return Saying("the money at risk", f"is {slots.actual}" if slots.actual else "is not known")


def _seen_before(slots: Slots) -> Saying:
    nights = slots.whole("count")
    often = within(None if nights is None else records(slots, nights, "night"), "on {}")
    since = within(slots.day("since"), "since {}")
    return Saying("the same finding", told("has been reported", often or ("before" if not since else None), since))


def _decided_before(slots: Slots) -> Saying:
    """3 similar findings have been reported within 90 days, 2 of them dismissed as “annual prepayment”."""
    count = slots.whole("count")
    if not count:
        return Saying("similar findings", "have been reported before")
    days = within(records(slots, slots.whole("days"), "day"), "within {}")
    numbers = [(number, verdict) for verdict in _JUDGED if (number := slots.whole(verdict))]
    most = max((number for number, _ in numbers), default=0)
    first = next((at for at, (number, _) in enumerate(numbers) if number == most), 0)
    reason = within(slots.quoted(slots.fact.values.get("reason")), " as {}") or ""
    judged = "".join(
        f", {slots.counted(number)} of them {verdict}{reason if at == first else ''}"
        for at, (number, verdict) in enumerate(numbers)
    )
    have = "has" if count == 1 else "have"
    return Saying(records(slots, count, "similar finding") or "", told(have, "been reported", days) + judged)


_JUDGED = ("dismissed", "accepted", "confirmed")


ENGLISH: Templates = {
    FactKind.OWN_HISTORY: _own_history,
    FactKind.PEERS: _peers,
    FactKind.RARE_VALUE: _rare_value,
    FactKind.RARE_PAIR: lambda slots: _pair(slots, whose(slots)),
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
    FactKind.SELDOM_PAIR: lambda slots: _pair(slots, "other"),
    FactKind.SELF_APPROVED: _self_approved,
    FactKind.BANK_CHANGED: _bank_changed,
    FactKind.SHARED_DETAILS: _shared_details,
    FactKind.RELATIVE_SIZE: _relative_size,
    FactKind.HOUSE_RULE: _house_rule,
    FactKind.EXPOSURE: _exposure,
    FactKind.DECIDED_BEFORE: _decided_before,
    FactKind.SEEN_BEFORE: _seen_before,
}
