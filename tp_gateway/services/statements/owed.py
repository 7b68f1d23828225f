"""Who still owes what: for guesses by amount and name, where a line names no payment. A guess is shown to a person and
never settled by itself, so what is kept about it is nothing: suggestions are looked up when somebody looks, and are
gone once the amount is paid some other way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Invoice, Payable, Payment, User, table
from tp_gateway.models.states import OPEN_STATES
from tp_gateway.services.statements.facts import Suggestion
from tp_gateway.services.statements.names import similar, words

P, Y, V, U = table(Payment), table(Payable), table(Invoice), table(User)

_DUE = Y.c.amount - Y.c.amount_paid
_ASKED = P.c.amount - P.c.captured
_OPEN = sa.and_(P.c.payable_id == Y.c.id, P.c.provider == sa.bindparam("provider"), P.c.state.in_(OPEN_STATES))
_OWED = (
    sa.select(
        *(Y.c.patient_id, U.c.name, Y.c.currency, _DUE.label("due"), _ASKED.label("asked")),
        *(P.c.id.label("payment_id"), V.c.id.label("invoice_id"), V.c.number.label("invoice_number")),
    )
    .select_from(Y)
    .join(U, U.c.id == Y.c.patient_id)
    .outerjoin(P, _OPEN)
    .outerjoin(V, V.c.id == Y.c.invoice_id)
    .where(Y.c.amount > Y.c.amount_paid, U.c.name.is_not(None), sa.or_(P.c.id.is_not(None), V.c.id.is_not(None)))
)
"""Invoices that are due, and transfers that are waited for; an invoice with several promises stands there several
times."""


class Owed:
    """As it stood when it was read. `amounts` limits it to those (minor units); without it, all."""

    def __init__(self, session: orm.Session, provider: str, amounts: Collection[int] | None = None) -> None:
        query = _OWED
        if amounts is not None:
            query = query.where(sa.or_(_DUE.in_(amounts), _ASKED.in_(amounts)))
        self._by_surname: defaultdict[tuple[int, str], dict[str, list[tuple[list[str], Suggestion]]]]
        self._by_surname = defaultdict(dict)
        for row in session.execute(query, {"provider": provider}):
            name = words(row.name)
            for amount in {row.due, row.asked} - {None}:
                if name:
                    found = Suggestion(
                        *(row.patient_id, row.payment_id, row.invoice_id, row.invoice_number, amount),
                        because="amount and name",
                    )
                    same = self._by_surname[amount, row.currency].setdefault(name[-1], [])
                    same.append((name, found))

    def suggestions(self, amount: int, currency: str, said: str) -> list[Suggestion]:
        """For a line of this amount that says this much about who paid. Asked for each line of a file that names no
        payment; nearly all end at the first look."""
        by_surname = self._by_surname.get((amount, currency))
        if by_surname is None:
            return []
        spoken = words(said)
        found = dict.fromkeys(
            suggestion
            for word in dict.fromkeys(spoken)
            for name, suggestion in by_surname.get(word, ())
            if similar(name, spoken)
        )
        return list(found)
