"""A mail server behind a socket that keeps what it took, for tests."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class _Controller(Controller):
    def _trigger_server(self) -> None:
        """The port is chosen by the system: the one that was asked for (0) cannot be connected to."""
        assert self.server is not None
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()


class Mails:
    """`taken` are (recipients, message). `recipient` and `data` are what is answered to a recipient and to a mail, None
    for yes; `after` runs once a mail was taken, before that is said.
    With a `certificate` it offers STARTTLS, and wants the `login` (user, password)."""

    def __init__(self, *, certificate: Path | None = None, login: tuple[str, str] = ("", "")) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.raw: list[bytes] = []
        self.recipient: str | None = None
        self.data: str | None = None
        self.after: Callable[[], object] = lambda: None
        self._login = tuple(word.encode() for word in login)
        more: dict[str, Any] = {}
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            more = {"tls_context": context, "authenticator": self._authenticate, "auth_required": True}
        self._controller = _Controller(self, hostname="127.0.0.1", port=0, **more)
        self._controller.start()

    @property
    def port(self) -> int:
        return self._controller.port

    def stop(self) -> None:
        if self._controller.server is not None:
            self._controller.stop(no_assert=True)

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == self._login
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:
        if self.recipient is not None:
            return self.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.data is not None:
            return self.data
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.raw.append(envelope.content)
        self.taken.append((list(envelope.rcpt_tos), message))
        self.after()
        return "250 taken"


def make_certificate(path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unencrypted)
    path.write_bytes(private + made.public_bytes(pem))
    return path
