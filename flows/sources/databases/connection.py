"""What a connection to any database can do; each kind of database has its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from flows.sources.databases.watermark import Watermark
from flows.sources.kinds import Kind

BATCH = 100_000
"""Rows that are fetched at a time, at most."""


@dataclass(frozen=True)
class Wanted:
    """What is to be read of a relation.

    relation : a table or query as it stands after FROM.
    names : columns, as the database calls them.
    kinds : what monitors say that columns hold, by the database's name.
    since : column and value from which rows are read; None for all.
    most : number of rows at which reading may stop; None for all.
    """

    relation: str
    names: Sequence[str]
    kinds: Mapping[str, Kind]
    since: tuple[str, Watermark] | None = None
    most: int | None = None


class Connection(Protocol):
    """A read-only connection inside one transaction, where the database has transactions."""

    def relation(self, *, table: str | None, query: str | None) -> str:
        """A table's name, quoted, or a query in parentheses."""

    def columns(self, relation: str) -> list[str]:
        """Names of the relation's columns. Raises SourceError where there is no such table or column."""

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """The rows in frames of at most about `BATCH`, columns in the order of `wanted.names`."""

    def close(self) -> None:
        """Give the connection back."""


def quoted(name: str) -> str:
    """A name as an identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'


def as_relation(table: str | None, query: str | None) -> str:
    """What stands after FROM, in standard SQL: `schema.table` with each part quoted, or the query as a subquery."""
    if table is not None:
        return ".".join(quoted(part) for part in table.split("."))
    return f"({(query or '').strip().rstrip(';')}\n) AS sereno_source"


def select(wanted: Wanted, listed: Sequence[str], condition: str = "", *, limit: bool = True) -> str:
    """The statement: expressions for the columns, a condition, and where it is understood a limit."""
    where = f" WHERE {condition}" if condition else ""
    most = f" LIMIT {wanted.most}" if limit and wanted.most is not None else ""
    return f"SELECT {', '.join(listed)} FROM {wanted.relation}{where}{most}"
