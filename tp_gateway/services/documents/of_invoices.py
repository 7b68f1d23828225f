"""An invoice as the store has it, and as it stands on paper. Decides nothing about money: every sum is the store's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from tp_gateway import documents
from tp_gateway.documents import Deduction, Line, Patient, Practitioner, Standing
from tp_gateway.models.states import GstTreatment
from tp_gateway.registry import Registry
from tp_gateway.services.invoices.facts import CreditNote, InvoiceDetail, InvoiceLine, ReceivedPayment

_STANDINGS = {one.value: one for one in Standing}
People = Mapping[int, Practitioner]


def invoice(
    found: InvoiceDetail,
    clinic: documents.Clinic,
    people: People,
    zone: ZoneInfo,
    registry: Registry,
    pay_to: documents.BankAccount | None,
) -> documents.Invoice:
    facts = found.facts
    return documents.Invoice(
        clinic=clinic,
        number=facts.number,
        currency=facts.currency,
        issued_on=found.issued_on,
        due_on=facts.due_date,
        standing=_STANDINGS.get(found.status, Standing.OPEN),
        patient=patient(found),
        lines=lines(found, people, zone),
        paid=found.money_paid,
        amount_due=facts.amount_due,
        description=facts.description,
        payments=[_payment(one, registry) for one in found.payments],
        deductions=_deductions(found),
        pay_to=pay_to,
    )


def credit_note(
    found: InvoiceDetail, note: CreditNote, clinic: documents.Clinic, people: People, zone: ZoneInfo
) -> documents.CreditNote:
    of_invoice = {line.position: line for line in found.lines}
    return documents.CreditNote(
        clinic=clinic,
        number=note.number,
        currency=found.facts.currency,
        issued_on=note.issued_on,
        invoice_number=found.facts.number,
        invoice_issued_on=found.issued_on,
        of_tax_invoice=found.is_tax_invoice,
        patient=patient(found),
        reason=note.reason,
        lines=[
            _line(of_invoice[one.position], people, zone, found, quantity=1, total=one.amount, gst=one.gst)
            for one in note.lines
        ],
    )


def patient(found: InvoiceDetail) -> Patient:
    return Patient(found.facts.patient_id, found.patient_name or "")


def lines(found: InvoiceDetail, people: People, zone: ZoneInfo) -> list[Line]:
    return [
        _line(line, people, zone, found, quantity=line.quantity, total=line.total, gst=line.gst) for line in found.lines
    ]


def method(registry: Registry, slug: str) -> str:
    """A way to pay as people call it; of one that was switched off, its name here."""
    provider = registry.find(slug)
    return provider.manifest.display_name if provider else slug.replace("_", " ").capitalize()


def _line(
    line: InvoiceLine, people: People, zone: ZoneInfo, found: InvoiceDetail, *, quantity: int, total: int, gst: int
) -> Line:
    starts = _starts(line, found.appointment_starts_at, zone)
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
        practitioner=people.get(line.practitioner_id or 0),
    )


def _starts(line: InvoiceLine, at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """When the appointment began, on a line of its day that says what was done."""
    local = at.astimezone(zone) if at else None
    return local if local and local.date() == line.service_date else None


def _payment(one: ReceivedPayment, registry: Registry) -> documents.ReceivedPayment:
    return documents.ReceivedPayment(
        received_on=one.received_on,
        method=f"Credit from payment {one.payment_id}" if one.from_credit else method(registry, one.provider),
        reference=one.transaction_id or f"Payment {one.payment_id}",
        amount=one.amount,
        refunded=one.refunded,
        counted=one.counted,
    )


def _deductions(found: InvoiceDetail) -> list[Deduction]:
    taken = [(f"Credit note {note.number}", note.amount) for note in found.credit_notes]
    taken += [("Written off", found.written_off), ("No longer charged", found.given_up)]
    return [Deduction(label, amount) for label, amount in taken if amount]
