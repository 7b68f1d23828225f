"""Reads sums over days: whole months by their own sums, the rest day by day, and what is not added yet on top."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
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
class Reading:
    """`session` to read the kept sums with, or None; `more` counts beside them."""

    session: orm.Session | None
    more: Sums

    def over(self, first: date, last: date, *, daily: bool = False) -> dict[Total, Counter[date]]:
        """(measure, key) -> first day of a day or month -> value. `daily`: no months."""
        found: dict[Total, Counter[date]] = defaultdict(Counter)
        stretches = [(sums.IN_DAY, first, last)] if daily else list(_stretches(first, last))
        for (_, start, measure, key), value in self._rows(stretches):
            found[measure, key][start] += value
        return found

    def total(self, first: date, last: date, *measures: str) -> Counter[Total]:
        """(measure, key) -> value of all these days."""
        found: Counter[Total] = Counter()
        for (_, _, measure, key), value in self._rows(list(_stretches(first, last)), measures):
            found[measure, key] += value
        return found

    def active_patients(self, span: str, start: date) -> int:
        rows = self._rows([(span, start, start)], [sums.ACTIVE_PATIENTS])
        return sum(value for _, value in rows)

    def ever(self) -> tuple[date, date] | None:
        """The first and the last day on which there is anything, available minutes aside."""
        months = self._ends((sums.IN_MONTH, date.min, date.max))
        if months is None:
            return None
        first = self._ends((sums.IN_DAY, months[0], last_of_month(months[0])))
        last = self._ends((sums.IN_DAY, months[1], last_of_month(months[1])))
        return (first or months)[0], (last or months)[1]

    def _ends(self, stretch: Stretch) -> tuple[date, date] | None:
        """The first and the last `start` with anything."""
        found = {start for (_, start, *_), value in self._added([stretch], frozenset(_DATED)) if value}
        if self.session is not None:
            query = sa.select(sa.func.min(S.c.start), sa.func.max(S.c.start)).where(_within([stretch]))
            kept = self.session.execute(query.where(S.c.measure.in_(_DATED), S.c.value != 0)).one()
            found |= {start for start in kept if start is not None}
        return (min(found), max(found)) if found else None

    def _rows(self, stretches: list[Stretch], measures: Iterable[str] = ()) -> Iterator[tuple[Key, int]]:
        wanted = frozenset(measures)
        if self.session is not None and stretches:
            query = sa.select(S.c.span, S.c.start, S.c.measure, S.c.key, S.c.value).where(_within(stretches))
            if wanted:
                query = query.where(S.c.measure.in_(sorted(wanted)))
            for span, start, measure, key, value in self.session.execute(query).all():
                yield (span, start, measure, key), value
        yield from self._added(stretches, wanted)

    def _added(self, stretches: list[Stretch], wanted: frozenset[str]) -> Iterator[tuple[Key, int]]:
        for one, value in self.more.items():
            if (not wanted or one[2] in wanted) and any(
                span == one[0] and first <= one[1] <= last for span, first, last in stretches
            ):
                yield one, value


def _within(stretches: list[Stretch]) -> sa.ColumnElement[bool]:
    return sa.or_(*(sa.and_(S.c.span == span, S.c.start.between(first, last)) for span, first, last in stretches))


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
