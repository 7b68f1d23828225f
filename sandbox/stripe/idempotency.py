"""Idempotency keys: an answer once begun is kept and replayed (docs.stripe.com/api/idempotent_requests)."""

import threading
from typing import Any

from sandbox.stripe.errors import IdempotencyError, Invalid
from sandbox.stripe.messages import Answer, Request
from sandbox.stripe.world import World

KEPT_SECONDS = 24 * 3600
LONGEST = 255


class Keys:
    def __init__(self, world: World) -> None:
        self.world = world
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, request: Request, key: str) -> Answer | None:
        """The kept answer, or None: then the key is held until `release`. Raises on a clash."""
        if len(key) > LONGEST:
            raise Invalid(f"Idempotency keys can be up to {LONGEST} characters long.")
        with self.world.books.lock, self._lock:
            kept = self._kept(key)
            if kept is not None:
                if kept["asked"] != self._asked(request):
                    raise IdempotencyError(
                        400,
                        "Keys for idempotent requests can only be used with the same "
                        "parameters they were first used with. Try using a key other than "
                        f"'{key}' if you meant to execute a different request.",
                    )
                return Answer(
                    kept["status"],
                    kept["body"].encode(),
                    {"Idempotent-Replayed": "true", "Original-Request": kept["request_id"]},
                )
            if key in self._in_flight:
                raise IdempotencyError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key "
                    "(that probably means you submitted twice, and the other request is still going "
                    f"through): {key}. Please try again later.",
                    "idempotency_key_in_use",
                )
            self._in_flight.add(key)
            return None

    def _kept(self, key: str) -> dict[str, Any] | None:
        kept = self.world.books.get("_key", key)
        return kept if kept and self.world.clock.now() - kept["at"] < KEPT_SECONDS else None

    @staticmethod
    def _asked(request: Request) -> list[Any]:
        """What is compared: the endpoint and its parameters, not their order."""
        return [request.method, request.path, request.params]

    def keep(self, request: Request, key: str, answer: Answer, request_id: str) -> None:
        """Remember the answer, in the transaction of its effects."""
        self.world.books.put(
            "_key",
            key,
            {
                "asked": self._asked(request),
                "status": answer.status,
                "body": answer.body.decode(),
                "request_id": request_id,
                "at": self.world.clock.now(),
            },
        )

    def release(self, key: str) -> None:
        with self._lock:
            self._in_flight.discard(key)

    def prune(self) -> int:
        """Forget what is at least 24 hours old; how many that were."""
        kept, now = self.world.books.all("_key"), self.world.clock.now()
        old = [key for key in kept if now - kept.peek(key)["at"] >= KEPT_SECONDS]
        for key in old:
            self.world.books.remove("_key", key)
        return len(old)
