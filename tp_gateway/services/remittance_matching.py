"""Which remittance a line of a bank statement shows."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.contract import RemittanceState
from tp_gateway.database import rows_changed
from tp_gateway.models import Remittance, table

M = table(Remittance)
_EARLY, _LATE = timedelta(days=1), timedelta(days=7)
"""So much before and after its day a remittance may be in the account: providers name an expected day."""


def match_line(
    session: orm.Session, line_id: int, *, amount: int, currency: str, booked_on: date, description: str
) -> int | None:
    """The id of the one remittance that the line can be, which keeps the line's id; None when there is none or several,
    and a person decides. A line that was matched before is the same again.

    It can be one of the same amount (minor units, signed as the line is for the account's owner) and currency, of about
    that day, that did not fail and has no line yet. Among several, the one whose `statement_text` is in the
    description; what the bank writes there is its own affair (docs.stripe.com/payouts/statement-descriptors), so a
    single one needs no such text.
    """
    known: int | None = session.execute(sa.select(M.c.id).where(M.c.statement_line_id == line_id)).scalar()
    if known is not None:
        return known
    possible = sa.select(M.c.id, M.c.statement_text).where(
        M.c.amount == amount,
        M.c.currency == currency,
        M.c.arrives_on.between(booked_on - _LATE, booked_on + _EARLY),
        M.c.state.in_((RemittanceState.IN_TRANSIT, RemittanceState.PAID)),
        M.c.statement_line_id.is_(None),
    )
    found = session.execute(possible).all()
    if len(found) > 1:
        found = [one for one in found if one.statement_text and _plain(one.statement_text) in _plain(description)]
    if len(found) != 1:
        return None
    mine = sa.update(M).where(M.c.id == found[0].id, M.c.statement_line_id.is_(None)).values(statement_line_id=line_id)
    return int(found[0].id) if rows_changed(session, mine) == 1 else None


def release_line(session: orm.Session, line_id: int) -> bool:
    """The line shows no remittance after all. False: it did not."""
    shown = sa.update(M).where(M.c.statement_line_id == line_id).values(statement_line_id=None)
    return rows_changed(session, shown) == 1


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
