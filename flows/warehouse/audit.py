"""The audit log: append-only, each entry chained to the one before by SHA-256.

An entry holds a salted hash of its content; salt and content stand in a table of their own, so that erasing them (a
person's data) leaves the chain verifiable. A chain alone can be recomputed by who can write the file: the head goes
out with every mail, and `verify` takes it as an anchor.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from itertools import pairwise
from typing import Any

from analyzers.errors import UsageError
from flows.warehouse import sql

VERSION = "a1"
_START = f"{VERSION}:start"


@dataclass(frozen=True)
class Entry:
    """One entry of the log."""

    seq: int
    logged_at: datetime
    kind: str
    subject: str
    content_hash: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash that the entry must have."""
        fields = (self.seq, _instant(self.logged_at), self.kind, self.subject, self.content_hash, self.previous)
        return _digest(canonical(fields))

    @property
    def head(self) -> str:
        """The entry as an anchor: `a1:<seq>:<hash>`."""
        return f"{VERSION}:{self.seq}:{self.hash}"


def append(connection: sql.Connection, kind: str, subject: str, content: Mapping[str, Any], at: datetime) -> int:
    """Add an entry in the caller's transaction; its number, from 1.

    kind : what happened, such as `publish`. subject : id of what it happened to; nothing personal, because it cannot
    be erased. content : the rest, which can. at : time zone aware.
    """
    last = _last(connection)
    seq, previous = (last.seq + 1, last.hash) if last else (1, _START)
    salt, written = secrets.token_hex(16), canonical(content)
    unsigned = Entry(seq, at.astimezone(UTC), kind, subject, _content_hash(salt, written), previous, "")
    entry = replace(unsigned, hash=unsigned.expected_hash())
    sql.run(connection, f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", list(vars(entry).values()))
    sql.run(connection, "INSERT INTO audit_contents (seq, salt, content) VALUES (?, ?, ?)", [seq, salt, written])
    return seq


def head(connection: sql.Connection) -> str | None:
    """The last entry as an anchor, to be carried by mails; None while the log is empty."""
    last = _last(connection)
    return last.head if last else None


def entries(connection: sql.Connection) -> list[Entry]:
    """All entries in order, as they stand in the file."""
    return [Entry(*row) for row in sql.rows(connection, f"{_SELECT} ORDER BY seq, hash")]


def export(connection: sql.Connection) -> Iterator[dict[str, Any]]:
    """The log for an auditor: every entry with its content and salt, where they were not erased."""
    kept = _contents(connection)
    for entry in entries(connection):
        salt, content = kept.get(entry.seq, (None, None))
        yield {
            **vars(entry),
            "logged_at": _instant(entry.logged_at),
            "salt": salt,
            "content": None if content is None else json.loads(content),
        }


def erase(connection: sql.Connection, numbers: Iterable[int]) -> int:
    """Erase salt and content of these entries; how many had any. The chain stays as it is."""
    listed = list(numbers)
    if not listed:
        return 0
    return sql.run(connection, "DELETE FROM audit_contents WHERE seq IN (SELECT unnest($numbers))", {"numbers": listed})


def verify(connection: sql.Connection, anchor: str | None = None) -> list[str]:
    """What is wrong with the log, a sentence each; empty where it is whole.

    Finds edited, removed and inserted entries by the chain, edited contents by their salted hash, and, with the
    `anchor` that a mail carried, truncation and a rewrite of everything. UsageError for an anchor that is none.
    """
    found = entries(connection)
    problems = [*_chain_problems(found), *_content_problems(found, _contents(connection))]
    if anchor is not None:
        problems += _anchor_problems(found, anchor)
    return problems


def canonical(value: Any) -> str:
    """Value as JSON that is the same for equal values: sorted keys, no blanks, instants in UTC, money as text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


_COLUMNS = "seq, logged_at, kind, subject, content_hash, previous, hash"
_SELECT = f"SELECT {_COLUMNS} FROM audit"


def _last(connection: sql.Connection) -> Entry | None:
    row = sql.first(connection, f"{_SELECT} ORDER BY seq DESC LIMIT 1")
    return None if row is None else Entry(*row)


def _contents(connection: sql.Connection) -> dict[int, tuple[str, str]]:
    return {row[0]: (row[1], row[2]) for row in sql.rows(connection, "SELECT seq, salt, content FROM audit_contents")}


def _chain_problems(found: list[Entry]) -> Iterator[str]:
    if found and (found[0].seq != 1 or found[0].previous != _START):
        yield f"the log starts with entry {found[0].seq}, which is not its first: entries before it were removed"
    for entry in found:
        if entry.hash != entry.expected_hash():
            yield f"entry {entry.seq} ({entry.kind}) was edited: its hash does not fit what it says"
    for before, entry in pairwise(found):
        if entry.seq == before.seq:
            yield f"entry {entry.seq} stands twice: one of them was inserted"
        elif entry.seq != before.seq + 1:
            yield f"entries {before.seq + 1} to {entry.seq - 1} are missing: they were removed"
        elif entry.previous != before.hash:
            yield f"entry {entry.seq} does not follow entry {before.seq}: one was inserted, removed or replaced"


def _content_problems(found: list[Entry], contents: Mapping[int, tuple[str, str]]) -> Iterator[str]:
    hashes = {entry.seq: entry.content_hash for entry in found}
    for seq in sorted(contents):
        if seq not in hashes:
            yield f"content of entry {seq} has no entry: the entry was removed"
        elif _content_hash(*contents[seq]) != hashes[seq]:
            yield f"the content of entry {seq} was edited: its salted hash does not fit"


def _anchor_problems(found: list[Entry], anchor: str) -> Iterator[str]:
    version, _, rest = anchor.strip().partition(":")
    number, _, digest = rest.partition(":")
    if version != VERSION or not number.isdigit() or not digest:
        raise UsageError(f"{anchor[:80]!r} is not an audit head; copy it from a mail, such as {VERSION}:57:3fa9...")
    held = [entry for entry in found if entry.seq == int(number)]
    if not held:
        yield f"entry {number} is missing although a mail carried it as the head: the log was cut off"
    elif all(entry.hash != digest for entry in held):
        yield f"entry {number} is not the one that a mail carried as the head: the log was rewritten"


def _content_hash(salt: str, written: str) -> str:
    return _digest(f"{salt}|{written}")


def _digest(value: str) -> str:
    return sha256(f"{VERSION}|{value}".encode()).hexdigest()


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"{type(value).__name__} cannot stand in the audit log")
