"""What was received lately, for tests to look at: a bounded ring that never holds a credential."""

import threading
from collections import deque
from typing import Any

from sandbox.stripe.messages import Answer, Request

KEPT = 20_000


class RequestLog:
    def __init__(self, kept: int = KEPT) -> None:
        self.last = 0
        self._entries: deque[dict[str, Any]] = deque(maxlen=kept)
        self._lock = threading.Lock()

    def received(self, request: Request, at: float) -> dict[str, Any]:
        """The entry of a request; its status follows."""
        entry = {
            "sequence": 0,
            "at": at,
            "method": request.method,
            "path": request.path,
            "form": request.params,
            "idempotency_key": request.headers.get("idempotency-key"),
            "stripe_version": request.headers.get("stripe-version"),
            "status": None,
            "replayed": False,
            "fault": None,
        }
        with self._lock:
            self.last += 1
            entry["sequence"] = self.last
            self._entries.append(entry)
        return entry

    @staticmethod
    def answered(entry: dict[str, Any], answer: Answer | None) -> None:
        if answer is not None:
            entry["status"] = answer.status
            entry["replayed"] = "Idempotent-Replayed" in answer.headers

    def since(self, sequence: int) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._entries if entry["sequence"] > sequence]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
