"""Sends events to webhook endpoints, signed and with retries (docs.stripe.com/webhooks). It only reads the events."""

import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe.delivery_faults import DeliveryFaults, Sending, one_byte_changed
from sandbox.stripe.world import World

TIMEOUT = 20.0
WORKERS = 4


def signature(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """docs.stripe.com/webhooks/signature: one v1 for each secret, two while one is being rolled."""
    signed = f"{at}.".encode() + payload
    marks = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


class Deliverer:
    """A few threads that take what is due, in order of creation but without a promise of it, as Stripe does."""

    def __init__(
        self, world: World, backoff: Sequence[float], faults: DeliveryFaults | None = None, workers: int = WORKERS
    ) -> None:
        self.world = world
        self.faults = faults or DeliveryFaults()
        self.backoff = tuple(backoff)
        self.held = False
        self._due: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._stopping = False
        self._busy = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        for item in self.world.books.all("_delivery").walk():
            if item["state"] == "pending":
                heapq.heappush(self._due, (item["due"], next(self._order), item["id"]))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(2)

    def wake(self) -> None:
        """Something new is in the outbox, or the clock has moved."""
        with self._ready:
            while self.world.outbox:
                key, kind = self.world.outbox.popleft()
                for delay in self.faults.delays(kind):
                    heapq.heappush(self._due, (self.world.clock.now() + delay, next(self._order), key))
            self._ready.notify_all()

    def hold(self, held: bool) -> None:
        self.held = held
        self.wake()

    def forget(self) -> None:
        with self._ready:
            self._due.clear()
            self.world.outbox.clear()

    def idle(self) -> bool:
        """Whether nothing is due now and nobody is sending."""
        with self._ready:
            return (
                not self._busy and not self.world.outbox and (not self._due or self._due[0][0] > self.world.clock.now())
            )

    def _next(self) -> str | None:
        with self._ready:
            while not self._stopping:
                wait: float | None = None
                if self._due and not self.held:
                    wait = self._due[0][0] - self.world.clock.now()
                    if wait <= 0:
                        self._busy += 1
                        return heapq.heappop(self._due)[2]
                self._ready.wait(wait)
        return None

    def _work(self) -> None:
        connections: dict[str, http.client.HTTPConnection] = {}
        while (key := self._next()) is not None:
            try:
                self._deliver(key, connections)
            finally:
                with self._ready:
                    self._busy -= 1

    def _deliver(self, key: str, connections: dict[str, http.client.HTTPConnection]) -> None:
        books = self.world.books
        with books.lock:
            item = books.get("_delivery", key)
            endpoint = books.get("webhook_endpoint", item["endpoint"]) if item else None
            event = books.get("event", item["event"]) if item else None
            if item is None or event is None:  # undone, or forgotten by a reset
                return
            payload = json.dumps(event, separators=(",", ":")).encode()
            secrets = (books.get("_secret", item["endpoint"]) or {}).get("secrets", [])
        sending = Sending(payload, secrets, self.world.clock.seconds())
        self.faults.spoil(event["type"], sending)
        if endpoint is None or endpoint["status"] != "enabled":
            self._record(key, {"error": "the endpoint is disabled or gone"}, ok=False, final=True)
            return
        outcome = self._post(endpoint["url"], sending, connections)
        self._record(key, outcome, ok=200 <= outcome.get("status", 0) < 300)

    def _post(self, url: str, sending: Sending, connections: dict[str, http.client.HTTPConnection]) -> dict[str, Any]:
        payload = one_byte_changed(sending.payload) if sending.spoilt else sending.payload
        parts = urlsplit(url)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "*/*; q=0.5, application/xml",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": signature(sending.payload, sending.secrets, sending.at),
        }
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        while True:
            kept = connections.pop(parts.netloc, None)
            connection = kept or made(parts.netloc, timeout=TIMEOUT)
            try:
                connection.request("POST", target, payload, headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept is None:
                    return {"error": f"{type(error).__name__}: {error}"}
                continue  # a kept connection may simply have grown old: once more with a new one
            connections[parts.netloc] = connection
            return {"status": answer.status}

    def _record(self, key: str, outcome: dict[str, Any], ok: bool, final: bool = False) -> None:
        """Note the try; a failed one comes again after the next pause of the back-off list, then never."""
        world = self.world
        with world.books.transaction():
            item = world.books.touch("_delivery", key)
            if item is None:
                return
            item["attempts"].append({"at": world.clock.now(), **outcome})
            tried = len(item["attempts"])
            if not ok and not final and tried <= len(self.backoff):
                item["due"] = world.clock.now() + self.backoff[tried - 1]
                with self._ready:
                    heapq.heappush(self._due, (item["due"], next(self._order), key))
                    self._ready.notify()
                return
            item["state"] = "delivered" if ok else "failed"
            event = world.books.get("event", item["event"])
            if event and ok and event["pending_webhooks"] > 0:
                world.change(event, pending_webhooks=event["pending_webhooks"] - 1)
