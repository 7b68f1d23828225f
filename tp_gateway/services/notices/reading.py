"""Reads what a notice to a patient says, as it is when it is sent. Of the service nothing is read: what the appointment
was for is nobody's business on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money
from tp_gateway.contract import Event
from tp_gateway.database import Database
from tp_gateway.models import Invoice, Payable, Payment, Refund, User, table
from tp_gateway.models.invoice import IS_UNPAID
from tp_gateway.registry import Registry
from tp_gateway.services.practice_settings import PracticeSettings, PracticeSettingsStore

P, T, V, Y, U = (table(model) for model in (Payment, Refund, Invoice, Payable, User))
KINDS = {"payment.succeeded": "receipt", "refund.succeeded": "refund", "invoice.overdue": "reminder"}
"""Topic of a fact -> what the patient gets."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`amount` is decimal text: what was paid, what went back, or what is still due. `on` is a day of the clinic's
    calendar: of the movement, or by which it was due. `number` is the invoice's, "" where there is none."""

    id: str
    kind: str
    settings: PracticeSettings
    amount: str
    currency: str
    on: date
    number: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    payment_id: int | None = None
    method: str = ""


class Notices:
    def __init__(self, database: Database, registry: Registry, settings: PracticeSettingsStore) -> None:
        self._database, self._registry, self._settings = database, registry, settings

    def read(self, event: Event) -> Notice | str:
        """The notice; or why the patient is not told."""
        with self._database.read() as session:
            settings = self._settings.current(session)
            find = {"receipt": self._receipt, "refund": self._refund, "reminder": self._reminder}[KINDS[event.topic]]
            found = find(session, event, settings)
            if isinstance(found, str):
                return found
            person = session.execute(sa.select(U).where(U.c.id == event.data["patient_id"])).first()
        if person is None or not person.active:
            return "the patient is not active"
        found |= {name: getattr(person, name) or "" for name in ("name", "email", "phone")}
        return Notice(id=event.id, kind=KINDS[event.topic], settings=settings, **found)

    def _receipt(self, session: orm.Session, event: Event, settings: PracticeSettings) -> dict[str, Any] | str:
        row = session.execute(_PAYMENT.where(P.c.id == event.data["payment_id"])).one()
        if row.provider in self._registry.sole_payers:
            return "the patient did not pay it"
        if not row.captured:
            return "it does not count as paid any more"
        return self._movement(row, row.captured, row.settled_at or event.occurred_at, settings)

    def _refund(self, session: orm.Session, event: Event, settings: PracticeSettings) -> dict[str, Any] | str:
        row = session.execute(_PAYMENT.where(P.c.id == event.data["payment_id"])).one()
        refunded = session.execute(sa.select(T.c.amount).where(T.c.id == event.data["refund_id"])).scalar_one()
        return self._movement(row, refunded, event.occurred_at, settings)

    def _movement(self, row: Any, amount: int, at: datetime, settings: PracticeSettings) -> dict[str, Any]:
        provider = self._registry.find(row.provider)
        return {
            "amount": money.to_decimal_text(amount, row.currency),
            "currency": row.currency,
            "on": at.astimezone(settings.system.zone).date(),
            "number": row.number or "",
            "payment_id": row.id,
            "method": provider.manifest.display_name if provider else row.method,
        }

    def _reminder(self, session: orm.Session, event: Event, settings: PracticeSettings) -> dict[str, Any] | str:
        row = session.execute(_DUE.where(V.c.id == event.data["invoice_id"])).first()
        if row is None or row.amount <= row.amount_paid:
            return "nothing is due any more"
        return {
            "amount": money.to_decimal_text(row.amount - row.amount_paid, row.currency),
            "currency": row.currency,
            "on": row.due_date,
            "number": row.number,
        }


_PAYMENT = sa.select(
    P.c.id, P.c.provider, P.c.method, P.c.captured, P.c.currency, P.c.settled_at, V.c.number
).outerjoin(V, V.c.id == P.c.invoice_id)
_DUE = (
    sa.select(V.c.number, V.c.amount, V.c.currency, V.c.due_date, Y.c.amount_paid)
    .join(Y, Y.c.invoice_id == V.c.id)
    .where(sa.text(f"invoices.{IS_UNPAID}"))
)
