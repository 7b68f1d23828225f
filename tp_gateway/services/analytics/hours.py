"""One day by its hours: counted from the rows themselves, which are few."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Appointment, LedgerEntry, User, table
from tp_gateway.services.analytics import days, sums
from tp_gateway.services.analytics.basis import Basis

U, A, L = table(User), table(Appointment), table(LedgerEntry)
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Hour:
    """`label` is its beginning in clinic time, with the offset that tells apart the two hours of one name."""

    label: str
    users: int = 0
    appointments: int = 0
    revenue: int = 0


def counted(session: orm.Session, day: date, basis: Basis) -> list[Hour]:
    """23 to 25 of them."""
    begin, end = days.begin(day, basis.zone), days.end(day, basis.zone)
    number = -(-(end - begin) // _HOUR)
    found = [Hour((begin + place * _HOUR).astimezone(basis.zone).isoformat()) for place in range(number)]
    for row in session.execute(sa.select(U.c.created_at).where(U.c.created_at >= begin, U.c.created_at < end)):
        found[(row.created_at - begin) // _HOUR].users += 1
    for row in session.execute(sa.select(A.c.starts_at).where(A.c.starts_at >= begin, A.c.starts_at < end)):
        found[(row.starts_at - begin) // _HOUR].appointments += 1
    counts = (L.c.kind.in_(sums.REVENUE_KINDS), L.c.currency == basis.currency)
    revenue = sa.select(L.c.at, sums.REVENUE.label("amount")).where(L.c.at >= begin, L.c.at < end, *counts)
    for row in session.execute(revenue):
        found[(row.at - begin) // _HOUR].revenue += row.amount
    return found
