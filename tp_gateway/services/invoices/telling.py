"""What others are told of an invoice: opaque ids and amounts, nothing about a person's health."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import orm

from tp_gateway.money import to_decimal_text
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.history import queue


def tell(session: orm.Session, topic: str, facts: InvoiceFacts, at: datetime, **more: Any) -> None:
    """Queue a fact for the outbox, in the transaction that makes it true."""
    data = {
        "invoice_id": facts.id,
        "invoice_number": facts.number,
        "appointment_id": facts.appointment_id,
        "patient_id": facts.patient_id,
        "amount": to_decimal_text(facts.amount, facts.currency),
        "amount_paid": to_decimal_text(facts.amount_paid, facts.currency),
        "amount_due": to_decimal_text(facts.amount_due, facts.currency),
        "currency": facts.currency,
        "status": facts.status,
        **more,
    }
    queue(session, topic, None, data, at)
