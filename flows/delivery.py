"""Mail leaves the outbox: sent where SMTP is configured, otherwise kept as `.eml`.

Each mail has one Message-ID for good. A mail is claimed before it is handed over and marked sent after; should the
process die in between, it is handed over again under the same Message-ID: a mail may come twice in that one moment,
it is never lost.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from analyzers.errors import DeliveryError
from flows.credentials import revealed
from flows.monitors import MailSettings
from flows.warehouse import Warehouse, deliveries
from flows.workspace import Workspace

Say = Callable[[str], None]


def deliver_outbox(workspace: Workspace, warehouse: Warehouse, say: Say) -> int:
    """Hand over every mail that waits; the number of mails that left or are kept.

    Raises DeliveryError, after trying all, where at least one could not be handed over.
    """
    settings = workspace.settings.mail
    with warehouse.reading() as connection:
        waiting = deliveries.pending(connection)
    password = revealed(workspace, settings.password) if waiting and settings.host else None
    failures: list[str] = []
    for item in waiting:
        with warehouse.writing() as connection:
            deliveries.claim(connection, item.message_id, at=datetime.now(UTC))
            if settings.host is None:
                deliveries.mark_kept(connection, item.message_id, at=datetime.now(UTC))
                say(f"mail for {item.recipient} kept: {item.path} (no SMTP server is configured)")
                continue
        error = send(workspace.folder / item.path, item.recipient, settings, password)
        with warehouse.writing() as connection:
            if error is None:
                deliveries.mark_sent(connection, item.message_id, at=datetime.now(UTC))
                say(f"mail sent to {item.recipient}")
            else:
                deliveries.mark_failed(connection, item.message_id, error=error, at=datetime.now(UTC))
                failures.append(f"{item.recipient}: {error}")
    if failures:
        raise DeliveryError(
            f"{settings.host}:{settings.port}: {len(failures)} mail(s) not sent ({failures[0]}); "
            "they stay in the outbox and go out with the next run"
        )
    return len(waiting)


def waiting(warehouse: Warehouse) -> bool:
    """Whether any mail waits in the outbox."""
    with warehouse.reading() as connection:
        return bool(deliveries.pending(connection))


def send(path: Path, recipient: str, settings: MailSettings, password: str | None) -> str | None:
    """Hand one mail to the SMTP server; None, or why it failed."""
    try:
        message = message_from_bytes(path.read_bytes(), policy=policy.SMTP)
        with connect(settings) as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.username is not None:
                server.login(settings.username, password or "")
            server.send_message(message, from_addr=settings.sender, to_addrs=[recipient])
    except smtplib.SMTPNotSupportedError as error:
        return f"{error} In sereno.yaml, `mail.security` says `none` for a server without encryption, or `tls`"
    except (OSError, smtplib.SMTPException) as error:
        # The server's words may hold anything; one line of them is enough.
        return " ".join(str(error).split())[:200] or type(error).__name__
    return None


def connect(settings: MailSettings) -> smtplib.SMTP:
    """A connection to the configured server, encrypted from the start where it says `tls`; OSError or SMTPException."""
    host = settings.host or ""
    # Without a name of our own smtplib would ask a name server for this machine's.
    own = socket.gethostname() if "." in socket.gethostname() else "[127.0.0.1]"
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, settings.port, own, timeout=settings.timeout, context=context)
    return smtplib.SMTP(host, settings.port, own, timeout=settings.timeout)
