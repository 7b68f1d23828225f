"""What is stored as a sum is what the entries of the ledger come to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.models import Appointment, LedgerEntry, Payable, Payment, table
from tp_gateway.models.ledger import ADJUSTMENTS, CHARGEBACKS, PATIENT_CREDIT, RECEIVABLE, SUSPENSE
from tp_gateway.models.states import PaymentState as S
from tp_gateway.services.verification.check import check, finds, or_zero, total

L, Y, P, A = (table(model) for model in (LedgerEntry, Payable, Payment, Appointment))
BROUGHT = ("charge", "overpayment")
"""Kinds of money that a payment has taken,"""
TAKEN_BACK = ("unmatch", "unmatch_credit")
"""and of what was found not to be its own."""
CAPTURED = sa.case((L.c.kind.in_(BROUGHT), L.c.amount), else_=-L.c.amount)
"""Of an entry of one of those kinds."""
_SETTLED = (S.SUCCEEDED, S.REFUNDED)


def touches(account: str) -> sa.ColumnElement[bool]:
    return sa.or_(L.c.credit == account, L.c.debit == account)


def credited(account: str) -> sa.ColumnElement[int]:
    """Of an entry that touches the account: what it credits, below zero for what it debits."""
    return sa.case((L.c.credit == account, L.c.amount), else_=-L.c.amount)


_PAID = sa.select(L.c.payable_id, total(credited(RECEIVABLE)).label("booked"))
_PAID_BY_PAYABLE = _PAID.where(touches(RECEIVABLE)).group_by(L.c.payable_id).subquery()
_CAPTURED = sa.select(L.c.payment_id, total(CAPTURED).label("booked")).where(L.c.kind.in_(BROUGHT + TAKEN_BACK))
_CAPTURED_BY_PAYMENT = _CAPTURED.group_by(L.c.payment_id).subquery()
_CHARGE = sa.select(L.c.payment_id, L.c.evidence).where(L.c.kind.in_(BROUGHT))


def _left(account: str, sign: int = 1) -> sa.ColumnElement[int]:
    """What a payment's entries leave on an account; with -1 of one that is debited first."""
    return total(
        sa.case((L.c.credit == account, sign * L.c.amount), (L.c.debit == account, -sign * L.c.amount), else_=0)
    )


_CREDIT, _PAYS, _GIVEN_UP, _LOST = (
    *(_left(PATIENT_CREDIT), _left(RECEIVABLE)),
    *(_left(ADJUSTMENTS, -1), _left(CHARGEBACKS, -1)),
)
_BY_PAYMENT = (
    sa.select(
        L.c.payment_id.label("id"),
        *(_CREDIT.label("credit"), _PAYS.label("paid"), _GIVEN_UP.label("given_up"), _LOST.label("lost")),
    )
    .where(L.c.payment_id.is_not(None))
    .group_by(L.c.payment_id)
)
_OVERDRAWN = sa.or_(*(left < 0 for left in (_CREDIT, _PAYS, _GIVEN_UP, _LOST)))
_MORE_CREDIT_THAN_MONEY = _PAYS < _GIVEN_UP + _LOST
"""What was given up or lost is money that is gone, and stands for what is paid with it. Is that more than is paid, then
the rest is credit without money, since each entry has two sides."""
_SUSPENSE = sa.select(L.c.payment_id.label("id"), L.c.currency, _left(SUSPENSE).label("left")).where(touches(SUSPENSE))


def _suspended() -> sa.Select[Any]:
    """Payments with money in suspense of which nobody is asked to decide, and nobody has."""
    left = total(credited(SUSPENSE))
    waiting = sa.select(L.c.payment_id, left.label("left")).where(touches(SUSPENSE)).group_by(L.c.payment_id)
    held = waiting.having(left > 0).subquery()
    query = sa.select(P.c.id, P.c.state, held.c.left).join(held, held.c.payment_id == P.c.id)
    return query.where(~P.c.needs_review, P.c.state != S.FAILED)


