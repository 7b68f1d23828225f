"""Keeps the books in one SQLite file so that they survive a kill of the process. It stores rows and knows no Stripe."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = tuple[str, str, Any]  # kind, id, the object or None once it is gone


class Journal:
    """One row an object, one SQLite transaction a request.

    With a write-ahead log and `synchronous=OFF` a commit reaches the operating system before the answer is sent:
    a killed process loses nothing, a killed machine may, which a sandbox can bear.
    """

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS objects (place INTEGER PRIMARY KEY AUTOINCREMENT,"
            " kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id))"
        )

    def load(self) -> Iterable[Row]:
        for kind, key, body in self.db.execute("SELECT kind, id, body FROM objects ORDER BY place"):
            yield kind, key, json.loads(body)

    def write(self, rows: Iterable[Row]) -> None:
        gone: list[tuple[str, str]] = []
        kept: list[tuple[str, str, str]] = []
        for kind, key, value in rows:
            if value is None:
                gone.append((kind, key))
            else:
                kept.append((kind, key, json.dumps(value, separators=(",", ":"))))
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany("DELETE FROM objects WHERE kind = ? AND id = ?", gone)
        self.db.executemany(
            "INSERT INTO objects (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            kept,
        )
        self.db.execute("COMMIT")

    def clear(self) -> None:
        self.db.execute("DELETE FROM objects")

    def close(self) -> None:
        self.db.close()
