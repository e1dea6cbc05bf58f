"""Spanish templates for series and sensors: a function for each kind of fact, as for records."""

from __future__ import annotations

from analyzers.results import FactKind
from reports.clauses.saying import Saying, Templates, told, within
from reports.clauses.slots import Slots, finite
from reports.clauses.spanish import and_before, bracket, counted, counted_days, on_side, with_article


def _measure(slots: Slots) -> str:
    return slots.feature or "la medida"


def _away(slots: Slots, from_what: str) -> str | None:
    """A 5,2 desviaciones típicas por encima de la banda esperada."""
    distance, direction = slots.deviations(), slots.direction
    if direction is None:
        return f"a {distance} desviaciones típicas {with_article(from_what)}" if distance else None
    return told(within(distance, "a {} desviaciones típicas"), on_side(direction, from_what))


def _outside_band(slots: Slots) -> Saying:
    reached = f"alcanzó {slots.actual}" if slots.actual else "se observó"
    when = within(slots.moment("instant"), "el {}")
    away = within(_away(slots, "el centro de la banda esperada"), ", {}")
    expected = slots.expected()
    compared = away or (", frente a la banda esperada" if expected else ", fuera de la banda esperada")
    return Saying(_measure(slots), told(reached, when, compared, bracket(expected)))


def _level_shift(slots: Slots) -> Saying:
    moved = f"promedió {slots.actual}" if slots.actual else "pasó a otro nivel"
    away = within(_away(slots, "su nivel habitual"), ", {}")
    expected = slots.expected()
    return Saying(
        _measure(slots), told(moved, away or (expected and ", frente a su nivel habitual"), bracket(expected))
    )


def _variation(slots: Slots) -> Saying:
    more = slots.fact.kind is FactKind.MORE_VARIATION
    usual = slots.quantity(slots.fact.expected_high if more else slots.fact.expected_low)
    times, portion = (slots.times(), None) if more else (None, slots.portion())
    if times:
        said = f"varió {times} veces lo habitual"
    elif portion:
        said = f"varió solo el {portion} de lo habitual"
    else:
        said = f"varió {'más' if more else 'menos'} de lo habitual"
    spread = within(slots.actual, "una dispersión de {}")
    against = within(usual, "frente a {}" if spread else "dispersión habitual {}")
    return Saying(_measure(slots), told(said, bracket(spread, against)))


def _relation_broken(slots: Slots) -> Saying:
    expected = slots.expected()
    read = within(slots.actual, ": marcó {}" if slots.fact.at else ": promedió {}")
    predicted = within(expected, "cuando predicen {}" if read else ", que predicen {}")
    away = within(
        _away(slots, "el centro de ese intervalo" if expected and " a " in expected else "lo previsto"), ", {}"
    )
    return Saying(_measure(slots), told("dejó de seguir a las demás medidas" + (read or ""), predicted, away))


def _episode(slots: Slots) -> Saying:
    began = within(slots.moment("instant"), "comenzó el {}")
    lasted = _duration(slots, slots.fact.actual)
    is_open = slots.fact.values.get("open")
    if is_open is True and slots.fact.values.get("paused") is True:
        rest = f"duraba {lasted} en la última lectura evaluada" if lasted else "seguía en la última lectura evaluada"
    elif is_open is True:
        rest = f"dura ya {lasted}" if lasted else "sigue en curso"
    else:
        until = None if lasted and slots.ends_same_day() else within(slots.instant("end"), "hasta el {}")
        rest = (
            told("duró", lasted, until) if lasted or until else ("ha terminado" if is_open is False else "se detectó")
        )
    return Saying("el episodio", told(began, "y" if began else None, rest))


def _duration(slots: Slots, minutes: object) -> str | None:
    """A time in minutes as `3 h 20 min` or `2 días 4 h`."""
    known = finite(minutes) if isinstance(minutes, int | float) else None
    if known is None or not 0 <= known < 1e9:
        return None
    if known < 1:
        return f"{slots.number(known)} minutos"
    whole = round(known)
    hours, left = divmod(whole, 60)
    if whole >= 1440:
        days, hours = divmod(round(known / 60), 24)
        return told(counted_days(slots, days), f"{hours} h" if hours else None)
    if hours:
        return told(f"{hours} h", f"{left} min" if left else None)
    return counted(slots, whole, "minuto", "minutos")


def _also_moved(slots: Slots) -> Saying:
    away = _away(slots, "su nivel habitual")
    return Saying(_measure(slots), told("también se movió", within(away, ", {}")))


def _flat_line(slots: Slots) -> Saying:
    minutes = _duration(slots, slots.fact.values.get("minutes"))
    since = within(slots.moment("instant"), "desde el {}")
    lasted = within(minutes, ", durante {}" if since else "durante {}")
    return Saying(_measure(slots), told("se mantiene sin cambios", within(slots.actual, "en {}"), since, lasted))


