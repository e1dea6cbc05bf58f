"""Mail: whether anybody gets the report, and whether the server answers where asking it is allowed."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator

from analyzers.errors import SerenoError
from flows.credentials import revealed
from flows.delivery import connect
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.monitors import MailSettings
from flows.workspace import Workspace


def look_at_mail(patient: Patient) -> Iterator[Line]:
    """Settings; the server only where `--connect` allows it."""
    if patient.workspace is None:
        return
    settings = patient.workspace.settings.mail
    if not settings.recipients and not _owners(patient.workspace):
        yield warning("recipients", "nobody gets the report", "set mail.recipients, or a monitor's owners")
    if settings.host is None:
        yield warning("server", "none is configured: mail stays in outbox/", "set mail.host in sereno.yaml")
        return
    if settings.security == "none" and settings.username is not None:
        yield warning("server", "the password would travel unencrypted", "set mail.security to starttls or tls")
    if not patient.connect:
        yield ok("server", f"{settings.host}:{settings.port}, not contacted (--connect does)")
        return
    yield _contacted(settings, revealed(patient.workspace, settings.password))


def _owners(workspace: Workspace) -> bool:
    for name in workspace.monitor_names():
        try:
            if workspace.monitor(name).owners:
                return True
        except SerenoError:
            continue  # the workspace's section says what is wrong with it
    return False


def _contacted(settings: MailSettings, password: str | None) -> Line:
    """Greet the server, encrypt, log in, and leave again: no mail is sent."""
    where = f"{settings.host}:{settings.port}"
    try:
        with connect(settings) as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.username is not None:
                server.login(settings.username, password or "")
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return problem("server", f"{where}: {said}", "check mail.host, port, security, username and password")
    return ok("server", f"{where} answers" + (" and lets us in" if settings.username else ""))
