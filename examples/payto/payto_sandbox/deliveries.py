"""Webhooks on their way out: signed, and sent again until somebody has taken them."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from typing import Any

import urllib3

_TRIES, _PAUSE = 20, 0.25


def signed(body: bytes, secret: str, at: float) -> dict[str, str]:
    """The headers of a webhook that is signed at the Unix time `at`."""
    stamp = str(int(at))
    mark = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"payto-signature": f"t={stamp},v1={mark}"}


def body_of(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


class Deliveries:
    """One after the other, in the order of the events, on a thread of its own."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret
        self._http = urllib3.PoolManager(retries=False, timeout=10)
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, event: dict[str, Any]) -> None:
        self._waiting.put(event)

    def stop(self) -> None:
        self._waiting.put(None)
        self._thread.join(5)

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            body = body_of(event)
            for _ in range(_TRIES):
                if self._taken(body):
                    break
                time.sleep(_PAUSE)

    def _taken(self, body: bytes) -> bool:
        headers = signed(body, self._secret, time.time()) | {"content-type": "application/json"}
        try:
            answer = self._http.request("POST", self._url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status < 300
