"""What a payment's receipt says: what it was for, what of it counts towards that, and what is still owing."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import documents
from tp_gateway.documents import Line, Patient
from tp_gateway.models import Appointment, User, table
from tp_gateway.services.documents import of_invoices
from tp_gateway.services.documents.reading import Context
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.invoices import InvoiceDetail
from tp_gateway.services.invoices.reading import received_payments, taken_off
from tp_gateway.services.reading import Standing

A, U = table(Appointment), table(User)


@dataclass(frozen=True, slots=True)
class Counted:
    """Of what was asked for: what this payment and others have paid, and what is owing. Minor units."""

    by_this: int
    otherwise: int
    owing: int


def receipt_by_invoice(payment: PaymentFacts, found: InvoiceDetail, context: Context) -> documents.Receipt:
    by_this = sum(one.counted for one in found.payments if one.payment_id == payment.id)
    counted = Counted(by_this, found.money_paid - by_this, found.facts.amount_due)
    patient, lines = of_invoices.patient(found), of_invoices.lines(found, context)
    return _receipt(payment, patient, lines, counted, context, found.facts.number)


def receipt_by_appointment(session: orm.Session, standing: Standing, context: Context) -> documents.Receipt:
    """An appointment that was paid without an invoice: its fee is its only line."""
    payment = standing.payment
    query = sa.select(A, U.c.name.label("patient_name")).join(U, U.c.id == A.c.patient_id)
    row = session.execute(query.where(A.c.id == payment.appointment_id)).one()
    starts = row.starts_at.astimezone(context.zone)
    line = Line(
        description=row.service.replace("_", " ").capitalize(),
        quantity=1,
        unit_price=standing.payable_amount,
        total=standing.payable_amount,
        service_date=starts.date(),
        service_time=starts.time(),
        minutes=row.duration_minutes,
        practitioner=context.people.get(row.practitioner_id or 0),
    )
    payments = received_payments(session, payment.payable_id, context.zone)
    by_this = sum(one.counted for one in payments if one.payment_id == payment.id)
    money_paid = standing.payable_paid - sum(taken_off(session, payment.payable_id))
    counted = Counted(by_this, money_paid - by_this, standing.due)
    return _receipt(payment, Patient(payment.patient_id, row.patient_name or ""), [line], counted, context)


def practitioner_of(session: orm.Session, appointment_id: int | None) -> int | None:
    return session.execute(sa.select(A.c.practitioner_id).where(A.c.id == appointment_id)).scalar()


def _receipt(
    payment: PaymentFacts,
    patient: Patient,
    lines: list[Line],
    counted: Counted,
    context: Context,
    invoice_number: str = "",
) -> documents.Receipt:
    provider = context.registry.find(payment.provider)
    settled_on = (payment.settled_at or payment.created_at).astimezone(context.zone).date()
    asked = sum(line.total for line in lines)
    return documents.Receipt(
        clinic=context.clinic,
        number=str(payment.id),
        currency=payment.currency,
        received_on=context.booked.get(payment.id, settled_on),
        method=context.method(payment.provider),
        reference=payment.transaction_id or payment.reference or "",
        patient=patient,
        amount=payment.captured,
        refunded=payment.refunded,
        counted=counted.by_this,
        lines=lines,
        paid_otherwise=counted.otherwise,
        deducted=asked - counted.by_this - counted.otherwise - counted.owing,
        amount_owing=counted.owing,
        invoice_number=invoice_number,
        assigned=provider is not None and provider.manifest.sole_payer,
    )
