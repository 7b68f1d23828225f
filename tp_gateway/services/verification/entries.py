"""The entries of the ledger, one by one: each a whole movement, of its own payment, between its kind's accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.models import Dispute, InvoiceOperation, LedgerEntry, Payment, Refund, table
from tp_gateway.models.ledger import CLEARING, CREDIT_MOVED, FEES, MOVES, WITHOUT_PAYMENT
from tp_gateway.services.verification.check import check, finds

L, P, T, D, O = (table(model) for model in (LedgerEntry, Payment, Refund, Dispute, InvoiceOperation))  # noqa: E741
_OTHER_CURRENCY = ("suspense", "suspense_reversal")
"""Money in a currency that nobody asked for waits in suspense."""


def _account(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Is it the account, at the payment's own provider where providers have one each?"""
    own = sa.literal(name) + sa.func.coalesce(P.c.provider, "")
    return column == (own if name in (CLEARING, FEES) else name)


_AS_ITS_KIND = sa.or_(
    *(
        sa.and_(L.c.kind == kind, _account(L.c.debit, debit), _account(L.c.credit, credit))
        for kind, (debit, credit) in MOVES.items()
    )
)
_WRONG_ORIGIN = sa.or_(
    L.c.payment_id.is_(None) != L.c.kind.in_(WITHOUT_PAYMENT),
    L.c.operation_id.is_(None) == L.c.kind.in_((*WITHOUT_PAYMENT, *CREDIT_MOVED)),
)
_BROKEN = sa.or_(
    L.c.amount <= 0,
    L.c.debit == L.c.credit,
    L.c.evidence == "",
    L.c.actor == "",
    sa.func.length(L.c.currency) != 3,
    *(column.is_(None) for column in (L.c.amount, L.c.debit, L.c.credit, L.c.evidence)),
)
_TWICE = (
    sa.select(sa.func.min(L.c.id).label("id"), L.c.payment_id, L.c.kind, L.c.evidence, sa.func.count().label("times"))
    .group_by(L.c.payment_id, L.c.kind, L.c.evidence)
    .having(sa.func.count() > 1)
)


def _of(owner: sa.Table, key: sa.ColumnElement[Any], *wrong: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(L.c.id, L.c.payment_id, key.label("owner")).join(owner, owner.c.id == key).where(sa.or_(*wrong))


CHECKS = (
    check(
        "entries-balance",
        "Each entry of the ledger moves a positive amount from one account to another, and names its evidence.",
        LedgerEntry,
        finds(
            sa.select(L.c.id, L.c.kind, L.c.debit, L.c.credit, L.c.amount, L.c.evidence).where(_BROKEN),
            "entry {id} ({kind}): {amount} from {credit!r} to {debit!r}, evidence {evidence!r}",
        ),
        finds(_TWICE, "entry {id}: {kind} of payment {payment_id} is booked {times} times for {evidence}"),
    ),
    check(
        "entries-accounts",
        "Each entry moves between the accounts of its kind, at the provider of its payment, or by what staff did.",
        LedgerEntry,
        finds(
            sa.select(L.c.id, L.c.kind, L.c.debit, L.c.credit, L.c.payment_id)
            .outerjoin(P, P.c.id == L.c.payment_id)
            .where(~_AS_ITS_KIND),
            "entry {id} of payment {payment_id}: no {kind} goes from {credit} to {debit}",
        ),
        finds(
            sa.select(L.c.id, L.c.kind, L.c.payment_id, L.c.operation_id).where(_WRONG_ORIGIN),
            "entry {id}: no {kind} is of payment {payment_id} and operation {operation_id}",
        ),
    ),
    check(
        "entries-belong",
        "Each entry has the payable, patient and currency of its payment or operation; a refund or dispute is of it.",
        LedgerEntry,
        finds(
            _of(
                P,
                L.c.payment_id,
                sa.and_(L.c.payable_id != P.c.payable_id, L.c.kind.not_in(CREDIT_MOVED)),
                L.c.patient_id != P.c.patient_id,
                sa.and_(L.c.currency != P.c.currency, L.c.kind.not_in(_OTHER_CURRENCY)),
            ),
            "entry {id} has another payable, patient or currency than its payment {payment_id}",
        ),
        finds(
            _of(
                O,
                L.c.operation_id,
                L.c.payable_id != O.c.payable_id,
                L.c.patient_id != O.c.patient_id,
                L.c.currency != O.c.currency,
            ),
            "entry {id} has another payable, patient or currency than its operation {owner}",
        ),
        finds(
            _of(T, L.c.refund_id, T.c.payment_id != L.c.payment_id),
            "entry {id} of payment {payment_id} is for refund {owner}, which is of another payment",
        ),
        finds(
            _of(D, L.c.dispute_id, D.c.payment_id.is_distinct_from(L.c.payment_id)),
            "entry {id} of payment {payment_id} is for dispute {owner}, which is of another payment",
        ),
    ),
)
