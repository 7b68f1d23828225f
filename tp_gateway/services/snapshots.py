"""Looks at the whole store: one moment of it, read from end to end while others go on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import orm

from tp_gateway.database import Database

_FOR_WHOLE_TABLES = {
    # Ordinary connections read nothing from end to end (see database.make_engine); here everything is, once.
    "postgresql": ("SET LOCAL enable_seqscan = on", "SET LOCAL work_mem = '128MB'", "SET LOCAL jit = off"),
    "sqlite": ("PRAGMA cache_size = -131072",),
}


@contextmanager
def snapshot(database: Database) -> Iterator[orm.Session]:
    """A read-only session whose statements all see the same moment, and which makes nobody wait: PostgreSQL keeps the
    old rows for it, SQLite its log. So keep it short; a log that cannot be emptied grows."""
    with database.read(snapshot=True) as session:
        for setting in _FOR_WHOLE_TABLES[session.connection().dialect.name]:
            session.execute(sa.text(setting))
        yield session
