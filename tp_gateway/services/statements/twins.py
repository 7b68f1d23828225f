"""Whether a line may be a movement that is here already, told in other words: two formats of one account write the same
deposit differently, and a fingerprint sees two lines then. What a patient has really paid twice looks the same, so a
person decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.models import Statement, StatementLine, StatementMatch, table

S, L, M = table(Statement), table(StatementLine), table(StatementMatch)
_APART = timedelta(days=5)
"""Formats can date one movement differently (booked, or of value), with a long weekend in between."""


def twin_of(session: orm.Session, line: Any, payment_id: int) -> int | None:
    """The id of a line of another format that paid this payment the same amount at about the same time. Called under
    the payable's lock, so that of two lines one comes second. In one format lines are told apart by their fingerprints,
    so that an import that was cut anywhere comes to the same."""
    mine = sa.select(S.c.format).where(S.c.id == line.statement_id).scalar_subquery()
    about_then = L.c.booked_on.between(line.booked_on - _APART, line.booked_on + _APART)
    query = (
        sa.select(L.c.id)
        .join(M, M.c.line_id == L.c.id)
        .join(S, S.c.id == L.c.statement_id)
        .where(M.c.payment_id == payment_id, M.c.undone_at.is_(None))
        .where(S.c.format != mine, about_then, L.c.amount == line.amount, L.c.currency == line.currency)
    )
    found: int | None = session.execute(query.order_by(L.c.id).limit(1)).scalar()
    return found
