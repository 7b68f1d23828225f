"""Invoices -> JSON. Amounts are decimal text, days are of the clinic's calendar, moments UTC."""

from __future__ import annotations

from typing import Any

from tp_gateway.money import to_decimal_text
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices import Credited, Explanation, InvoiceDetail
from tp_gateway.services.invoices.explaining import Step
from tp_gateway.services.invoices.facts import CreditNote, InvoiceLine, ReceivedPayment
from tp_gateway.views.rendering import invoice, moment


def listed(facts: InvoiceFacts, status: str) -> dict[str, Any]:
    """`status` is the public one."""
    return invoice(facts) | {"status": status}


def detail(found: InvoiceDetail) -> dict[str, Any]:
    currency = found.facts.currency
    return {
        **listed(found.facts, found.status),
        "issued_on": found.issued_on.isoformat(),
        "patient_name": found.patient_name,
        "is_tax_invoice": found.is_tax_invoice,
        "gst": to_decimal_text(found.gst, currency),
        "money_paid": to_decimal_text(found.money_paid, currency),
        "amount_credited": to_decimal_text(found.credited, currency),
        "amount_written_off": to_decimal_text(found.written_off, currency),
        "amount_given_up": to_decimal_text(found.given_up, currency),
        "items": [_line(line, currency) for line in found.lines],
        "payments": [_payment(payment, currency) for payment in found.payments],
        "credit_notes": [_credit_note(note, currency) for note in found.credit_notes],
    }


def credited(found: InvoiceDetail, note: Credited) -> dict[str, Any]:
    currency = found.facts.currency
    proposed = [{"payment_id": one, "amount": to_decimal_text(amount, currency)} for one, amount in note.refunds]
    return {**detail(found), "credit_note": note.number, "refunds_proposed": proposed}


def explanation(found: Explanation) -> dict[str, Any]:
    facts = found.detail.facts
    steps = [_step(step, facts.currency) for step in found.steps]
    return {"invoice": listed(facts, found.detail.status), "steps": steps}


def _line(line: InvoiceLine, currency: str) -> dict[str, Any]:
    return {
        "line": line.position,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": to_decimal_text(line.unit_price, currency),
        "total": to_decimal_text(line.total, currency),
        "gst_treatment": line.gst_treatment,
        "gst_rate": float(line.gst_rate),  # as the settings tell it
        "gst": to_decimal_text(line.gst, currency),
        "amount_credited": to_decimal_text(line.credited, currency),
        "service_date": line.service_date.isoformat() if line.service_date else None,
        "item_number": line.item_number,
        "practitioner_id": line.practitioner_id,
        "practitioner_name": line.practitioner_name,
    }


def _payment(payment: ReceivedPayment, currency: str) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "payment_method": payment.method,
        "amount": to_decimal_text(payment.amount, currency),
        "amount_refunded": to_decimal_text(payment.refunded, currency),
        "amount_counted": to_decimal_text(payment.counted, currency),
        "from_credit": payment.from_credit,
        "received_on": payment.received_on.isoformat(),
        "transaction_id": payment.transaction_id,
    }


def _credit_note(note: CreditNote, currency: str) -> dict[str, Any]:
    return {
        "id": note.id,
        "number": note.number,
        "amount": to_decimal_text(note.amount, currency),
        "gst": to_decimal_text(note.gst, currency),
        "reason": note.reason,
        "issued_on": note.issued_on.isoformat(),
        "created_at": moment(note.created_at),
        "lines": [
            {
                "line": line.position,
                "description": line.description,
                "amount": to_decimal_text(line.amount, currency),
                "gst": to_decimal_text(line.gst, currency),
            }
            for line in note.lines
        ],
    }


def _step(step: Step, currency: str) -> dict[str, Any]:
    kind, of_id, number = step.operation
    entry = None
    if step.entry is not None:
        entry_id, entry_kind, debit, credit, amount = step.entry
        entry = {"id": entry_id, "kind": entry_kind, "debit": debit, "credit": credit}
        entry["amount"] = to_decimal_text(amount, currency)
    return {
        "at": moment(step.at),
        "text": step.text,
        "due_change": to_decimal_text(step.due, currency),
        "credit_change": to_decimal_text(step.credit, currency),
        "amount_due": to_decimal_text(step.balance, currency),
        "operation": {"type": kind, "id": of_id, "number": number},
        "ledger_entry": entry,
        "evidence": step.evidence,
    }
