"""A circuit breaker: after some failures in a row nothing is sent for a while, then one probe decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Thread-safe. `failures` in a row open it for `seconds`; then one call is let through, and its result decides."""

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = failures, seconds, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0
        self._probing = False

    def is_open(self) -> bool:
        """True while a new payment should be refused before anything is written. Takes no probe."""
        with self._lock:
            return self._failures >= self._limit and (self._probing or self._clock() < self._open_until)

    def admit(self) -> bool:
        """May this call be sent? When the pause is over exactly one caller gets True, as the probe."""
        with self._lock:
            if self._failures < self._limit:
                return True
            if self._probing or self._clock() < self._open_until:
                return False
            self._probing = True
            return True

    def record(self, ok: bool) -> None:
        with self._lock:
            self._probing = False
            self._failures = 0 if ok else self._failures + 1
            if self._failures >= self._limit:
                self._open_until = self._clock() + self._seconds

    def seconds_left(self) -> int:
        with self._lock:
            return max(1, round(self._open_until - self._clock()))
