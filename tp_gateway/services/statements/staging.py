"""Puts the lines of a file into the store, in short transactions: payments must get their turn in between, on SQLite
too. A line that is there already, from whichever file, stays as it is."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tp_gateway.database import Database, StoreUnavailable
from tp_gateway.models import Statement, table
from tp_gateway.models.states import StatementState
from tp_gateway.services.clock import Clock
from tp_gateway.services.statements.shelf import Waiting

S = table(Statement)

BATCH = 1000
"""Lines of one transaction: some twenty milliseconds, of which the commit is the greater part."""
_TRIES = 3
_COLUMNS = ("statement_id", "fingerprint", *Waiting._fields[:-1])
# In the driver's own words: SQLAlchemy's way costs a row of a million three times as much.
_INSERTS = {
    dialect: f"INSERT INTO statement_lines ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"  # noqa: S608 - our own names
    " ON CONFLICT (fingerprint) DO NOTHING"
    for dialect, mark in (("sqlite", "?"), ("postgresql", "%s"))
}


class Staging:
    """One import. `begin` before the first `add`, `end` after the last one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._insert = _INSERTS[database.engine.dialect.name]
        self._rows: list[tuple[object, ...]] = []
        self.id = 0

    def begin(self, **columns: object) -> None:
        """Write the import down, with its `columns` of `Statement`."""
        now = self._clock()
        values = {**columns, "state": str(StatementState.IMPORTING), "imported_at": now, "touched_at": now}
        with self._database.transaction() as session:
            self.id = session.execute(sa.insert(S).values(values).returning(S.c.id)).scalar_one()

    def add(self, line: Waiting, fingerprint: str) -> bool:
        """True when a batch was written with it."""
        self._rows.append((self.id, fingerprint, *line[:-1]))
        if len(self._rows) < BATCH:
            return False
        self._write(self._clock())
        return True

    def end(self) -> None:
        """Write the rest: now every line of the file is in the store."""
        self._write(self._clock(), state=str(StatementState.IMPORTED))

    def _write(self, now: datetime, **more: object) -> None:
        """Once more where the store could not: of two imports of overlapping files in another order, PostgreSQL ends
        one transaction when they wait for each other."""
        for attempt in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    if self._rows:
                        session.connection().exec_driver_sql(self._insert, self._rows)
                    session.execute(sa.update(S).where(S.c.id == self.id).values(touched_at=now, **more))
                break
            except StoreUnavailable:
                if attempt + 1 == _TRIES:
                    raise
        self._rows.clear()
