"""Refunds, and the files by which a bank pays them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.models import LedgerEntry, Payment, Refund, RefundFile, RefundFileItem, table
from tp_gateway.models.ledger import CLEARING
from tp_gateway.models.states import PaymentState, RefundState
from tp_gateway.services.verification.check import check, finds, or_zero, total

L, P, T, F, ITEMS = (table(model) for model in (LedgerEntry, Payment, Refund, RefundFile, RefundFileItem))

_OUT = sa.case((L.c.credit.like(f"{CLEARING}%"), L.c.amount), (L.c.debit.like(f"{CLEARING}%"), -L.c.amount), else_=0)
_OUT_BY_REFUND = (
    sa.select(L.c.refund_id, total(_OUT).label("booked"))
    .where(L.c.refund_id.is_not(None))
    .group_by(L.c.refund_id)
    .subquery()
)
_GONE = sa.case((T.c.state == RefundState.SUCCEEDED, T.c.amount), else_=0)
_ALIVE = T.c.state != RefundState.FAILED


def _of_payment(condition: sa.ColumnElement[bool], name: str) -> Any:
    query = sa.select(T.c.payment_id, total(T.c.amount).label(name)).where(condition)
    return query.group_by(T.c.payment_id).subquery()


_DONE = _of_payment(T.c.state == RefundState.SUCCEEDED, "done")
# One of ours that was not sent yet cannot know of one made at the provider; the provider then refuses it.
_ORDERED = _of_payment(sa.and_(_ALIVE, T.c.created_by.not_like("provider:%")), "ordered")
_THERE = _of_payment(sa.and_(_ALIVE, T.c.reference.is_not(None)), "there")
_CONTENT = (
    sa.select(ITEMS.c.refund_file_id, sa.func.count().label("count"), total(T.c.amount).label("total"))
    .join(T, T.c.id == ITEMS.c.refund_id)
    .group_by(ITEMS.c.refund_file_id)
    .subquery()
)

CHECKS = (
    check(
        "refunds-booked",
        "Each refund that succeeded is booked once with its amount, and no other refund is.",
        Refund,
        finds(
            sa.select(T.c.id, T.c.payment_id, T.c.state, T.c.amount, or_zero(_OUT_BY_REFUND.c.booked).label("booked"))
            .outerjoin(_OUT_BY_REFUND, _OUT_BY_REFUND.c.refund_id == T.c.id)
            .where(or_zero(_OUT_BY_REFUND.c.booked) != _GONE),
            "refund {id} of payment {payment_id} is {state}: {amount}, {booked} booked",
        ),
        finds(
            sa.select(T.c.id, T.c.payment_id)
            .join(P, P.c.id == T.c.payment_id)
            .where(sa.or_(T.c.provider != P.c.provider, T.c.currency != P.c.currency)),
            "refund {id} has another provider or currency than its payment {payment_id}",
        ),
    ),
    check(
        "payments-refunded",
        "What each payment has refunded is what its refunds say, and it is called refunded when all of it went back.",
        Payment,
        finds(
            sa.select(P.c.id, P.c.refunded, or_zero(_DONE.c.done).label("done"))
            .outerjoin(_DONE, _DONE.c.payment_id == P.c.id)
            .where(P.c.refunded != or_zero(_DONE.c.done)),
            "payment {id}: {refunded} refunded, its refunds come to {done}",
        ),
        finds(
            sa.select(P.c.id, P.c.state, P.c.captured, P.c.refunded).where(
                P.c.captured > 0, (P.c.captured == P.c.refunded) != (P.c.state == PaymentState.REFUNDED)
            ),
            "payment {id} is {state}: {refunded} of {captured} refunded",
        ),
    ),
    check(
        "refunds-within-captured",
        "The refunds of a payment that have not failed are at most what it captured.",
        Refund,
        *(
            finds(
                sa.select(P.c.id, P.c.captured, sums.c[name].label("sum"))
                .join(sums, sums.c.payment_id == P.c.id)
                .where(sums.c[name] > P.c.captured),
                "payment {id}: refunds of {sum} on {captured}",
            )
            for sums, name in ((_ORDERED, "ordered"), (_THERE, "there"))
        ),
    ),
    check(
        "refund-files",
        "Each file of refunds has the refunds and the total that it says.",
        RefundFile,
        finds(
            sa.select(
                F.c.id, F.c.title, F.c.count, F.c.total, _CONTENT.c.count.label("n"), _CONTENT.c.total.label("sum")
            )
            .outerjoin(_CONTENT, _CONTENT.c.refund_file_id == F.c.id)
            .where(sa.or_(F.c.count != or_zero(_CONTENT.c.count), F.c.total != or_zero(_CONTENT.c.total))),
            "file {id} ({title}) says {count} refunds of {total}, it has {n} of {sum}",
        ),
    ),
)
