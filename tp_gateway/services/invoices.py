"""Makes invoices: a number without gaps, lines that add up, and the payable that the appointment already has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database
from tp_gateway.errors import GatewayError, NotFound, ValidationError
from tp_gateway.identity import Identity
from tp_gateway.models import Appointment, Invoice, InvoiceItem, Payable, Payment, User, table
from tp_gateway.models.payment import IS_OPEN_SINGLE_FLIGHT
from tp_gateway.models.states import AppointmentStatus, InvoiceStatus
from tp_gateway.services.bookkeeping import invoice_status
from tp_gateway.services.clock import Clock
from tp_gateway.services.counters import raised
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.practice_settings import PracticeSettingsStore

V, I, Y, U = (table(model) for model in (Invoice, InvoiceItem, Payable, User))  # noqa: E741 - one letter a table
A, P = table(Appointment), table(Payment)


@dataclass(frozen=True, slots=True)
class Item:
    """One line; `unit_price` in minor units."""

    description: str
    quantity: int
    unit_price: int


class Invoices:
    def __init__(self, database: Database, settings: PracticeSettingsStore, clock: Clock) -> None:
        self._database, self._settings, self._clock = database, settings, clock

    def create(
        self,
        who: Identity,
        patient_id: int,
        items: Sequence[Item],
        *,
        currency: str,
        appointment_id: int | None = None,
        description: str = "",
        due_date: date | None = None,
    ) -> InvoiceFacts:
        """Make an invoice of the sum of `items`. For an appointment it takes over the appointment's payable, with
        what was paid already.

        NotFound for an unknown patient or appointment; `not_payable` if the appointment has a live invoice.
        """
        amount = sum(item.quantity * item.unit_price for item in items)
        if amount <= 0:
            raise ValidationError({"items": ["Must add up to more than zero"]})
        now = self._clock()
        with self._database.transaction() as session:
            settings = self._settings.current(session)
            today = now.astimezone(settings.system.zone).date()
            payable_id, paid = self._payable(session, patient_id, appointment_id, amount, currency)
            values = {
                "number": f"INV-{today.year}-{raised(session, f'invoice:{today.year}'):03d}",
                "payable_id": payable_id,
                "patient_id": patient_id,
                "appointment_id": appointment_id,
                "amount": amount,
                "currency": currency,
                "status": str(invoice_status(amount, paid)),
                "description": description,
                "due_date": due_date or today + timedelta(days=settings.billing.invoice_terms_days),
                "created_by": who.actor,
                "created_at": now,
            }
            new_id = session.execute(sa.insert(V).returning(V.c.id), values).scalar_one()
            lines = [
                {
                    "invoice_id": new_id,
                    "position": position,
                    "description": item.description,
                    "quantity": item.quantity,
                    "unit_price": item.unit_price,
                    "total": item.quantity * item.unit_price,
                }
                for position, item in enumerate(items, 1)
            ]
            session.execute(sa.insert(I), lines)
            session.execute(
                sa.update(Y)
                .where(Y.c.id == payable_id)
                .values(invoice_id=new_id, amount=amount, currency=currency, open=True)
            )
        shown = {
            name: values[name]
            for name in ("number", "patient_id", "appointment_id", "amount", "currency", "status", "description")
        }
        return InvoiceFacts(id=new_id, amount_paid=paid, due_date=values["due_date"], created_at=now, **shown)  # type: ignore[arg-type]

    def void(self, who: Identity, invoice_id: int) -> None:
        """Nothing may have been paid and nothing may be open. The appointment's own fee counts again."""
        with self._database.transaction() as session:
            row = session.execute(sa.select(Y).where(Y.c.invoice_id == invoice_id).with_for_update()).first()
            if row is None:
                raise NotFound
            if row.amount_paid:
                raise GatewayError("not_payable", "Something was paid on this invoice: refund or credit it instead")
            if has_open_payment(session, row.id):
                raise GatewayError("payment_in_progress", "A payment of this invoice is in progress")
            session.execute(sa.update(V).where(V.c.id == invoice_id).values(status=str(InvoiceStatus.VOID)))
            fee, cancelled = appointment_fee(session, row.appointment_id)
            session.execute(
                sa.update(Y).where(Y.c.id == row.id).values(invoice_id=None, amount=fee, open=fee > 0 and not cancelled)
            )

    def _payable(
        self, session: orm.Session, patient_id: int, appointment_id: int | None, amount: int, currency: str
    ) -> tuple[int, int]:
        """(id, what is paid on it already), locked."""
        if session.execute(sa.select(U.c.id).where(U.c.id == patient_id, U.c.role == "patient")).first() is None:
            raise NotFound
        if appointment_id is None:
            values = {
                "uuid": str(uuid4()),
                "patient_id": patient_id,
                "amount": amount,
                "amount_paid": 0,
                "currency": currency,
                "open": True,
            }
            return session.execute(sa.insert(Y).returning(Y.c.id), values).scalar_one(), 0
        row = session.execute(sa.select(Y).where(Y.c.appointment_id == appointment_id).with_for_update()).first()
        if row is None or row.patient_id != patient_id:
            raise NotFound
        if row.invoice_id is not None:
            raise GatewayError("not_payable", "This appointment has an invoice already")
        if has_open_payment(session, row.id):
            raise GatewayError("payment_in_progress", "A payment of this appointment is in progress")
        return row.id, row.amount_paid


def has_open_payment(session: orm.Session, payable_id: int) -> bool:
    query = sa.select(P.c.id).where(P.c.payable_id == payable_id, IS_OPEN_SINGLE_FLIGHT)
    return session.execute(query).first() is not None


def appointment_fee(session: orm.Session, appointment_id: int | None) -> tuple[int, bool]:
    """(fee in minor units, is it cancelled); an invoice of its own has no appointment to fall back on."""
    if appointment_id is None:
        return 0, True
    row = session.execute(sa.select(A.c.fee, A.c.status).where(A.c.id == appointment_id)).one()
    return row.fee, row.status == AppointmentStatus.CANCELLED