CHECKS = (
    check(
        "payables-paid",
        "What is paid on each payable is what its entries have taken from the receivable.",
        Payable,
        finds(
            sa.select(Y.c.id, Y.c.amount_paid, or_zero(_PAID_BY_PAYABLE.c.booked).label("booked"))
            .outerjoin(_PAID_BY_PAYABLE, _PAID_BY_PAYABLE.c.payable_id == Y.c.id)
            .where(Y.c.amount_paid != or_zero(_PAID_BY_PAYABLE.c.booked)),
            "payable {id}: {amount_paid} paid, its entries come to {booked}",
        ),
        finds(
            sa.select(Y.c.id, Y.c.amount, Y.c.amount_paid).where(sa.or_(Y.c.amount_paid < 0, Y.c.amount < 0)),
            "payable {id}: {amount_paid} of {amount} is below zero",
        ),
    ),
    check(
        "payables-asked",
        "Where no invoice says otherwise, a payable asks for its appointment's fee, of the same patient.",
        Payable,
        finds(
            sa.select(Y.c.id, Y.c.amount, A.c.fee, A.c.id.label("appointment"))
            .join(A, A.c.id == Y.c.appointment_id)
            .where(
                sa.or_(
                    Y.c.patient_id != A.c.patient_id,
                    sa.and_(Y.c.invoice_id.is_(None), sa.or_(Y.c.amount != A.c.fee, Y.c.currency != A.c.currency)),
                )
            ),
            "payable {id} asks for {amount}; its appointment {appointment} is {fee}, or of another patient or currency",
        ),
    ),
    check(
        "payments-captured",
        "What each payment has captured is what the ledger has as charged and over-paid, less what was un-matched.",
        Payment,
        finds(
            sa.select(P.c.id, P.c.captured, or_zero(_CAPTURED_BY_PAYMENT.c.booked).label("booked"))
            .outerjoin(_CAPTURED_BY_PAYMENT, _CAPTURED_BY_PAYMENT.c.payment_id == P.c.id)
            .where(P.c.captured != or_zero(_CAPTURED_BY_PAYMENT.c.booked)),
            "payment {id}: {captured} captured, {booked} booked",
        ),
    ),
    check(
        "payments-evidence",
        "A payment has succeeded if and only if it has money, and then it names the evidence that is booked, its own.",
        Payment,
        finds(
            sa.select(P.c.id, P.c.state, P.c.captured).where((P.c.captured > 0) != P.c.state.in_(_SETTLED)),
            "payment {id} is {state} and has captured {captured}",
        ),
        finds(
            sa.select(P.c.id, P.c.state, P.c.evidence).where(
                P.c.state.in_(_SETTLED), sa.or_(P.c.evidence.is_(None), P.c.settled_at.is_(None))
            ),
            "payment {id} is {state} without evidence or without the moment",
        ),
        finds(
            sa.select(P.c.id, P.c.state, P.c.evidence).where(
                P.c.state.in_(_SETTLED),
                P.c.evidence.is_not(None),
                ~_CHARGE.where(L.c.payment_id == P.c.id, L.c.evidence == P.c.evidence).exists(),
            ),
            "payment {id} is {state}, and no charge is booked for its evidence {evidence}",
        ),
        finds(
            sa.select(sa.func.max(P.c.id).label("id"), P.c.provider, P.c.evidence, sa.func.count().label("payments"))
            .where(P.c.evidence.is_not(None))
            .group_by(P.c.provider, P.c.evidence)
            .having(sa.func.count() > 1),
            "payment {id}: its evidence {evidence} is that of {payments} payments by {provider}",
        ),
    ),
    check(
        "payments-belong",
        "Each payment is of the patient of its payable.",
        Payment,
        finds(
            sa.select(P.c.id, P.c.patient_id, Y.c.id.label("payable"), Y.c.patient_id.label("patient"))
            .join(Y, Y.c.id == P.c.payable_id)
            .where(P.c.patient_id != Y.c.patient_id),
            "payment {id} is of patient {patient_id}, its payable {payable} of {patient}",
        ),
    ),
    check(
        "accounts-not-overdrawn",
        "No payment gave back more credit, suspense or given-up fees than it brought, or has credit without money.",
        LedgerEntry,
        finds(
            _BY_PAYMENT.having(sa.or_(_OVERDRAWN, _MORE_CREDIT_THAN_MONEY)),
            "payment {id}: {credit} patient credit and {paid} paid, {given_up} given up and {lost} lost",
        ),
        finds(
            _SUSPENSE.group_by(L.c.payment_id, L.c.currency).having(_left(SUSPENSE) < 0),
            "payment {id}: {left} {currency} in suspense",
        ),
    ),
    check(
        "suspense-awaits-decision",
        "Money in suspense is of a payment that needs review, or that staff have refused.",
        LedgerEntry,
        finds(_suspended(), "payment {id} is {state} and has {left} in suspense, and nobody is asked about it"),
    ),
)
