"""The practice directory: the Django backend pushes its users and appointments, in bulk, as often as it likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.models import Appointment, Payable, Payment, User, table
from tp_gateway.models.payable import appointment_uuid
from tp_gateway.models.states import AppointmentStatus
from tp_gateway.models.states import PaymentState as S
from tp_gateway.services.clock import Clock
from tp_gateway.services.counters import raised
from tp_gateway.services.invoices.automatic import invoice_completed
from tp_gateway.services.invoices.words import rename
from tp_gateway.services.practice_settings import PracticeSettingsStore

U, A, Y, P = table(User), table(Appointment), table(Payable), table(Payment)
_BATCH = 500
_TURN = "practice_push"
"""Pushes take turns at this counter: two of the same new row would collide, two of the same old rows could wait for
each other."""
Row = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    role: str
    active: bool


@dataclass(slots=True)
class UpsertResult:
    """How many rows were new, changed, as they were before, or refused: `errors` is row index -> field -> messages."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: dict[int, Mapping[str, list[str]]] = field(default_factory=dict)


class Practice:
    """`currency` is the practice's own (ISO 4217)."""

    def __init__(self, database: Database, settings: PracticeSettingsStore, currency: str, clock: Clock) -> None:
        self._database, self._settings, self._currency, self._clock = database, settings, currency, clock

    def find_user(self, user_id: int) -> DirectoryUser | None:
        with self._database.read() as session:
            row = session.execute(sa.select(U.c.role, U.c.active).where(U.c.id == user_id)).first()
        return DirectoryUser(row.role, row.active) if row else None

    def upsert_users(self, rows: Sequence[Row]) -> UpsertResult:
        """Rows of (index, {id, role, active, name, email, phone, created_at}). Each row counts by itself; the last of
        one id wins."""
        result = UpsertResult()
        for batch in _batches(rows):
            with self._database.transaction() as session:
                raised(session, _TURN)
                known = _by_id(session, U, [row["id"] for _, row in batch])
                for _, row in batch:
                    before = known.get(row["id"])
                    _count(result, self._upsert(session, U, known, row))
                    if before is not None and before["name"] != row["name"]:
                        rename(session, row["id"], before["name"], row["name"])
        return result

    def upsert_appointments(self, rows: Sequence[Row]) -> UpsertResult:
        """Rows of (index, {id, patient_id, practitioner_id, service, status, starts_at, duration_minutes, fee,
        currency}); `fee` in minor units. A row is refused if its people are unknown, or if it would move money to
        another patient. An appointment that becomes completed gets its invoice, if the clinic wants that."""
        result = UpsertResult()
        for batch in _batches(rows):
            with self._database.transaction() as session:
                raised(session, _TURN)
                people = {row[name] for _, row in batch for name in ("patient_id", "practitioner_id")}
                users = _by_id(session, U, [person for person in people if person is not None])
                known = _by_id(session, A, [row["id"] for _, row in batch])
                payables = self._lock_payables(session, [row["id"] for _, row in batch])
                completed = []
                for index, row in batch:
                    problem = _problem(row, users, known.get(row["id"]), payables.get(row["id"]))
                    if problem:
                        result.errors[index] = problem
                        continue
                    if _completes(known.get(row["id"]), row):
                        completed.append(row["id"])
                    _count(result, self._upsert(session, A, known, row))
                    self._keep_payable(session, row, payables)
                if completed:
                    settings = self._settings.current(session)
                    invoice_completed(session, settings, self._currency, completed, self._clock())
        return result

    def _upsert(
        self, session: orm.Session, table: sa.Table, known: dict[int, Mapping[str, Any]], row: Mapping[str, Any]
    ) -> str:
        before = known.get(row["id"])
        if before is not None and all(before[name] == value for name, value in row.items()):
            return "unchanged"
        values = dict(row) | {"updated_at": self._clock()}
        if before is None:
            session.execute(sa.insert(table), values)
        else:
            session.execute(sa.update(table).where(table.c.id == row["id"]).values(values))
        known[row["id"]] = {**(before or {}), **values}
        return "updated" if before else "created"

    def _lock_payables(self, session: orm.Session, appointment_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Locked in the order of their ids, so that two pushes cannot wait for each other."""
        query = sa.select(Y).where(Y.c.appointment_id.in_(appointment_ids)).order_by(Y.c.id).with_for_update()
        return {row.appointment_id: dict(row._mapping) for row in session.execute(query)}

    def _keep_payable(self, session: orm.Session, row: Mapping[str, Any], payables: dict[int, dict[str, Any]]) -> None:
        """What can be paid follows the appointment, until an invoice says what is to be paid."""
        payable = payables.get(row["id"])
        cancelled = row["status"] == AppointmentStatus.CANCELLED
        if payable is None:
            values = {
                "uuid": appointment_uuid(row["id"]),
                "patient_id": row["patient_id"],
                "appointment_id": row["id"],
                "invoice_id": None,
                "amount": row["fee"],
                "amount_paid": 0,
                "currency": row["currency"],
                "open": not cancelled,
            }
            new_id = session.execute(sa.insert(Y).returning(Y.c.id), values).scalar_one()
            payables[row["id"]] = values | {"id": new_id}
            return
        if payable["invoice_id"] is None:
            values = {"amount": row["fee"], "currency": row["currency"], "open": not cancelled}
            if any(payable[name] != value for name, value in values.items()):
                session.execute(sa.update(Y).where(Y.c.id == payable["id"]).values(values))
                payable.update(values)
        # A card form that is open for another price, or for an appointment that will not be, is closed by the sweep. (A
        # live invoice stays payable: it may be the fee for not coming.)
        due = payable["amount"] - payable["amount_paid"]
        outdated = sa.true() if cancelled else P.c.amount > due
        waiting = (P.c.payable_id == payable["id"], P.c.state == S.AWAITING_CUSTOMER, outdated)
        now = self._clock()
        session.execute(sa.update(P).where(*waiting).values(next_check_at=now, expires_at=now))


def _problem(
    row: Mapping[str, Any],
    users: Mapping[int, Any],
    before: Mapping[str, Any] | None,
    payable: Mapping[str, Any] | None,
) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    patient = users.get(row["patient_id"])
    if patient is None or patient["role"] != "patient":
        problems["patient_id"] = ["No such patient: push users first"]
    if row["practitioner_id"] is not None and row["practitioner_id"] not in users:
        problems["practitioner_id"] = ["No such user: push users first"]
    if before is not None and before["patient_id"] != row["patient_id"]:
        problems["patient_id"] = ["An appointment cannot change its patient"]
    if payable is not None and payable["currency"] != row["currency"]:
        problems["currency"] = ["An appointment cannot change its currency"]
    return problems


def _completes(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> bool:
    was = before["status"] if before is not None else None
    return row["status"] == AppointmentStatus.COMPLETED and was not in (None, AppointmentStatus.COMPLETED)


def _batches(rows: Sequence[Row]) -> list[Sequence[Row]]:
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


def _by_id(session: orm.Session, table: sa.Table, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    return {row.id: dict(row._mapping) for row in session.execute(sa.select(table).where(table.c.id.in_(ids)))}


def _count(result: UpsertResult, what: str) -> None:
    setattr(result, what, getattr(result, what) + 1)
