"""An invoice as the store has it, and as it stands on paper. Decides nothing about money: every sum is the store's."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tp_gateway import documents
from tp_gateway.documents import Deduction, Line, Patient, Standing
from tp_gateway.models.states import GstTreatment
from tp_gateway.services.documents.reading import Context
from tp_gateway.services.invoices.facts import CreditNote, InvoiceDetail, InvoiceLine, ReceivedPayment

_STANDINGS = {one.value: one for one in Standing}


def invoice(found: InvoiceDetail, context: Context, pay_to: documents.BankAccount | None) -> documents.Invoice:
    facts = found.facts
    return documents.Invoice(
        clinic=context.clinic,
        number=facts.number,
        currency=facts.currency,
        issued_on=found.issued_on,
        due_on=facts.due_date,
        standing=_STANDINGS.get(found.status, Standing.OPEN),
        patient=patient(found),
        lines=lines(found, context),
        paid=found.money_paid,
        amount_due=facts.amount_due,
        description=facts.description,
        payments=[_payment(one, context) for one in found.payments],
        deductions=_deductions(found),
        pay_to=pay_to,
    )


def credit_note(found: InvoiceDetail, note: CreditNote, context: Context) -> documents.CreditNote:
    of_invoice = {line.position: line for line in found.lines}
    return documents.CreditNote(
        clinic=context.clinic,
        number=note.number,
        currency=found.facts.currency,
        issued_on=note.issued_on,
        invoice_number=found.facts.number,
        invoice_issued_on=found.issued_on,
        invoice_total=found.facts.amount,
        patient=patient(found),
        reason=note.reason,
        lines=[
            _line(of_invoice[one.position], found, context, quantity=1, total=one.amount, gst=one.gst)
            for one in note.lines
        ],
    )


def patient(found: InvoiceDetail) -> Patient:
    return Patient(found.facts.patient_id, found.patient_name or "")


def lines(found: InvoiceDetail, context: Context) -> list[Line]:
    return [_line(line, found, context, quantity=line.quantity, total=line.total, gst=line.gst) for line in found.lines]


def _line(line: InvoiceLine, found: InvoiceDetail, context: Context, *, quantity: int, total: int, gst: int) -> Line:
    starts = _starts(line, found.appointment_starts_at, context.zone)
    return Line(
        description=line.description,
        quantity=quantity,
        unit_price=total // quantity,
        total=total,
        gst=gst,
        taxable=line.gst_treatment == GstTreatment.TAXABLE,
        service_date=line.service_date,
        service_time=starts.time() if starts else None,
        minutes=found.appointment_minutes if starts else None,
        item_number=line.item_number or "",
        practitioner=context.people.get(line.practitioner_id or 0),
    )


def _starts(line: InvoiceLine, at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """When the appointment began, on a line of its day that says what was done."""
    local = at.astimezone(zone) if at else None
    return local if local and local.date() == line.service_date else None


def _payment(one: ReceivedPayment, context: Context) -> documents.ReceivedPayment:
    by = f"Credit from payment {one.payment_id}" if one.from_credit else context.method(one.provider)
    return documents.ReceivedPayment(
        received_on=context.booked.get(one.payment_id, one.received_on),
        method=by,
        reference=one.transaction_id or f"Payment {one.payment_id}",
        amount=one.amount,
        refunded=one.refunded,
        counted=one.counted,
    )


def _deductions(found: InvoiceDetail) -> list[Deduction]:
    taken = [(f"Credit note {note.number}", note.amount) for note in found.credit_notes]
    taken += [("Written off", found.written_off), ("No longer charged", found.given_up)]
    return [Deduction(label, amount) for label, amount in taken if amount]
