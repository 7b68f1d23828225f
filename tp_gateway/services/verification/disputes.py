"""Disputes: what stands on each is what the ledger has of it, and what was decided waits no more."""

from __future__ import annotations

import sqlalchemy as sa

from tp_gateway.contract import DisputeStatus
from tp_gateway.models import Dispute, LedgerEntry, Payment, table
from tp_gateway.models.ledger import DISPUTED
from tp_gateway.services.verification.check import check, finds, or_zero, total

L, P, D = (table(model) for model in (LedgerEntry, Payment, Dispute))


def _net(kind: str, *less: str) -> sa.ColumnElement[int]:
    """The kind less its reversals (and `less`)."""
    back = (f"{kind}_reversal", *less)
    return total(sa.case((L.c.kind == kind, L.c.amount), (L.c.kind.in_(back), -L.c.amount), else_=0))


_BOOKED = (
    sa.select(
        L.c.dispute_id,
        _net("dispute").label("withdrawn"),
        _net("dispute_fee").label("fee"),
        _net("chargeback_reopened", "chargeback_reopened_reversal_credit").label("reopened"),
        (_net("chargeback") + _net("chargeback_credit")).label("lost"),
        total(sa.case((L.c.debit == DISPUTED, L.c.amount), (L.c.credit == DISPUTED, -L.c.amount), else_=0)).label(
            "undecided"
        ),
    )
    .where(L.c.dispute_id.is_not(None))
    .group_by(L.c.dispute_id)
    .subquery()
)
_FIGURES = ("withdrawn", "fee", "reopened")
_LOST = DisputeStatus.LOST

CHECKS = (
    check(
        "disputes-booked",
        "What a dispute has withdrawn, cost and made due again is what the ledger has; a lost one leaves nothing open.",
        Dispute,
        finds(
            sa.select(
                D.c.id,
                *(D.c[name] for name in _FIGURES),
                *(or_zero(_BOOKED.c[name]).label(f"booked_{name}") for name in _FIGURES),
            )
            .outerjoin(_BOOKED, _BOOKED.c.dispute_id == D.c.id)
            .where(sa.or_(*(D.c[name] != or_zero(_BOOKED.c[name]) for name in _FIGURES))),
            "dispute {id}: withdrawn {withdrawn}, fee {fee}, reopened {reopened};"
            " booked {booked_withdrawn}, {booked_fee}, {booked_reopened}",
        ),
        finds(
            sa.select(D.c.id, D.c.status, _BOOKED.c.undecided, _BOOKED.c.lost)
            .join(_BOOKED, _BOOKED.c.dispute_id == D.c.id)
            .where(
                sa.or_(
                    sa.and_(D.c.status == _LOST, _BOOKED.c.undecided != 0),
                    sa.and_(D.c.status != _LOST, _BOOKED.c.lost != 0),
                )
            ),
            "dispute {id} is {status}: {undecided} of it is undecided, {lost} written off",
        ),
        finds(
            sa.select(D.c.id, D.c.payment_id).join(P, P.c.id == D.c.payment_id).where(~P.c.disputed),
            "dispute {id}: its payment {payment_id} is not marked as disputed",
        ),
    ),
)
