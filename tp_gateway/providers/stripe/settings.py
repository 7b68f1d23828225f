"""What an operator may set (`tp_gateway.stripe.*`) and what a payment request may carry. Messages never contain a
value, because a mistyped secret is still a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import colander
import stripe

from tp_gateway.contract import ConfigurationError, Environment, fields

STRIPE = "https://api.stripe.com"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_API_KEY = re.compile(r"[sr]k_(?:live|test)_[A-Za-z0-9_]+", re.ASCII)
_PUBLISHABLE = re.compile(r"pk_(?:live|test)_[A-Za-z0-9_]+", re.ASCII)
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+", re.ASCII)


def _matches(pattern: re.Pattern[str], message: str) -> Any:
    def check(node: colander.SchemaNode, value: str) -> None:
        if value and not pattern.fullmatch(value):
            raise colander.Invalid(node, message)

    return check


class Number(colander.SchemaType):
    """Decimal text of an ini, such as `3` or `0.5`: no NaN, no `1_000`, and no value in the message."""

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        if cstruct is colander.null:
            return colander.null
        pattern = r"[0-9]{1,4}" if self.whole else r"[0-9]{1,4}(?:\.[0-9]{1,3})?"
        if not re.fullmatch(pattern, str(cstruct), re.ASCII):
            raise colander.Invalid(node, "Not a whole number" if self.whole else "Not a number of seconds")
        return int(cstruct) if self.whole else float(cstruct)


def _between(least: float, most: float) -> Any:
    def check(node: colander.SchemaNode, value: float) -> None:
        if not least <= value <= most:
            raise colander.Invalid(node, f"Not between {least:g} and {most:g}")

    return check


def webhook_secrets(text: str) -> tuple[str, ...]:
    return tuple(secret.strip() for secret in text.split(",") if secret.strip())


def _check_webhook_secrets(node: colander.SchemaNode, value: str) -> None:
    if not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in webhook_secrets(value)):
        raise colander.Invalid(node, "Webhook secrets start with whsec_; separate several by commas")


def _check_base(node: colander.SchemaNode, value: str) -> None:
    if _web_address(value) is None or urlsplit(value).query or urlsplit(value).fragment:
        raise colander.Invalid(node, "Not an https address (http only for this machine)")


@fields.documented(format="uri")
def _check_return_url(node: colander.SchemaNode, value: str) -> None:
    if _web_address(value) is None:
        raise colander.Invalid(node, "Not an https URL")


def _web_address(value: str) -> str | None:
    """The host of an https URL, or of an http URL on this machine."""
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc:
        return None
    return host if parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL) else None


@fields.documented(const=["card"])
def _check_types(node: colander.SchemaNode, value: list[str]) -> None:
    if value != ["card"]:
        raise colander.Invalid(node, 'Only ["card"] is accepted')


class Settings(fields.Schema):
    """`webhook_secret` may list several, comma-separated, while one is being rolled
    (docs.stripe.com/webhooks#roll-endpoint-secrets)."""

    api_key = colander.SchemaNode(
        fields.Text(), secret=True, validator=_matches(_API_KEY, "A secret or restricted key starts with sk_ or rk_")
    )
    webhook_secret = colander.SchemaNode(fields.Text(), secret=True, missing="", validator=_check_webhook_secrets)
    publishable_key = colander.SchemaNode(
        fields.Text(),
        missing="",
        validator=_matches(_PUBLISHABLE, "A publishable key starts with pk_"),
        public=True,
    )
    api_base = colander.SchemaNode(fields.Text(), missing=STRIPE, validator=_check_base)
    connect_timeout = colander.SchemaNode(Number(), missing=3.0, validator=_between(0.05, 60))
    read_timeout = colander.SchemaNode(Number(), missing=10.0, validator=_between(0.05, 80))
    pool_size = colander.SchemaNode(Number(whole=True), missing=16, validator=_between(1, 1000))


class Parameters(fields.Schema):
    """The frontend's `payment_method_types` is `allowed_payment_method_types` in Stripe's present API."""

    payment_method_types = colander.SchemaNode(
        fields.Sequence(), colander.SchemaNode(fields.Text()), missing=colander.drop, validator=_check_types
    )
    return_url = colander.SchemaNode(
        fields.Text(), missing=colander.drop, validator=colander.All(colander.Length(max=500), _check_return_url)
    )


def refuse_unsafe(settings: Mapping[str, Any], environment: Environment) -> None:
    """What one setting's validator cannot see: settings against each other and against where we run."""
    api_key, publishable, base = settings["api_key"], settings["publishable_key"], settings["api_base"].rstrip("/")
    live = "_live_" in api_key[:8]
    if publishable and live != ("_live_" in publishable[:8]):
        raise ConfigurationError("tp_gateway.stripe.publishable_key: not of the same mode (live or test) as api_key")
    if live and base != STRIPE:
        raise ConfigurationError("tp_gateway.stripe.api_base: a live key is sent to Stripe only")
    if not environment.production:
        return
    if not live:
        raise ConfigurationError("tp_gateway.stripe.api_key: a test key is refused in production")
    if not webhook_secrets(settings["webhook_secret"]):
        raise ConfigurationError("tp_gateway.stripe.webhook_secret: needed in production")
    if base != STRIPE:
        raise ConfigurationError("tp_gateway.stripe.api_base: only Stripe itself is accepted in production")
    if stripe.log or os.environ.get("STRIPE_LOG"):
        raise ConfigurationError("STRIPE_LOG prints client secrets: unset it in production")
