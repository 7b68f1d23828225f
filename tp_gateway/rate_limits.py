"""How often somebody may try to pay, and how many of his attempts may be declined: what slows down the testing of
stolen cards. Counted by the library `limits`, in this process or, for all processes together, in Redis.

A window is fixed and begins with its first attempt. Limits are for abuse, not for correctness: if Redis does not
answer, each process counts for itself, and nobody is refused because of it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import limits
from limits.errors import ConfigurationError as LibraryConfigurationError
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from tp_gateway import observability
from tp_gateway.errors import ConfigurationError, GatewayError

T = TypeVar("T")
_MEMORY = "memory://"
_SHARED = ("redis://", "rediss://", "redis+unix://")
_PATIENCE = 0.25
"""Seconds that Redis may take to connect, and to answer: a payment waits for it."""
_PAUSE = 10.0
"""Seconds for which Redis is left alone after it did not answer."""
log = observability.logger(__name__)


class RateLimits:
    """Limits are written as `10/minute` or `5 per 2 hours`; `off` is none. Callers are named by their `actor`,
    addresses by their text. ConfigurationError names the setting that cannot be understood."""

    def __init__(
        self,
        *,
        payments: str = "10/minute",
        declines: str = "5/hour",
        declines_per_address: str = "20/hour",
        storage: str = _MEMORY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._payments = _parsed("payments", payments)
        self._declines = _parsed("declines", declines)
        self._declines_per_address = _parsed("declines_per_address", declines_per_address)
        self._own = FixedWindowRateLimiter(ProcessStorage(clock))
        self._shared = None if storage == _MEMORY else FixedWindowRateLimiter(_shared(storage))
        self._clock, self._leave_alone_until = clock, -math.inf

    def admit(self, actor: str, address: str | None) -> None:
        """Count one attempt to pay. GatewayError `rate_limited`, with the seconds to wait, for one too many."""
        self._count(lambda limiter: self._admit(limiter, actor, address))

    def give_back(self, actor: str) -> None:
        """The attempt was none: the caller got the stored answer of an earlier one."""
        if self._payments is not None:
            self._count(lambda limiter: _add(limiter, self._payments, "payments", actor, -1))

    def declined(self, actor: str, address: str | None) -> None:
        """Count a decline, for the caller and for where he called from."""

        def count(limiter: FixedWindowRateLimiter) -> None:
            _add(limiter, self._declines, "declines", actor)
            if address is not None:
                _add(limiter, self._declines_per_address, "address_declines", address)

        self._count(count)

    def _admit(self, limiter: FixedWindowRateLimiter, actor: str, address: str | None) -> None:
        if self._declines is not None and not limiter.test(self._declines, "declines", actor):
            raise _refused(limiter, self._declines, "declines", actor)
        by_address = self._declines_per_address
        if by_address is not None and address is not None and not limiter.test(by_address, "address_declines", address):
            raise _refused(limiter, by_address, "address_declines", address)
        if self._payments is not None and not limiter.hit(self._payments, "payments", actor):
            raise _refused(limiter, self._payments, "payments", actor)

    def _count(self, count: Callable[[FixedWindowRateLimiter], T]) -> T:
        if self._shared is not None and self._clock() >= self._leave_alone_until:
            try:
                return count(self._shared)
            except StorageError as error:
                self._leave_alone_until = self._clock() + _PAUSE
                log.warning("rate_limit_storage_failed", error=str(error), seconds=_PAUSE)
        return count(self._own)


class ProcessStorage(Storage):
    """Counters of one process. The library's own memory storage starts a thread every ten milliseconds that walks over
    all counters; this one forgets the expired ones when there are twice as many as the last time, so a hit costs the
    same however many callers there are."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock, self._lock = clock, threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._room = 1024

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._clock()
        with self._lock:
            count, ends = self._windows.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
            count = max(0, count + amount)
            self._windows[key] = count, ends
            if len(self._windows) > self._room:
                self._windows = {name: window for name, window in self._windows.items() if window[1] > now}
                self._room = max(1024, 2 * len(self._windows))
        return count

    def get(self, key: str) -> int:
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        """As the time of day, which the library wants."""
        now = self._clock()
        return time.time() + max(0.0, self._windows.get(key, (0, now))[1] - now)

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            forgotten = len(self._windows)
            self._windows = {}
        return forgotten

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)


def _add(
    limiter: FixedWindowRateLimiter, limit: limits.RateLimitItem | None, kind: str, whose: str, amount: int = 1
) -> None:
    if limit is not None:
        limiter.hit(limit, kind, whose, cost=amount)


def _refused(limiter: FixedWindowRateLimiter, limit: limits.RateLimitItem, kind: str, whose: str) -> GatewayError:
    observability.RATE_LIMITED.labels(kind).inc()
    seconds = limiter.get_window_stats(limit, kind, whose).reset_time - time.time()
    what = "attempts to pay" if kind == "payments" else "declined attempts"
    return GatewayError("rate_limited", f"Too many {what}. Please wait", retry_after=max(1, math.ceil(seconds)))


def _parsed(name: str, text: str) -> limits.RateLimitItem | None:
    if text == "off":
        return None
    try:
        parsed = limits.parse(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.amount < 1:
        raise ConfigurationError(f"tp_gateway.rate_limits.{name} must look like 10/minute, or be off")
    return parsed


def _shared(uri: str) -> Storage:
    if not uri.startswith(_SHARED):
        raise ConfigurationError(f"tp_gateway.rate_limits.storage must be {_MEMORY} or begin with {', '.join(_SHARED)}")
    try:
        made = storage_from_string(
            uri, wrap_exceptions=True, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        )
    except (LibraryConfigurationError, ValueError):
        raise ConfigurationError("tp_gateway.rate_limits.storage is not the address of a Redis") from None
    assert isinstance(made, Storage)  # noqa: S101 - the library's other kind is asynchronous
    return made
