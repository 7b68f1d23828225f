"""A provider's reference names one payment, or one refund, for ever. A provider that gives a second one the same name
speaks of the first: what it says then is nothing about the second, and is not booked again."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Payment, Refund, table
from tp_gateway.services.facts import PaymentFacts, RefundFacts

P, T = table(Payment), table(Refund)


def is_of_another_payment(session: orm.Session, payment: PaymentFacts, reference: str | None) -> bool:
    if reference is None or reference == payment.reference:
        return False
    others = sa.select(P.c.id).where(P.c.provider == payment.provider, P.c.reference == reference)
    return session.execute(others.where(P.c.id != payment.id)).first() is not None


def is_of_another_refund(session: orm.Session, refund: RefundFacts, reference: str | None) -> bool:
    if reference is None or reference == refund.reference:
        return False
    others = sa.select(T.c.id).where(T.c.provider == refund.provider, T.c.reference == reference)
    return session.execute(others.where(T.c.id != refund.id)).first() is not None


def is_refund_of_another_payment(session: orm.Session, payment: PaymentFacts, reference: str) -> bool:
    others = sa.select(T.c.id).where(T.c.provider == payment.provider, T.c.reference == reference)
    return session.execute(others.where(T.c.payment_id != payment.id)).first() is not None
