"""Payments that settle a service alone (docs/decisions/0013-a-sole-payer-settles-in-full.md)."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from tp_gateway.models import LedgerEntry, Payment, table
from tp_gateway.models.ledger import ADJUSTMENTS, RECEIVABLE
from tp_gateway.services.verification.balances import credited, touches
from tp_gateway.services.verification.check import Check, check, finds, total

L, P = table(LedgerEntry), table(Payment)


def checks(providers: Collection[str]) -> tuple[Check, ...]:
    """`providers`: the slugs of those that are sole payers."""
    given_up = total(-credited(ADJUSTMENTS))
    write_offs = sa.select(L.c.payment_id, given_up.label("given_up")).where(L.c.kind.like("write_off%"))
    of_payment = write_offs.group_by(L.c.payment_id).subquery()
    counted = sa.select(L.c.payable_id, L.c.payment_id, P.c.provider, total(credited(RECEIVABLE)).label("counted"))
    counted = counted.join(P, P.c.id == L.c.payment_id).where(touches(RECEIVABLE))
    payers = counted.group_by(L.c.payable_id, L.c.payment_id, P.c.provider).having(total(credited(RECEIVABLE)) > 0)
    sole = payers.where(P.c.provider.in_(sorted(providers))).subquery()
    beside = payers.subquery()
    return (
        check(
            "sole-payers",
            "A bulk bill gives up no more than it left of what was asked, and nothing else has paid for its service.",
            Payment,
            finds(
                sa.select(P.c.id, P.c.provider, P.c.amount, P.c.captured, of_payment.c.given_up)
                .join(of_payment, of_payment.c.payment_id == P.c.id)
                .where(
                    of_payment.c.given_up > 0,
                    sa.or_(P.c.provider.not_in(sorted(providers)), P.c.captured + of_payment.c.given_up > P.c.amount),
                ),
                "payment {id} of {provider}: {captured} captured and {given_up} given up of {amount}",
            ),
            finds(
                sa.select(sole.c.payment_id.label("id"), beside.c.payment_id.label("other"), sole.c.payable_id)
                .join(beside, beside.c.payable_id == sole.c.payable_id)
                .where(beside.c.payment_id != sole.c.payment_id),
                "payment {id} settles payable {payable_id} alone, and payment {other} has paid for it too",
            ),
        ),
    )
