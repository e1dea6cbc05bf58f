"""Mail through a real SMTP server: sent once, and kept waiting where the server will not have it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from analyzers.errors import DeliveryError
from flows.delivery import deliver_outbox
from flows.warehouse import Warehouse, deliveries
from flows.warehouse.deliveries import Delivery, DeliveryState
from flows.workspace import Workspace
from tests.flows.conftest import free_port

NOW = datetime(2026, 3, 31, 2, 30, tzinfo=UTC)


class Sink:
    """Takes every mail, or refuses all while `refusing`."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.refusing = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        del server, session
        if self.refusing:
            return "451 try again later"
        self.taken.append(envelope)
        return "250 OK"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    taking = Sink()
    controller = Controller(taking, hostname="127.0.0.1", port=free_port())
    controller.start()
    mail = f"mail: {{host: 127.0.0.1, port: {controller.port}, security: none, sender: sereno@example.com}}"
    (tmp_path / "sereno.yaml").write_text(f"name: Test\n{mail}\n", encoding="utf-8")
    yield taking
    controller.stop()


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
