"""Rows of disputes to facts, and what a dispute means for a refund."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.errors import GatewayError, NotFound
from tp_gateway.models import Dispute, Payment, table
from tp_gateway.services.facts import DisputeFacts, PaymentFacts

D, P = table(Dispute), table(Payment)
_OF_PAYMENT = ("patient_id", "appointment_id", "invoice_id")
_OWN = [field.name for field in fields(DisputeFacts) if field.name not in _OF_PAYMENT]

DISPUTES = (
    sa.select(*(D.c[name] for name in _OWN), *(P.c[name] for name in _OF_PAYMENT))
    .select_from(D)
    .outerjoin(P, P.c.id == D.c.payment_id)
)
"""Every dispute with whose it is; add a WHERE."""


def to_dispute(row: Any) -> DisputeFacts:
    return DisputeFacts(**row._mapping)


def one_dispute(session: orm.Session, dispute_id: int) -> DisputeFacts:
    """NotFound."""
    row = session.execute(DISPUTES.where(D.c.id == dispute_id)).first()
    if row is None:
        raise NotFound
    return to_dispute(row)


def left_by_disputes(session: orm.Session, payment: PaymentFacts) -> int:
    """What of the captured money disputes have left, in minor units. GatewayError `payment_disputed` if the provider
    refunds this payment no more (docs.stripe.com/disputes/how-disputes-work: the money would go back twice)."""
    if not payment.disputed:
        return payment.captured
    query = sa.select(D.c.refundable, D.c.withdrawn).where(D.c.payment_id == payment.id)
    rows = session.execute(query).all()
    if not all(row.refundable for row in rows):
        text = "The customer's bank has this payment in dispute. It cannot be refunded too"
        raise GatewayError("payment_disputed", text, payment_id=payment.id)
    return payment.captured - sum(max(0, int(row.withdrawn)) for row in rows)
