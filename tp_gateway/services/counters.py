"""Counter rows: raised in the transaction that uses them, which holds every other user of the row until its end."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import InsertOnce
from tp_gateway.models import Counter, table

N = table(Counter)
_FIRST = InsertOnce(N, ["name"])


def raised(session: orm.Session, name: str) -> int:
    """Add one to the counter `name`, made at 0 if it is new, and return it. A rollback gives the number back."""
    _FIRST.new(session, {"name": name, "value": 0})
    up = sa.update(N).where(N.c.name == name).values(value=N.c.value + 1).returning(N.c.value)
    return int(session.execute(up).scalar_one())
