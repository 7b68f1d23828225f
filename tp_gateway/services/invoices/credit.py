"""A patient's credit: what over-payments have left, payment by payment, so that no cent of it can pay twice or be given
back after it has paid. What a payment has over-paid is the money of that payment wherever it pays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import LedgerEntry, Payment, table
from tp_gateway.models.ledger import IS_CREDIT, PATIENT_CREDIT, RECEIVABLE

L, P = table(LedgerEntry), table(Payment)


@dataclass(frozen=True, slots=True)
class Lot:
    """`amount` minor units of one payment, which is of `payable_id`."""

    payment_id: int
    payable_id: int
    amount: int


def _sum(account: str) -> sa.ColumnElement[int]:
    """What entries have credited to an account less what they debited."""
    signed = sa.case((L.c.credit == account, L.c.amount), (L.c.debit == account, -L.c.amount), else_=0)
    return sa.func.sum(signed)


def credit_of(session: orm.Session, patient_id: int, currency: str, not_of: Collection[str]) -> list[Lot]:
    """What each payment has left of its over-payment, oldest first. `not_of`: providers whose money is never the
    patient's (what Medicare paid too much is Medicare's)."""
    left = _sum(PATIENT_CREDIT)
    query = (
        sa.select(L.c.payment_id, P.c.payable_id, left.label("left"))
        .join(P, P.c.id == L.c.payment_id)
        .where(L.c.patient_id == patient_id, L.c.currency == currency, sa.text(IS_CREDIT), P.c.provider.not_in(not_of))
        .group_by(L.c.payment_id, P.c.payable_id)
        .having(left > 0)
        .order_by(L.c.payment_id)
    )
    return [Lot(row.payment_id, row.payable_id, int(row.left)) for row in session.execute(query)]


def paid_by(session: orm.Session, payable_id: int) -> list[Lot]:
    """What each payment counts towards a payable, newest first."""
    counted = _sum(RECEIVABLE)
    query = (
        sa.select(L.c.payment_id, P.c.payable_id, counted.label("counted"))
        .join(P, P.c.id == L.c.payment_id)
        .where(L.c.payable_id == payable_id)
        .group_by(L.c.payment_id, P.c.payable_id)
        .having(counted > 0)
        .order_by(L.c.payment_id.desc())
    )
    return [Lot(row.payment_id, row.payable_id, int(row.counted)) for row in session.execute(query)]


def take(lots: Sequence[Lot], amount: int) -> Iterator[Lot]:
    """The first lots, as far as they are needed for `amount`."""
    for lot in lots:
        if amount <= 0:
            return
        part = min(lot.amount, amount)
        amount -= part
        yield Lot(lot.payment_id, lot.payable_id, part)
