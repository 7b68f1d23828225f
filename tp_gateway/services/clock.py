"""Now, and when to ask again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tp_gateway.timing import Timing

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def next_look(timing: Timing, now: datetime, checks: int) -> datetime:
    """After `checks` looks in vain: doubling from `backoff_first` to `backoff_last`, spread by a fifth so that they
    do not march in step."""
    seconds = min(timing.backoff_last, timing.backoff_first * 2 ** min(checks, 30))
    return now + timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, hides nothing
