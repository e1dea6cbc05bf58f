"""Mail through a real SMTP server: sent once, and kept waiting where the server will not have it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from analyzers.errors import DeliveryError
from flows.delivery import deliver_outbox
from flows.warehouse import Warehouse, deliveries
from flows.warehouse.deliveries import Delivery, DeliveryState
from flows.workspace import Workspace
from tests.flows.mail_sink import PASSWORD, Sink, guarded_sink, plain_sink

NOW = datetime(2026, 3, 31, 2, 30, tzinfo=UTC)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with plain_sink() as (taking, settings):
        (tmp_path / "sereno.yaml").write_text(f"name: Test\n{settings}", encoding="utf-8")
        yield taking


@pytest.fixture
def workspace(tmp_path: Path, sink: Sink) -> Workspace:
    del sink
    opened = Workspace.open(tmp_path)
    opened.prepare()
    return opened


def queue(workspace: Workspace, warehouse: Warehouse, recipient: str) -> None:
    """One mail in the outbox."""
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = "sereno@example.com", recipient, f"<{recipient}>"
    message.set_content("One finding.")
    (workspace.outbox / f"{recipient}.eml").write_bytes(message.as_bytes())
    with warehouse.writing() as connection:
        deliveries.queue(connection, Delivery(f"<{recipient}>", "night", recipient, f"outbox/{recipient}.eml"), at=NOW)


def states(warehouse: Warehouse) -> set[DeliveryState]:
    with warehouse.reading() as connection:
        return {item.state for item in deliveries.list_deliveries(connection)}


def test_each_mail_is_sent_once(workspace: Workspace, sink: Sink) -> None:
    warehouse = Warehouse.of(workspace)
    for recipient in ("a@example.com", "b@example.com"):
        queue(workspace, warehouse, recipient)
    assert deliver_outbox(workspace, warehouse, print) == 2
    assert deliver_outbox(workspace, warehouse, print) == 0
    assert sorted(envelope.rcpt_tos[0] for envelope in sink.taken) == ["a@example.com", "b@example.com"]
    assert all(b"One finding." in (envelope.content or b"") for envelope in sink.taken)
    assert states(warehouse) == {DeliveryState.SENT}


def test_a_refused_mail_waits_and_goes_out_later(workspace: Workspace, sink: Sink) -> None:
    warehouse = Warehouse.of(workspace)
    queue(workspace, warehouse, "a@example.com")
    sink.refusing = True
    with pytest.raises(DeliveryError, match=r"1 mail\(s\) not sent .*try again later"):
        deliver_outbox(workspace, warehouse, print)
    assert states(warehouse) == {DeliveryState.FAILED}
    sink.refusing = False
    assert deliver_outbox(workspace, warehouse, print) == 1
    assert len(sink.taken) == 1


def test_mail_goes_through_starttls_and_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded_sink(tmp_path) as (sink, settings, certificate):
        (tmp_path / "sereno.yaml").write_text(f"name: Test\n{settings}", encoding="utf-8")
        monkeypatch.setenv("SMTP_PASSWORD", "wrong")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        workspace = Workspace.open(tmp_path)
        workspace.prepare()
        warehouse = Warehouse.of(workspace)
        queue(workspace, warehouse, "a@example.com")
        with pytest.raises(DeliveryError, match="535"):
            deliver_outbox(workspace, warehouse, print)
        monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
        monkeypatch.delenv("SSL_CERT_FILE")
        workspace = Workspace.open(tmp_path)
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            deliver_outbox(workspace, warehouse, print)
        assert sink.taken == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert deliver_outbox(workspace, warehouse, print) == 1
        assert sink.sessions == [(True, True)]
