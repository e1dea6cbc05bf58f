"""Measures and amounts: the value itself, against everybody's, and against the entity's own."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from analyzers.columns import Column, Role
from analyzers.features.feature import Feature, FeatureKind, Parts, Task
from analyzers.features.groups import EVERY, GroupedValues, Rows, blocks, rising
from analyzers.features.rarity import MOST_CATEGORIES
from analyzers.features.records import Records

Floats = NDArray[np.float64]

_IQR_OF_NORMAL = 1.349
CENTRE_RECORDS = 2
"""Pseudo-records by which an entity's own median is drawn to everybody's."""
SPREAD_RECORDS = 30
"""Pseudo-records by which an entity's own spread is drawn to that of all entities."""
SAME_AMOUNT = 0.0005
"""An amount this close (as a share) to another one of the same entity is a repetition: a rent, an instalment."""
CROWD_LEAD = 2.0
"""By how much the distance from everybody may exceed that from the entity's own past, where there is one."""
EXPLAINED_SPREAD = 0.75
"""An entity whose own values spread this much of everybody's, or more, has no past worth comparing with."""
_LEAST_OWN = 8
_USUAL = 0.9
_ENOUGH_PEERS = 20
_MOST_SPREADS = 200_000
"""Records, at most, that an entity column's usual spread is read from."""
_MOST_MEASURES = 12
"""Measures, by source order, that are compared with the entity's own past."""
_ORDINARY = (1e-12, 1e12)
"""Sizes of a column's bulk between which its own unit is kept."""
_LARGEST = 1e30
"""No value counts as larger: squares and differences of it are finite in single precision's sums."""


def value_features(records: Records) -> list[Task]:
    """The measures themselves, and the exposure on a logarithmic scale."""
    described = (column for column in records.columns.columns if column.role in (Role.MEASURE, Role.EXPOSURE))
    return [partial(_value_parts, records, column) for column in described]


def _value_parts(records: Records, column: Column) -> Parts:
    values = records.values(column.name)
    missing = np.isnan(values)
    scaled = in_ordinary_units if column.role is Role.MEASURE else on_logarithmic_scale
    value = (Feature(FeatureKind.MEASURE, column.name), filled(scaled(values), records.reference)[records.featured])
    if 0 < missing.mean() < 1:
        return [value, (Feature(FeatureKind.MISSING, column.name), missing[records.featured].astype(np.float64))]
    return [value]


def excess_features(records: Records) -> list[Task]:
    """How far amounts and measures lie from everybody's and from the entity's own."""
    exposure = records.columns.one(Role.EXPOSURE)
    entities = records.columns.names(Role.ENTITY)
    tasks: list[Task] = []
    if exposure is not None:
        tasks.append(partial(_amount_parts, records, exposure, entities))
    if entities:
        measures = records.columns.names(Role.MEASURE)[:_MOST_MEASURES]
        tasks += [partial(_measure_parts, records, measure, entities) for measure in measures]
    return tasks


def _measure_parts(records: Records, measure: str, entities: list[str]) -> Parts:
    pasts = telling_pasts(records, entities, in_ordinary_units(records.values(measure)))
    return [(Feature(FeatureKind.OWN, measure, own.entity), np.abs(own.distance())) for own in pasts]


def _amount_parts(records: Records, exposure: str, entities: list[str]) -> Parts:
    """The most telling entity's own past and the crowd; further entities beside them."""
    size = np.abs(in_ordinary_units(records.values(exposure)))
    crowd = Crowd.of(size[records.reference])
    from_crowd = np.nan_to_num((size[records.featured] - crowd.centre) / crowd.spread)
    if not entities:
        return [(Feature(FeatureKind.CROWD, exposure), np.maximum(from_crowd, 0))]
    parts: list[tuple[Feature, NDArray[np.floating]]] = []
    for position, own in enumerate(telling_pasts(records, entities, size)):
        distance = np.maximum(own.distance(), 0) * ~own.repeated()
        if position == 0:
            lead = np.where(own.repeated(), 0, np.minimum(from_crowd, distance + CROWD_LEAD))
            distance = np.maximum(distance, lead)
        distance = distance / usual_in_category(records, distance)
        parts.append((Feature(FeatureKind.OWN, exposure, own.entity), distance))
    return parts


def telling_pasts(records: Records, entities: list[str], values: Floats) -> list[OwnPast]:
    """The entities whose own values spread less than everybody's, most telling first; at least one."""
    order = rising(values)
    pasts = sorted(
        (OwnPast(records, entity, values, order) for entity in entities), key=lambda past: past.relative_spread
    )
    return pasts[:1] + [past for past in pasts[1:] if past.relative_spread < EXPLAINED_SPREAD]


def usual_in_category(records: Records, distance: Floats) -> Floats:
    """By how much distances from the own past are usually larger in one of the record's categories, at least 1.

    Every tenth insurance payment may be a year's premium: then ten times the monthly one is nothing special there.
    """
    reference, order = records.reference[records.featured], rising(distance)
    overall = max(float(np.quantile(distance[reference], _USUAL)), 1.0)
    factor = np.ones(len(distance))
    for name in records.columns.names(Role.CATEGORY)[:MOST_CATEGORIES]:
        grouped = GroupedValues(records.codes(name)[records.featured], distance, reference, order)
        for rows in blocks(EVERY, len(distance)):
            usual = np.where(grouped.counts(rows) >= _ENOUGH_PEERS, grouped.quantile(_USUAL, rows), 0)
            factor[rows] = np.maximum(factor[rows], usual / overall)
    return factor


