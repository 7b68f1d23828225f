"""What every resource works with: books, clock, settings, events and things that happen later. No HTTP in here."""

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.stripe import events
from sandbox.stripe.books import Books, Object
from sandbox.stripe.clock import Clock
from sandbox.stripe.errors import Missing
from sandbox.stripe.messages import API_VERSION
from sandbox.stripe.shapes import letters
from sandbox.stripe.tally import Tally

# What the control API may change while the sandbox runs.
DEFAULT_SETTINGS: dict[str, Any] = {
    "balance_late_seconds": 0,  # seconds until a charge's balance transaction appears; None: until told
    "refund_seconds": 1.0,  # how long the tokens for pending and failing refunds take
    "debit_seconds": 1.0,  # how long a bank debit stays in `processing`
    "events_kept": None,  # how many events, and deliveries of them, are remembered; None: all
    "settlement_days": 2,  # until the money of a charge is available; guess: Australia's (docs.stripe.com/payouts)
    "processing_seconds": 0,  # above 0: a confirmed payment intent stays in `processing` so long
    "payouts": "daily",  # or "manual": only when told
    "pricing": "domestic",  # or "by_card": cards from abroad cost more
}

Action = Callable[..., None]
ACTIONS: dict[str, Action] = {}


def action(function: Action) -> Action:
    """Marks a function `(world, **arguments)` that can be scheduled; it is stored by name, so it survives a restart."""
    ACTIONS[function.__name__] = function
    return function


class World:
    def __init__(self, books: Books, challenge_base: str = "", account_version: str = API_VERSION) -> None:
        self.books = books
        self.clock = Clock()
        self.challenge_base = challenge_base
        self.account_version = account_version  # of requests without a Stripe-Version, and of events
        self.cause: dict[str, str | None] = {"id": None, "idempotency_key": None}
        self.outbox: deque[tuple[str, str]] = deque()  # deliveries that nobody has picked up yet, with the event's type
        self.on_delivery: Callable[[], None] = lambda: None
        self.wake_schedule: Callable[[], None] = lambda: None
        self._due: list[tuple[float, str]] = []
        self.reload()

    def reload(self) -> None:
        """Take the settings, the clock and the schedule from the books (at the start, and after a reset)."""
        self.tally = Tally()
        self.settings = {**DEFAULT_SETTINGS, **(self.books.get("_settings", "settings") or {})}
        self.clock.offset = (self.books.get("_settings", "clock") or {}).get("offset", 0.0)
        self._due = [(item["due"], key) for key, item in self.books.all("_schedule").items()]
        heapq.heapify(self._due)

    def change_settings(self, changes: dict[str, Any]) -> None:
        unknown = changes.keys() - DEFAULT_SETTINGS.keys()
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        self.settings |= changes
        self.books.put("_settings", "settings", dict(self.settings))

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not go back")
        self.clock.advance(seconds)
        self.books.put("_settings", "clock", {"offset": self.clock.offset})

    def find(self, kind: str, key: str | None, param: str = "id", noun: str | None = None) -> Object:
        """The object, or Stripe's 404."""
        found = self.books.get(kind, key)
        if found is None or found.get("deleted"):
            raise Missing(noun or kind, str(key), param)
        return found

    def change(self, thing: Object, **facts: Any) -> Object:
        """Change an object of the books within the running transaction; a copy that was only looked at goes along."""
        booked: Object = self.books.touch(thing["object"], thing["id"])
        booked.update(facts)
        if booked is not thing:
            thing.update(facts)
        return booked

    def note(self, kind: str, key: str, **facts: Any) -> dict[str, Any]:
        """The sandbox's own note about an object, changed by `facts`."""
        if not facts:
            return self.books.get(kind, key) or {}
        return self.books.put(kind, key, {**(self.books.get(kind, key) or {}), **facts})

    def emit(self, kind: str, thing: Object, previous: dict[str, Any] | None = None) -> None:
        events.emit(self, kind, thing, previous)

    def later(self, seconds: float, function: Action, **arguments: Any) -> None:
        """Run a scheduled action after so many seconds of the sandbox's clock."""
        key, due = letters(16), self.clock.now() + seconds
        self.books.put("_schedule", key, {"due": due, "action": function.__name__, "arguments": arguments})
        heapq.heappush(self._due, (due, key))
        self.wake_schedule()

    def next_due(self) -> float | None:
        """Seconds until the next scheduled action."""
        with self.books.lock:
            return max(0.0, self._due[0][0] - self.clock.now()) if self._due else None

    def run_due(self) -> None:
        """Do what has come due, each in a transaction of its own."""
        while self._due and self._due[0][0] <= self.clock.now():
            with self.books.transaction():
                if not self._due or self._due[0][0] > self.clock.now():
                    return
                _, key = heapq.heappop(self._due)
                item = self.books.get("_schedule", key)
                if item is None:  # its transaction was undone
                    continue
                self.cause = {"id": None, "idempotency_key": None}
                self.books.remove("_schedule", key)
                ACTIONS[item["action"]](self, **item["arguments"])
            self.on_delivery()
