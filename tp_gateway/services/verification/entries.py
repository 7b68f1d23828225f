"""The entries of the ledger, one by one: each a whole movement, of its own payment, between its kind's accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tp_gateway.models import Dispute, LedgerEntry, Payment, Refund, table
from tp_gateway.models.ledger import CLEARING, FEES, MOVES
from tp_gateway.services.verification.check import check, finds

L, P, T, D = (table(model) for model in (LedgerEntry, Payment, Refund, Dispute))
_OTHER_CURRENCY = ("suspense", "suspense_reversal")
"""Money in a currency that nobody asked for waits in suspense."""


def _account(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Is it the account, at the payment's own provider where providers have one each?"""
    return column == (sa.literal(name) + P.c.provider if name in (CLEARING, FEES) else name)


_AS_ITS_KIND = sa.or_(
    *(
        sa.and_(L.c.kind == kind, _account(L.c.debit, debit), _account(L.c.credit, credit))
        for kind, (debit, credit) in MOVES.items()
    )
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
        "Each entry moves between the accounts of its kind, at the provider of its payment.",
        LedgerEntry,
        finds(
            sa.select(L.c.id, L.c.kind, L.c.debit, L.c.credit, L.c.payment_id)
            .join(P, P.c.id == L.c.payment_id)
            .where(~_AS_ITS_KIND),
            "entry {id} of payment {payment_id}: no {kind} goes from {credit} to {debit}",
        ),
    ),
    check(
        "entries-belong",
        "Each entry is of the payable, the patient and the currency of its payment, and of a refund or dispute of it.",
        LedgerEntry,
        finds(
            _of(
                P,
                L.c.payment_id,
                L.c.payable_id != P.c.payable_id,
                L.c.patient_id != P.c.patient_id,
                sa.and_(L.c.currency != P.c.currency, L.c.kind.not_in(_OTHER_CURRENCY)),
            ),
            "entry {id} has another payable, patient or currency than its payment {payment_id}",
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
