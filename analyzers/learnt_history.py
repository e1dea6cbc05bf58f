"""Which part of a history statistics learn from, after what people decided; audit tests see all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

from analyzers.columns import Role
from analyzers.results import Check, CheckStatus
from analyzers.settings import Material


def without_confirmed(material: Material) -> tuple[Material, tuple[Check, ...]]:
    """The material without the records that a person confirmed as anomalies in its history, and a check that says so.

    Only statistics go without them: an audit test compares with all that was paid.
    """
    if not material.confirmed or "record_id" not in material.history.columns:
        return material, ()
    kept = material.history.filter(~pl.col("record_id").is_in(sorted(material.confirmed)))
    if (count := material.history.height - kept.height) == 0:
        return material, ()
    check = Check(name="ensemble", status=CheckStatus.DONE, code="confirmed_left_out", values={"count": count})
    return replace(material, history=kept), (check,)


def outdated(material: Material, column: str) -> pl.Expr | None:
    """Whether a record of an entity column is of before its entity's new normal; None where no entity has one."""
    since, clock = _since(material, column), material.columns.one(Role.TIME)
    if not since or clock is None or not material.batch.schema[clock].is_temporal():
        return None
    zone = ZoneInfo(material.settings.timezone)
    begun = [datetime.combine(day, time(), zone).astimezone(UTC) for day in since.values()]
    label = pl.col(column).cast(pl.String)
    first = label.replace_strict(list(since), begun, default=None, return_dtype=pl.Datetime("us", "UTC"))
    return (pl.col(clock) < first).fill_null(value=False).alias(column)


def without_outdated(material: Material, column: str) -> Material:
    """The material without what entities of a column did before their new normal."""
    past = outdated(material, column)
    return material if past is None else replace(material, history=material.history.filter(~past))


def new_normal_checks(material: Material, columns: Sequence[str], name: str) -> tuple[Check, ...]:
    """What is no longer compared with, a check for each entity of these columns that has a new normal."""
    checks = []
    for column in columns:
        past = outdated(material, column)
        if past is None:
            continue
        labels = material.history.filter(past)[column].cast(pl.String).value_counts()
        counts = dict(labels.iter_rows())
        for entity, day in sorted(_since(material, column).items()):
            values = {"entity": entity, "since": day.isoformat(), "count": counts.get(entity, 0)}
            checks.append(Check(name=name, status=CheckStatus.DONE, code="new_normal", values=values))
    return tuple(checks)


def _since(material: Material, column: str) -> dict[str, date]:
    """First day of the new normal of each entity of a column that has one, the latest where there are several."""
    found: dict[str, date] = {}
    for accepted in material.new_normals:
        if accepted.entity is not None and accepted.entity[0] == column and column in material.batch.columns:
            label = accepted.entity[1]
            found[label] = max(found.get(label, accepted.since), accepted.since)
    return found
