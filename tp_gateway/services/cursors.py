"""How far work that follows a provider's time has come: whose turn it is, where to go on, and in which steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from tp_gateway.database import Database, InsertOnce, rows_changed
from tp_gateway.models import Cursor, table

C = table(Cursor)
_CURSOR = InsertOnce(C, ["name"])
_FIRST_RUN = timedelta(days=30)
WINDOW = timedelta(days=1)


def due_from(database: Database, name: str, now: datetime, every: float) -> datetime | None:
    """Where to start, if it is our turn, `every` so many seconds: the turn is pushed on before the work, so that one
    process does it. The first time thirty days ago."""
    following = now + timedelta(seconds=every)
    with database.transaction() as session:
        _CURSOR.new(session, {"name": name, "position": None, "next_run_at": datetime(2000, 1, 1, tzinfo=UTC)})
        position = sa.func.coalesce(C.c.position, sa.literal(now - _FIRST_RUN, C.c.position.type))
        mine = sa.update(C).where(C.c.name == name, C.c.next_run_at <= now)
        if rows_changed(session, mine.values(next_run_at=following, position=position)) != 1:
            return None
        start: datetime = session.execute(sa.select(C.c.position).where(C.c.name == name)).scalar_one()
    return start


def advance(database: Database, name: str, begin: datetime, done: datetime) -> None:
    """Everything before `done` was worked on, if everything before `begin` was: a look by hand at the last hour says
    nothing of the days before."""
    here = (C.c.name == name, C.c.position >= begin, C.c.position < done)
    with database.transaction() as session:
        session.execute(sa.update(C).where(*here).values(position=done))


def windows(start: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """(begin, end) of each stretch of time, so that a long list is worked off piece by piece and not again from its
    beginning. The last ends a second after `now`."""
    while start <= now:
        end = min(start + WINDOW, now + timedelta(seconds=1))
        yield start, end
        start = end
