"""English templates for series and sensors: a function for each kind of fact, as for records."""

from __future__ import annotations

from analyzers.results import FactKind
from reports.clauses.english import bracket, records
from reports.clauses.saying import Saying, Templates, told, within
from reports.clauses.slots import Slots, finite


def _measure(slots: Slots) -> str:
    return slots.feature or "the measure"


def _away(slots: Slots, from_what: str) -> str | None:
    """5.2 standard deviations above the expected band."""
    distance, direction = slots.deviations(), slots.direction
    if direction is None:
        return f"{distance} standard deviations away from {from_what}" if distance else None
    return told(within(distance, "{} standard deviations"), direction.value, from_what)


def _outside_band(slots: Slots) -> Saying:
    reached = told(f"reached {slots.actual}" if slots.actual else "was seen", within(slots.moment("instant"), "on {}"))
    away = within(_away(slots, "the middle of the expected band"), ", {}")
    expected = slots.expected()
    return Saying(
        _measure(slots),
        told(
            reached,
            away or (", against the expected band" if expected else ", outside the expected band"),
            bracket(expected),
        ),
    )


def _level_shift(slots: Slots) -> Saying:
    moved = f"averaged {slots.actual}" if slots.actual else "moved to another level"
    away = within(_away(slots, "its usual level"), ", {}")
    expected = slots.expected()
    return Saying(_measure(slots), told(moved, away or (expected and ", against its usual level"), bracket(expected)))


def _variation(slots: Slots) -> Saying:
    more = slots.fact.kind is FactKind.MORE_VARIATION
    usual = slots.quantity(slots.fact.expected_high if more else slots.fact.expected_low)
    times, portion = (slots.times(), None) if more else (None, slots.portion())
    if times:
        said = f"varied {times} times as much as usual"
    elif portion:
        said = f"varied only {portion} as much as usual"
    else:
        said = f"varied {'more' if more else 'less'} than usual"
    spread = within(slots.actual, "a spread of {}")
    return Saying(
        _measure(slots), told(said, bracket(spread, within(usual, "against {}" if spread else "usual spread {}")))
    )


def _relation_broken(slots: Slots) -> Saying:
    expected = slots.expected()
    read = within(slots.actual, ": it read {}" if slots.fact.at else ": it averaged {}")
    predicted = within(expected, "where they predict {}" if read else ", which predict {}")
    away = within(
        _away(slots, "the middle of that range" if expected and " to " in expected else "their prediction"), ", {}"
    )
    said = told("no longer followed the other measures" + (read or ""), predicted, away)
    return Saying(_measure(slots), said)


def _episode(slots: Slots) -> Saying:
    began = within(slots.moment("instant"), "began on {}")
    lasted = _duration(slots, slots.fact.actual)
    is_open = slots.fact.values.get("open")
    if is_open is True and slots.fact.values.get("paused") is True:
        rest = f"had lasted {lasted} at the last reading judged" if lasted else "went on to the last reading judged"
    elif is_open is True:
        rest = f"has lasted {lasted} so far" if lasted else "still lasts"
    else:
        until = None if lasted and slots.ends_same_day() else within(slots.instant("end"), "until {}")
        rest = (
            told("lasted", lasted, until) if lasted or until else ("has ended" if is_open is False else "was noticed")
        )
    return Saying("the episode", told(began, "and" if began else None, rest))


def _duration(slots: Slots, minutes: object) -> str | None:
    """A time in minutes as `3 h 20 min` or `2 days 4 h`."""
    known = finite(minutes) if isinstance(minutes, int | float) else None
    if known is None or not 0 <= known < 1e9:
        return None
    if known < 1:
        return f"{slots.number(known)} minutes"
    whole = round(known)
    hours, left = divmod(whole, 60)
    if whole >= 1440:
        days, hours = divmod(round(known / 60), 24)
        return told(records(slots, days, "day"), f"{hours} h" if hours else None)
    if hours:
        return told(f"{hours} h", f"{left} min" if left else None)
    return records(slots, whole, "minute")


def _also_moved(slots: Slots) -> Saying:
    away = _away(slots, "its usual level")
    return Saying(_measure(slots), told("moved as well", within(away, ", {}")))


def _flat_line(slots: Slots) -> Saying:
    minutes = _duration(slots, slots.fact.values.get("minutes"))
    since = within(slots.moment("instant"), "since {}")
    return Saying(
        _measure(slots),
        told(
            "has been stuck",
            within(slots.actual, "at {}"),
            since,
            within(minutes, "for {}" if not since else ", for {}"),
        ),
    )


def _silent(slots: Slots) -> Saying:
    since = within(slots.moment("instant"), "since {}")
    lasted = within(_duration(slots, slots.fact.actual), ", for {}" if since else "for {}")
    interval = _duration(slots, slots.fact.expected_high)
    usual = within("minute" if interval == "1 minute" else interval, ", where one every {} is usual")
    return Saying(_measure(slots), told("has given no reading", since, lasted, usual))


