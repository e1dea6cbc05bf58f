"""Who is named in a finding: that person neither receives it nor decides about it.

Records know a person by a name, a number or a user; a mail knows an address. What belongs together stands in
`people` of `sereno.yaml`; an address's local part, read as a name, is tried as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from analyzers.columns import Role
from analyzers.errors import UsageError
from flows.monitors import Monitor
from flows.warehouse import sql, tables

_APART = re.compile(r"[\s._\-]+")


def aliases(person: str, people: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """All that records may call a person who is known by an address or a user name."""
    known = {person}
    for name, others in people.items():
        group = {name, *others}
        if {_plain(each) for each in group} & {_plain(person)}:
            known |= group
    return frozenset(form for each in known for form in (_plain(each), _plain(each.partition("@")[0])) if form)


def persons_named(
    connection: sql.Connection, monitor: Monitor, records: Mapping[str, Iterable[str]]
) -> dict[str, frozenset[str]]:
    """The persons in the records of each item, as `aliases` writes them.

    records : ids of the records by the item's fingerprint. Items that name nobody are left out.
    """
    table = tables.table_name("records", monitor.name)
    stored = tables.stored_columns(connection, table)
    columns = [stored[name].stored for name in monitor.described().names(Role.PERSON) if name in stored]
    items: defaultdict[str, set[str]] = defaultdict(set)
    for fingerprint, ids in records.items():
        for record in ids:
            items[record].add(fingerprint)
    if not columns or not items:
        return {}
    listed = ", ".join(f"CAST({sql.quoted(column)} AS VARCHAR)" for column in columns)
    query = f"SELECT record_id, {listed} FROM {sql.quoted(table)} WHERE record_id IN (SELECT unnest($ids))"
    named: defaultdict[str, set[str]] = defaultdict(set)
    for record, *values in sql.rows(connection, query, {"ids": sorted(items)}):
        for fingerprint in items[record]:
            named[fingerprint] |= {_plain(value) for value in values if value}
    return {fingerprint: frozenset(names - {""}) for fingerprint, names in named.items()}


def check_apart(
    connection: sql.Connection,
    monitor: Monitor,
    fingerprint: str,
    records: Iterable[str],
    who: str,
    people: Mapping[str, Iterable[str]],
) -> None:
    """UsageError where the records name the person who decides."""
    named = persons_named(connection, monitor, {fingerprint: records}).get(fingerprint, frozenset())
    if named & aliases(who, people):
        raise UsageError(f"{who[:80]} is named in this finding; somebody else has to decide about it (--by)")


def is_named(who: str, name: str, people: Mapping[str, Iterable[str]]) -> bool:
    """Whether a name is one that records may call this person by."""
    return _plain(name) in aliases(who, people)


def _plain(name: str) -> str:
    return _APART.sub(" ", name).strip().casefold()
