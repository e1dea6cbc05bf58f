"""The house's own rules: SQL predicates over the batch's columns.

A predicate is one expression without access to anything but the columns (`polars.sql_expr`): no subquery, no table or
file function, no second statement. Beyond what that refuses, a predicate reads no clock, or one night could not be
repeated, and pads no text, which could fill the memory. An unknown answer (null) is no hit.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import polars as pl

from analyzers.columns import Role, Shape
from analyzers.errors import MonitorError
from analyzers.results import Check, CheckStatus, Fact, FactKind, Family, Flag, Outcome, Subject, SubjectKind
from analyzers.settings import Material, SqlRule

MOST_FLAGS = 5_000
LONGEST = 4_000
"""Characters of a predicate."""
_REFUSED = re.compile(
    r"\b(current_date|current_time|current_timestamp|localtime|localtimestamp|now|lpad|rpad|unnest|columns|over)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def house_rules(material: Material) -> Outcome:
    """Flags on the records that fulfil a rule; in a series one flag per rule and asset.

    Raises
    ------
    MonitorError
        A predicate that cannot be read, names no column of the records, or is not true or false for each record.
    """
    flags: list[Flag] = []
    checks: list[Check] = []
    for rule in material.settings.rules:
        rows = _rows(material.batch, rule)
        found = _of_series(material, rule, rows) if material.columns.shape is not Shape.EVENTS else []
        found = found or [_of_record(material, rule, row) for row in rows[:MOST_FLAGS]]
        values = {"rule": rule.name, "records": material.batch.height, "flags": len(rows)}
        checks.append(
            Check(name="house_rule", status=CheckStatus.DONE, code="rule_done", values={**values}, flags=len(found))
        )
        flags += found
    return Outcome(flags=tuple(flags), checks=tuple(checks))


def _rows(batch: pl.DataFrame, rule: SqlRule) -> list[int]:
    """Batch rows that fulfil the rule; an unknown (null) answer does not."""
    check_predicate(rule)
    try:
        answer = batch.select(pl.sql_expr(rule.where).alias("answer"))["answer"]
    except pl.exceptions.ColumnNotFoundError as error:
        raise MonitorError(_unknown_column(batch, rule, str(error))) from None
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise MonitorError(_unreadable(rule, error)) from None
    if answer.dtype != pl.Boolean or len(answer) not in (1, batch.height):
        raise MonitorError(
            f"rule {rule.name!r}: `where` must be true or false for each record, such as `amount > 10000`"
        )
    if len(answer) != batch.height:
        raise MonitorError(f"rule {rule.name!r}: `where` sums over records; it must compare columns of one record")
    return answer.fill_null(False).arg_true().to_list()


def check_predicate(rule: SqlRule, columns: Sequence[str] | None = None) -> None:
    """MonitorError where the predicate cannot be read, does what none may, or names a column that is not among these.

    columns : the records' columns; None where they are not known.
    """
    if len(rule.where) > LONGEST:
        raise MonitorError(f"rule {rule.name!r}: `where` is longer than {LONGEST} characters; split the rule")
    if refused := _REFUSED.search(_QUOTED.sub("''", rule.where)):
        raise MonitorError(
            f"rule {rule.name!r}: `where` cannot use {refused[0].lower()!r}; compare the record's own columns with "
            "constants"
        )
    try:
        names = pl.sql_expr(rule.where).meta.root_names()
    except pl.exceptions.PolarsError as error:
        raise MonitorError(_unreadable(rule, error)) from None
    if columns is not None:
        for name in (name for name in names if name not in (*columns, "record_id")):
            raise MonitorError(_no_column(rule, name, columns))


def _unreadable(rule: SqlRule, error: Exception) -> str:
    reason = str(error).strip().split("\n")[0][:200]
    return f"rule {rule.name!r}: `where` is no SQL predicate over the records' columns ({reason}); correct it"


def _unknown_column(batch: pl.DataFrame, rule: SqlRule, error: str) -> str:
    name = next(iter(re.findall(r'unable to find column "([^"]*)"', error)), "?")
    if name.startswith("_POLARS_TMP"):
        return f"rule {rule.name!r}: `where` cannot hold a subquery; compare the record's own columns"
    return _no_column(rule, name, batch.columns)


def _no_column(rule: SqlRule, name: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.0)
    return f"rule {rule.name!r}: the records have no column {name!r}; did you mean {near[0]!r}?" if near else (
        f"rule {rule.name!r}: the records have no column {name!r}"
    )  # fmt: skip


def _fact(rule: SqlRule) -> Fact:
    return Fact(kind=FactKind.HOUSE_RULE, actual=rule.name, weight=round(rule.weight, 4), values={"text": rule.text})


def _of_record(material: Material, rule: SqlRule, row: int) -> Flag:
    identity = str(material.batch["record_id"][row])
    key = material.columns.one(Role.KEY)
    label = material.batch[key][row] if key in material.batch.columns else None
    return Flag(
        analyzer=f"rule:{rule.name}", type="house_rule", family=Family.RULE, rows=(row,),
        subject=Subject(kind=SubjectKind.RECORD, id=identity, label=str(label or identity)),
        severity=100.0 * rule.weight, facts=(_fact(rule),),
    )  # fmt: skip


def _of_series(material: Material, rule: SqlRule, rows: list[int]) -> list[Flag]:
    """One flag per asset, over all its readings that fulfil the rule."""
    if not rows:
        return []
    entity, time = material.columns.one(Role.ENTITY), material.columns.one(Role.TIME)
    hits = material.batch[rows].select(
        row=pl.Series(rows, dtype=pl.Int64),
        asset=pl.col(entity).cast(pl.String).fill_null("") if entity else pl.lit(material.settings.monitor),
        at=pl.col(time) if time else pl.lit(None, pl.Datetime("us", "UTC")),
    )
    return [
        Flag(
            analyzer=f"rule:{rule.name}",
            type="house_rule",
            family=Family.RULE,
            subject=Subject(kind=SubjectKind.SERIES, id=asset, label=asset),
            rows=tuple(part["row"].to_list()),
            severity=100.0 * rule.weight,
            time_from=part["at"].min(),
            time_to=part["at"].max(),
            facts=(_fact(rule),),
        )
        for (asset,), part in hits.group_by("asset", maintain_order=True)
    ]
