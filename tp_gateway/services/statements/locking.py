"""The lock of a line. Whoever changes a line or its matches takes it first, then the payables in the order of their
ids: so two never wait for each other in a circle."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.errors import NotFound
from tp_gateway.models import StatementLine, StatementMatch, table
from tp_gateway.services.statements.reading import LINES

L, M = table(StatementLine), table(StatementMatch)


def lock_line(session: orm.Session, line_id: int) -> Any:
    """The line's row (`reading.LINES`), ours until the transaction ends. NotFound."""
    row = session.execute(LINES.where(L.c.id == line_id).with_for_update(of=L)).first()
    if row is None:
        raise NotFound
    return row


def live_matches(session: orm.Session, line_id: int) -> list[Any]:
    """Those that count, oldest first."""
    query = sa.select(M).where(M.c.line_id == line_id, M.c.undone_at.is_(None))
    return list(session.execute(query.order_by(M.c.id)))
