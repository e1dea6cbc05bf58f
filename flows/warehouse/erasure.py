"""Erasing one person: every value of theirs, and the mask that stood for it, from every table.

A record keeps its money and its date and loses the person; one that was known by its whole content goes, and comes
back without the person should the source still hold it. What nights said keeps its shape, with a word in the
person's place. The audit chain stays as it is: only contents that name the person are erased from beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from html import escape

from analyzers.columns import Columns, Role
from flows.masking import masks_of
from flows.warehouse import arrivals, audit, hashing, sql, tables
from flows.warehouse.tables import StoredColumn

ERASED = "person-erased"
"""What stands in the place of an erased person's mask."""
_OWN = frozenset(("audit", "audit_contents", "schema_version", "stored_columns", "erased_persons"))
_SHORTEST = 4
"""Letters of a name that may be looked for inside of texts; a shorter one is found as a whole value only."""


@dataclass(frozen=True)
class Traces:
    """All by which a person may stand in the warehouse."""

    masks: frozenset[str]
    values: frozenset[str]
    """As sources write them; empty where only the mask is known."""

    def inside(self, *, unmasked: bool) -> list[str]:
        """What to look for inside of texts: masks, and where persons are shown as they are the values too."""
        values = {value for value in self.values if len(value) >= _SHORTEST} if unmasked else set()
        written = {each for value in values for each in (value, escape(value), json.dumps(value)[1:-1])}
        return sorted(self.masks | written, key=len, reverse=True)


@dataclass(frozen=True)
class Erased:
    """How much was erased."""

    records: int = 0
    """That lost the person, or went."""
    reference_rows: int = 0
    quarantined: int = 0
    texts: int = 0
    """Cells of other tables: facts, findings, narratives, snoozes."""
    log_entries: int = 0
    """Of the audit log, whose content went."""
    free_texts: int = 0
    """Distinct free texts that named the person, and were emptied."""


def erased_persons(connection: sql.Connection) -> frozenset[str]:
    """Hashes of all persons that were erased."""
    return frozenset(row[0] for row in sql.rows(connection, "SELECT hash FROM erased_persons"))


def remember(connection: sql.Connection, hashes: Collection[str], at: datetime) -> None:
    """Keep hashes of an erased person; those that are kept already stay."""
    known = erased_persons(connection)
    sql.insert(connection, "erased_persons", [{"hash": each, "erased_at": at} for each in sorted({*hashes} - known)])


def erase_records(connection: sql.Connection, monitor: str, columns: Columns, traces: Traces, key: bytes) -> int:
    """Take the person out of a monitor's records; how many that were. Values compare as masks do."""
    table = tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table)
    natural = arrivals.natural_key(columns)
    found = 0
    for name in columns.names(Role.PERSON):
        if name not in stored:
            continue
        values = _matching(connection, table, stored[name], traces, key)
        if not values:
            continue
        found += take_out(connection, table, name, values, whole=not natural or name in natural)
    return found


def take_out(connection: sql.Connection, table: str, name: str, values: list[str], *, whole: bool) -> int:
    """Empty a column where it holds these values, or delete the `whole` rows; how many that were."""
    stored = tables.stored_columns(connection, table)
    where = f"{sql.quoted(stored[name].stored)} IN (SELECT unnest($values))"
    if whole:
        return sql.run(connection, f"DELETE FROM {sql.quoted(table)} WHERE {where}", {"values": values})
    return _blank(connection, table, stored, name, where, values)


def erase_references(
    connection: sql.Connection, monitor: str, persons: Collection[str], traces: Traces, key: bytes
) -> int:
    """Take the person out of the snapshots of a monitor's reference tables; how many rows that were."""
    names = sql.rows(connection, "SELECT DISTINCT reference FROM reference_snapshots WHERE monitor = ?", [monitor])
    found = 0
    for (reference,) in names:
        table = tables.table_name("reference", monitor, reference)
        stored = tables.stored_columns(connection, table)
        for name in persons:
            if name in stored and (values := _matching(connection, table, stored[name], traces, key)):
                found += take_out(connection, table, name, values, whole=False)
    return found


def erase_quarantined(connection: sql.Connection, monitor: str, traces: Traces, key: bytes) -> int:
    """Empty the quarantined values that are the person's; how many that were."""
    query = "SELECT DISTINCT value FROM quarantine WHERE monitor = ? AND value IS NOT NULL"
    values = [value for (value,) in sql.rows(connection, query, [monitor]) if _is(value, traces, key)]
    return sql.run(
        connection,
        "UPDATE quarantine SET value = NULL WHERE monitor = $monitor AND value IN (SELECT unnest($values))",
        {"monitor": monitor, "values": values},
    )


