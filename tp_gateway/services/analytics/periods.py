"""Which days are asked about, which came before them, and at which points a chart shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from tp_gateway.errors import ValidationError
from tp_gateway.services.analytics.days import DAY, days, last_of_month

KINDS = ("today", "week", "month", "year", "all")
CUSTOM = "custom"
"""With both days, and named or not."""
LONGEST_DAYS = 3_660
"""Of a period that the caller chooses: ten years."""
_DAILY, _WEEKLY, _MONTHLY = 14, 93, 1_830
"""Up to so many days a chart has a point for each day, week or month; beyond, for each year."""
_LAST_WEEK = 3
"""A week's point this close to the end gives way to the last day's: a month has the points 1, 8, 15, 22 and its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One of `KINDS`, or `CUSTOM` or anything else with both days (inclusive)."""

    kind: str = "month"
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """All days inclusive, in the clinic's calendar. `before` is the period that it is compared with."""

    kind: str
    first: date
    last: date
    before: tuple[date, date] | None

    @property
    def by_hours(self) -> bool:
        return self.first == self.last and self.kind != "all"

    @property
    def by_days(self) -> bool:
        """Are its points days or weeks? Else they are the ends of months or years."""
        return (self.last - self.first).days < _WEEKLY

    def points(self) -> list[date]:
        """The days of a chart's points, the last of the period among them. Each stands for the days after the point
        before it, up to and with its own."""
        length = (self.last - self.first).days + 1
        if length <= _DAILY:
            return list(days(self.first, self.last))
        if length <= _WEEKLY:
            weeks = range(0, length - _LAST_WEEK, 7)
            return [*(self.first + timedelta(days=number) for number in weeks), self.last]
        ends, day = [], self.first
        while day <= self.last:
            end = last_of_month(day) if length <= _MONTHLY else date(day.year, 12, 31)
            ends.append(min(end, self.last))
            day = end + DAY
        return ends


def period(asked: Asked, today: date, ever: tuple[date, date]) -> Period:
    """`ever`: the first and the last day that there is anything on. ValidationError for days that make no period."""
    if asked.kind == CUSTOM or asked.first is not None or asked.last is not None:
        return _custom(asked.first, asked.last)
    if asked.kind == "today":
        return Period(asked.kind, today, today, (today - DAY, today - DAY))
    if asked.kind == "week":
        monday = today - timedelta(days=today.weekday())
        return Period(asked.kind, monday, monday + timedelta(days=6), (monday - timedelta(days=7), monday - DAY))
    if asked.kind == "month":
        first = today.replace(day=1)
        return Period(asked.kind, first, last_of_month(first), ((first - DAY).replace(day=1), first - DAY))
    if asked.kind == "year":
        first = date(today.year, 1, 1)
        return Period(asked.kind, first, date(today.year, 12, 31), (date(today.year - 1, 1, 1), first - DAY))
    return Period(asked.kind, min(ever[0], today), max(ever[1], today), None)


def _custom(first: date | None, last: date | None) -> Period:
    if first is None or last is None:
        missing = "start_date" if first is None else "end_date"
        raise ValidationError({missing: ["Give both start_date and end_date"]})
    if last < first:
        raise ValidationError({"end_date": ["Must not be before start_date"]})
    length = (last - first).days + 1
    if length > LONGEST_DAYS:
        raise ValidationError({"end_date": [f"At most {LONGEST_DAYS} days at once"]})
    return Period(CUSTOM, first, last, (first - timedelta(days=length), first - DAY))
