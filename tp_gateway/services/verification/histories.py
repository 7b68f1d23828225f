"""What happened to payments and refunds: only legal moves, without a missing link, up to where they stand; and what was
started or told because of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from tp_gateway.models import IdempotencyRecord, OutboxMessage, Payment, Refund, Transition, table
from tp_gateway.models.payment import IS_OPEN_SINGLE_FLIGHT
from tp_gateway.models.states import REFUND_TRANSITIONS, TRANSITIONS
from tp_gateway.models.states import PaymentState as S
from tp_gateway.services.verification.check import check, finds

H, P, T, K, O = (table(model) for model in (Transition, Payment, Refund, IdempotencyRecord, OutboxMessage))  # noqa: E741
_FROM = sa.func.coalesce(H.c.from_state, "")
_MOVE = _FROM + ">" + H.c.to_state


def _illegal(of_refunds: bool, table: Collection[tuple[Any, Any]]) -> sa.Select[Any]:
    legal = sorted(f"{before or ''}>{after}" for before, after in table)
    of = H.c.refund_id.is_not(None) if of_refunds else H.c.refund_id.is_(None)
    query = sa.select(H.c.id, H.c.payment_id, H.c.refund_id, _FROM.label("before"), H.c.to_state)
    return query.where(of, _MOVE.not_in(legal))


def _broken(subject: sa.Column[Any], whose: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """In the order of the subject's own index, so that millions of moves need no sorting."""
    before = sa.func.lag(H.c.to_state).over(partition_by=subject, order_by=H.c.id)
    stood = sa.func.coalesce(before, "").label("stood")
    found = sa.select(H.c.id, subject.label("subject"), _FROM.label("before"), stood).where(whose).subquery()
    return sa.select(found).where(found.c.before != found.c.stood)


def _ends_elsewhere(subject: sa.Table, of: sa.ColumnElement[Any], whose: sa.ColumnElement[bool]) -> sa.Select[Any]:
    last = sa.select(of.label("subject"), sa.func.max(H.c.id).label("id")).where(whose).group_by(of).subquery()
    told = sa.func.coalesce(H.c.to_state, "")
    query = sa.select(subject.c.id, subject.c.state, told.label("told"))
    query = query.outerjoin(last, last.c.subject == subject.c.id).outerjoin(H, H.c.id == last.c.id)
    return query.where(told != subject.c.state)


_OPEN_TWICE = (
    sa.select(P.c.payable_id.label("id"), sa.func.count().label("count"))
    .where(IS_OPEN_SINGLE_FLIGHT)
    .group_by(P.c.payable_id)
    .having(sa.func.count() > 1)
)


def _topic(name: str) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((O.c.topic == name, 1), else_=0)), 0)


_TOLD = (
    sa.select(
        O.c.payment_id,
        _topic("payment.succeeded").label("succeeded"),
        _topic("payment.unmatched").label("unmatched"),
    )
    .where(O.c.topic.in_(("payment.succeeded", "payment.unmatched")))
    .group_by(O.c.payment_id)
    .subquery()
)
_TIMES = sa.func.coalesce(_TOLD.c.succeeded, 0)

CHECKS = (
    check(
        "one-open-payment",
        "No payable has two open payments that could both take money.",
        Payment,
        finds(_OPEN_TWICE, "payable {id} has {count} open payments"),
    ),
    check(
        "moves-legal",
        "Each move in the history of a payment or refund is one that there can be.",
        Transition,
        finds(_illegal(False, TRANSITIONS), "move {id} of payment {payment_id}: {before!r} to {to_state!r}"),
        finds(_illegal(True, REFUND_TRANSITIONS), "move {id} of refund {refund_id}: {before!r} to {to_state!r}"),
    ),
    check(
        "moves-unbroken",
        "Each move begins where the one before it ended, and the last one ends where the payment or refund stands.",
        Transition,
        finds(
            _broken(H.c.payment_id, H.c.refund_id.is_(None)),
            "move {id} of payment {subject} begins at {before!r}, where it stood at {stood!r}",
        ),
        finds(
            _broken(H.c.refund_id, H.c.refund_id.is_not(None)),
            "move {id} of refund {subject} begins at {before!r}, where it stood at {stood!r}",
        ),
        finds(
            _ends_elsewhere(P, H.c.payment_id, H.c.refund_id.is_(None)),
            "payment {id} is {state}, its history ends in {told!r}",
        ),
        finds(
            _ends_elsewhere(T, H.c.refund_id, H.c.refund_id.is_not(None)),
            "refund {id} is {state}, its history ends in {told!r}",
        ),
    ),
    check(
        "keys-lead-somewhere",
        "Each Idempotency-Key belongs to its payment or invoice, and one that is answered has its answer.",
        IdempotencyRecord,
        finds(
            sa.select(K.c.id, K.c.route).where(K.c.payment_id.is_(None), K.c.invoice_id.is_(None)),
            "key {id} ({route}) belongs to no payment and no invoice",
        ),
        finds(
            sa.select(K.c.id, K.c.route).where(K.c.answer_sealed.is_(None) != K.c.finished_at.is_(None)),
            "key {id} ({route}) is finished without an answer, or answered and not finished",
        ),
        finds(
            sa.select(K.c.id, K.c.route, K.c.refund_id, K.c.payment_id)
            .join(T, T.c.id == K.c.refund_id)
            .where(T.c.payment_id.is_distinct_from(K.c.payment_id)),
            "key {id} ({route}): refund {refund_id} is not of payment {payment_id}",
        ),
    ),
    check(
        "told-once",
        "The success of each payment was told once, and once more for each time that it was un-matched.",
        OutboxMessage,
        finds(
            sa.select(P.c.id, P.c.state, _TIMES.label("times"))
            .outerjoin(_TOLD, _TOLD.c.payment_id == P.c.id)
            .where(
                P.c.state.in_((S.SUCCEEDED, S.REFUNDED)),
                sa.or_(_TIMES < 1, 1 + sa.func.coalesce(_TOLD.c.unmatched, 0) < _TIMES),
            ),
            "payment {id} is {state}, told {times} times",
        ),
    ),
)
