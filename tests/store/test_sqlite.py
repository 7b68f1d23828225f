"""SQLite's own traps: its defaults lose money silently, and its switches may not take."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.conftest import COUNTER
from tests.store.rows import TABLES, fill
from tp_gateway import database as store
from tp_gateway.database import Database
from tp_gateway.errors import ConfigurationError

pytestmark = pytest.mark.sqlite


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    made = Database(sqlite_database_url)
    with made.engine.begin() as connection:
        connection.execute(sa.insert(COUNTER).values(name="n", value=0))
    yield made
    made.dispose()


def both_add_one(engine: sa.Engine) -> list[Exception | None]:
    """Two transactions that both read before either writes, if the database lets them."""
    together = threading.Barrier(2)

    def add_one(_: int) -> Exception | None:
        try:
            with engine.begin() as connection:
                seen = connection.execute(sa.select(COUNTER.c.value)).scalar_one()
                with contextlib.suppress(threading.BrokenBarrierError):  # when they take turns, as they should
                    together.wait(0.3)
                connection.execute(sa.update(COUNTER).values(value=seen + 1))
        except sa.exc.OperationalError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(add_one, range(2)))


def value(database: Database) -> int:
    with database.read() as session:
        found: int = session.execute(sa.select(COUNTER.c.value)).scalar_one()
        return found


def test_default_settings_lose_an_increment_and_say_nothing(database: Database) -> None:
    engine = sa.create_engine(database.engine.url)
    assert both_add_one(engine) == [None, None]
    engine.dispose()
    assert value(database) == 1


def test_a_deferred_begin_fails_at_once_however_long_the_busy_time(database: Database) -> None:
    engine = sa.create_engine(database.engine.url, connect_args={"isolation_level": None, "timeout": 60})
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN DEFERRED"))
    failed = [error for error in both_add_one(engine) if error]
    engine.dispose()
    assert len(failed) == 1 and "locked" in str(failed[0]) and value(database) == 1


def test_an_immediate_begin_makes_them_take_turns(database: Database) -> None:
    assert both_add_one(database.engine) == [None, None]
    assert value(database) == 2


# --- the switches -----------------------------------------------------------------------------------------------------


def test_the_switches_took_on_every_connection(database: Database) -> None:
    connections = [database.engine.connect() for _ in range(3)]
    for connection in connections:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("foreign_keys", "journal_mode", "synchronous", "recursive_triggers", "busy_timeout")
        }
        assert found == {
            "foreign_keys": 1,
            "journal_mode": "wal",
            "synchronous": 2,
            "recursive_triggers": 1,
            "busy_timeout": 5000,
        }
        connection.close()
    database.check()


@pytest.mark.parametrize(
    ("switch", "off"),
    [
        ("foreign_keys", "PRAGMA foreign_keys=OFF"),
        ("journal_mode", "PRAGMA journal_mode=DELETE"),
        ("synchronous", "PRAGMA synchronous=NORMAL"),
        ("recursive_triggers", "PRAGMA recursive_triggers=OFF"),
    ],
)
def test_the_service_does_not_start_when_a_switch_did_not_take(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch, switch: str, off: str
) -> None:
    taken = store._set_pragmas

    def set_and_undo(connection: Any, record: Any) -> None:
        taken(connection, record)
        connection.execute(off)

    monkeypatch.setattr(store, "_set_pragmas", set_and_undo)
    database = Database(sqlite_database_url)
    with pytest.raises(ConfigurationError, match=switch):
        database.check()
    database.dispose()


def test_a_disk_that_cannot_keep_a_write_ahead_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without shared memory: SQLite keeps its old journal, and raises nothing."""
    monkeypatch.chdir(tmp_path)  # "file:" is a folder to whoever does not know SQLite's own URLs
    database = Database(f"sqlite:///file:{tmp_path}/old.sqlite?vfs=unix-dotfile&uri=true")
    with pytest.raises(ConfigurationError, match="journal_mode"):
        database.check()
    database.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:geheim@h/x", "postgres://u:geheim@h/x"])
def test_other_stores_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database_url") as refusal:
        Database(url)
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize("url", ["nonsense", "", "postgresql://u:geheim@h:geheim/db", "sqlite:/x"])
def test_what_is_no_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database_url") as refusal:
        Database(url)
    assert "geheim" not in str(refusal.value)


def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a/b/gateway.sqlite")
    with database.engine.connect():
        assert (tmp_path / "a" / "b" / "gateway.sqlite").exists()
    database.dispose()


# --- the types --------------------------------------------------------------------------------------------------------


def test_money_is_stored_as_integers(database: Database) -> None:
    with database.transaction() as session:
        session.execute(sa.delete(COUNTER))
        fill(session)
    money = {"amount", "fee", "amount_paid", "captured", "refunded", "unit_price", "total", "value"}
    with database.read() as session:
        for name, table in TABLES.items():
            for column in money & set(table.c.keys()):
                kinds = session.execute(sa.text(f"SELECT DISTINCT typeof({column}) FROM {name}")).scalars().all()
                assert kinds == ["integer"], (name, column)


def test_foreign_keys_are_off_unless_asked_for(database: Database) -> None:
    path = str(database.engine.url.database)
    with sqlite3.connect(path) as plain:
        plain.execute("INSERT INTO provider_customers (id, user_id, provider, key) VALUES (1, 999, 'stripe', 'k')")
        plain.rollback()
    plain.close()
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"), database.transaction() as session:
        session.execute(
            sa.text("INSERT INTO provider_customers (id, user_id, provider, key) VALUES (1, 999, 'stripe', 'k')")
        )


def test_replacing_a_row_does_not_get_past_the_append_only_triggers(database: Database) -> None:
    """SQLite fires no DELETE trigger for it by default (sqlite.org/lang_conflict.html)."""
    with database.transaction() as session:
        session.execute(sa.delete(COUNTER))
        fill(session)
    statement = (
        "INSERT OR REPLACE INTO transitions (id, payment_id, to_state, actor, reason, at)"
        " VALUES (1, 1, 'failed', 'x', '', '2025-01-01')"
    )
    with sqlite3.connect(str(database.engine.url.database)) as plain:
        plain.execute(statement)
        assert plain.execute("SELECT to_state FROM transitions WHERE id = 1").fetchall() == [("failed",)]
        plain.rollback()
    plain.close()
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), database.transaction() as session:
        session.execute(sa.text(statement))
    with database.read() as session:
        first = sa.text("SELECT to_state FROM transitions WHERE id = 1")
        assert session.execute(first).scalars().all() == ["succeeded"]


def test_nobody_waits_for_one_who_waits_to_write(sqlite_database_url: str) -> None:
    """A writer is at work, another waits for its turn: reading goes on, and so does the first one."""
    database, waiting = Database(sqlite_database_url, busy_seconds=3), threading.Event()

    def write() -> None:
        with database.transaction() as session:
            session.execute(sa.insert(COUNTER).values(name="second", value=2))

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            session.connection()
            sa.event.listen(database.engine, "checkout", lambda *_: waiting.set())
            second = pool.submit(write)
            assert waiting.wait(10)
            session.execute(sa.insert(COUNTER).values(name="first", value=1))
        second.result()
    with database.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(COUNTER)).scalar_one() == 2
    database.dispose()
