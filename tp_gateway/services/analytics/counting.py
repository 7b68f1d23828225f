"""Notes what a push changes in the sums, in its own transaction: one row, however many rows were pushed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import (
    AnalyticsChange,
    Appointment,
    Availability,
    LedgerEntry,
    Payable,
    ProgressNote,
    User,
    table,
)
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.services.analytics import basis, sums
from tp_gateway.services.analytics.basis import Basis
from tp_gateway.services.analytics.days import day_of
from tp_gateway.services.analytics.sums import Part, Sums
from tp_gateway.services.practice_upserts import Change

A, N, Y, L = table(Appointment), table(ProgressNote), table(Payable), table(LedgerEntry)
Row = Mapping[str, Any]
_PARTS: dict[sa.Table, Callable[[Row, ZoneInfo], Iterator[Part]]] = {
    table(User): sums.of_user,
    A: sums.of_appointment,
    N: sums.of_note,
    table(Availability): sums.of_availability,
}


class Counting:
    def note(self, session: orm.Session, kind: sa.Table, changes: Sequence[Change]) -> None:
        """To be called when the changes are written, and the payables of appointments locked."""
        standing = basis.standing(session)
        if standing is None or not changes:
            return
        found: Sums = Counter()
        parts = _PARTS[kind]
        for change in changes:
            if change.before is not None:
                sums.count(found, parts(change.before, standing.zone), -1)
            sums.count(found, parts(change.whole, standing.zone))
        if kind is A:
            found.update(_visitors(session, changes, standing.zone))
            found.update(_services(session, changes, standing))
        if kind is N:
            found.update(_first_notes(session, changes, standing.zone))
        if data := sums.to_json(found):
            session.execute(sa.insert(table(AnalyticsChange)), {"data": data})


def _visitors(session: orm.Session, changes: Sequence[Change], zone: ZoneInfo) -> Sums:
    """Patients who are active in a month, in a year or at all, and were not; and those who are not any more."""
    moved: Counter[tuple[int, date]] = Counter()
    for change in changes:
        for row, sign in ((change.before, -1), (change.whole, 1)):
            if row is not None and sums.is_visit(row):
                moved[row["patient_id"], day_of(row["starts_at"], zone).replace(day=1)] += sign
    moved = Counter({key: number for key, number in moved.items() if number})
    if not moved:
        return Counter()
    query = sa.select(A.c.patient_id, A.c.starts_at).where(
        A.c.patient_id.in_({patient for patient, _ in moved}), A.c.status != AppointmentStatus.CANCELLED
    )
    now: Counter[tuple[int, date]] = Counter()
    for patient, starts_at in session.execute(query):
        now[patient, day_of(starts_at, zone).replace(day=1)] += 1
    before = {key: now[key] - moved[key] for key in now.keys() | moved.keys()}
    return _difference(_active(before), _active(now))


def _active(visits: Mapping[tuple[int, date], int]) -> Sums:
    """(patient, month) -> visits, as patients of months, of years and ever."""
    months = {key for key, number in visits.items() if number > 0}
    found: Sums = Counter()
    found.update((sums.IN_MONTH, month, sums.ACTIVE_PATIENTS, "") for _, month in months)
    years = {(patient, month.replace(month=1)) for patient, month in months}
    found.update((sums.IN_YEAR, year, sums.ACTIVE_PATIENTS, "") for _, year in years)
    found[sums.EVER, sums.BEGINNING, sums.ACTIVE_PATIENTS, ""] = len({patient for patient, _ in months})
    return found


def _services(session: orm.Session, changes: Sequence[Change], standing: Basis) -> Sums:
    """What was booked for an appointment is revenue of its service, and goes where the appointment goes. What is being
    booked waits for the payable's lock, and sees the new one."""
    moved = {
        change.after["id"]: (change.before["service"], change.whole["service"])
        for change in changes
        if change.before is not None and change.before["service"] != change.whole["service"]
    }
    found: Sums = Counter()
    if not moved:
        return found
    query = (
        sa.select(Y.c.appointment_id, L.c.at, sums.REVENUE.label("amount"))
        .join(L, L.c.payable_id == Y.c.id)
        .where(
            Y.c.appointment_id.in_(moved),
            L.c.kind.in_(sums.REVENUE_KINDS),
            L.c.currency == standing.currency,
        )
    )
    for row in session.execute(query):
        day = day_of(row.at, standing.zone)
        for service, sign in zip(moved[row.appointment_id], (-1, 1), strict=True):
            sums.count(found, [(day, sums.BY_SERVICE, service, row.amount)], sign)
    return found


def _first_notes(session: orm.Session, changes: Sequence[Change], zone: ZoneInfo) -> Sums:
    """On which day each patient has his first note, and had it."""
    moved: Counter[tuple[int, datetime]] = Counter()
    for change in changes:
        if change.before is not None:
            moved[change.before["patient_id"], change.before["created_at"]] -= 1
        moved[change.whole["patient_id"], change.whole["created_at"]] += 1
    moved = Counter({key: number for key, number in moved.items() if number})
    if not moved:
        return Counter()
    query = sa.select(N.c.patient_id, N.c.created_at).where(N.c.patient_id.in_({patient for patient, _ in moved}))
    now = Counter((patient, created_at) for patient, created_at in session.execute(query))
    before = {key: now[key] - moved[key] for key in now.keys() | moved.keys()}
    return _difference(_first_days(before, zone), _first_days(now, zone))


def _first_days(notes: Mapping[tuple[int, datetime], int], zone: ZoneInfo) -> Sums:
    first: dict[int, datetime] = {}
    for (patient, created_at), number in notes.items():
        if number > 0:
            first[patient] = min(created_at, first.get(patient, created_at))
    found: Sums = Counter()
    sums.count(found, ((day_of(moment, zone), sums.NOTE_PATIENTS, "", 1) for moment in first.values()))
    return found


def _difference(before: Sums, after: Sums) -> Sums:
    return Counter({key: after[key] - before[key] for key in before.keys() | after.keys()})
