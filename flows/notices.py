"""Short mails about a night itself: it failed without a report, or it was missed. Never sent twice.

They go through the outbox like every mail. Where the warehouse itself is what fails, they are sent past it, once for
each failure.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from analyzers.errors import DeliveryError, SerenoError
from flows.credentials import revealed
from flows.delivery import deliver_outbox, send
from flows.monitors import Monitor
from flows.schedule import missed_nights
from flows.warehouse import Warehouse, deliveries
from flows.warehouse.deliveries import Delivery
from flows.workspace import Workspace
from flows.writing import write_whole
from reports.locale import texts
from reports.phrases import one_line

log = logging.getLogger("sereno.night")


@dataclass(frozen=True)
class Notice:
    """What is to be told, of which monitors; a notice with the same `key` is told once."""

    key: str
    monitors: tuple[Monitor, ...]
    subject: str
    text: str


def tell_missed(workspace: Workspace, monitors: Sequence[Monitor], now: datetime) -> dict[str, tuple[date, ...]]:
    """Mail the owners about nights that were due and did not run; the dates of each monitor that has some."""
    missed: dict[str, tuple[date, ...]] = {}
    if (since := workspace.served_since()) is None:
        return missed
    with Warehouse.of(workspace).reading() as connection:
        for monitor in monitors:
            if dates := missed_nights(connection, monitor, since, now):
                missed[monitor.name] = dates
    for monitor in monitors:
        if monitor.name in missed:
            dates = missed[monitor.name]
            log.warning("%s: %d nights did not run (%s to %s)", monitor.name, len(dates), dates[0], dates[-1])
            tell(workspace, missed_notice(workspace, monitor, dates))
    return missed


def missed_notice(workspace: Workspace, monitor: Monitor, dates: tuple[date, ...]) -> Notice:
    """What is said of nights that were due and did not run."""
    say = texts(workspace.settings.language)["notices"]
    values = {"monitor": monitor.title, "name": monitor.name, "count": len(dates), "first": dates[0], "last": dates[-1]}
    listed = "\n".join(f"  {first}" if first == last else f"  {first} - {last}" for first, last in _stretches(dates))
    return Notice(
        key=f"missed-{monitor.name}-{dates[0]}-{dates[-1]}",
        monitors=(monitor,),
        subject=say["missed_subject"].format(**values),
        text=say["missed"].format(**values, dates=listed),
    )


def _stretches(dates: Sequence[date]) -> list[tuple[date, date]]:
    """Rising dates as first and last day of each unbroken stretch."""
    found: list[tuple[date, date]] = []
    for day in dates:
        if found and day - found[-1][1] == timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def failed_notice(workspace: Workspace, night: str, monitors: Sequence[Monitor], data_date: date, why: str) -> Notice:
    """What is said of a night that ended without a report."""
    say = texts(workspace.settings.language)["notices"]
    names = ", ".join(monitor.title for monitor in monitors)
    values = {"monitors": names, "day": data_date, "why": one_line(why, 600)}
    return Notice(
        key=f"failed-{night}",
        monitors=tuple(monitors),
        subject=say["failed_subject"].format(**values),
        text=say["failed"].format(**values),
    )


def tell(workspace: Workspace, notice: Notice) -> None:
    """Mail a notice to owners and recipients, and whatever else waits in the outbox; a failure is logged."""
    warehouse = Warehouse.of(workspace)
    now = datetime.now(UTC)
    mails = _mails(workspace, notice, now)
    try:
        with warehouse.writing() as connection:
            for entry, message in mails:
                if deliveries.find(connection, entry.message_id) is None:
                    write_whole(workspace.folder / entry.path, message.as_bytes())
                    deliveries.queue(connection, entry, at=now)
        deliver_outbox(workspace, warehouse, log.info)
    except DeliveryError as error:
        log.error("%s", error)  # noqa: TRY400 - one line is what people read
    except SerenoError as error:
        log.error("%s; the notice goes out past the warehouse", error)  # noqa: TRY400
        _send_directly(workspace, mails)


def _send_directly(workspace: Workspace, mails: list[tuple[Delivery, EmailMessage]]) -> None:
    settings = workspace.settings.mail
    for entry, message in mails:
        path = workspace.folder / entry.path
        if path.exists():
            continue
        write_whole(path, message.as_bytes())
        if settings.host is None:
            continue
        try:
            error = send(path, entry.recipient, settings, revealed(workspace, settings.password))
        except SerenoError as failure:
            error = str(failure)
        if error:
            # Nothing else knows of this file: whoever tells of the same again tries again.
            path.unlink(missing_ok=True)
            log.error("%s: %s; the notice was not sent", entry.recipient, error)


def _mails(workspace: Workspace, notice: Notice, now: datetime) -> list[tuple[Delivery, EmailMessage]]:
    settings = workspace.settings.mail
    addresses = [address for monitor in notice.monitors for address in monitor.owners]
    made = []
    for recipient in dict.fromkeys((*addresses, *settings.recipients)):
        digest = sha256(recipient.encode()).hexdigest()[:8]
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = settings.sender, recipient
        message["Subject"] = one_line(notice.subject, 180)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{notice.key}.{digest}@{settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text)
        path = f"outbox/{notice.key}-{digest}.eml"
        made.append((Delivery(str(message["Message-ID"]), notice.key, recipient, path), message))
    return made
