"""The answer: what the sums of a period say about the practice. Whole numbers throughout, so that it is the same on
every database; what is not whole is rounded at the very end, halves up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.models.practice import ROLES
from tp_gateway.models.states import AppointmentStatus as Status
from tp_gateway.registry import Registry
from tp_gateway.services.analytics import days, hours, sums
from tp_gateway.services.analytics.basis import Basis, standing
from tp_gateway.services.analytics.periods import Asked, Period, period
from tp_gateway.services.analytics.reading import Reading, Stretch, Total, Window, window
from tp_gateway.services.analytics.recount import active_patients, recount
from tp_gateway.services.analytics.rollups import Rollups, noted
from tp_gateway.services.clock import Clock
from tp_gateway.services.snapshots import snapshot

METHODS = ("card", "medicare", "bank_transfer")
SERVICES = ("individual_therapy", "group_therapy", "assessment")
"""What the frontend draws, whether there is any of it or not."""


@dataclass(frozen=True, slots=True)
class Point:
    """`at`: a day, or the beginning of an hour with its offset. `users` is how many there were at its end; appointments
    and revenue are since the point before."""

    at: str
    users: int
    appointments: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Report:
    """Counts, minutes, and minor units of `currency`. `users` by role and `notes` are of all time until the period's
    end, everything else is of the period, `revenue_before` of the one before."""

    period: Period
    currency: str
    users: Mapping[str, int]
    new_users: int
    active_patients: int
    appointments: Mapping[str, int]
    points: list[Point]
    revenue: int
    revenue_before: int
    by_method: Mapping[str, int]
    by_service: Mapping[str, int]
    booked_minutes: int
    taken_minutes: int
    available_minutes: int
    ratings: int
    rating_points: int
    satisfied: int
    notes: int
    new_notes: int
    completed_notes: int
    note_patients: int


class Analytics:
    def __init__(self, database: Database, registry: Registry, rollups: Rollups, clock: Clock) -> None:
        self._database, self._registry, self._rollups, self._clock = database, registry, rollups, clock

    def report(self, asked: Asked) -> Report:
        """ValidationError for days that make no period."""
        with self._reading() as (session, reading, basis):
            today = days.day_of(self._clock(), basis.zone)
            ever = (reading.ever() or (today, today)) if asked.kind == "all" else (today, today)
            found = period(asked, today, ever)
            return self._report(session, reading, basis, found)

    @contextmanager
    def _reading(self) -> Iterator[tuple[orm.Session, Reading, Basis]]:
        """One moment of the store. Where the sums do not count yet, everything is counted there and then."""
        with self._database.read(snapshot=True) as session:
            wanted = self._rollups.wanted(session)
            if standing(session) == wanted:
                yield session, Reading(session, noted(session, wanted).found), wanted
                return
        with snapshot(self._database) as session:
            yield session, Reading(None, recount(session, wanted)), wanted

    def _report(self, session: orm.Session, reading: Reading, basis: Basis, asked: Period) -> Report:
        until = (date.min, asked.first - days.DAY)
        found = reading.totals(
            {
                "here": window(asked.first, asked.last),
                "before": window(*until, sums.USERS, sums.NOTES_BEGUN, sums.NOTE_PATIENTS),
                "compared": window(*asked.before, sums.BY_METHOD) if asked.before else Window([]),
                "active": Window(_kept_active(asked), frozenset({sums.ACTIVE_PATIENTS})),
            }
        )
        here, before = _Totals(found["here"]), _Totals(found["before"])
        active = _Totals(found["active"]).all(sums.ACTIVE_PATIENTS)
        if not _kept_active(asked):
            active = active_patients(session, days.begin(asked.first, basis.zone), days.end(asked.last, basis.zone))
        return Report(
            period=asked,
            currency=basis.currency,
            users={role: before.one(sums.USERS, role) + here.one(sums.USERS, role) for role in ROLES},
            new_users=here.all(sums.USERS),
            active_patients=active,
            appointments={str(status): here.one(sums.APPOINTMENTS, str(status)) for status in Status},
            points=_points(session, reading, basis, asked, before.all(sums.USERS)),
            revenue=here.all(sums.BY_METHOD),
            revenue_before=_Totals(found["compared"]).all(sums.BY_METHOD),
            by_method=here.by_key(sums.BY_METHOD, {*METHODS, *self._registry.methods}),
            by_service=here.by_key(sums.BY_SERVICE, {*SERVICES}),
            booked_minutes=here.all(sums.BOOKED_MINUTES),
            taken_minutes=here.all(sums.TAKEN_MINUTES),
            available_minutes=here.all(sums.AVAILABLE_MINUTES),
            ratings=here.all(sums.RATINGS),
            rating_points=here.all(sums.RATING_POINTS),
            satisfied=here.all(sums.SATISFIED),
            notes=before.all(sums.NOTES_BEGUN) + here.all(sums.NOTES_BEGUN),
            new_notes=here.all(sums.NOTES_BEGUN),
            completed_notes=here.all(sums.NOTES_COMPLETED),
            note_patients=before.all(sums.NOTE_PATIENTS) + here.all(sums.NOTE_PATIENTS),
        )


class _Totals:
    def __init__(self, found: Mapping[Total, int]) -> None:
        self._found = found

    def one(self, measure: str, key: str) -> int:
        return self._found.get((measure, key), 0)

    def all(self, measure: str) -> int:
        return sum(value for (name, _), value in self._found.items() if name == measure)

    def by_key(self, measure: str, always: set[str]) -> dict[str, int]:
        """Ordered by key; the keys of `always` whatever they have, others as far as they have anything."""
        there = {key for (name, key), value in self._found.items() if name == measure and value}
        return {key: self.one(measure, key) for key in sorted(always | there)}


def _kept_active(asked: Period) -> list[Stretch]:
    """Of a whole month, a whole year or all time active patients are kept; those of other periods are counted."""
    first, last = asked.first, asked.last
    if asked.kind == "all":
        return [(sums.EVER, sums.BEGINNING, sums.BEGINNING)]
    if first.day == 1 and last == days.last_of_month(first):
        return [(sums.IN_MONTH, first, first)]
    if first == date(first.year, 1, 1) and last == date(first.year, 12, 31):
        return [(sums.IN_YEAR, first, first)]
    return []


def _points(session: orm.Session, reading: Reading, basis: Basis, asked: Period, existing: int) -> list[Point]:
    steps: list[tuple[str, int, int, int]] = []
    if asked.by_hours:
        for hour in hours.counted(session, asked.first, basis):
            steps.append((hour.label, hour.users, hour.appointments, hour.revenue))
    else:
        measures = (sums.USERS, sums.APPOINTMENTS, sums.BY_METHOD)
        found = reading.by_start(window(asked.first, asked.last, *measures, daily=asked.by_days))
        users, appointments, revenue = (found[measure] for measure in measures)
        since = date.min
        for day in asked.points():
            more = _between(users, since, day), _between(appointments, since, day), _between(revenue, since, day)
            steps.append((day.isoformat(), *more))
            since = day
    points = []
    for label, users_more, appointments_more, revenue_more in steps:
        existing += users_more
        points.append(Point(label, existing, appointments_more, revenue_more))
    return points


def _between(values: Counter[date], after: date, until: date) -> int:
    return sum(value for day, value in values.items() if after < day <= until)
