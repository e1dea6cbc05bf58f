"""Flags of the tabular analyzer: what leads them, and the facts that anyone can check against the source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, lru_cache, partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analyzers.columns import Field, Role
from analyzers.features import Feature, FeatureKind, FeatureTable, Records
from analyzers.features.calendar import local_times
from analyzers.features.frequency import Timeline
from analyzers.features.groups import RowsByGroup
from analyzers.finding_types import FindingType, Reason
from analyzers.joining import joined_bursts, joined_newcomers, joined_occasions
from analyzers.ordered_values import OrderedValues
from analyzers.results import Direction, Fact, FactKind, Family, Flag, PeersChart, Scalar, Subject, SubjectKind
from analyzers.settings import Material

_MOST_FACTS = 5
_LEAST_SHARE = 0.1
"""Reasons that carry less than this share of what the leading one carries are not told."""
_LEAST_OWN = 5
"""Records of its own that an entity needs before a record is compared with them in words."""
_PEERS_SHOWN = 200


_TYPES = {
    FeatureKind.HOUR: FindingType.UNUSUAL_TIME,
    FeatureKind.CALENDAR: FindingType.UNUSUAL_TIME,
    FeatureKind.FREQUENCY: FindingType.UNUSUAL_FREQUENCY,
    FeatureKind.RARE_VALUE: FindingType.RARE_CATEGORY,
    FeatureKind.RARE_PAIR: FindingType.RARE_PAIR,
    FeatureKind.NOVELTY: FindingType.UNUSUAL_FOR_ENTITY,
}
_JOINED = {
    FindingType.UNUSUAL_FREQUENCY: joined_bursts,
    FindingType.NEW_ENTITY: joined_newcomers,
    FindingType.UNUSUAL_TIME: joined_occasions,
}
_AMOUNTS = (FeatureKind.MEASURE, FeatureKind.CROWD, FeatureKind.OWN)


def _timeline_counts(records: Records, entity: str, days: int) -> NDArray[np.int64]:
    """Records of each record's entity in the days up to it, of shape (n,)."""
    assert records.microseconds is not None
    return Timeline(records.codes(entity), records.microseconds).counts(days)


