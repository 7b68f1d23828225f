"""Calendar days as Medicare counts them: in the clinic's time zone, which every caller names. Nothing here asks what
time it is."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an aware `moment` in `zone`. ValueError for a naive one, which could be any day."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a time zone")
    return moment.astimezone(zone).date()


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last: 31 January and one month is 28 or 29 February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add_years(day: date, years: int) -> date:
    """The same day of a later year; 28 February for the 29th of a year that has none."""
    return add_months(day, 12 * years)
