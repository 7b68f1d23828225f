"""Puts the lines of a file into the store, in short transactions: payments must get their turn in between, on SQLite
too. A line that is there already, from whichever file, stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tp_gateway.database import Database, StoreUnavailable
from tp_gateway.models import Statement, table
from tp_gateway.models import StatementLine as Line
from tp_gateway.models.states import StatementState
from tp_gateway.services.breath import Breath
from tp_gateway.services.clock import Clock
from tp_gateway.services.statements.shelf import Waiting

S, L = table(Statement), table(Line)
Row = tuple[object, ...]

BATCH = 1000
"""Lines of one transaction: some twenty milliseconds, of which the commit is the greater part."""
_TRIES = 3
_TURN = 0x5374_6174
"""The number of PostgreSQL's advisory lock by which imports take turns. Nobody else here uses one."""
_COLUMNS = ("statement_id", "fingerprint", *Waiting._fields[:-1])
_NAMES = ", ".join(_COLUMNS)
_INSERT = f"INSERT INTO statement_lines ({_NAMES})"
_ONCE = "ON CONFLICT (fingerprint) DO NOTHING"


def _batch_of(dialect: sa.Dialect) -> Callable[[list[Row]], tuple[str, Any]]:
    """A batch in the driver's own words: SQLAlchemy's way costs a row of a million three times as much. On PostgreSQL
    it is one statement with one value, which the server reads in half the time of a statement a row."""
    if dialect.name == "sqlite":
        one_by_one = f"{_INSERT} VALUES ({', '.join('?' * len(_COLUMNS))}) {_ONCE}"
        return lambda rows: (one_by_one, rows)
    types = ", ".join(f"{name} {L.c[name].type.compile(dialect)}" for name in _COLUMNS)
    together = f"{_INSERT} SELECT {_NAMES} FROM json_to_recordset(%s) AS batch ({types}) {_ONCE}"  # noqa: S608 - our own names
    return lambda rows: (together, (json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows]),))


class Staging:
    """One import. `begin` before the first `add`, `end` after the last one."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._batch = _batch_of(database.engine.dialect)
        self._rows: list[Row] = []
        self._breath = Breath(database)
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
        self._breath.take()
        return True

    def end(self) -> None:
        """Write the rest: now every line of the file is in the store."""
        self._write(self._clock(), state=str(StatementState.IMPORTED))

    def _write(self, now: datetime, **more: object) -> None:
        """Once more where the store could not: an import is long, and a moment's trouble should not end it."""
        for attempt in range(_TRIES):
            try:
                with self._database.transaction() as session:
                    if self._rows:
                        self._insert(session.connection())
                    session.execute(sa.update(S).where(S.c.id == self.id).values(touched_at=now, **more))
                break
            except StoreUnavailable:
                if attempt + 1 == _TRIES:
                    raise
        self._rows.clear()

    def _insert(self, connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            # One import at a time, as on SQLite: two of overlapping files could wait for each other in a circle.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
        connection.exec_driver_sql(*self._batch(self._rows))
