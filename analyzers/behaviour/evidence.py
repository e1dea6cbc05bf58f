"""Flags about behaviour: since when, what anyone can check against the source, and the money at stake."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from functools import cached_property

import numpy as np
import polars as pl

from analyzers.behaviour.clock import DAY, Floats, Integers
from analyzers.behaviour.habits import expected_shares
from analyzers.behaviour.moments import LONG, Answer, BehaviourType, Materials
from analyzers.behaviour.population import View
from analyzers.behaviour.weeks import value_chart, weeks_chart
from analyzers.columns import Field, Role
from analyzers.results import Chart, Direction, Fact, FactKind, Family, Flag, Scalar, Subject, SubjectKind
from analyzers.settings import Material

_LOW, _HIGH = 0.1, 0.9
_CENT = Decimal("0.0001")
_WINDOWS = 40
"""Earlier windows of an entity that say what is usual in one."""


class Evidence:
    """Makes flags of entities; everything it says of one entity is recomputed from that entity's records alone."""

    def __init__(self, material: Material, materials: Materials, now: View) -> None:
        self._material, self._materials, self._now = material, materials, now
        self._population = now.population
        self._settings = material.settings.behaviour

    def flag(self, answer: Answer, entity: int) -> Flag | None:
        """The flag of one entity, or None where the change is smaller than the monitor's `min_change`."""
        kind, column = answer.question.type, answer.question.column
        since, facts = self._told(kind, column, entity)
        if not facts or self._is_small(facts[0]):
            return None
        start = self._population.instant(self._population.seconds[since])
        end = self._population.instant(self._now.moment)
        money = self._money(kind, entity)
        label = self._population.labels[entity]
        return Flag(
            analyzer="behaviour",
            type=kind.value,
            family=Family.BEHAVIOUR,
            subject=Subject(kind=SubjectKind.ENTITY, id=f"{self._settings.entity}={label}", label=label),
            rows=self._rows(entity, since),
            severity=float(answer.severity[entity]),
            score=float(answer.scores[entity]),
            p_value=float(answer.p_values[entity]),
            exposure=money,
            currency=self._currency(entity),
            time_from=start.astimezone(UTC),
            time_to=end.astimezone(UTC),
            open=True,
            facts=(*facts, *self._sum_facts(kind, entity)),
            chart=self._chart(kind, column, entity, since, facts),
        )

    def _is_small(self, leading: Fact) -> bool:
        """Whether the leading figure differs from the usual one by less than `min_change`, or than is asked of it."""
        if leading.ratio is None:
            return False
        least = self._material.settings.min_change_absolute.get(leading.feature or "", 0.0)
        usual = float(leading.actual) / leading.ratio if isinstance(leading.actual, float) and leading.ratio else 0.0
        apart = abs(float(leading.actual) - usual) if isinstance(leading.actual, float) else 0.0
        return abs(leading.ratio - 1.0) < self._material.settings.min_change or apart < least

    # -- what there is of one entity -----------------------------------------------------------------------------------

    def _places(self, entity: int) -> Integers:
        """Places of all records of the entity up to now."""
        return np.arange(self._population.starts[entity], self._now.after[entity])

    def _rows(self, entity: int, since: int) -> tuple[int, ...]:
        """Rows of the batch that belong to the change."""
        rows = self._population.batch_row[max(since, self._now.before[entity]) : self._now.after[entity]]
        return tuple(sorted(int(row) for row in rows if row >= 0))

    def _days(self, kind: BehaviourType) -> int:
        return self._settings.window * (LONG if kind is BehaviourType.SLOWER else 1)

    def _window_edges(self, entity: int, days: int) -> Integers:
        """Ends of earlier windows of so many days of the entity, latest first: none overlaps the present one."""
        first = int(self._population.seconds[self._population.starts[entity]])
        latest = self._now.moment - days * DAY
        return np.arange(latest, first + days * DAY - 1, -max(days // 2, 1) * DAY)[:_WINDOWS]

    def _told(self, kind: BehaviourType, column: str | None, entity: int) -> tuple[int, list[Fact]]:
        """Place of the record since when it is so, and the facts, the leading one first."""
        if kind is BehaviourType.STOPPED:
            return int(self._now.after[entity]) - 1, self._silence(entity)
        if kind in (BehaviourType.SLOWER, BehaviourType.FASTER):
            return self._pace_since(kind, entity), self._frequency(kind, entity)
        if kind in (BehaviourType.MOVED, BehaviourType.MIX):
            return self._habit(column or "", entity)
        return self._level(column or "", entity)

    # -- stops and rhythms ---------------------------------------------------------------------------------------------

    def _silence(self, entity: int) -> list[Fact]:
        seconds = self._population.seconds[self._places(entity)]
        gaps = np.diff(seconds) / DAY
        silent = float((self._now.moment - seconds[-1]) // DAY)
        low, median, high = (float(value) for value in np.quantile(gaps, [_LOW, 0.5, _HIGH]))
        return [
            Fact(
                kind=FactKind.SILENCE,
                actual=silent,
                expected_low=round(low, 1),
                expected_high=round(high, 1),
                ratio=silent / median if median > 0 else None,
                direction=Direction.ABOVE,
                at=self._population.instant(seconds[-1]).astimezone(UTC),
                values={**self._whose(entity), "count": len(seconds)},
            )
        ]

    def _frequency(self, kind: BehaviourType, entity: int) -> list[Fact]:
        days = self._days(kind)
        seconds = self._population.seconds[self._places(entity)]
        count = int(np.sum(seconds >= self._now.moment - days * DAY))
        edges = self._window_edges(entity, days)
        past = np.searchsorted(seconds, edges) - np.searchsorted(seconds, edges - days * DAY)
        return [self._against(FactKind.FREQUENCY, float(count), past.astype(np.float64), {"days": days}, entity)]

    def _pace_since(self, kind: BehaviourType, entity: int) -> int:
        """Place of the record from which on gaps are other than usual, by the sum that grows most to the end."""
        rhythms, population = self._materials.rhythms, self._population
        view = View.at(population, self._now.moment, self._days(kind) * DAY)
        mean = float(rhythms.usual(view.before)[0][entity])
        places = np.arange(view.before[entity], view.after[entity])
        if len(places) == 0:
            return int(view.after[entity]) - 1
        last = float(population.crowd_times[places[-1]])
        now = float(population.clock.at(np.asarray(self._now.moment), population.groups[entity]))
        gaps = np.append(rhythms.gaps[places], max(now - last, 0.0)) / max(mean, 1e-9)
        away = gaps - 1.5 if kind is BehaviourType.SLOWER else 0.7 - gaps[:-1]
        first = int(np.argmax(np.cumsum(away[::-1])[::-1]))
        lowest = int(population.starts[entity])
        return max(int(places[0]) + first - 1, lowest)

    # -- places and mixes ----------------------------------------------------------------------------------------------

    def _habit(self, column: str, entity: int) -> tuple[int, list[Fact]]:
        habits = self._materials.habits[column]
        mine = np.flatnonzero(habits.entity == entity)
        start = self._now.moment - self._now.window
        within, past = habits.between(start, self._now.moment)[mine], habits.until(start)[mine]
        shares = self._shares(column)[mine]
        total, before = int(within.sum()), int(past.sum())
        gain = within / max(total, 1) * np.log(np.maximum(within, 1e-9) / np.maximum(total * shares, 1e-9))
        more = int(np.argmax(np.where(within > 0, gain, -np.inf)))
        less = int(np.argmax(past / max(before, 1) - within / max(total, 1)))
        facts = []
        for pair, direction, weight in ((more, Direction.ABOVE, 1.0), (less, Direction.BELOW, 0.7)):
            counts: dict[str, Scalar] = {"count": int(within[pair]), "total": total, "days": self._settings.window}
            counts |= {"before": int(past[pair]), "before_total": before}
            value = habits.values[int(habits.value[mine[pair]])]
            if pair == less and less == more:
                continue
            facts.append(
                Fact(
                    kind=FactKind.CATEGORY_SHIFT,
                    feature=column,
                    actual=value,
                    direction=direction,
                    weight=weight,
                    values={**self._whose(entity), **counts},
                )
            )
        return self._since_value(column, entity, str(facts[0].actual)), facts

    def _shares(self, column: str) -> Floats:
        if column not in self._known_shares:
            self._known_shares[column] = expected_shares(self._now, self._materials.habits[column])
        return self._known_shares[column]

    @cached_property
    def _known_shares(self) -> dict[str, Floats]:
        return {}

    def _since_value(self, column: str, entity: int, value: str) -> int:
        """Place of the record from which on the value prevails."""
        first, after = int(self._now.before[entity]), int(self._now.after[entity])
        texts = self._population.frame[column][first:after].cast(pl.String).fill_null("")
        signs = np.where((texts == value).to_numpy(), 1.0, -1.0)
        return first + int(np.argmax(np.cumsum(signs[::-1])[::-1]))

    # -- amounts -------------------------------------------------------------------------------------------------------

    def _level(self, column: str, entity: int) -> tuple[int, list[Fact]]:
        first, after = int(self._now.before[entity]), int(self._now.after[entity])
        values = self._population.numbers(column)
        past, latest = values[self._population.starts[entity] : first], values[first:after]
        past, known = past[np.isfinite(past)], latest[np.isfinite(latest)]
        if not len(past) or not len(known):
            return after - 1, []
        counts: dict[str, Scalar] = {"count": len(known), "days": self._settings.window}
        # A median of several values varies less than one value: it is compared with medians of earlier windows.
        usual = self._earlier_medians(values, entity)
        usual = usual if len(usual) else past
        fact = self._against(FactKind.RECENT_LEVEL, float(np.median(known)), usual, counts, entity)
        sizes = self._materials.sizes[column]
        _, mean, spread = (float(one[entity]) for one in sizes.before(self._now.before))
        away = np.nan_to_num((sizes.scaled[first:after] - mean) / max(spread, 1e-9))
        sign = 1.0 if fact.direction is not Direction.BELOW else -1.0
        since = first + int(np.argmax(np.cumsum((sign * away - 0.5)[::-1])[::-1]))
        unit = self._unit(column, entity)
        return since, [fact.model_copy(update={"feature": column, "unit": unit})]

    def _earlier_medians(self, values: Floats, entity: int) -> Floats:
        """The median of the values in each earlier window of the entity that holds any."""
        places = self._places(entity)
        seconds, own = self._population.seconds[places], values[places]
        edges = self._window_edges(entity, self._settings.window)
        starts = np.searchsorted(seconds, edges - self._settings.window * DAY)
        windows = [own[first:last] for first, last in zip(starts, np.searchsorted(seconds, edges), strict=True)]
        known = [window[np.isfinite(window)] for window in windows]
        return np.array([np.median(window) for window in known if len(window)])

    # -- money ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _money_column(self) -> str | None:
        name = self._material.columns.one(Role.EXPOSURE)
        return name if name is not None and name in self._population.frame.columns else None

    def _sums(self, entity: int, days: int) -> tuple[float, Floats] | None:
        """What the entity's records of the last days add up to, and what they did in earlier windows."""
        if self._money_column is None or (self._is_mixed(entity)):
            return None
        places = self._places(entity)
        amounts = np.nan_to_num(self._amounts[places])
        seconds, running = self._population.seconds[places], np.concatenate([[0.0], np.cumsum(amounts)])
        edges = self._window_edges(entity, days)
        if not len(edges):
            return None
        past = running[np.searchsorted(seconds, edges)] - running[np.searchsorted(seconds, edges - days * DAY)]
        return float(running[-1] - running[np.searchsorted(seconds, self._now.moment - days * DAY)]), past

    @cached_property
    def _amounts(self) -> Floats:
        return self._population.numbers(self._money_column or "")

    def _money(self, kind: BehaviourType, entity: int) -> Decimal | None:
        """The money that is missing or too much in a window; for another place or mix all of the window's money."""
        sums = self._sums(entity, self._days(kind))
        if sums is None:
            return None
        now, past = sums
        away = now if kind in (BehaviourType.MOVED, BehaviourType.MIX) else now - float(np.median(past))
        return abs(Decimal(str(round(away, 4)))).quantize(_CENT)

    def _sum_facts(self, kind: BehaviourType, entity: int) -> list[Fact]:
        days = self._days(kind)
        sums = self._sums(entity, days)
        if sums is None or kind in (BehaviourType.MOVED, BehaviourType.MIX):
            return []
        fact = self._against(FactKind.RECENT_SUM, round(sums[0], 4), sums[1], {"days": days}, entity)
        unit = self._unit(self._money_column or "", entity)
        return [fact.model_copy(update={"feature": self._money_column, "unit": unit, "weight": 0.6})]

    def _is_mixed(self, entity: int) -> bool:
        """Whether the entity's money is of several currencies, which are never added up."""
        name = self._material.columns.field(Field.CURRENCY)
        return name is not None and self._population.frame[name][self._places(entity)].drop_nulls().n_unique() > 1

    def _currency(self, entity: int) -> str | None:
        name = self._material.columns.field(Field.CURRENCY)
        value = self._population.frame[name][int(self._now.after[entity]) - 1] if name else None
        return str(value) if value else self._material.settings.currency

    def _unit(self, column: str, entity: int) -> str | None:
        described = self._material.columns.get(column)
        return self._currency(entity) if described.role is Role.EXPOSURE else described.unit

    # -- facts and charts ----------------------------------------------------------------------------------------------

    def _whose(self, entity: int) -> dict[str, Scalar]:
        return {"entity": self._population.labels[entity]}

    def _against(self, kind: FactKind, actual: float, past: Floats, values: dict[str, Scalar], entity: int) -> Fact:
        """A figure against its usual range, which are percentiles of the past."""
        if not len(past):
            return Fact(kind=kind, actual=actual, values={**self._whose(entity), **values})
        low, median, high = (float(value) for value in np.quantile(past, [_LOW, 0.5, _HIGH]))
        direction = Direction.ABOVE if actual > median else Direction.BELOW if actual < median else None
        return Fact(
            kind=kind,
            actual=actual,
            expected_low=round(low, 4),
            expected_high=round(high, 4),
            ratio=actual / median if median else None,
            direction=direction,
            values={**self._whose(entity), **values},
        )

    def _chart(self, kind: BehaviourType, column: str | None, entity: int, since: int, facts: list[Fact]) -> Chart:
        start = self._population.instant(self._population.seconds[since]).astimezone(UTC)
        places = self._places(entity)
        times = [self._population.instant(one).astimezone(UTC) for one in self._population.seconds[places]]
        if kind is BehaviourType.AMOUNTS and column is not None:
            values = self._population.numbers(column)[places]
            past = values[: since - int(places[0])]
            past = past[np.isfinite(past)]
            usual = (float(np.quantile(past, _LOW)), float(np.quantile(past, _HIGH))) if len(past) else (None, None)
            return value_chart(times, values, facts[0], usual, start)
        value = str(facts[0].actual) if column is not None else None
        texts = (
            None if column is None else self._population.frame[column][places].cast(pl.String).fill_null("").to_list()
        )
        label = self._population.labels[entity]
        return weeks_chart(
            label, times, self._population.instant(self._now.moment).astimezone(UTC), start, value, texts
        )
