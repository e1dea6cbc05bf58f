"""The records behind a finding, and those of the same entities that it was compared with, as queries that stand alone.

The text of each query is what an auditor runs against the warehouse: every value stands in it as a literal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from analyzers.columns import Columns, Role, Shape
from analyzers.results import Finding
from flows.warehouse import sql, tables
from flows.warehouse.tables import StoredColumn

MOST_COMPARED = 20_000
"""Records fetched of those that a finding was compared with, the newest first."""
MOST_OWN = 100_000


@dataclass(frozen=True)
class Query:
    """A query and the columns it gives, by their names in the source; `record_id` is the last."""

    text: str
    columns: tuple[str, ...]

    def run(self, connection: sql.Connection) -> pl.DataFrame:
        """The records."""
        frame = sql.frame(connection, self.text.rstrip().rstrip(";"))
        frame.columns = list(self.columns)
        return frame


def own_query(connection: sql.Connection, columns: Columns, finding: Finding) -> Query | None:
    """Fetches the finding's records; None where the warehouse holds none of its monitor.

    An episode keeps the ids of 200 records at most, so those of a series are fetched by time and entity.
    """
    table = _Table.of(connection, columns, finding.monitor)
    if table is None:
        return None
    ids = ", ".join(sql.text(each) for each in finding.records)
    by_id = f"record_id IN ({ids})" if ids else "false"
    episode = table.within(finding.time_from, finding.time_to, until_end=True)
    if columns.shape is not Shape.EVENTS and episode:
        by_id = " AND ".join([*episode, *table.of_entities(finding, by_id)])
    return table.query(by_id, ascending=True, most=MOST_OWN)


def compared_query(
    connection: sql.Connection, columns: Columns, finding: Finding, start: datetime, end: datetime
) -> Query | None:
    """Fetches records of the finding's entities with `start <= time < end`, its own among them; all records where it
    is about no entity."""
    table = _Table.of(connection, columns, finding.monitor)
    if table is None:
        return None
    ids = ", ".join(sql.text(each) for each in finding.records)
    about = table.of_entities(finding, f"record_id IN ({ids})" if ids else "false")
    where = " AND ".join([*table.within(start, end, until_end=False), *about]) or "true"
    return table.query(where, ascending=False, most=MOST_COMPARED)


@dataclass(frozen=True)
class _Table:
    name: str
    columns: Columns
    stored: dict[str, StoredColumn]

    @classmethod
    def of(cls, connection: sql.Connection, columns: Columns, monitor: str) -> _Table | None:
        name = tables.table_name("records", monitor)
        stored = tables.stored_columns(connection, name)
        described = {column.name: stored[column.name] for column in columns.columns if column.name in stored}
        return cls(name, columns, described) if described else None

    def within(self, start: datetime | None, end: datetime | None, *, until_end: bool) -> list[str]:
        """Conditions on the time; none where there is no time column."""
        time = self.stored.get(self.columns.one(Role.TIME) or "")
        if time is None:
            return []
        column, last = sql.quoted(time.stored), "<=" if until_end else "<"
        bounds = ((">=", start), (last, end))
        return [f"{column} {sign} TIMESTAMPTZ {sql.text(at.isoformat())}" for sign, at in bounds if at is not None]

    def of_entities(self, finding: Finding, own: str) -> list[str]:
        """Conditions that keep the records of the finding's entities.

        Where it has records these say which entities: its own labels may be masks.
        """
        conditions = []
        for name, label in finding.entities.items():
            if name not in self.stored:
                continue
            column = sql.quoted(self.stored[name].stored)
            if finding.records:
                of_own = f"SELECT {column} FROM {sql.quoted(self.name)} WHERE {own}"
                conditions.append(f"{column} IN ({of_own})")
            elif self.columns.get(name).role is not Role.PERSON:
                conditions.append(f"{column} = {sql.text(label)}")
            else:
                conditions.append("false")
        return conditions

    def query(self, where: str, *, ascending: bool, most: int) -> Query:
        """The described columns of the records that meet a condition, in order of time."""
        time = self.stored.get(self.columns.one(Role.TIME) or "")
        by_time = [f"{sql.quoted(time.stored)} {'ASC' if ascending else 'DESC'} NULLS LAST"] if time else []
        text = (
            f"SELECT {_listed(self.stored.values())}, record_id\nFROM {sql.quoted(self.name)}\nWHERE {where}\n"
            f"ORDER BY {', '.join([*by_time, 'record_id'])}\nLIMIT {most};\n"
        )
        return Query(text, (*self.stored, "record_id"))


def _listed(stored: Iterable[StoredColumn]) -> str:
    return ", ".join(sql.quoted(column.stored) for column in stored)
