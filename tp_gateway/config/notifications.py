"""Settings of those who are told of facts: the clinic's backend by webhooks, patients by e-mail."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tp_gateway.addresses import is_email
from tp_gateway.config.reader import Reader
from tp_gateway.errors import ConfigurationError

_HERE = ("localhost", "127.0.0.1", "::1")
_TOPIC = re.compile(r"[a-z]+\.(?:\*|[a-z_]+)", re.ASCII)
_TOPICS = ("payment.*", "invoice.*", "refund.*", "claim.*")
_DAYS = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class NotificationSettings:
    """Whom the gateway tells of facts. `webhook_url` None: the clinic's backend is not told; `secrets` as bytes.
    `overdue_days`: so long after its due date an invoice is reminded of. `templates`: a folder."""

    webhook_url: str | None
    webhook_secrets: tuple[bytes, ...] = field(repr=False)
    webhook_topics: tuple[str, ...]
    overdue_days: tuple[int, ...]
    templates: str | None


@dataclass(frozen=True)
class MailSettings:
    """The SMTP server for e-mails to patients. `tls` is starttls, tls or none."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None = field(repr=False)
    sender: str


def read_notifications(read: Reader, production: bool) -> NotificationSettings:
    url, topics = read.find("notifications.webhook_url"), read.words("notifications.webhook_topics")
    if url is not None:
        _check_webhook_url(url, production)
    secrets = tuple(_webhook_secret(word) for word in read.words("notifications.webhook_secret"))
    if url is not None and not secrets:
        raise ConfigurationError(
            "tp_gateway.notifications.webhook_secret is not set (tp-gateway new-key --webhook makes one)"
        )
    for topic in topics:
        if not _TOPIC.fullmatch(topic):
            raise ConfigurationError("tp_gateway.notifications.webhook_topics must be topics such as payment.*")
    days = read.words("notifications.overdue_days")
    if not all(_DAYS.fullmatch(day) for day in days):
        raise ConfigurationError("tp_gateway.notifications.overdue_days must be whole numbers from 1 to 999")
    return NotificationSettings(
        webhook_url=url,
        webhook_secrets=secrets,
        webhook_topics=tuple(topics) or _TOPICS,
        overdue_days=tuple(map(int, days)),
        templates=read.find("notifications.templates"),
    )


def _check_webhook_url(url: str, production: bool) -> None:
    """An address of its own, to which nothing is told in clear over a network."""
    try:
        parts = urlsplit(url)
        host, named = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        host, named = None, False
    if not host or not named or parts.scheme not in ("https", "http") or parts.username or parts.fragment:
        raise ConfigurationError("tp_gateway.notifications.webhook_url must be an address such as https://host/path")
    if production and parts.scheme != "https" and host not in _HERE:
        raise ConfigurationError("tp_gateway.notifications.webhook_url must begin with https:// in production")


def _webhook_secret(word: str) -> bytes:
    """`whsec_` and 24 to 64 bytes in base64 (Standard Webhooks)."""
    try:
        secret = base64.b64decode(word.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not word.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise ConfigurationError(
            "tp_gateway.notifications.webhook_secret must be whsec_ and 24 to 64 bytes in base64"
            " (tp-gateway new-key --webhook makes one)"
        )
    return secret


def read_mail(read: Reader, production: bool) -> MailSettings | None:
    host, sender = read.find("smtp.host"), read.find("smtp.from") or ""
    user, password = read.find("smtp.user"), read.find("smtp.password")
    tls = read.choice("smtp.tls", tuple(_MAIL_PORTS), "starttls")
    port = read.integer("smtp.port", _MAIL_PORTS[tls], 1)
    if host is None:
        return None
    if tls == "none" and production and host not in _HERE:
        raise ConfigurationError("tp_gateway.smtp.tls = none: in production only with a server on this machine")
    if not is_email(sender):
        raise ConfigurationError("tp_gateway.smtp.from must be an e-mail address and nothing else")
    if (user is None) != (password is None):
        raise ConfigurationError("tp_gateway.smtp.user and tp_gateway.smtp.password go together")
    return MailSettings(host, port, tls, user, password, sender)