class Evidence:
    """Makes flags out of rows and reasons.

    A record's comparison set is the history, or in a ranking the rest of the batch.
    """

    def __init__(self, material: Material, records: Records, table: FeatureTable) -> None:
        self._material = material
        self._records = records
        self._table = table
        self._columns = records.columns
        self._entities = records.columns.names(Role.ENTITY)
        # Nothing that is kept refers to this object: arrays of millions go with it, not when cycles are searched.
        reference = np.flatnonzero(records.reference)
        numbers = self._numbers = lru_cache(maxsize=64)(records.values)
        groups = self._groups = lru_cache(maxsize=64)(lambda name: RowsByGroup(records.codes(name), reference))
        self._all_peers = lru_cache(maxsize=64)(lambda column: OrderedValues.of(numbers(column)[reference]))
        self._all_own = lru_cache(maxsize=256)(
            lambda column, entity, code: OrderedValues.of(numbers(column)[groups(entity).rows(code)])
        )
        self._timeline_counts = lru_cache(maxsize=16)(partial(_timeline_counts, records))
        self._reference_rows = reference

    # -- the comparison sets ---------------------------------------------------------------------------------------

    @cached_property
    def _whose(self) -> dict[str, bool]:
        """What a count is of: nothing to say where it is of history, in a ranking the other records of the batch."""
        return {"earlier": False} if self._records.ranking else {}

    def _label(self, row: int, column: str) -> str:
        return self._records.text(column, row)

    def _peers(self, row: int, column: str) -> OrderedValues:
        return self._less(row, column, self._all_peers(column))

    def _own(self, row: int, column: str, entity: str) -> OrderedValues:
        past = self._records.outdated.get(entity)
        if past is None:
            return self._less(row, column, self._all_own(column, entity, self._groups(entity).code(row)))
        rows = self._groups(entity).like(row)
        return self._less(row, column, OrderedValues.of(self._numbers(column)[rows[past[rows] == past[row]]]))

    def _less(self, row: int, column: str, values: OrderedValues) -> OrderedValues:
        """The values without the row's own, where it is one of those compared with."""
        own = float(self._numbers(column)[row])
        return values.without(own) if self._records.reference[row] and np.isfinite(own) else values

    # -- whether it is large enough

    def large_enough(self, row: int, reasons: list[Reason]) -> bool:
        """Whether the leading value differs from what is usual by `min_change` and by `min_change_absolute`."""
        if not reasons or reasons[0].feature.kind not in _AMOUNTS:
            return True
        column = reasons[0].feature.column
        actual = self._numbers(column)[row]
        entity = self._own_entity(row, reasons[0].feature)
        usual = self._own(row, column, entity) if entity else self._peers(row, column)
        if not np.isfinite(actual) or not len(usual):
            return True
        median = usual.median()
        settings = self._material.settings
        least = max(settings.min_change * abs(median), settings.min_change_absolute.get(column, 0.0))
        return bool(abs(actual - median) >= least)

    def _own_entity(self, row: int, feature: Feature) -> str | None:
        """The entity whose past the feature's column is told against, if it has enough of it."""
        if feature.kind not in _AMOUNTS or not self._entities:
            return None
        entity = feature.other or self._entities[0]
        return entity if len(self._own(row, feature.column, entity)) >= _LEAST_OWN else None

    # -- flags -----------------------------------------------------------------------------------------------------

    def flag(
        self,
        row: int,
        reasons: list[Reason],
        *,
        score: float,
        severity: float,
        p_value: float | None,
        less_strange: float,
    ) -> Flag:
        """The flag of one record.

        Parameters
        ----------
        row : int
            Among all records, history first.
        reasons : list of Reason
            Strongest first.
        score, severity, p_value
            As decided.
        less_strange : float
            Share of the batch's records that score lower, 0 to 1.
        """
        finding_type = self._type_of(row, reasons)
        facts = self._facts(row, reasons, finding_type, less_strange)
        at = self._at(row)
        amount, currency = self._money(row)
        return Flag(
            analyzer="ensemble",
            type=finding_type,
            family=Family.TABULAR,
            subject=self._subject(row, reasons, finding_type),
            rows=self._rows_of(row, reasons, finding_type),
            severity=severity,
            score=score,
            p_value=p_value,
            exposure=amount,
            currency=currency,
            time_from=at,
            time_to=at,
            facts=facts,
            chart=self._chart(row, reasons),
        )

    def joined(self, flags: list[Flag]) -> tuple[Flag, ...]:
        """The flags, where those that are one matter are one flag with the money of all its records."""
        of = {kind: [flag for flag in flags if flag.type == kind] for kind in FindingType}
        for kind, join in _JOINED.items():
            of[kind] = [
                flag.model_copy(update={"exposure": self._money_of(flag.rows)}) if len(flag.rows) > 1 else flag
                for flag in join(of[kind])
            ]
        return tuple(sorted((flag for same in of.values() for flag in same), key=lambda flag: (-flag.score, flag.rows)))

    def _money_of(self, rows: tuple[int, ...]) -> Decimal | None:
        """The money of some rows of the batch together, None where there is none or it is of several currencies."""
        places = np.flatnonzero(np.isin(self._records.batch_rows, rows)) + self._records.n_history
        known = [(amount, unit) for amount, unit in map(self._money, places.tolist()) if amount is not None]
        return sum((amount for amount, _ in known), Decimal(0)) if len({unit for _, unit in known}) == 1 else None

    def _type_of(self, row: int, reasons: list[Reason]) -> FindingType:
        if not reasons:
            return FindingType.UNUSUAL_COMBINATION
        feature = reasons[0].feature
        if feature.kind not in _AMOUNTS:
            return _TYPES.get(feature.kind, FindingType.UNUSUAL_COMBINATION)
        if self._outside(row, feature) is None:
            return FindingType.UNUSUAL_COMBINATION
        if self._entities and not self._past_of(row, self._entities[0]):
            return FindingType.NEW_ENTITY
        is_money = self._columns.get(feature.column).role is Role.EXPOSURE
        return FindingType.UNUSUAL_AMOUNT if is_money else FindingType.UNUSUAL_VALUE

    def _outside(self, row: int, feature: Feature) -> Direction | None:
        """On which side of the usual range the value lies, own past first, or None if it is within."""
        entity = self._own_entity(row, feature)
        sets = [self._own(row, feature.column, entity)] if entity else []
        for usual in [*sets, self._peers(row, feature.column)]:
            low, high = _usual_range(usual)
            actual = self._numbers(feature.column)[row]
            if low is not None and high is not None and not low <= actual <= high:
                return Direction.ABOVE if actual > high else Direction.BELOW
        return None

    def _past_of(self, row: int, entity: str) -> int:
        """How many other reference records the entity of this record has."""
        rows = self._groups(entity).like(row)
        return len(rows) - int(row in rows)

    def _at(self, row: int) -> datetime | None:
        name = self._columns.one(Role.TIME)
        value = self._records.cell(name, row) if name else None
        if value is None:
            return None
        if not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def _money(self, row: int) -> tuple[Decimal | None, str | None]:
        name = self._columns.one(Role.EXPOSURE)
        value = self._records.cell(name, row) if name else None
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            return None, None
        return abs(Decimal(str(value))), self._currency(row)

    def _currency(self, row: int) -> str | None:
        name = self._columns.field(Field.CURRENCY)
        value = self._records.cell(name, row) if name else None
        return str(value) if value else self._material.settings.currency

    def _unit(self, row: int, column: str) -> str | None:
        described = self._columns.get(column)
        return self._currency(row) if described.role is Role.EXPOSURE else described.unit

    def _rows_of(self, row: int, reasons: list[Reason], finding_type: FindingType) -> tuple[int, ...]:
        """The record's row in the batch; for too many records in a window, the rows of all of them."""
        place = row - self._records.n_history
        instants = self._records.microseconds
        if finding_type is not FindingType.UNUSUAL_FREQUENCY or instants is None:
            return (int(self._records.batch_rows[place]),)
        feature = reasons[0].feature
        same = self._groups(feature.other or "").everyone_like(row)
        since = instants[row] - int(feature.detail.removesuffix("d")) * 86_400_000_000
        inside = same[(instants[same] > since) & (instants[same] <= instants[row])]
        places = inside[inside >= self._records.n_history] - self._records.n_history
        return tuple(sorted(int(number) for number in self._records.batch_rows[places]))

    def _subject(self, row: int, reasons: list[Reason], finding_type: FindingType) -> Subject:
        if finding_type is FindingType.UNUSUAL_FREQUENCY:
            entity = reasons[0].feature.other or ""
            label = self._label(row, entity)
            return Subject(kind=SubjectKind.ENTITY, id=f"{entity}={label}", label=label)
        key = self._columns.one(Role.KEY)
        value = self._records.cell(key, row) if key else None
        number = int(self._records.batch_rows[row - self._records.n_history])
        identity = (
            str(self._records.cell("record_id", row)) if "record_id" in self._records.batch.columns else f"{number}"
        )
        return Subject(
            kind=SubjectKind.RECORD, id=identity, label=str(value) if value is not None else f"row {number + 1}"
        )

    # -- facts -----------------------------------------------------------------------------------------------------

    def _facts(
        self, row: int, reasons: list[Reason], finding_type: FindingType, less_strange: float
    ) -> tuple[Fact, ...]:
        told: list[Fact] = []
        strongest = reasons[0].weight if reasons else 1.0
        if finding_type is FindingType.NEW_ENTITY:
            told.append(self._new_entity(row, self._entities[0], strongest))
        for reason in reasons:
            if reason.weight >= _LEAST_SHARE * strongest:
                told += [fact for fact in self._facts_of(row, reason) if not _told(fact, told)]
        if finding_type is FindingType.UNUSUAL_COMBINATION:
            told.insert(0, _combination(reasons))
        told = told[: _MOST_FACTS - 1]
        strangeness = Fact(
            kind=FactKind.STRANGENESS,
            actual=less_strange,
            weight=0.05,
            values={"count": max(self._records.height - self._records.n_history - 1, 0)},
        )
        return (*told, strangeness)

    def _facts_of(self, row: int, reason: Reason) -> list[Fact]:
        feature, weight = reason.feature, min(max(reason.weight, 0.06), 1.0)
        if feature.kind in _AMOUNTS:
            return self._number_facts(row, feature, weight)
        single: dict[FeatureKind, Callable[[int, Feature, float], Fact | None]] = {
            FeatureKind.RARE_VALUE: self._rare_value,
            FeatureKind.RARE_PAIR: self._rare_pair,
            FeatureKind.NOVELTY: self._rare_pair,
            FeatureKind.FREQUENCY: self._frequency,
            FeatureKind.HOUR: self._unusual_time,
            FeatureKind.CALENDAR: self._unusual_time,
        }
        make = single.get(feature.kind)
        fact = make(row, feature, weight) if make else None
        return [fact] if fact else []

    def _number_facts(self, row: int, feature: Feature, weight: float) -> list[Fact]:
        """Against the entity's own past where there is enough of it, and against all."""
        actual = float(self._numbers(feature.column)[row])
        if not np.isfinite(actual):
            return []
        facts = []
        if entity := self._own_entity(row, feature):
            own = self._own(row, feature.column, entity)
            values: dict[str, Scalar] = {"entity": self._label(row, entity), "count": len(own), **self._whose}
            facts.append(self._range_fact(FactKind.OWN_HISTORY, row, feature.column, own, weight, values))
        peers = self._peers(row, feature.column)
        if len(peers):
            share = weight if not facts else weight * 0.8
            facts.append(self._range_fact(FactKind.PEERS, row, feature.column, peers, share, {"count": len(peers)}))
        return facts

    def _range_fact(
        self,
        kind: FactKind,
        row: int,
        column: str,
        usual: OrderedValues,
        weight: float,
        values: dict[str, Scalar],
    ) -> Fact:
        actual = float(self._numbers(column)[row])
        low, high = _usual_range(usual)
        median = usual.median()
        return Fact(
            kind=kind,
            feature=column,
            actual=actual,
            expected_low=low,
            expected_high=high,
            ratio=actual / median if median else None,
            direction=_direction(actual, median),
            unit=self._unit(row, column),
            weight=weight,
            values=values,
        )

    def _count_with(self, row: int, *columns: str) -> int:
        """How many other reference records have the row's values in these columns."""
        groups = [self._groups(column) for column in columns]
        rows = min((group.like(row) for group in groups), key=len)
        for group in groups:
            rows = rows[group.same(rows, row)]
        return len(rows) - int(self._records.reference[row])

    def _total(self) -> int:
        return self._records.n_reference - int(self._records.ranking)

    def _rare_value(self, row: int, feature: Feature, weight: float) -> Fact:
        value = self._label(row, feature.column)
        return Fact(
            kind=FactKind.RARE_VALUE,
            feature=feature.column,
            actual=value,
            weight=weight,
            values={"count": self._count_with(row, feature.column), "total": self._total(), **self._whose},
        )

    def _rare_pair(self, row: int, feature: Feature, weight: float) -> Fact:
        """Two categories, or an entity and a category; the entity comes first."""
        first, second = feature.column, feature.other or ""
        if feature.kind is FeatureKind.NOVELTY:
            first, second = second, first
        values = {name: self._label(row, name) for name in (first, second)}
        return Fact(
            kind=FactKind.RARE_PAIR,
            feature=feature.column,
            actual=f"{values[first]} + {values[second]}",
            weight=weight,
            values={
                "first": first,
                "second": second,
                "count": self._count_with(row, first, second),
                "total": self._total(),
                **self._whose,
            },
        )

    def _new_entity(self, row: int, entity: str, weight: float) -> Fact:
        return Fact(
            kind=FactKind.NEW_ENTITY,
            feature=entity,
            actual=self._label(row, entity),
            weight=min(max(weight, 0.06), 1.0),
            values={"count": self._past_of(row, entity), **self._whose},
        )

    def _frequency(self, row: int, feature: Feature, weight: float) -> Fact:
        entity, days = feature.other or "", int(feature.detail.removesuffix("d"))
        counts = self._timeline_counts(entity, days)
        label = self._label(row, entity)
        rows = self._groups(entity).like(row)
        usual = OrderedValues.of(counts[rows[rows != row]].astype(np.float64))
        low, high = _usual_range(usual)
        median = usual.median() if len(usual) else 0.0
        actual = float(counts[row])
        return Fact(
            kind=FactKind.FREQUENCY,
            feature=entity,
            actual=actual,
            expected_low=low,
            expected_high=high,
            ratio=actual / median if median else None,
            direction=_direction(actual, median),
            at=self._at(row),
            weight=weight,
            values={"entity": label, "days": days},
        )

    @cached_property
    def _local(self) -> pl.Series:
        return local_times(self._records.column(self._columns.one(Role.TIME) or ""), self._material.settings.timezone)

    @cached_property
    def _hours(self) -> OrderedValues:
        hours = self._local.dt.hour().cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return OrderedValues.of(hours[self._reference_rows])

    def _unusual_time(self, row: int, feature: Feature, weight: float) -> Fact | None:
        at, local = self._at(row), self._local[row]
        if at is None or local is None:
            return None
        usual = self._hours.without(float(local.hour)) if self._records.reference[row] else self._hours
        low, high = _usual_range(usual)
        return Fact(
            kind=FactKind.UNUSUAL_TIME,
            feature=feature.column,
            actual=float(local.hour),
            expected_low=low,
            expected_high=high,
            direction=_direction(float(local.hour), usual.median()) if len(usual) else None,
            unit="h",
            at=at,
            weight=weight,
            values={"weekday": local.weekday()},
        )

    # -- the chart -------------------------------------------------------------------------------------------------

    def _chart(self, row: int, reasons: list[Reason]) -> PeersChart | None:
        """The leading number among the entity's own, or among all; the exposure where no number leads."""
        numbers = [reason.feature for reason in reasons if reason.feature.kind in _AMOUNTS]
        exposure = self._columns.one(Role.EXPOSURE)
        if not numbers and exposure is None:
            return None
        feature = numbers[0] if numbers else Feature(FeatureKind.OWN, exposure or "")
        actual = float(self._numbers(feature.column)[row])
        entity = self._own_entity(row, feature)
        peers = self._own(row, feature.column, entity) if entity else self._peers(row, feature.column)
        if not np.isfinite(actual) or not len(peers):
            return None
        return PeersChart(
            feature=feature.column,
            unit=self._unit(row, feature.column),
            actual=actual,
            peers=tuple(float(value) for value in peers.spread(_PEERS_SHOWN)),
            peers_label=self._label(row, entity) if entity else "",
        )


def _usual_range(values: OrderedValues) -> tuple[float | None, float | None]:
    """10th and 90th percentile, or two Nones where there are no values."""
    if not len(values):
        return None, None
    low, high = values.quantiles((0.1, 0.9))
    return low, high


def _direction(actual: float, usual: float) -> Direction | None:
    if actual == usual:
        return None
    return Direction.ABOVE if actual > usual else Direction.BELOW


def _told(fact: Fact, told: list[Fact]) -> bool:
    return any((fact.kind, fact.feature, fact.actual) == (other.kind, other.feature, other.actual) for other in told)


def _combination(reasons: list[Reason]) -> Fact:
    columns = dict.fromkeys(
        name for reason in reasons[:4] for name in (reason.feature.column, reason.feature.other) if name
    )
    first = reasons[0] if reasons else None
    return Fact(
        kind=FactKind.COMBINATION,
        feature=first.feature.column if first else None,
        weight=1.0,
        values={"columns": ", ".join(columns)},
    )
