"""Days of the clinic's calendar as stretches of time. A day has 23 or 25 hours twice a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tp_gateway.services.clock import end_of

DAY = timedelta(days=1)


@lru_cache(8192)
def end(day: date, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) after it."""
    return end_of(day, zone)


def begin(day: date, zone: ZoneInfo) -> datetime:
    return end(day - DAY, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day that a moment falls on: the one between whose `begin` and `end` it is, also where clocks went back over
    midnight."""
    day = moment.astimezone(zone).date()
    return day + DAY if moment >= end(day, zone) else day


def last_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - DAY


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
