"""Stripe's events: who sent them, and which payment or payer they are about. An event is only a hint to fetch; nothing
here believes a status or an amount, and nothing here makes a call.

docs.stripe.com/webhooks#verify-manually. `json.loads` after the check: the library's event objects cost far more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import stripe

from tp_gateway.contract import InvalidSignature, Label, Observation, Subject
from tp_gateway.providers.stripe import answers
from tp_gateway.providers.stripe.disputes import PREFIXES

HEADER = "stripe-signature"
TOLERANCE = 300
ENVIRONMENT = Label.ENVIRONMENT
_METHODS = ("customer.updated", "customer.deleted", "setup_intent.succeeded")


class _Finding(NamedTuple):
    subject: Subject
    reference: str | None = None
    payer: str | None = None
    note: str = ""


class Webhooks:
    """`now` is the wall clock, in seconds. Several secrets are valid at once while one is being rolled."""

    def __init__(self, secrets: tuple[str, ...], live: bool, environment: str, now: Callable[[], float]) -> None:
        self._secrets, self._live, self._environment, self._now = secrets, live, environment, now

    def parse(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        try:
            self._verify(body, headers.get(HEADER, ""))
            event = json.loads(body)
            return [self.observe(event)]
        except InvalidSignature:
            raise
        except Exception as error:
            # The library raises five kinds for bad input, only one of them documented; a signed body that is not an
            # event is refused just the same.
            raise InvalidSignature(type(error).__name__) from None

    def _verify(self, body: bytes, header: str) -> None:
        if not any(_signed(body, header, secret) for secret in self._secrets):
            raise InvalidSignature("no valid signature")
        # The same reading of the header as the library's: the first `t` is what was signed. The library itself checks
        # the past only, and would accept a signature dated next year.
        signed_at = int(next(part.split("=", 2)[1] for part in header.split(",") if part.startswith("t=")))
        if abs(self._now() - signed_at) > TOLERANCE:
            raise InvalidSignature("too old, or from the future")

    def observe(self, event: dict[str, Any]) -> Observation:
        """What an event is about. ValueError, KeyError or TypeError for what is not one."""
        about = event["data"]["object"]
        if event["object"] != "event" or not isinstance(about, dict) or not isinstance(event["livemode"], bool):
            raise ValueError("not an event")
        event_id, kind, created = event["id"], event["type"], answers.moment(event)
        if created is None or not (isinstance(event_id, str) and 0 < len(event_id) <= 255):
            raise ValueError("not an event")
        if not (isinstance(kind, str) and len(kind) <= 255):
            raise ValueError("not an event")
        found = self._subject(event, kind, about)
        return Observation(
            event_id,
            kind,
            found.subject,
            reference=found.reference,
            labels=answers.labels(about) if found.subject is Subject.PAYMENT else {},
            payer=found.payer,
            occurred_at=created,
            note=found.note,
        )

    def _subject(self, event: Mapping[str, Any], kind: str, about: Mapping[str, Any]) -> _Finding:
        label = answers.labels(about).get(ENVIRONMENT)
        if event["livemode"] is not self._live:
            return _nothing("livemode")
        if event.get("account") is not None:
            # docs.stripe.com/connect/webhooks: only events of connected accounts carry it, and we have none.
            return _nothing("account")
        if label is not None and label != self._environment:
            return _nothing("environment")
        if kind.startswith("payment_intent."):
            # Every intent of ours carries our label. Charges and refunds may not: those are matched by their payment
            # intent. Disputes never do: whose one is, is found out when it is fetched.
            reference = answers.reference(about, "id", "pi_")
            return _Finding(Subject.PAYMENT, reference) if reference and label else _nothing("not ours")
        if kind.startswith("charge.dispute."):
            reference = answers.reference(about, "id", *PREFIXES)
            return _Finding(Subject.DISPUTE, reference) if reference else _nothing("no dispute")
        if kind.startswith(("charge.", "refund.")):
            reference = answers.reference(about, "payment_intent", "pi_")
            return _Finding(Subject.PAYMENT, reference) if reference else _nothing("no payment intent")
        if kind in _METHODS or kind.startswith("payment_method."):
            payer = _payer(event, about)
            return _Finding(Subject.METHODS, payer=payer) if payer else _nothing("no customer")
        return _nothing("type")


def _nothing(note: str) -> _Finding:
    return _Finding(Subject.NOTHING, note=note)


def _signed(body: bytes, header: str, secret: str) -> bool:
    try:
        # Constant-time inside. The age is checked by us, in both directions.
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None))
    except stripe.SignatureVerificationError:
        return False


def _payer(event: Mapping[str, Any], about: Mapping[str, Any]) -> str | None:
    if about.get("object") == "customer":
        return answers.reference(about, "id", "cus_")
    before = answers.inner(answers.inner(event, "data"), "previous_attributes")
    # A detached method belongs to nobody any more; whom it belonged to is in previous_attributes.
    return answers.reference(about, "customer", "cus_") or answers.reference(before, "customer", "cus_")
