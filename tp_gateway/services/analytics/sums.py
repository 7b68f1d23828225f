"""What is counted: for each row of the practice, on which day it counts for what; and the sums of that, by day and by
month. All values are whole numbers that add up, but for patients, who are counted once in a month, a year and ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import upsert
from tp_gateway.models import AnalyticsSum, LedgerEntry, table
from tp_gateway.models.ledger import CLEARING, MOVES, PATIENT_CREDIT, RECEIVABLE
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.services.analytics.days import day_of

S, L = table(AnalyticsSum), table(LedgerEntry)
IN_DAY, IN_MONTH, IN_YEAR, EVER = "day", "month", "year", "ever"
BEGINNING = date(1, 1, 1)
"""Where the span `ever` starts."""

USERS = "users"  # by role, on the day they were created
APPOINTMENTS = "appointments"  # by status, on the day they start, like all that follows of them
BOOKED_MINUTES = "booked_minutes"  # of those that are not cancelled
TAKEN_MINUTES = "taken_minutes"  # of those that are completed
RATINGS, RATING_POINTS, SATISFIED = "ratings", "rating_points", "satisfied"
ACTIVE_PATIENTS = "active_patients"  # with an appointment that is not cancelled; by month, by year, ever
BY_METHOD, BY_SERVICE = "revenue_by_method", "revenue_by_service"  # minor units, on the day they were booked
NOTES_BEGUN, NOTES_COMPLETED = "notes_begun", "notes_completed"
NOTE_PATIENTS = "note_patients"  # patients, on the day of their first note
AVAILABLE_MINUTES = "available_minutes"
OTHER_SERVICES = "other"
"""Revenue that no appointment brought."""
SATISFIED_FROM = 4

REVENUE_KINDS = tuple(
    kind
    for kind, (debit, credit) in MOVES.items()
    if CLEARING in (debit, credit) and {debit, credit} & {RECEIVABLE, PATIENT_CREDIT}
)
"""Entries by which money came from patients, or went back to them."""
REVENUE = sa.case((L.c.debit.like(f"{CLEARING}%"), L.c.amount), else_=-L.c.amount)

Key = tuple[str, date, str, str]
"""span, its first day, measure, key (a role, a status, a method, a service, or nothing)"""
Sums = Counter[Key]
Part = tuple[date, str, str, int]
"""day, measure, key, value"""


def count(sums: Sums, parts: Iterable[Part], sign: int = 1) -> None:
    for day, measure, key, value in parts:
        sums[IN_DAY, day, measure, key] += sign * value
        sums[IN_MONTH, day.replace(day=1), measure, key] += sign * value


def of_user(row: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Part]:
    yield day_of(row["created_at"], zone), USERS, row["role"], 1


def of_appointment(row: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Part]:
    day = day_of(row["starts_at"], zone)
    yield day, APPOINTMENTS, str(row["status"]), 1
    if is_visit(row):
        yield day, BOOKED_MINUTES, "", row["duration_minutes"]
    if row["status"] == AppointmentStatus.COMPLETED:
        yield day, TAKEN_MINUTES, "", row.get("actual_minutes") or row["duration_minutes"]
    if row.get("rating"):
        yield day, RATINGS, "", 1
        yield day, RATING_POINTS, "", row["rating"]
        yield day, SATISFIED, "", int(row["rating"] >= SATISFIED_FROM)


def is_visit(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] != AppointmentStatus.CANCELLED)


def of_note(row: Mapping[str, Any], zone: ZoneInfo) -> Iterator[Part]:
    yield day_of(row["created_at"], zone), NOTES_BEGUN, "", 1
    if row["completed_at"] is not None:
        yield day_of(row["completed_at"], zone), NOTES_COMPLETED, "", 1


def of_availability(row: Mapping[str, Any], _zone: ZoneInfo) -> Iterator[Part]:
    yield row["day"], AVAILABLE_MINUTES, "", row["minutes"]


def of_entry(at: datetime, amount: int, method: str, service: str | None, zone: ZoneInfo) -> Iterator[Part]:
    day = day_of(at, zone)
    yield day, BY_METHOD, method, amount
    yield day, BY_SERVICE, service or OTHER_SERVICES, amount


def add(session: orm.Session, sums: Sums) -> None:
    """To what stands in the store."""
    names = ("span", "start", "measure", "key")
    rows = [dict(zip(names, key, strict=True)) | {"value": value} for key, value in sorted(sums.items()) if value]
    if rows:
        upsert(session, S, rows, adding="value")


def to_json(sums: Sums) -> list[Any]:
    return [[span, start.isoformat(), *rest, value] for (span, start, *rest), value in sums.items() if value]


def from_json(data: list[Any]) -> Sums:
    found: Sums = Counter()
    for span, start, measure, key, value in data:
        found[span, date.fromisoformat(start), measure, key] += value
    return found
