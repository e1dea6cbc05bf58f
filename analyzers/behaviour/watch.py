"""Whether an entity still behaves as it did: the checks before, the decision, and the flags.

Each entity's latest weeks are compared with its own past; how far that is strange is judged by the same comparison of
all entities at earlier dates. A change that lasts becomes the entity's past after some windows, and the finding ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzers.behaviour.clock import DAY
from analyzers.behaviour.evidence import Evidence
from analyzers.behaviour.moments import LEAST_MOMENTS, Answer, Materials, answers, earlier_moments, told, watched
from analyzers.behaviour.population import LEAST_PEERS, Population, View
from analyzers.columns import Role
from analyzers.results import Check, CheckStatus, Flag, Guarantee, GuaranteeKind, Outcome, Scalar
from analyzers.settings import Material

_NAME = "behaviour"


def analyze_behaviour_at(material: Material, rates: Sequence[float]) -> dict[float, Outcome]:
    """Flag the entities that stop or change rhythm, place, mix or amounts, at each of some nominal false rates.

    Near-linear in the number of records. Needs `behaviour.entity`, a time column, a history of several windows and
    enough entities; without them the check says what is missing.
    """
    settings = material.settings.behaviour
    entity = settings.entity
    if entity is None:
        return dict.fromkeys(rates, _skipped("behaviour_off"))
    if reason := _missing(material, entity):
        return dict.fromkeys(rates, reason)
    population = Population.of(material, entity, settings.peers)
    now = View.at(population, population.end, settings.window * DAY)
    number = int(watched(now, settings).sum())
    if number < LEAST_PEERS:
        return dict.fromkeys(rates, _skipped("behaviour_few_entities", count=number, needed=LEAST_PEERS))
    moments = earlier_moments(population, settings)
    if len(moments) < LEAST_MOMENTS:
        short = _skipped("behaviour_short_history", days=population.end // DAY, moments=len(moments))
        return dict.fromkeys(rates, short)
    materials = Materials.of(population, material.columns, settings)
    found = answers(materials, settings, moments)
    values: dict[str, Scalar] = {"entities": number, "dates": len(moments), "days": settings.window}
    return {rate: _outcome(material, materials, now, found, rate, values) for rate in rates}


def _outcome(
    material: Material, materials: Materials, now: View, found: list[Answer], rate: float, values: dict[str, Scalar]
) -> Outcome:
    flags = _flags(material, materials, now, found, rate)
    said: dict[str, Scalar] = {**values, "flags": len(flags)}
    check = Check(name=_NAME, status=CheckStatus.DONE, code="behaviour_done", values=said, flags=len(flags))
    return Outcome(flags=flags, checks=(check,), guarantees=(_guarantee(found, int(str(values["entities"])), rate),))


def _missing(material: Material, entity: str) -> Outcome | None:
    """The check that says which columns it lacks, or that there is no history."""
    settings, columns = material.settings.behaviour, material.columns
    wanted = [entity, *settings.place, *([settings.peers] if settings.peers else [])]
    known = [column.name for column in columns.columns if column.role is not Role.IGNORE]
    if unknown := [name for name in wanted if name not in known or name not in material.batch.columns]:
        return _skipped("behaviour_no_column", columns=", ".join(unknown))
    time = columns.one(Role.TIME)
    if time is None or time not in material.batch.columns or not material.batch.schema[time].is_temporal():
        return _skipped("behaviour_no_time")
    usable = material.batch[entity].count() and material.batch[time].count()
    return _skipped("behaviour_no_history") if material.ranking or not usable else None


def _flags(material: Material, materials: Materials, now: View, found: list[Answer], rate: float) -> tuple[Flag, ...]:
    evidence = Evidence(material, materials, now)
    made = [evidence.flag(answer, int(entity)) for answer in found for entity in np.flatnonzero(told(answer, rate))]
    return tuple(flag for flag in made if flag is not None)


def _guarantee(found: list[Answer], number: int, fdr: float) -> Guarantee:
    size = min((answer.calibration_size for answer in found), default=0)
    smallest = 1.0 / (size + 1)
    return Guarantee(
        kind=GuaranteeKind.BEHAVIOUR,
        fdr=fdr,
        calibration_size=size,
        smallest_p=smallest,
        too_small=smallest > fdr / max(number, 1),
    )


def _skipped(code: str, **values: Scalar) -> Outcome:
    return Outcome(checks=(Check(name=_NAME, status=CheckStatus.SKIPPED, code=code, values=values),))
