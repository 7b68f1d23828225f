"""The entries of the ledger, summed up by day of the clinic's calendar, account and kind. A journal balances, because
each entry of it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.models import LedgerEntry, table
from tp_gateway.services.clock import end_of

L = table(LedgerEntry)


@dataclass(frozen=True, slots=True)
class JournalLine:
    """What `count` entries of one kind have moved on one account: minor units, above zero for a debit, below for a
    credit."""

    account: str
    kind: str
    amount: int
    count: int


@dataclass(frozen=True, slots=True)
class Journal:
    """One day; the lines' amounts come to 0."""

    day: date
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The journals in order, without days on which nothing moved. `left_out`: currency -> entries of other
    currencies in the same days."""

    journals: tuple[Journal, ...]
    left_out: dict[str, int]


def read_period(database: Database, time_zone: ZoneInfo, first: date, last: date, currency: str) -> Period:
    """Both days included; all of it as it was at one moment."""
    begin, end = end_of(first - timedelta(days=1), time_zone), end_of(last, time_zone)
    within = (L.c.at >= begin, L.c.at < end)
    with database.read(snapshot=True) as session:
        others = sa.select(L.c.currency, sa.func.count()).where(*within, L.c.currency != currency)
        left_out = {row[0]: int(row[1]) for row in session.execute(others.group_by(L.c.currency))}
        bounds = sa.select(sa.func.min(L.c.at), sa.func.max(L.c.at)).where(*within)
        oldest, newest = session.execute(bounds).one()
        days = _days(oldest, newest, time_zone) if oldest else ()
        journals = [_journal(session, day, time_zone, currency) for day in days]
    return Period(tuple(one for one in journals if one.lines), left_out)


def _days(oldest: datetime, newest: datetime, time_zone: ZoneInfo) -> Iterator[date]:
    day, last = oldest.astimezone(time_zone).date(), newest.astimezone(time_zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _journal(session: orm.Session, day: date, time_zone: ZoneInfo, currency: str) -> Journal:
    """A day has 23 or 25 hours twice a year."""
    that_day = (L.c.at >= end_of(day - timedelta(days=1), time_zone), L.c.at < end_of(day, time_zone))
    query = (
        sa.select(L.c.kind, L.c.debit, L.c.credit, sa.func.sum(L.c.amount), sa.func.count())
        .where(*that_day, L.c.currency == currency)
        .group_by(L.c.kind, L.c.debit, L.c.credit)
    )
    moved: defaultdict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for kind, debit, credit, amount, count in session.execute(query):
        for account, sign in ((debit, 1), (credit, -1)):
            line = moved[kind, account, sign]
            line[0] += sign * int(amount)
            line[1] += count
    lines = (JournalLine(account, kind, *sums) for (kind, account, _), sums in sorted(moved.items()))
    return Journal(day, tuple(lines))
