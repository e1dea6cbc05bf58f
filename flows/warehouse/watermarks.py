"""How far each monitor's database was read, kept in the transaction that stores the records."""

from __future__ import annotations

from datetime import datetime

from flows.sources.databases.watermark import Form, Watermark
from flows.warehouse import sql


def known(connection: sql.Connection, monitor: str, basis: str) -> Watermark | None:
    """How far the monitor was read; None where never, or where something else was read then.

    basis : hash of what is read, such as the query and its columns.
    """
    row = sql.first(connection, "SELECT form, value FROM watermarks WHERE monitor = ? AND basis = ?", [monitor, basis])
    return None if row is None else Watermark(Form(row[0]), row[1])


def keep(connection: sql.Connection, monitor: str, basis: str, mark: Watermark, *, at: datetime) -> None:
    """Note how far the monitor was read; what was noted before with the same basis is never lowered."""
    highest = mark.above(known(connection, monitor, basis))
    sql.run(connection, "DELETE FROM watermarks WHERE monitor = ?", [monitor])
    entry = {"monitor": monitor, "basis": basis, "form": highest.form, "value": highest.value, "read_at": at}
    sql.insert(connection, "watermarks", [entry])
