"""A patient's credit: what over-payments have left, payment by payment, so that no cent of it can pay twice or be given
back after it has paid. What a payment has over-paid is the money of that payment wherever it pays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import LedgerEntry, Payment, Refund, table
from tp_gateway.models.ledger import ADJUSTMENTS, CHARGEBACKS, DISPUTED, IS_CREDIT, PATIENT_CREDIT, RECEIVABLE
from tp_gateway.models.states import OPEN_REFUND_STATES

L, P, T = table(LedgerEntry), table(Payment), table(Refund)
_IS_MONEY = (L.c.debit != ADJUSTMENTS, L.c.credit != ADJUSTMENTS)
"""What a payment's refund gives up is no money of it."""


@dataclass(frozen=True, slots=True)
class Lot:
    """`amount` minor units of one payment, which is of `payable_id`."""

    payment_id: int
    payable_id: int
    amount: int


def _signed(*accounts: str) -> sa.ColumnElement[int]:
    """What an entry has credited to accounts less what it debited."""
    credited, debited = (sa.case((column.in_(accounts), L.c.amount), else_=0) for column in (L.c.credit, L.c.debit))
    return credited - debited


def _sum(*accounts: str) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(_signed(*accounts)), 0)


def credit_of(session: orm.Session, patient_id: int, currency: str, not_of: Collection[str]) -> list[Lot]:
    """What each payment has left of its over-payment, oldest first: less what refunds on their way, or disputes that
    are open, will take of it. `not_of`: providers whose money is never the patient's (what Medicare paid too much is
    Medicare's)."""
    left = (
        sa.select(L.c.payment_id, _sum(PATIENT_CREDIT).label("amount"))
        .where(L.c.patient_id == patient_id, L.c.currency == currency, sa.text(IS_CREDIT))
        .group_by(L.c.payment_id)
        .subquery()
    )
    going = sa.select(sa.func.coalesce(sa.func.sum(T.c.amount), 0))
    going = going.where(T.c.payment_id == P.c.id, T.c.state.in_(OPEN_REFUND_STATES))
    held = sa.select(-_sum(DISPUTED)).where(L.c.payment_id == P.c.id)
    query = (
        sa.select(P.c.id, P.c.payable_id, left.c.amount, going.scalar_subquery(), held.scalar_subquery())
        .join(left, left.c.payment_id == P.c.id)
        .where(left.c.amount > 0, P.c.provider.not_in(not_of))
        .order_by(P.c.id)
    )
    found = (Lot(row.id, row.payable_id, int(row[2] - row[3] - max(0, row[4]))) for row in session.execute(query))
    return [lot for lot in found if lot.amount > 0]


def paid_by(session: orm.Session, payable_id: int) -> list[Lot]:
    """What each payment counts towards a payable, newest first, as far as its money is here: what refunds have given
    back of it, or disputes have taken, can become nobody's credit."""
    ours = sa.select(L.c.payment_id).where(L.c.payable_id == payable_id, L.c.payment_id.is_not(None))
    here = sa.case((L.c.payable_id == payable_id, _signed(RECEIVABLE)), else_=0)
    query = (
        sa.select(P.c.id, P.c.payable_id, sa.func.sum(here), _sum(RECEIVABLE, DISPUTED, CHARGEBACKS))
        .join(P, P.c.id == L.c.payment_id)
        .where(L.c.payment_id.in_(ours), *_IS_MONEY)
        .group_by(P.c.id, P.c.payable_id)
        .order_by(P.c.id.desc())
    )
    found = (Lot(row.id, row.payable_id, int(min(row[2], row[3]))) for row in session.execute(query))
    return [lot for lot in found if lot.amount > 0]


def take(lots: Sequence[Lot], amount: int) -> Iterator[Lot]:
    """The first lots, as far as they are needed for `amount`."""
    for lot in lots:
        if amount <= 0:
            return
        part = min(lot.amount, amount)
        amount -= part
        yield Lot(lot.payment_id, lot.payable_id, part)
