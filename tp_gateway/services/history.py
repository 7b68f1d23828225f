"""What happened: whether a move of a payment or refund is legal, who made it and why, and the fact to tell others.
Always inside the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway import money, observability
from tp_gateway.models import Invoice, OutboxMessage, Payable, table
from tp_gateway.models.states import REFUND_TRANSITIONS, TRANSITIONS, InvoiceStatus, PaymentState, RefundState
from tp_gateway.services.facts import PaymentFacts

V, Y = table(Invoice), table(Payable)
_MESSAGE = sa.insert(table(OutboxMessage))
_INVOICE = (
    sa.select(
        *(V.c.id, V.c.number, V.c.patient_id, V.c.appointment_id, V.c.amount, V.c.currency, V.c.status, V.c.due_date),
        sa.func.coalesce(Y.c.amount_paid, 0).label("amount_paid"),
    )
    .outerjoin(Y, Y.c.invoice_id == V.c.id)
    .where(V.c.id == sa.bindparam("invoice"))
)


class IllegalTransition(Exception):
    """A move that is not in the table of `models.states`: a bug, and the transaction is rolled back."""


def payment_move(provider: str, before: str | None, after: str, *, actor: str, reason: str = "") -> dict[str, str]:
    """The columns that go with a payment's new state: the table's triggers make a row of the history from them."""
    if (before and PaymentState(before), PaymentState(after)) not in TRANSITIONS:
        raise IllegalTransition(f"{before} -> {after}")
    observability.PAYMENTS.labels(provider, after).inc()
    return {"state": str(after), "moved_by": actor, "moved_because": reason[:500]}


def refund_move(provider: str, before: str | None, after: str, *, actor: str, reason: str = "") -> dict[str, str]:
    """The same for a refund."""
    if (before and RefundState(before), RefundState(after)) not in REFUND_TRANSITIONS:
        raise IllegalTransition(f"refund: {before} -> {after}")
    observability.REFUNDS.labels(provider, after).inc()
    return {"state": str(after), "moved_by": actor, "moved_because": reason[:500]}


def tell(session: orm.Session, topic: str, payment: PaymentFacts, at: datetime, **more: Any) -> None:
    """Queue a fact for the outbox: opaque ids and amounts, nothing about a person's health."""
    data: dict[str, Any] = {
        "payment_id": payment.id,
        "appointment_id": payment.appointment_id,
        "invoice_id": payment.invoice_id,
        "patient_id": payment.patient_id,
        "payment_method": payment.method,
        "amount": money.to_decimal_text(payment.amount, payment.currency),
        "currency": payment.currency,
        "status": payment.status,
        **more,
    }
    if payment.manual_capture:
        data["amount_captured"] = money.to_decimal_text(payment.captured, payment.currency)
    queue(session, topic, payment.id, data, at)


def tell_invoice(
    session: orm.Session, topic: str, invoice_id: int, at: datetime, *, payment_id: int | None = None, **more: Any
) -> None:
    """The same about an invoice as it stands; with `payment_id`, in order with what happens to that payment."""
    row = session.execute(_INVOICE, {"invoice": invoice_id}).one()
    due = 0 if row.status == InvoiceStatus.VOID else max(0, row.amount - row.amount_paid)
    data: dict[str, Any] = {
        "invoice_id": row.id,
        "invoice_number": row.number,
        "payment_id": payment_id,
        "appointment_id": row.appointment_id,
        "patient_id": row.patient_id,
        "amount": money.to_decimal_text(row.amount, row.currency),
        "amount_paid": money.to_decimal_text(row.amount_paid, row.currency),
        "amount_due": money.to_decimal_text(due, row.currency),
        "currency": row.currency,
        "status": row.status,
        "due_date": row.due_date.isoformat(),
        **more,
    }
    queue(session, topic, payment_id, data, at)


def queue(session: orm.Session, topic: str, payment_id: int | None, data: Mapping[str, Any], at: datetime) -> None:
    """Queue a message, in order with the others of its payment, or of the invoice in `data`."""
    session.execute(
        _MESSAGE,
        {
            "uuid": str(uuid4()),
            "topic": topic,
            "payment_id": payment_id,
            "data": data,
            "created_at": at,
            "attempts": 0,
            "next_attempt_at": at,
            "last_error": "",
        },
    )
