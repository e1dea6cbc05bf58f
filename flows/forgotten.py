"""Persons who were erased on request: what a source still holds of them is not read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from analyzers.columns import Role
from flows.masking import TEXT_HASH, without_persons, without_texts
from flows.monitors import Monitor
from flows.warehouse import Warehouse, erasure
from flows.workspace import Workspace


@dataclass(frozen=True)
class Forgotten:
    """The erased persons of a workspace; empty where nobody asked."""

    hashes: frozenset[str]
    key: bytes

    @classmethod
    def of(cls, workspace: Workspace, warehouse: Warehouse) -> Forgotten:
        """As the warehouse keeps them."""
        with warehouse.reading() as connection:
            return cls(erasure.erased_persons(connection), workspace.hash_key())

    def records(self, monitor: Monitor, frame: pl.DataFrame) -> pl.DataFrame:
        """Records with null where an erased person stood, or a free text that was emptied on request."""
        columns = monitor.described()
        return self._without(monitor, frame, columns.names(Role.PERSON), columns.names(Role.TEXT))

    def reference(self, monitor: Monitor, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of a reference table with null where an erased person stood."""
        return self._without(monitor, frame, person_columns(monitor, name))

    def quarantined(self, monitor: Monitor, frame: pl.DataFrame) -> pl.DataFrame:
        """Quarantined rows without the values of erased persons, whichever column they stood in."""
        return self._without(monitor, frame, ("value",))

    def _without(
        self, monitor: Monitor, frame: pl.DataFrame, names: Iterable[str], texts: Iterable[str] = ()
    ) -> pl.DataFrame:
        """As it is where nobody asked, or a legal hold keeps the monitor's evidence as it was."""
        if not self.hashes or monitor.retention.hold is not None:
            return frame
        # Free texts are many: they are looked at only where somebody asked for some to be emptied.
        if any(each.startswith(TEXT_HASH) for each in self.hashes):
            frame = without_texts(frame, texts, self.hashes, self.key)
        return without_persons(frame, names, self.hashes, self.key)


def person_columns(monitor: Monitor, reference: str) -> tuple[str, ...]:
    """Columns of a reference table that hold persons: those it names, and those called like one of the records."""
    return tuple(dict.fromkeys((*monitor.references[reference].person, *monitor.described().names(Role.PERSON))))
