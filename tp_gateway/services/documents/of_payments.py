"""What a payment's receipt says: what it was for, what of it counts towards that, and what is still owing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import documents
from tp_gateway.documents import Line, Patient
from tp_gateway.models import Appointment, User, table
from tp_gateway.registry import Registry
from tp_gateway.services.documents import of_invoices, reading
from tp_gateway.services.facts import PaymentFacts
from tp_gateway.services.invoices import InvoiceDetail
from tp_gateway.services.invoices.reading import received_payments, taken_off
from tp_gateway.services.reading import Standing

A, U = table(Appointment), table(User)


def receipt_by_invoice(
    payment: PaymentFacts,
    found: InvoiceDetail,
    clinic: documents.Clinic,
    people: of_invoices.People,
    zone: ZoneInfo,
    registry: Registry,
) -> documents.Receipt:
    lines = of_invoices.lines(found, people, zone)
    counted = sum(one.counted for one in found.payments if one.payment_id == payment.id)
    return _receipt(
        payment,
        clinic,
        of_invoices.patient(found),
        lines,
        zone,
        registry,
        counted=counted,
        paid_otherwise=found.money_paid - counted,
        owing=found.facts.amount_due,
        invoice_number=found.facts.number,
    )


def receipt_by_appointment(
    session: orm.Session, standing: Standing, clinic: documents.Clinic, zone: ZoneInfo, registry: Registry
) -> documents.Receipt:
    """An appointment that was paid without an invoice: its fee is its only line."""
    payment = standing.payment
    query = sa.select(A, U.c.name).join(U, U.c.id == A.c.patient_id).where(A.c.id == payment.appointment_id)
    row = session.execute(query).one()
    starts = row.starts_at.astimezone(zone)
    line = Line(
        description=row.service.replace("_", " ").capitalize(),
        quantity=1,
        unit_price=standing.payable_amount,
        total=standing.payable_amount,
        service_date=starts.date(),
        service_time=starts.time(),
        minutes=row.duration_minutes,
        practitioner=reading.practitioners(session, [row.practitioner_id]).get(row.practitioner_id),
    )
    payments = received_payments(session, payment.payable_id, zone)
    counted = sum(one.counted for one in payments if one.payment_id == payment.id)
    money_paid = standing.payable_paid - sum(taken_off(session, payment.payable_id))
    return _receipt(
        payment,
        clinic,
        Patient(payment.patient_id, row.name or ""),
        [line],
        zone,
        registry,
        counted=counted,
        paid_otherwise=money_paid - counted,
        owing=standing.due,
    )


def _receipt(
    payment: PaymentFacts,
    clinic: documents.Clinic,
    patient: Patient,
    lines: list[Line],
    zone: ZoneInfo,
    registry: Registry,
    *,
    counted: int,
    paid_otherwise: int,
    owing: int,
    invoice_number: str = "",
) -> documents.Receipt:
    provider = registry.find(payment.provider)
    return documents.Receipt(
        clinic=clinic,
        number=str(payment.id),
        currency=payment.currency,
        received_on=(payment.settled_at or payment.created_at).astimezone(zone).date(),
        method=of_invoices.method(registry, payment.provider),
        reference=payment.transaction_id or payment.reference or "",
        patient=patient,
        amount=payment.captured,
        refunded=payment.refunded,
        counted=counted,
        lines=lines,
        paid_otherwise=paid_otherwise,
        deducted=sum(line.total for line in lines) - counted - paid_otherwise - owing,
        amount_owing=owing,
        invoice_number=invoice_number,
        assigned=provider is not None and provider.manifest.sole_payer,
    )
