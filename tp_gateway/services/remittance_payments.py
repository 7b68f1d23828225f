"""Of which payment a movement in a remittance is: by the provider's ids of the movement and of what it is about."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import Remittance as Told
from tp_gateway.contract import RemittanceKind
from tp_gateway.models import Dispute, LedgerEntry, Payment, Refund, Remittance, RemittanceItem, table

P, T, D, L = table(Payment), table(Refund), table(Dispute), table(LedgerEntry)
M, I = table(Remittance), table(RemittanceItem)  # noqa: E741
OF_PAYMENTS = (RemittanceKind.PAYMENT, RemittanceKind.REFUND, RemittanceKind.DISPUTE)
"""Items whose payment is expected to be known here."""
_AT_ONCE = 500
"""Ids in one statement: both databases have a limit, and this is far below."""
_TRANSACTION, _REFERENCE = 0, 1
_WAYS: tuple[tuple[int, sa.Select[Any], sa.ColumnElement[str], sa.ColumnElement[str]], ...] = (
    (_TRANSACTION, sa.select(P.c.transaction_id, P.c.id), P.c.provider, P.c.transaction_id),
    (_REFERENCE, sa.select(P.c.reference, P.c.id), P.c.provider, P.c.reference),
    (_REFERENCE, sa.select(T.c.reference, T.c.payment_id), T.c.provider, T.c.reference),
    (_REFERENCE, sa.select(D.c.reference, D.c.payment_id), D.c.provider, D.c.reference),
    # Last, because the ledger has no index for this: a charge whose transaction we were not told, for instance.
    (_REFERENCE, sa.select(L.c.evidence, P.c.id).join(P, P.c.id == L.c.payment_id), P.c.provider, L.c.evidence),
    (_TRANSACTION, sa.select(L.c.evidence, P.c.id).join(P, P.c.id == L.c.payment_id), P.c.provider, L.c.evidence),
)
"""By which of an item's two ids, (id, payment), whose, and the id's column: in this order."""


def payments_of(session: orm.Session, slug: str, told: Told) -> dict[str, int]:
    """Transaction -> payment id, for those items of a remittance whose payment was not known yet and is now. An id that
    two payments have says nothing."""
    settled = sa.select(I.c.transaction_id).join(M, M.c.id == I.c.remittance_id)
    settled = settled.where(M.c.provider == slug, M.c.reference == told.reference, I.c.payment_id.is_not(None))
    known_before = set(session.execute(settled).scalars())
    items = {
        item.transaction: item.reference
        for item in told.items
        if item.kind in OF_PAYMENTS and item.transaction not in known_before
    }
    found: dict[str, int] = {}
    for which, query, provider, column in _WAYS:
        asked = {pair[0]: pair[which] for pair in items.items() if pair[0] not in found and pair[which]}
        known = _known(session, query.where(provider == slug), column, sorted(set(filter(None, asked.values()))))
        found |= {transaction: known[name] for transaction, name in asked.items() if name in known}
    return found


def _known(
    session: orm.Session, query: sa.Select[Any], column: sa.ColumnElement[str], names: list[str]
) -> dict[str, int]:
    payments: dict[str, set[int]] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        for name, payment_id in session.execute(query.where(column.in_(some))):
            payments.setdefault(name, set()).add(payment_id)
    return {name: min(ids) for name, ids in payments.items() if len(ids) == 1 and None not in ids}
