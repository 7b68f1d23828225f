"""Now, and when to ask again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tp_gateway.timing import Timing

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def end_of(day: date, time_zone: ZoneInfo) -> datetime:
    """The first moment (UTC) after a day of the clinic's calendar, which has 23 or 25 hours twice a year."""
    return datetime.combine(day + timedelta(days=1), time.min, time_zone).astimezone(UTC)


def next_look(timing: Timing, now: datetime, checks: int) -> datetime:
    """After `checks` looks in vain: doubling from `backoff_first` to `backoff_last`, spread by a fifth so that they
    do not march in step."""
    seconds = min(timing.backoff_last, timing.backoff_first * 2 ** min(checks, 30))
    return now + timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, hides nothing
