"""What each monitor's files held when they were read last, kept in the transaction that stores their records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flows.warehouse import sql

Stamp = tuple[int, ...]


class FileReading(BaseModel):
    """One reading of a monitor's files, earlier ones that it builds on included."""

    model_config = ConfigDict(frozen=True)

    basis: str
    """Hash of what decides how rows are read: the monitor, retention, the code."""
    files: dict[str, Stamp | None]
    """What tells each file from a changed one; None where it was written while it was read."""
    rules: dict[str, str]
    """By column, how its cells were read; in order of the source."""
    rows: int
    records: int
    quarantined: int
    """Rows that could not be read as records."""
    repeated: bool
    """Whether records shared a key or, without one, their content."""
    ingest: str
    """The run whose quarantine holds the rows that could not be read."""


def known(connection: sql.Connection, monitor: str) -> FileReading | None:
    """How the monitor's files were read last; None where never."""
    row = sql.first(connection, "SELECT document FROM file_readings WHERE monitor = ?", [monitor])
    return None if row is None else FileReading.model_validate_json(str(row[0]))


def keep(connection: sql.Connection, monitor: str, reading: FileReading) -> None:
    """Note how the monitor's files were read, instead of what was noted before."""
    sql.run(connection, "DELETE FROM file_readings WHERE monitor = ?", [monitor])
    sql.insert(connection, "file_readings", [{"monitor": monitor, "document": reading.model_dump_json()}])
