"""Free text that names a person: found however it is written, and emptied on request.

A person who wrote or received a payment may stand in its description, too. Texts are compared without accents, case
and, where there are figures in it, without what stands between them; a whole name is looked for, not its parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from analyzers.columns import Columns, Role
from flows.warehouse import arrivals, erasure, sql, tables

_SHORTEST = 3
"""Letters and figures of a name below which every other text would name it."""


@dataclass(frozen=True)
class Mention:
    """Free text of one column that names the person."""

    monitor: str
    column: str
    records: int


class Wanted:
    """A person as texts may write them.

    names : as a source writes them; too short ones are left out.
    """

    def __init__(self, names: Collection[str]) -> None:
        self.squeezed = sorted({squeezed for name in names if len(squeezed := _squeezed(name)) >= _SHORTEST})
        patterns = [_pattern(name) for name in names if len(_squeezed(name)) >= _SHORTEST]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def spellings(self, text: str) -> set[str]:
        """What of a text names the person, as it stands there."""
        if self._pattern is None:
            return set()
        # Letter for letter, so that places in the one are places in the other.
        return {text[found.start() : found.end()] for found in self._pattern.finditer(_folded(text))}


def texts_of(connection: sql.Connection, monitor: str, columns: Columns, wanted: Wanted) -> dict[str, list[str]]:
    """Distinct texts of a monitor's records that name the person, by column of role `text`."""
    table = tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table)
    found = {}
    for name in columns.names(Role.TEXT):
        if name in stored:
            column = sql.quoted(stored[name].stored)
            query = f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {sql.quoted(table)} WHERE {_may_name(column)}"
            texts = [text for (text,) in sql.rows(connection, query, {"wanted": wanted.squeezed})]
            if naming := [text for text in texts if wanted.spellings(text)]:
                found[name] = naming
    return found


def count(connection: sql.Connection, monitor: str, found: Mapping[str, list[str]]) -> tuple[Mention, ...]:
    """How many records hold these texts, by column."""
    table = tables.table_name("records", monitor)
    stored = tables.stored_columns(connection, table) if found else {}
    counted = []
    for name, texts in found.items():
        where = f"{sql.quoted(stored[name].stored)} IN (SELECT unnest($values))"
        number = sql.scalar(connection, f"SELECT count(*) FROM {sql.quoted(table)} WHERE {where}", {"values": texts})
        counted.append(Mention(monitor, name, int(number)))
    return tuple(counted)


def empty(connection: sql.Connection, monitor: str, columns: Columns, found: Mapping[str, list[str]]) -> None:
    """Empty these texts; a record that is known by its whole content goes, and comes back without them."""
    table = tables.table_name("records", monitor)
    natural = arrivals.natural_key(columns)
    for name, texts in found.items():
        erasure.take_out(connection, table, name, texts, whole=not natural)


def _may_name(column: str) -> str:
    """A condition that holds of every text that names the person, and of few others."""
    plain = f"regexp_replace(lower(strip_accents(CAST({column} AS VARCHAR))), '[^\\p{{L}}\\p{{N}}]', '', 'g')"
    return f"len(list_filter($wanted, lambda name: contains({plain}, name))) > 0"


def _pattern(name: str) -> str:
    """A whole name in a folded text; between its words, and between figures, anything but letters and figures."""
    between = r"[\W_]*"
    words = re.findall(r"[^\W_]+", _folded(name))
    written = between.join(between.join(word) if any(map(str.isdigit, word)) else word for word in words)
    return rf"(?<![^\W_]){written}(?![^\W_])"


def _squeezed(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", _folded(text)))


def _folded(text: str) -> str:
    return "".join(map(_folded_letter, text))


def _folded_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFD", letter)[0].lower()
    return plain if len(plain) == 1 else letter
