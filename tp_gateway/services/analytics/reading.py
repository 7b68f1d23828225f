"""Reads sums over days: whole months by their own sums, the rest day by day, and what is not added yet on top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import AnalyticsSum, table
from tp_gateway.services.analytics import sums
from tp_gateway.services.analytics.days import DAY, last_of_month
from tp_gateway.services.analytics.sums import Key, Sums

S = table(AnalyticsSum)
Stretch = tuple[str, date, date]
"""span, and the first and last `start` of it"""
Total = tuple[str, str]
"""measure, key"""


@dataclass(frozen=True, slots=True)
class Window:
    """What to add up: of these stretches, and of these measures (all, if none is named)."""

    stretches: list[Stretch]
    measures: frozenset[str] = frozenset()

    def has(self, key: Key) -> bool:
        span, start, measure, _ = key
        return (not self.measures or measure in self.measures) and any(
            span == one and first <= start <= last for one, first, last in self.stretches
        )


def window(first: date, last: date, *measures: str, daily: bool = False) -> Window:
    """Of these days; `daily`: without taking months for their days."""
    stretches = [(sums.IN_DAY, first, last)] if daily else list(_stretches(first, last))
    return Window(stretches, frozenset(measures))


@dataclass(frozen=True, slots=True)
class Reading:
    """`session` to read the kept sums with, or None; `more` counts beside them."""

    session: orm.Session | None
    more: Sums

    def totals(self, windows: Mapping[str, Window]) -> dict[str, Counter[Total]]:
        """Name -> (measure, key) -> value, of several windows in one statement."""
        found: dict[str, Counter[Total]] = {name: Counter() for name in windows}
        if self.session is not None:
            queries = [
                sa.select(sa.literal(name), S.c.measure, S.c.key, _TOTAL).where(_within(one)).group_by("measure", "key")
                for name, one in windows.items()
                if one.stretches
            ]
            for name, measure, key, value in self.session.execute(sa.union_all(*queries)).all():
                found[name][measure, key] += value
        for one, value in self.more.items():
            for name, asked in windows.items():
                if asked.has(one):
                    found[name][one[2], one[3]] += value
        return found

    def by_start(self, asked: Window) -> dict[str, Counter[date]]:
        """Measure -> first day of a day or month -> value of all its keys."""
        found: dict[str, Counter[date]] = {measure: Counter() for measure in asked.measures}
        if self.session is not None:
            query = sa.select(S.c.measure, S.c.start, _TOTAL).where(_within(asked)).group_by("measure", "start")
            for measure, start, value in self.session.execute(query).all():
                found[measure][start] += value
        for one, value in self.more.items():
            if asked.has(one):
                found[one[2]][one[1]] += value
        return found

    def ever(self) -> tuple[date, date] | None:
        """The first and the last day on which there is anything, available minutes aside."""
        months = self._ends((sums.IN_MONTH, date.min, date.max))
        if months is None:
            return None
        first = self._ends((sums.IN_DAY, months[0], last_of_month(months[0])))
        last = self._ends((sums.IN_DAY, months[1], last_of_month(months[1])))
        return (first or months)[0], (last or months)[1]

    def _ends(self, stretch: Stretch) -> tuple[date, date] | None:
        """The first and the last `start` with anything. What is not added yet can take away the last of it."""
        asked = Window([stretch], frozenset(_DATED))
        kept = sa.select(S.c.span, S.c.start, S.c.measure, S.c.key, S.c.value).where(_within(asked))
        if self.session is not None and not self.more:
            query = sa.select(sa.func.min(S.c.start), sa.func.max(S.c.start)).where(_within(asked), S.c.value != 0)
            first, last = self.session.execute(query).one()
            return (first, last) if first is not None else None
        found: Sums = Counter({key: value for key, value in self.more.items() if asked.has(key)})
        for *key, value in self.session.execute(kept).all() if self.session is not None else ():
            found[key[0], key[1], key[2], key[3]] += value
        starts = {start for (_, start, *_), value in found.items() if value}
        return (min(starts), max(starts)) if starts else None


_TOTAL = sa.cast(sa.func.sum(S.c.value), sa.BigInteger)
"""PostgreSQL's own sum of bigints is a numeric."""


def _within(asked: Window) -> sa.ColumnElement[bool]:
    here = (sa.and_(S.c.span == span, S.c.start.between(first, last)) for span, first, last in asked.stretches)
    if not asked.measures:
        return sa.or_(*here)
    return sa.and_(sa.or_(*here), S.c.measure.in_(sorted(asked.measures)))


_DATED = (sums.USERS, sums.APPOINTMENTS, sums.BY_METHOD, sums.NOTES_BEGUN, sums.NOTES_COMPLETED)


def _stretches(first: date, last: date) -> Iterator[Stretch]:
    """The same days as whole months and what is left of days at both ends."""
    if last < first:
        return
    month = first if first.day == 1 else last_of_month(first) + DAY
    end = last if last == last_of_month(last) else last.replace(day=1) - DAY
    if month > end:
        yield sums.IN_DAY, first, last
        return
    if first < month:
        yield sums.IN_DAY, first, month - DAY
    yield sums.IN_MONTH, month, end
    if end < last:
        yield sums.IN_DAY, end + DAY, last
