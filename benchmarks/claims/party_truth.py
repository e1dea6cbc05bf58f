"""What is true of people, accounts and documents: who approved, whose account, which number is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.claims.record_truth import Truth, best, entity_columns, rows_of
from benchmarks.claims.source import Source, same_name
from benchmarks.claims.statement import Finding, Judgement, Statement


def rows_named(stated: str, source: Source) -> list[tuple[str, int]]:
    """Columns and rows in which a printed name stands."""
    found = []
    for column in source.text_columns:
        rows = np.flatnonzero(source.labels(column) == stated)
        if not len(rows) and ("…" in stated or len(stated) != len(stated.strip())):
            rows = np.array([i for i, cell in enumerate(source.labels(column)) if same_name(stated, str(cell))])
        found += [(column, int(row)) for row in rows[:50]]
    return found


def no_description(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The named field is empty in one of the finding's records."""
    column = source.column(statement.texts.get("feature", ""))
    judgement = Judgement()
    judgement.need(column, "no such column")
    if column:
        judgement.need(any(not str(source.labels(column)[row]).strip() for row in rows_of(finding)), "it is filled")
    return judgement


def self_approved(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Two columns of one record hold the named person."""
    stated = statement.texts["actual"]
    twice = [row for row in rows_of(finding) if len(entity_columns(stated, row, source)) >= 2]
    judgement = Judgement()
    judgement.need(twice, f"no record of the finding names {stated} twice")
    return judgement


def sequence_gap(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """Numbers between two documents that no record has."""
    after, before = statement.texts["after"], statement.texts["before"]
    columns = {column for column, _ in rows_named(after, source)} & {column for column, _ in rows_named(before, source)}

    def of(column: str) -> Judgement:
        judgement = Judgement()
        first, last = (re.fullmatch(r"(.*?)(\d{1,18})\D*", text) for text in (after, before))
        if first is None or last is None or first[1] != last[1]:
            judgement.problems.append("the two are not of one sequence")
            return judgement
        known = {
            int(match[2])
            for cell in source.labels(column)
            if (match := re.fullmatch(r"(.*?)(\d{1,18})\D*", str(cell))) and match[1] == first[1]
        }
        between = int(last[2]) - int(first[2]) - 1
        judgement.figure(statement, "actual", float(between))
        judgement.need(not any(int(first[2]) < one < int(last[2]) for one in known), "some of them are there")
        return judgement

    return best((of(column) for column in columns), "no column holds both documents")


def bank_changed(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The account differs from that of the entity's earlier payments; days since the change."""
    current, previous = statement.texts.get("current", ""), statement.texts.get("previous", "")

    def of(row: int, column: str) -> Judgement:
        judgement = Judgement()
        entities = [
            name for name in source.text_columns if name != column and source.labels(name)[row] == finding["subject"]
        ]
        judgement.need(entities, "the record is of another entity")
        if not entities:
            return judgement
        own = np.flatnonzero(source.labels(entities[0]) == source.labels(entities[0])[row])
        accounts = source.labels(column)[own]
        judgement.need(any(source.is_called(previous, str(one)) for one in accounts), "it never had that account")
        changed = _change_days(source, str(finding["subject"]))
        for time in source.time_columns:
            days = source.dates(time)
            new = own[accounts == source.labels(column)[row]]
            changed.add(np.nanmin(days[new]))
            changed |= {day for day in days[new] if not np.isnat(day)}
        stated = statement.figures["days"].value if "days" in statement.figures else 0.0
        reckoned = {
            float((source.dates(time)[row] - day).astype(int)) for time in source.time_columns for day in changed
        }
        judgement.need(("days" not in statement.figures and not statement.texts.get("same_day")) or stated in reckoned,
                       f"the days are {sorted(reckoned)[:8]}")  # fmt: skip
        return judgement

    return best(
        (
            of(row, column)
            for row in rows_of(finding)
            for column in source.text_columns
            if source.is_called(current, str(source.labels(column)[row]))
        ),
        f"no record of the finding has the account {current}",
    )


def _change_days(source: Source, entity: str) -> set[np.datetime64]:
    """Days that the vendor master states for this entity."""
    table = source.settings.references.get("vendors")
    if table is None:
        return set()
    vendors = Source.of(table, None, source.settings)
    rows = {int(row) for name in vendors.text_columns for row in np.flatnonzero(vendors.labels(name) == entity)}
    return {
        vendors.dates(name)[row]
        for name in vendors.columns
        if np.isfinite(vendors.seconds(name)).any()
        for row in rows
        if not np.isnat(vendors.dates(name)[row])
    }


def shared_details(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """A detail of the entity that stands in an employee's line too."""
    employees = source.settings.references.get("employees")
    if employees is None:
        return Judgement(unchecked=["there is no table of employees"])
    person = statement.texts.get("with", "")
    table = Source.of(employees, None, source.settings)
    named = {
        row
        for name in table.columns
        for row, cell in enumerate(table.labels(name))
        if source.is_called(person, str(cell))
    }
    judgement = Judgement()
    judgement.need(named, f"no employee is {person}")
    own = {_letters(cell) for cell in _cells_of_entity(str(finding["subject"]), finding, source)}
    theirs = {_letters(table.labels(name)[row]) for row in named for name in table.columns}
    judgement.need({one for one in own & theirs if len(one) >= 6}, "they share no detail")
    return judgement


def _letters(cell: object) -> str:
    return re.sub(r"[\W_]", "", str(cell).lower())


def _cells_of_entity(entity: str, finding: Finding, source: Source) -> Iterator[object]:
    for row in rows_of(finding):
        yield from (source.labels(name)[row] for name in source.columns)
    vendors = source.settings.references.get("vendors")
    if vendors is not None:
        table = Source.of(vendors, None, source.settings)
        rows = {int(row) for name in table.columns for row in np.flatnonzero(table.labels(name) == entity)}
        yield from (table.labels(name)[row] for name in table.columns for row in rows)


def stoppable(statement: Statement, finding: Finding, source: Source) -> Judgement:
    """The money leaves a day after a date of one of the finding's records, before or after the newest record's day.

    A status is looked up; whether its word means that the money has left is the monitor's to say.
    """
    if stated := statement.texts.get("status"):
        judgement = Judgement()
        named = any(entity_columns(stated, row, source) for row in rows_of(finding))
        judgement.need(named, f"no record of the finding has the status {stated}")
        return judgement
    leaves = statement.texts.get("leaves_day")
    if leaves is None:
        return Judgement(unchecked=["no day is named"])
    paid = np.datetime64(leaves) - np.timedelta64(_SETTLEMENT_DAYS, "D")
    rows = [row for row in rows_of(finding) if any(source.dates(name)[row] == paid for name in source.time_columns)]
    judgement = Judgement()
    judgement.need(rows, f"no record of the finding has the day {paid}")
    newest = [np.nanmax(source.dates(name)[: source.n]) for name in source.time_columns]
    if finding.get("data_date"):
        newest = [np.datetime64(str(finding["data_date"]))]
    open_at = [bool(np.datetime64(leaves) > last) for last in newest]
    judgement.need(("stop" in statement.texts) in open_at, f"the records reach to {newest}")
    return judgement


_SETTLEMENT_DAYS = 1
"""The setting's default, which no input says."""

PARTY_TRUTHS: Mapping[str, Truth] = {
    "no_description": no_description,
    "self_approved": self_approved,
    "sequence_gap": sequence_gap,
    "bank_changed": bank_changed,
    "shared_details": shared_details,
    "stoppable": stoppable,
}