class Crowd:
    """Median and robust spread of all reference values."""

    def __init__(self, centre: float, spread: float) -> None:
        self.centre = centre
        self.spread = spread

    @classmethod
    def of(cls, values: Floats) -> Crowd:
        """Learn from the values that are not NaN."""
        there = values[np.isfinite(values)]
        if not len(there):
            return cls(0.0, 1.0)
        low, centre, high = np.quantile(there, [0.25, 0.5, 0.75])
        spread = (high - low) / _IQR_OF_NORMAL or float(there.std()) or 1.0
        return cls(float(centre), float(spread))


class OwnPast:
    """Each featured record's value against the other reference values of its entity.

    The entity's median and spread are shrunk: with few records they are mostly everybody's. The pooled spread is
    relative to the median where values are not negative (large payers vary more), absolute otherwise.

    order : rows by rising value, where they are known.
    """

    def __init__(self, records: Records, entity: str, values: Floats, order: NDArray[np.int64] | None = None) -> None:
        self.entity = entity
        self._values = values
        self._blocks = blocks(records.featured, records.height)
        self._grouped = GroupedValues(records.own_codes(entity), values, records.reference, order)
        self._crowd = Crowd.of(values[records.reference])

    def counts(self, rows: Rows = EVERY) -> NDArray[np.int64]:
        """How many other reference values the entity of each record has, of shape (n_rows,)."""
        return self._grouped.counts(rows)

    def _spread(self, rows: Rows) -> Floats:
        return (self._grouped.quantile(0.75, rows) - self._grouped.quantile(0.25, rows)) / _IQR_OF_NORMAL

    @cached_property
    def relative_spread(self) -> float:
        """Median over records, evenly over all, of their entity's own spread, as a share of everybody's."""
        some = np.arange(0, len(self._values), -(-len(self._values) // _MOST_SPREADS) or 1)
        enough = self._spread(some)[self.counts(some) >= _LEAST_OWN]
        return float(np.median(enough)) / self._crowd.spread if len(enough) else 1.0

    def distance(self) -> Floats:
        """Distance from the shrunk own median in shrunk own deviations, of shape (n_featured,); 0 for NaN."""
        return np.concatenate([self._distance(rows) for rows in self._blocks])

    def _distance(self, rows: Rows) -> Floats:
        n = self.counts(rows)
        own = np.where(n > 0, self._grouped.quantile(0.5, rows), 0)
        centre = (n * own + CENTRE_RECORDS * self._crowd.centre) / (n + CENTRE_RECORDS)
        own_variance = np.where(n > 1, self._spread(rows), 0) ** 2 * n
        pooled = self._crowd.spread if self._pooled is None else self._pooled * np.abs(centre)
        shrunk = (own_variance + SPREAD_RECORDS * pooled**2) / (n + SPREAD_RECORDS)
        of_centre = (self._crowd.spread * CENTRE_RECORDS / (n + CENTRE_RECORDS)) ** 2
        return np.asarray(np.nan_to_num((self._values[rows] - centre) / np.sqrt(shrunk + of_centre)))

    def repeated(self) -> NDArray[np.bool_]:
        """Whether the entity has another value within `SAME_AMOUNT` of this one, of shape (n_featured,)."""
        near = [self._grouped.nearest_gap(rows) <= SAME_AMOUNT * np.abs(self._values[rows]) for rows in self._blocks]
        return np.concatenate(near)

    @cached_property
    def _pooled(self) -> float | None:
        """Usual spread of an entity as a share of its median; None where values or their spreads do not allow it."""
        relative = self._grouped.relative_spreads(least=_LEAST_OWN) / _IQR_OF_NORMAL
        relative = relative[np.isfinite(relative)]
        positive = np.nanmin(self._values, initial=0.0) >= 0
        usual = float(np.median(relative)) if positive and len(relative) else 0.0
        return usual if usual > 0 else None


def in_ordinary_units(values: Floats) -> Floats:
    """The values in a unit in which their bulk is neither huge nor tiny, and none too large for single precision.

    Detectors do not depend on a column's unit; their sums of squares do where values come near what a float holds.
    """
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    usual = float(np.quantile(sizes, 0.75)) if len(sizes) else 1.0
    unit = 1.0 if _ORDINARY[0] <= usual <= _ORDINARY[1] else usual
    with np.errstate(over="ignore"):  # a value that leaves the range of floats is clipped like any other of its size
        return np.clip(values / unit, -_LARGEST, _LARGEST)


def on_logarithmic_scale(values: Floats) -> Floats:
    """Logarithms of the values' sizes, one up, with their signs."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def filled(values: Floats, reference: NDArray[np.bool_]) -> Floats:
    """Values with each NaN replaced by the reference's median."""
    there = values[reference & np.isfinite(values)]
    return np.where(np.isfinite(values), values, float(np.median(there)) if len(there) else 0.0)
