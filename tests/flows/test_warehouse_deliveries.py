from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analyzers.errors import WarehouseError
from flows.warehouse import Warehouse, audit, deliveries, sql
from flows.warehouse.deliveries import Delivery, DeliveryState

AT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
MAIL = Delivery("<1@sereno>", "2026-02-28", "ana@example.org", "outbox/1.eml", correction=1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sql.Connection]:
    with Warehouse(tmp_path / "w.duckdb").writing() as opened:
        yield opened


def state(connection: sql.Connection) -> DeliveryState:
    found = deliveries.find(connection, MAIL.message_id)
    assert found is not None
    return found.state


def test_a_mail_is_queued_once_under_its_message_id(connection: sql.Connection) -> None:
    assert deliveries.queue(connection, MAIL, AT)
    assert not deliveries.queue(connection, MAIL, AT + timedelta(hours=1))
    found = deliveries.find(connection, MAIL.message_id)
    assert found == Delivery(**{**vars(MAIL), "queued_at": AT, "changed_at": AT})
    assert deliveries.pending(connection) == [found]


def test_a_sent_mail_is_never_claimed_again(connection: sql.Connection) -> None:
    deliveries.queue(connection, MAIL, AT)
    claimed = deliveries.claim(connection, MAIL.message_id, AT)
    assert claimed is not None
    assert (claimed.state, claimed.attempts) == (DeliveryState.SENDING, 1)
    deliveries.mark_sent(connection, MAIL.message_id, AT)
    assert deliveries.claim(connection, MAIL.message_id, AT) is None
    assert deliveries.pending(connection) == []
    deliveries.queue(connection, MAIL, AT)
    assert state(connection) is DeliveryState.SENT


def test_a_failed_or_interrupted_mail_stays_pending(connection: sql.Connection) -> None:
    deliveries.queue(connection, MAIL, AT)
    deliveries.claim(connection, MAIL.message_id, AT)
    assert [each.state for each in deliveries.pending(connection)] == [DeliveryState.SENDING]
    deliveries.mark_failed(connection, MAIL.message_id, "450\nbusy " + "x" * 900, AT)
    (failed,) = deliveries.pending(connection)
    assert failed.last_error is not None
    assert failed.last_error.startswith("450 busy x")
    assert len(failed.last_error) == 500
    claimed = deliveries.claim(connection, MAIL.message_id, AT)
    assert claimed is not None
    assert claimed.attempts == 2
    deliveries.mark_kept(connection, MAIL.message_id, AT)
    found = deliveries.find(connection, MAIL.message_id)
    assert found is not None
    assert (found.state, found.last_error) == (DeliveryState.KEPT, None)


def test_only_a_claimed_mail_can_be_marked(connection: sql.Connection) -> None:
    deliveries.queue(connection, MAIL, AT)
    with pytest.raises(WarehouseError, match="claim the mail"):
        deliveries.mark_sent(connection, MAIL.message_id, AT)
    with pytest.raises(WarehouseError, match="claim the mail"):
        deliveries.mark_failed(connection, "<other@sereno>", "x", AT)


def test_every_step_is_logged_and_no_address_stands_in_the_chain(connection: sql.Connection) -> None:
    deliveries.queue(connection, MAIL, AT)
    deliveries.claim(connection, MAIL.message_id, AT)
    deliveries.mark_sent(connection, MAIL.message_id, AT)
    entries = audit.entries(connection)
    assert [entry.kind for entry in entries] == ["mail_queued", "mail_sent"]
    assert "ana" not in str(entries)
    assert audit.verify(connection) == []


def test_pending_of_one_night(connection: sql.Connection) -> None:
    deliveries.queue(connection, MAIL, AT)
    assert len(deliveries.pending(connection, "2026-02-28")) == 1
    assert deliveries.pending(connection, "2026-02-27") == []
