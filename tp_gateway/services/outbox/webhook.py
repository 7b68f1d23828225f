"""Tells the clinic's backend, as webhooks signed by the scheme of Standard Webhooks (standardwebhooks.com, version 1).
What it answers does not count, only that it is 2xx; nobody is followed elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import urllib3

from tp_gateway.contract import Event
from tp_gateway.services.clock import Clock
from tp_gateway.services.outbox.destinations import NotTold

_TIMEOUT = urllib3.Timeout(connect=3, read=7)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the backend listens. It is signed with each of `secrets`, so that one can be replaced; `topics` are
    patterns such as `payment.*`."""

    url: str
    secrets: tuple[bytes, ...] = field(repr=False)
    topics: tuple[str, ...]


class Webhook:
    name = "webhook"
    longest = 10.0

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint, self._clock = endpoint, clock
        self._http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, maxsize=4)

    def wants(self, topic: str) -> bool:
        return any(fnmatchcase(topic, pattern) for pattern in self._endpoint.topics)

    def tell(self, event: Event) -> str:
        body, stamp = payload(event), int(self._clock().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "tp-gateway",
            "webhook-id": event.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(self._endpoint.secrets, event.id, stamp, body),
        }
        try:
            answer = self._http.request(
                "POST", self._endpoint.url, body=body, headers=headers, redirect=False, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise NotTold(f"no answer: {type(error).__name__}") from error
        answer.close()  # unread: however much it says, or how slowly
        if not 200 <= answer.status < 300:
            raise NotTold(f"answered {answer.status}")
        return ""


def payload(event: Event) -> bytes:
    """The same bytes each time that the fact is told."""
    told = {"type": event.topic, "timestamp": _moment(event.occurred_at), "data": event.data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secrets: Iterable[bytes], message_id: str, stamp: int, body: bytes) -> str:
    """`v1,…` for each secret: HMAC-SHA256 over id, timestamp and body, in base64. The receiver accepts any that is
    right."""
    signed = f"{message_id}.{stamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode('ascii')}" for digest in digests)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
