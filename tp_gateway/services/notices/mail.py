"""Notices as e-mails, by SMTP. Nothing of a person is in a header but the address, which was checked; a message that
must be sent again has the same Message-ID."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from tp_gateway.addresses import is_email
from tp_gateway.contract import Event
from tp_gateway.services.clock import Clock
from tp_gateway.services.notices.reading import KINDS, Notice, Notices
from tp_gateway.services.notices.wording import Wording
from tp_gateway.services.outbox import NotTold

_SECONDS = 10.0
_STEPS = 10
"""Of one SMTP conversation, each of which may take that long."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """`tls` is starttls, tls (from the first byte) or none. `sender` is the address that mails come from."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None = field(repr=False)
    sender: str

    def send(self, message: EmailMessage, to: str) -> None:
        """Returns once the server has taken it. Raises what smtplib raises, OSError."""
        client = self._connect()
        try:
            if self.tls == "starttls":
                client.starttls(context=ssl.create_default_context())
            if self.user is not None:
                client.login(self.user, self.password or "")
            client.send_message(message, self.sender, [to])
            with suppress(smtplib.SMTPException, OSError):  # it was taken: how they part does not count
                client.quit()
        finally:
            client.close()

    def _connect(self) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(self.host, self.port, timeout=_SECONDS)


class Email:
    """At least once: when the gateway dies, or the server's answer is lost, between the server taking a mail and its
    being ticked off, it is sent once more."""

    name = "email"
    longest = _SECONDS * _STEPS

    def __init__(self, server: MailServer, notices: Notices, wording: Wording, clock: Clock) -> None:
        self._server, self._notices, self._wording, self._clock = server, notices, wording, clock

    def wants(self, topic: str) -> bool:
        return topic in KINDS

    def tell(self, event: Event) -> str:
        notice = self._notices.read(event)
        if isinstance(notice, str):
            return notice
        if not notice.settings.notifications.email_enabled:
            return "e-mails are switched off"
        if not is_email(notice.email):
            return "no e-mail address" if not notice.email else "not an e-mail address"
        try:
            self._server.send(self._message(notice), notice.email)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refused:
            code = _code(refused)
            if 500 <= code < 600:
                return f"the mail server refused it for good: {code}"
            raise NotTold(f"the mail server refused it for now: {code}") from None
        except (smtplib.SMTPException, OSError) as error:  # whose text may have the address
            raise NotTold(f"the mail server: {type(error).__name__}") from None
        return ""

    def _message(self, notice: Notice) -> EmailMessage:
        clinic, domain = notice.settings.clinic, self._server.sender.rpartition("@")[2]
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(" ".join(clinic.name.split()), addr_spec=self._server.sender)
        message["To"] = Address(addr_spec=notice.email)
        if clinic.email:
            message["Reply-To"] = Address(addr_spec=clinic.email)
        message["Subject"] = self._wording.subject(notice)
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<{notice.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._wording.plain(notice))
        message.add_alternative(self._wording.html(notice), subtype="html")
        return message


def _code(refused: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> int:
    if isinstance(refused, smtplib.SMTPDataError):
        return int(refused.smtp_code)
    return min(code for code, _ in refused.recipients.values())
