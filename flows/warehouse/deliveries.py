"""The outbox: one entry per report and recipient, whose Message-ID never changes.

queued -> sending -> sent | kept | failed. An entry found in `sending` after a crash may or may not have left; it is
tried again under the same Message-ID, by which mail servers and readers recognise a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from analyzers.errors import WarehouseError
from flows.warehouse import audit, sql


class DeliveryState(StrEnum):
    """Where a mail is."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    KEPT = "kept"
    """Written to the outbox folder; no mail server is configured."""
    FAILED = "failed"


_PENDING = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.FAILED)


@dataclass(frozen=True)
class Delivery:
    """One mail to one recipient."""

    message_id: str
    night: str
    """Id of the night, such as its data date and schedule."""
    recipient: str
    path: str
    """Of the `.eml` file, relative to the workspace."""
    correction: int = 0
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    last_error: str | None = None
    queued_at: datetime | None = None
    changed_at: datetime | None = None


_COLUMNS = "message_id, night, recipient, path, correction, state, attempts, last_error, queued_at, changed_at"


def queue(connection: sql.Connection, delivery: Delivery, at: datetime) -> bool:
    """Put a mail into the outbox; False (and no change) where its Message-ID is there already."""
    if find(connection, delivery.message_id) is not None:
        return False
    entry = {**vars(delivery), "state": DeliveryState.QUEUED, "attempts": 0, "queued_at": at, "changed_at": at}
    sql.insert(connection, "deliveries", [entry])
    _log(connection, delivery, DeliveryState.QUEUED, at)
    return True


def claim(connection: sql.Connection, message_id: str, at: datetime) -> Delivery | None:
    """Take a mail to send it, counting the attempt; None where it is sent or kept already.

    Commit before sending: what is sent afterwards has then left a trace, whatever happens.
    """
    states = ", ".join(sql.text(state) for state in _PENDING)
    taken = sql.run(
        connection,
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, changed_at = ? "
        f"WHERE message_id = ? AND state IN ({states})",
        [at, message_id],
    )
    return find(connection, message_id) if taken else None


def mark_sent(connection: sql.Connection, message_id: str, at: datetime) -> None:
    """The server has taken the mail."""
    _finish(connection, message_id, DeliveryState.SENT, None, at)


def mark_kept(connection: sql.Connection, message_id: str, at: datetime) -> None:
    """The mail stays in the outbox folder, since no server is configured."""
    _finish(connection, message_id, DeliveryState.KEPT, None, at)


def mark_failed(connection: sql.Connection, message_id: str, error: str, at: datetime) -> None:
    """The attempt failed; the mail stays pending."""
    _finish(connection, message_id, DeliveryState.FAILED, " ".join(error.split())[:500], at)


def pending(connection: sql.Connection, night: str | None = None) -> list[Delivery]:
    """Mails that still have to leave, oldest first: queued, failed, or left in `sending` by a killed process."""
    return [each for each in list_deliveries(connection, night) if each.state in _PENDING]


def list_deliveries(connection: sql.Connection, night: str | None = None) -> list[Delivery]:
    """All mails (of a night), oldest first."""
    where, parameters = sql.conditions({"night = ?": night})
    query = f"SELECT {_COLUMNS} FROM deliveries{where} ORDER BY queued_at, message_id"
    return [_delivery(row) for row in sql.rows(connection, query, parameters)]


def find(connection: sql.Connection, message_id: str) -> Delivery | None:
    """The mail with this Message-ID, or None."""
    row = sql.first(connection, f"SELECT {_COLUMNS} FROM deliveries WHERE message_id = ?", [message_id])
    return None if row is None else _delivery(row)


def _finish(connection: sql.Connection, message_id: str, state: DeliveryState, error: str | None, at: datetime) -> None:
    changed = sql.run(
        connection,
        "UPDATE deliveries SET state = ?, last_error = ?, changed_at = ? WHERE message_id = ? AND state = 'sending'",
        [state.value, error, at, message_id],
    )
    delivery = find(connection, message_id)
    if not changed or delivery is None:
        raise WarehouseError(f"{message_id}: not being sent; claim the mail before marking it {state}")
    _log(connection, delivery, state, at)


def _log(connection: sql.Connection, delivery: Delivery, state: DeliveryState, at: datetime) -> None:
    subject = sha256(delivery.message_id.encode()).hexdigest()[:16]
    content = {"message_id": delivery.message_id, "night": delivery.night, "recipient": delivery.recipient}
    audit.append(connection, f"mail_{state}", subject, content, at)


def _delivery(row: sql.Row) -> Delivery:
    named = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Delivery(**{**named, "state": DeliveryState(named["state"])})