def erase_texts(
    connection: sql.Connection, traces: Traces, *, held: Collection[str], unmasked: bool
) -> tuple[int, list[str]]:
    """Put `ERASED` in the person's place in every text of every other table: how many cells, and the runs they tell of.

    held : monitors whose texts stay. unmasked : whether some monitor shows persons as they are, so that their values
    stand in texts too.
    """
    cells, runs = 0, set[str]()
    for table, column, condition in _texts(connection):
        quoted = sql.quoted(column)
        for wanted in traces.inside(unmasked=unmasked):
            given: dict[str, sql.Cell] = {"wanted": wanted, "held": list(held)}
            where = f"contains({quoted}, $wanted) AND {condition}"
            if table == "run_findings":
                runs |= {
                    run
                    for (run,) in sql.rows(connection, f"SELECT DISTINCT run FROM run_findings WHERE {where}", given)
                }
            statement = f"UPDATE {sql.quoted(table)} SET {quoted} = replace({quoted}, $wanted, {sql.text(ERASED)})"
            cells += sql.run(connection, f"{statement} WHERE {where}", given)
    return cells, sorted(runs)


def erase_log(
    connection: sql.Connection, traces: Traces, runs: Collection[str], *, held: Collection[str], unmasked: bool
) -> int:
    """Erase contents of the audit log that name the person, or compare with what these runs said; how many."""
    contents = sql.rows(connection, "SELECT seq, kind, subject, content FROM audit JOIN audit_contents USING (seq)")
    wanted = traces.inside(unmasked=unmasked) + [json.dumps(value, ensure_ascii=False) for value in traces.values]
    listed = [
        seq
        for seq, kind, subject, content in contents
        if (kind == "publish" and subject in runs)
        or (any(each in content for each in wanted) and json.loads(content).get("monitor") not in held)
    ]
    return audit.erase(connection, listed)


def redacted(text: str, traces: Traces, *, unmasked: bool) -> str:
    """A text of the archive with `ERASED` in the person's place."""
    for wanted in traces.inside(unmasked=unmasked):
        text = re.sub(re.escape(wanted), ERASED, text)
    return text


def _texts(connection: sql.Connection) -> Iterator[tuple[str, str, str]]:
    """Columns of text of all tables but those of sources, and those never edited; and which rows `$held` leaves."""
    query = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    sources = {name for (name,) in sql.rows(connection, "SELECT DISTINCT table_name FROM stored_columns")}
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in sql.rows(connection, query):
        if table not in _OWN and table not in sources:
            columns.setdefault(table, []).append((column, kind))
    for table, found in columns.items():
        names = {name for name, _ in found}
        if "monitor" in names:
            condition = "monitor NOT IN (SELECT unnest($held))"
        elif "run" in names:
            condition = "run NOT IN (SELECT run FROM runs WHERE monitor IN (SELECT unnest($held)))"
        else:
            condition = "len($held) = 0"
        yield from ((table, name, condition) for name, kind in found if kind == "VARCHAR")


def _matching(connection: sql.Connection, table: str, column: StoredColumn, traces: Traces, key: bytes) -> list[str]:
    """The values of a column that are the person's, however they are written."""
    name = sql.quoted(column.stored)
    query = f"SELECT DISTINCT CAST({name} AS VARCHAR) FROM {sql.quoted(table)} WHERE {name} IS NOT NULL"
    return [value for (value,) in sql.rows(connection, query) if _is(value, traces, key)]


def _is(value: str, traces: Traces, key: bytes) -> bool:
    return value in traces.masks or bool(traces.masks & masks_of(value, key))


def _blank(
    connection: sql.Connection, table: str, stored: dict[str, StoredColumn], name: str, where: str, values: list[str]
) -> int:
    """Empty a column in some rows, and hash these rows anew: the source without the person is then no change."""
    rest = [column for other, column in stored.items() if other != name]
    return sql.run(
        connection,
        f"UPDATE {sql.quoted(table)} SET row_hash = {hashing.row_hash(hashing.content(rest))}, "
        f"{sql.quoted(stored[name].stored)} = NULL WHERE {where}",
        {"values": values},
    )
