"""Counts everything anew, from the rows themselves: month by month, each day by its first and last moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Appointment, Availability, LedgerEntry, Payable, Payment, ProgressNote, User, table
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.services.analytics import days, sums
from tp_gateway.services.analytics.basis import Basis
from tp_gateway.services.analytics.sums import Sums

U, A, N, V = table(User), table(Appointment), table(ProgressNote), table(Availability)
L, P, Y = table(LedgerEntry), table(Payment), table(Payable)
_VISIT = A.c.status != AppointmentStatus.CANCELLED
Month = list[date]


def recount(session: orm.Session, basis: Basis) -> Sums:
    """All sums there are, of the one moment that the session sees."""
    found: Sums = Counter()
    zone = basis.zone
    for month in _months(session, U.c.created_at, zone):
        _users(session, month, zone, found)
    for month in _months(session, A.c.starts_at, zone):
        _appointments(session, month, zone, found)
    _years_and_ever(session, zone, found)
    for month in _months(session, L.c.at, zone):
        _revenue(session, month, basis, found)
    for month in _months(session, N.c.created_at, zone):
        _notes_begun(session, month, zone, found)
    for month in _months(session, N.c.completed_at, zone):
        rows = _by_day(session, N.c.completed_at, month, zone, sa.func.count())
        sums.count(found, ((day, sums.NOTES_COMPLETED, "", number) for day, number in rows))
    query = sa.select(V.c.day, _total(V.c.minutes)).group_by(V.c.day)
    sums.count(found, ((day, sums.AVAILABLE_MINUTES, "", minutes) for day, minutes in session.execute(query)))
    return Counter({key: value for key, value in found.items() if value})


def _users(session: orm.Session, month: Month, zone: ZoneInfo, found: Sums) -> None:
    rows = _by_day(session, U.c.created_at, month, zone, U.c.role, sa.func.count())
    sums.count(found, ((day, sums.USERS, role, number) for day, role, number in rows))


def _appointments(session: orm.Session, month: Month, zone: ZoneInfo, found: Sums) -> None:
    taken = sa.func.coalesce(A.c.actual_minutes, A.c.duration_minutes)
    satisfied = sa.case((A.c.rating >= sums.SATISFIED_FROM, 1), else_=0)
    totals = (sa.func.count(), *map(_total, (A.c.duration_minutes, taken)), sa.func.count(A.c.rating))
    rows = _by_day(session, A.c.starts_at, month, zone, A.c.status, *totals, _total(A.c.rating), _total(satisfied))
    for day, status, number, booked, taken_minutes, ratings, points, good in rows:
        parts = [(day, sums.APPOINTMENTS, status, number)]
        parts += [(day, sums.RATINGS, "", ratings), (day, sums.RATING_POINTS, "", points)]
        parts += [(day, sums.SATISFIED, "", good)]
        if status != AppointmentStatus.CANCELLED:
            parts += [(day, sums.BOOKED_MINUTES, "", booked)]
        if status == AppointmentStatus.COMPLETED:
            parts += [(day, sums.TAKEN_MINUTES, "", taken_minutes)]
        sums.count(found, parts)
    bounds = days.begin(month[0], zone), days.end(month[-1], zone)
    found[sums.IN_MONTH, month[0], sums.ACTIVE_PATIENTS, ""] = active_patients(session, *bounds)


def active_patients(session: orm.Session, begin: datetime | None = None, end: datetime | None = None) -> int:
    """Patients with an appointment that is not cancelled, from `begin` until before `end`."""
    query = sa.select(sa.func.count(A.c.patient_id.distinct())).where(_VISIT)
    if begin is not None and end is not None:
        query = query.where(A.c.starts_at >= begin, A.c.starts_at < end)
    return int(session.execute(query).scalar_one())


def _years_and_ever(session: orm.Session, zone: ZoneInfo, found: Sums) -> None:
    years = {start.year for span, start, measure, _ in found if measure == sums.ACTIVE_PATIENTS}
    for year in years:
        first, last = date(year, 1, 1), date(year, 12, 31)
        number = active_patients(session, days.begin(first, zone), days.end(last, zone))
        found[sums.IN_YEAR, first, sums.ACTIVE_PATIENTS, ""] = number
    found[sums.EVER, sums.BEGINNING, sums.ACTIVE_PATIENTS, ""] = active_patients(session)


def _revenue(session: orm.Session, month: Month, basis: Basis, found: Sums) -> None:
    tables = L.join(P, P.c.id == L.c.payment_id).join(Y, Y.c.id == L.c.payable_id)
    tables = tables.outerjoin(A, A.c.id == Y.c.appointment_id)
    counts = (L.c.kind.in_(sums.REVENUE_KINDS), L.c.currency == basis.currency)
    what = (P.c.method, A.c.service, _total(sums.REVENUE))
    for day, method, service, amount in _by_day(session, L.c.at, month, basis.zone, *what, tables=tables, where=counts):
        parts = [(day, sums.BY_METHOD, method, amount), (day, sums.BY_SERVICE, service or sums.OTHER_SERVICES, amount)]
        sums.count(found, parts)


def _notes_begun(session: orm.Session, month: Month, zone: ZoneInfo, found: Sums) -> None:
    rows = _by_day(session, N.c.created_at, month, zone, sa.func.count())
    sums.count(found, ((day, sums.NOTES_BEGUN, "", number) for day, number in rows))
    earlier = N.alias("earlier")
    first = ~sa.exists().where(earlier.c.patient_id == N.c.patient_id, earlier.c.created_at < N.c.created_at)
    patients = sa.func.count(N.c.patient_id.distinct())
    rows = _by_day(session, N.c.created_at, month, zone, patients, where=(first,))
    sums.count(found, ((day, sums.NOTE_PATIENTS, "", number) for day, number in rows))


def _months(session: orm.Session, column: sa.Column[datetime], zone: ZoneInfo) -> Iterator[Month]:
    """The days of each month in which a row is."""
    query = sa.select(sa.func.min(column))
    moment = session.execute(query).scalar()
    while moment is not None:
        first = days.day_of(moment, zone).replace(day=1)
        month = list(days.days(first, days.last_of_month(first)))
        yield month
        moment = session.execute(query.where(column >= days.end(month[-1], zone))).scalar()


def _by_day(
    session: orm.Session,
    column: sa.Column[datetime],
    month: Month,
    zone: ZoneInfo,
    *what: sa.ColumnElement[Any],
    tables: sa.FromClause | None = None,
    where: tuple[sa.ColumnElement[bool], ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """(day, *what) of the rows of `column` in the month. Of `what`, what is no aggregate is grouped by."""
    number = sa.case(*((column < days.end(day, zone), place) for place, day in enumerate(month))).label("number")
    groups = [one for one in what if isinstance(one, sa.Column)]
    query = (
        sa.select(number, *what)
        .select_from(column.table if tables is None else tables)
        .where(column >= days.begin(month[0], zone), column < days.end(month[-1], zone), *where)
        .group_by(sa.text("number"), *groups)
    )
    for place, *values in session.execute(query):
        yield (month[place], *values)


def _total(amount: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """An integer: PostgreSQL's own sum of bigints is a numeric."""
    return sa.cast(sa.func.coalesce(sa.func.sum(amount), 0), sa.BigInteger)
