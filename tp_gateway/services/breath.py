"""For whoever writes for long: lets everybody else have a turn."""

from __future__ import annotations

import time

from tp_gateway.database import Database

_AT_A_STRETCH, _SQLITE_LOOKS_AGAIN = 0.5, 0.1
"""Seconds. The second is the longest wait of SQLite's busy handler (sqliteDefaultBusyCallback in its main.c)."""


class Breath:
    """Taken between two transactions. SQLite's writers do not queue: whoever waits looks again after a tenth of a
    second at most. So now and then nobody writes for that long, and everybody who waits gets his turn."""

    def __init__(self, database: Database) -> None:
        self._needed = database.engine.dialect.name == "sqlite"
        self._last = time.monotonic()

    def take(self) -> None:
        if self._needed and time.monotonic() - self._last > _AT_A_STRETCH:
            time.sleep(_SQLITE_LOOKS_AGAIN)
            self._last = time.monotonic()
