"""A real SMTP server on loopback, plain or with STARTTLS and login, that keeps what it takes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.flows.conftest import free_port

USER, PASSWORD = "sereno", "night watch"


class Sink:
    """Takes every mail, or refuses all while `refusing`."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.refusing = False
        self.refuse_once: Path | None = None
        """A file that lets the next mail be refused while it is there."""
        self.sessions: list[tuple[bool, bool]] = []
        """Of each mail: whether it came encrypted, and whether its sender had logged in."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        del server
        if self.refuse_once is not None and self.refuse_once.exists():
            self.refuse_once.unlink()
            return "451 try again later"
        if self.refusing:
            return "451 try again later"
        self.taken.append(envelope)
        self.sessions.append((session.ssl is not None, bool(session.authenticated)))
        return "250 OK"

    def messages(self) -> list[EmailMessage]:
        """What was taken, in its order."""
        contents = [envelope.content for envelope in self.taken]
        found = [message_from_bytes(each, policy=policy.default) for each in contents if isinstance(each, bytes)]
        return [message for message in found if isinstance(message, EmailMessage)]


@contextmanager
def plain_sink() -> Iterator[tuple[Sink, str]]:
    """A server that wants neither encryption nor a login, and the `mail` section that names it."""
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield sink, f"mail: {{host: 127.0.0.1, port: {controller.port}, security: none, sender: sereno@example.com}}\n"
    controller.stop()


@contextmanager
def guarded_sink(folder: Path) -> Iterator[tuple[Sink, str, Path]]:
    """A server that wants STARTTLS and a login; the `mail` section that names it, and the certificate to be trusted."""
    certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    sink = Sink()
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=_known,
    )
    controller.start()
    settings = (
        f"mail: {{host: 127.0.0.1, port: {controller.port}, security: starttls, sender: sereno@example.com, "
        f"username: {USER}, password: '${{SMTP_PASSWORD}}'}}\n"
    )
    yield sink, settings, certificate
    controller.stop()


def _known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    del server, session, envelope, mechanism
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 for a day, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
