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
        """The first and the last day on which there is anything, free minutes aside."""
        months = {start for (_, start, *_), value in self._rows([_ALL_MONTHS], _DATED) if value}
        if not months:
            return None
        edges = [(sums.IN_DAY, month, last_of_month(month)) for month in {min(months), max(months)}]
        found = {start for (_, start, *_), value in self._rows(edges, _DATED) if value}
        return (min(found), max(found)) if found else (min(months), max(months))

    def _rows(self, stretches: list[Stretch], measures: Iterable[str] = ()) -> Iterator[tuple[Key, int]]:
        wanted = frozenset(measures)
        if self.session is not None:
            here = sa.or_(
                *(sa.and_(S.c.span == span, S.c.start.between(first, last)) for span, first, last in stretches)
            )
            query = sa.select(S.c.span, S.c.start, S.c.measure, S.c.key, S.c.value).where(here)
            if wanted:
                query = query.where(S.c.measure.in_(sorted(wanted)))
            for *key, value in self.session.execute(query):
                yield (key[0], key[1], key[2], key[3]), value
        for one, value in self.more.items():
            if (not wanted or one[2] in wanted) and any(
                span == one[0] and first <= one[1] <= last for span, first, last in stretches
            ):
                yield one, value


_ALL_MONTHS: Stretch = (sums.IN_MONTH, date.min, date.max)
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
