"""The practice directory: the Django backend pushes what it owns, in bulk, as often as it likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.models import Appointment, Availability, ProgressNote, User, table
from tp_gateway.models.states import AppointmentStatus as S
from tp_gateway.services.analytics import Counting, basis
from tp_gateway.services.breath import Breath
from tp_gateway.services.clock import Clock
from tp_gateway.services.invoices.automatic import invoice_completed
from tp_gateway.services.invoices.words import rename
from tp_gateway.services.practice_payables import keep_payables
from tp_gateway.services.practice_settings import PracticeSettingsStore
from tp_gateway.services.practice_upserts import (
    Change,
    Problems,
    Row,
    UpsertResult,
    batches,
    differing,
    key_of,
    standing,
    write,
)

U, A, N, V = table(User), table(Appointment), table(ProgressNote), table(Availability)
_NEWS = timedelta(days=7)
"""An appointment that is completed when we first hear of it has been held so lately, or it is history, which was billed
elsewhere."""
Judge = Callable[[Mapping[str, Any], Mapping[str, Any] | None], Problems]
"""(a row, as it stands or None) -> what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    role: str
    active: bool


class Practice:
    """Every method that takes rows: of (index, fields), each counts by itself, the last of one key wins, a field that
    is not known is None, and moments are in UTC (in another zone they equal none while clocks change). `currency` is
    the practice's own (ISO 4217)."""

    def __init__(self, database: Database, settings: PracticeSettingsStore, currency: str, clock: Clock) -> None:
        self._database, self._clock, self._breath = database, clock, Breath(database)
        self._settings, self._currency, self._counting = settings, currency, Counting()

    def find_user(self, user_id: int) -> DirectoryUser | None:
        with self._database.read() as session:
            row = session.execute(sa.select(U.c.role, U.c.active).where(U.c.id == user_id)).first()
        return DirectoryUser(row.role, row.active) if row else None

    def upsert_users(self, rows: Sequence[Row]) -> UpsertResult:
        """{id, role, active, name, email, phone, provider_number, ahpra_number, created_at}"""
        return self._upsert(U, rows, lambda _session, _rows: lambda _row, _before: {}, self._users_changed)

    def upsert_appointments(self, rows: Sequence[Row]) -> UpsertResult:
        """{id, patient_id, practitioner_id, service, status, starts_at, duration_minutes, actual_minutes, rating, fee,
        currency}; `fee` in minor units. A row is refused if its people are unknown, or if it would move money to
        another patient. One that becomes completed gets its invoice, if the clinic wants that."""
        return self._upsert(A, rows, _judge_appointments, self._appointments_changed)

    def upsert_progress_notes(self, rows: Sequence[Row]) -> UpsertResult:
        """{id, appointment_id, patient_id, practitioner_id, created_at, completed_at}; its people and its appointment
        must be known."""
        return self._upsert(N, rows, _judge_notes)

    def upsert_availability(self, rows: Sequence[Row]) -> UpsertResult:
        """{practitioner_id, day, minutes}: how long somebody could be booked on a day of the clinic's calendar."""
        return self._upsert(V, rows, _judge_availability)

    def _upsert(
        self,
        kind: sa.Table,
        rows: Sequence[Row],
        judging: Callable[[orm.Session, list[Mapping[str, Any]]], Judge],
        follow: Callable[[orm.Session, list[Change], datetime], None] | None = None,
    ) -> UpsertResult:
        """Batch by batch, each a transaction of its own."""
        result = UpsertResult()
        for number, batch in enumerate(batches(kind, rows)):
            if number:
                self._breath.take()
            with self._database.transaction() as session:
                basis.take_turn(session)
                now = self._clock()
                known = standing(session, kind, (row for _, row in batch))
                judge = judging(session, [row for _, row in batch])
                problems = {index: judge(row, known.get(key_of(kind, row))) for index, row in batch}
                good = [row for index, row in batch if not problems[index]]
                changes = differing(kind, known, good)
                write(session, kind, changes, now)
                if follow is not None and changes:
                    follow(session, changes, now)
                self._counting.note(session, kind, changes)
            result.add(changes, len(good))
            result.errors |= {index: problem for index, problem in problems.items() if problem}
        return result

    def _appointments_changed(self, session: orm.Session, changes: list[Change], now: datetime) -> None:
        """The one place where a change of an appointment is seen, in the transaction that writes it."""
        keep_payables(session, changes, now)
        completed = [
            one.after["id"]
            for one in changes
            if one.became("status", S.COMPLETED) and (one.before or one.after["starts_at"] >= now - _NEWS)
        ]
        if completed:
            invoice_completed(session, self._settings.current(session), self._currency, completed, now)

    def _users_changed(self, session: orm.Session, changes: list[Change], _now: datetime) -> None:
        for one in changes:
            if one.before is not None and one.before["name"] != one.after["name"]:
                rename(session, one.after["id"], one.before["name"], one.after["name"])


def _judge_appointments(session: orm.Session, rows: list[Mapping[str, Any]]) -> Judge:
    people = _people(session, rows)

    def judge(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> Problems:
        problems = people(row, before)
        if before is not None and before["patient_id"] != row["patient_id"]:
            problems["patient_id"] = ["An appointment cannot change its patient"]
        if before is not None and before["currency"] != row["currency"]:
            problems["currency"] = ["An appointment cannot change its currency"]
        return problems

    return judge


def _judge_notes(session: orm.Session, rows: list[Mapping[str, Any]]) -> Judge:
    people = _people(session, rows)
    wanted = {row["appointment_id"] for row in rows} - {None}
    query = sa.select(A.c.id, A.c.patient_id).where(A.c.id.in_(wanted))
    patients = {row.id: row.patient_id for row in session.execute(query)}

    def judge(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> Problems:
        problems = people(row, before)
        if row["appointment_id"] is None:
            return problems
        if row["appointment_id"] not in patients:
            problems["appointment_id"] = ["No such appointment: push appointments first"]
        elif patients[row["appointment_id"]] != row["patient_id"]:
            problems["appointment_id"] = ["An appointment of another patient"]
        return problems

    return judge


def _judge_availability(session: orm.Session, rows: list[Mapping[str, Any]]) -> Judge:
    return _people(session, rows)


def _people(session: orm.Session, rows: Iterable[Mapping[str, Any]]) -> Judge:
    """Patient and practitioner, as far as a row has them, must be users."""
    wanted = {row.get(name) for row in rows for name in ("patient_id", "practitioner_id")} - {None}
    roles = {row.id: row.role for row in session.execute(sa.select(U.c.id, U.c.role).where(U.c.id.in_(wanted)))}

    def judge(row: Mapping[str, Any], _before: Mapping[str, Any] | None) -> Problems:
        problems: Problems = {}
        if "patient_id" in row and roles.get(row["patient_id"]) != "patient":
            problems["patient_id"] = ["No such patient: push users first"]
        if row["practitioner_id"] is not None and row["practitioner_id"] not in roles:
            problems["practitioner_id"] = ["No such user: push users first"]
        return problems

    return judge