def _silent(slots: Slots) -> Saying:
    since = within(slots.moment("instant"), "desde el {}")
    lasted = within(_duration(slots, slots.fact.actual), ", durante {}" if since else "durante {}")
    interval = _duration(slots, slots.fact.expected_high)
    usual = within("minuto" if interval == "1 minuto" else interval, ", cuando lo habitual es una cada {}")
    return Saying(_measure(slots), told("no ha dado lecturas", since, lasted, usual))


def _spikes(slots: Slots) -> Saying:
    count = finite(slots.fact.actual)
    spikes = "picos de una sola muestra"
    if count is not None:
        spikes = f"{slots.number(count)} pico{'' if count == 1 else 's'} de una sola muestra"
    usual = within(slots.number(slots.fact.expected_high), ", cuando lo habitual son hasta {} en el mismo tiempo")
    return Saying(_measure(slots), told("muestra", spikes, usual))


def _gross_range(slots: Slots) -> Saying:
    count, expected = slots.whole("count"), slots.expected()
    readings = (counted(slots, count, "lectura", "lecturas") if count else None) or "lecturas"
    extreme = within(slots.actual, ", la más extrema de {}")
    low, high = finite(slots.fact.expected_low), finite(slots.fact.expected_high)
    side = "fuera del intervalo verosímil"
    if expected and (low is None or high is None):
        side = "por encima del máximo verosímil" if low is None else "por debajo del mínimo verosímil"
    return Saying(_measure(slots), told("tiene", readings, side, bracket(expected), extreme))


def _sensor_drift(slots: Slots) -> Saying:
    differs = within(slots.actual, "en {} de media")
    usual = within(slots.expected(), ", cuando lo habitual es {}")
    return Saying(_measure(slots), told("difiere de su referencia", differs, usual))


def _one_sided(slots: Slots) -> Saying:
    away = _away(slots, "lo esperado") or "lejos de lo esperado"
    return Saying(_measure(slots), told("se mantuvo, por poco pero todo el tiempo,", away))


def _joint_distance(slots: Slots) -> Saying:
    listed = slots.fact.values.get("columns")
    names = [name for part in str(listed or "").split(",")[:6] if (name := slots.name(part))]
    said = f"{', '.join(names[:-1])} {and_before(names[-1])} {names[-1]}" if len(names) > 1 else "las medidas"
    away = within(slots.deviations(), ", a {} desviaciones típicas")
    return Saying(said, told("se apartaron en conjunto de su patrón habitual, no cada una por separado", away))


def _rate_of_change(slots: Slots) -> Saying:
    count = slots.whole("count")
    changes = (counted(slots, count, "cambio", "cambios") if count else None) or "cambios"
    most = within(slots.actual, ", el mayor de {}")
    usual = within(slots.quantity(slots.fact.expected_high), ", cuando lo habitual es hasta {}")
    return Saying(_measure(slots), told("muestra", changes, "de una lectura a la siguiente", most, usual))


def _climatology(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = (counted(slots, count, "lectura", "lecturas") if count else None) or "lecturas"
    extreme = within(slots.actual, ", la más extrema de {}")
    return Saying(
        _measure(slots),
        told("tiene", readings, "fuera del intervalo de la estación", bracket(slots.expected()), extreme),
    )


def _neighbour(slots: Slots) -> Saying:
    other = slots.value("neighbour") or "el sensor vecino"
    usual = within(slots.expected(), ", cuando lo habitual es {}")
    return Saying(
        _measure(slots),
        told("ya no coincide con", other + (within(slots.actual, ": difiere en {} de media") or ""), usual),
    )


def _clock_stuck(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = (counted(slots, count, "lectura", "lecturas") if count else None) or "varias lecturas"
    return Saying(
        _measure(slots), told("tiene", readings, "con una misma hora", within(slots.moment("instant"), ", el {}"))
    )


def _bad_quality(slots: Slots) -> Saying:
    count = slots.whole("count")
    readings = (counted(slots, count, "lectura", "lecturas") if count else None) or "lecturas"
    since = within(slots.moment("instant"), "desde el {}")
    return Saying(_measure(slots), told("tiene", readings, "que el propio origen da por malas", since))


def _unit_changed(slots: Slots) -> Saying:
    before, now = slots.value("previous"), slots.value("current")
    count = slots.whole("count")
    readings = within(counted(slots, count, "lectura", "lecturas") if count else None, ", en {}")
    return Saying(
        _measure(slots),
        told("cambió de unidad", within(before, ", de {}"), within(now, "a {}"), readings),
    )


SPANISH_SERIES: Templates = {
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