def _spikes(slots: Slots) -> Saying:
    count = finite(slots.fact.actual)
    spikes = (
        "spikes of a single sample"
        if count is None
        else f"{slots.number(count)} spike{'' if count == 1 else 's'} of a single sample"
    )
    usual = within(slots.number(slots.fact.expected_high), ", where up to {} would be usual in as long a time")
    return Saying(_measure(slots), told("shows", spikes, usual))


def _gross_range(slots: Slots) -> Saying:
    count, expected = slots.whole("count"), slots.expected()
    readings = records(slots, count, "reading") if count else "readings"
    extreme = within(slots.actual, ", the most extreme of them {}")
    low, high = finite(slots.fact.expected_low), finite(slots.fact.expected_high)
    side = "outside the plausible range"
    if expected and (low is None or high is None):
        side = "above the highest plausible value" if low is None else "below the lowest plausible value"
    return Saying(_measure(slots), told("has", readings, side, bracket(expected), extreme))


def _sensor_drift(slots: Slots) -> Saying:
    differs = within(slots.actual, "by {} on average")
    usual = within(slots.expected(), ", where {} is usual")
    return Saying(_measure(slots), told("differs from its reference", differs, usual))


def _one_sided(slots: Slots) -> Saying:
    away = _away(slots, "what is expected of it") or "away from what is expected of it"
    return Saying(_measure(slots), told("stayed, by little but all the time,", away))


def _joint_distance(slots: Slots) -> Saying:
    listed = slots.fact.values.get("columns")
    names = [name for part in str(listed or "").split(",")[:6] if (name := slots.name(part))]
    said = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "the measures"
    away = within(slots.deviations(), ", {} standard deviations away")
    return Saying(said, told("left their usual pattern together rather than each alone", away))


def _rate_of_change(slots: Slots) -> Saying:
    count = slots.whole("count")
    changes = records(slots, count, "change") if count else "changes"
    most = within(slots.actual, ", the most extreme of them {}")
    usual = within(slots.quantity(slots.fact.expected_high), ", where up to {} is usual")
    return Saying(_measure(slots), told("shows", changes, "from one reading to the next", most, usual))


def _climatology(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = records(slots, count, "reading") if count else "readings"
    extreme = within(slots.actual, ", the most extreme of them {}")
    return Saying(
        _measure(slots), told("has", readings, "outside the range of the season", bracket(slots.expected()), extreme)
    )


def _neighbour(slots: Slots) -> Saying:
    other = slots.value("neighbour") or "the sensor beside it"
    usual = within(slots.expected(), ", where {} is usual")
    return Saying(
        _measure(slots),
        told("no longer agrees with", other + (within(slots.actual, ": it differs by {} on average") or ""), usual),
    )


def _clock_stuck(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = records(slots, count, "reading") if count else "several readings"
    return Saying(
        _measure(slots), told("has", readings, "with one and the same time", within(slots.moment("instant"), ", {}"))
    )


def _bad_quality(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = records(slots, count, "reading") if count else "readings"
    since = within(slots.moment("instant"), "since {}")
    return Saying(_measure(slots), told("has", readings, "that the origin marked as bad", since))


def _unit_changed(slots: Slots) -> Saying:
    before, now = slots.value("previous"), slots.value("current")
    count = slots.whole("count")
    readings = within(records(slots, count, "reading") if count else None, ", in {}")
    return Saying(
        _measure(slots),
        told("changed its unit", within(before, "from {}"), within(now, "to {}"), readings),
    )


ENGLISH_SERIES: Templates = {
    FactKind.OUTSIDE_BAND: _outside_band,
    FactKind.LEVEL_SHIFT: _level_shift,
    FactKind.MORE_VARIATION: _variation,
    FactKind.LESS_VARIATION: _variation,
    FactKind.RELATION_BROKEN: _relation_broken,
    FactKind.EPISODE: _episode,
    FactKind.ALSO_MOVED: _also_moved,
    FactKind.FLAT_LINE: _flat_line,
    FactKind.SILENT: _silent,
    FactKind.SPIKES: _spikes,
    FactKind.GROSS_RANGE: _gross_range,
    FactKind.SENSOR_DRIFT: _sensor_drift,
    FactKind.ONE_SIDED: _one_sided,
    FactKind.JOINT_DISTANCE: _joint_distance,
    FactKind.RATE_OF_CHANGE: _rate_of_change,
    FactKind.CLIMATOLOGY: _climatology,
    FactKind.NEIGHBOUR: _neighbour,
    FactKind.CLOCK_STUCK: _clock_stuck,
    FactKind.BAD_QUALITY: _bad_quality,
    FactKind.UNIT_CHANGED: _unit_changed,
}
