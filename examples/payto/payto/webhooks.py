"""The service's webhooks and its list of events: who sent them, when, and about which agreement. They decide nothing,
and nobody is called here."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tp_gateway.contract import InvalidSignature, Label, Observation, Subject

HEADER = "payto-signature"
TOLERANCE = 300
"""Seconds that a signature may be old, or ahead: clocks differ."""


class Webhooks:
    """Several secrets are good at once while one is being replaced."""

    def __init__(self, secrets: tuple[str, ...], environment: str) -> None:
        self._secrets, self._environment = secrets, environment

    def parse(self, body: bytes, headers: Mapping[str, str]) -> list[Observation]:
        self._verify(body, headers.get(HEADER, ""))
        try:
            return [self.observation(json.loads(body))]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            raise InvalidSignature("signed, and no event") from None

    def observation(self, event: Mapping[str, Any]) -> Observation:
        """A hint to fetch: what the event says about money is not looked at."""
        agreement = event["agreement"]
        labels = {str(name): str(value) for name, value in agreement["labels"].items()}
        name, kind = str(event["id"]), str(event["type"])
        if labels.get(Label.ENVIRONMENT) != self._environment:
            return Observation(name, kind, Subject.NOTHING, note="another installation's")
        at = datetime.fromtimestamp(event["at"], UTC)
        return Observation(name, kind, Subject.PAYMENT, str(agreement["id"]), labels, occurred_at=at)

    def _verify(self, body: bytes, header: str) -> None:
        """`t=<Unix time>,v1=<HMAC-SHA256 of time, dot and body, in hex>`."""
        stamp, _, mark = header.removeprefix("t=").partition(",v1=")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
            raise InvalidSignature("no signature")
        signed = stamp.encode() + b"." + body
        right = (hmac.new(one.encode(), signed, hashlib.sha256).hexdigest() for one in self._secrets)
        if not any(hmac.compare_digest(one.encode(), mark.encode()) for one in right):
            raise InvalidSignature("not signed with our secret")
        if abs(time.time() - int(stamp)) > TOLERANCE:
            raise InvalidSignature("too old, or from the future")
