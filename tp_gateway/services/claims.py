"""Queues in the store: rows that are due are claimed by one worker for the length of a lease."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tp_gateway.database import Database


def claim(database: Database, queue: sa.Table, due: sa.Select[Any], now: datetime, until: datetime) -> list[Any]:
    """The rows of `queue` whose ids `due` selects, ours until `until`; those that another worker was faster with are
    not among them, and those that somebody is writing to are passed over, so that nobody who holds one row waits for
    another. Each claim counts as an attempt."""
    with database.read() as session:
        ids = session.execute(due).scalars().all()
    if not ids:
        return []
    lease = {"next_attempt_at": until, "attempts": queue.c.attempts + 1}
    with database.transaction() as session:
        free = sa.select(queue.c.id).where(queue.c.id.in_(ids), queue.c.next_attempt_at <= now)
        mine = sa.update(queue).where(queue.c.id.in_(free.with_for_update(skip_locked=True))).values(lease)
        return list(session.execute(mine.returning(queue)).all())
