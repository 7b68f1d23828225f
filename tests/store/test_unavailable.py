"""A store that does not answer is `StoreUnavailable` soon, leaves nothing half-written, and is used again later."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.databases import PostgreSQL
from tests.store.conftest import COUNTER
from tp_gateway.database import Database, StoreUnavailable

BUSY = 0.3


@pytest.fixture
def sqlite_file(sqlite_database_url: str) -> Iterator[Database]:
    made = Database(sqlite_database_url, busy_seconds=BUSY)
    yield made
    made.dispose()


@pytest.fixture
def postgresql(postgresql_database_url: str) -> Iterator[Database]:
    made = Database(postgresql_database_url, busy_seconds=BUSY)
    yield made
    made.dispose()


def write(database: Database, name: str = "n") -> None:
    with database.transaction() as session:
        session.execute(sa.insert(COUNTER).values(name=name, value=1))


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.execute(sa.select(COUNTER.c.name).order_by(COUNTER.c.name)).scalars())


@contextmanager
def unavailable(within: float) -> Iterator[None]:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable) as refusal:
        yield
    assert time.monotonic() - started < within
    assert (refusal.value.code, refusal.value.retry_after) == ("service_unavailable", 5)
    assert "sql" not in str(refusal.value).lower() and "lock" not in str(refusal.value.details).lower()


# --- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.catalogue(105)
@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_file_locked_by_another_process_is_unavailable_within_the_busy_time(sqlite_file: Database, how: str) -> None:
    other = sqlite3.connect(str(sqlite_file.engine.url.database), isolation_level=None)
    other.execute(how)
    with unavailable(within=BUSY + 1):
        write(sqlite_file)
    assert names(sqlite_file) == []  # readers never waited
    sqlite_file.require_no_transaction()
    other.execute("ROLLBACK")
    other.close()
    write(sqlite_file)
    assert names(sqlite_file) == ["n"]


@pytest.mark.sqlite
@pytest.mark.catalogue(105)
def test_a_file_that_another_process_keeps_to_itself_is_unavailable_to_readers_too(sqlite_file: Database) -> None:
    other = sqlite3.connect(str(sqlite_file.engine.url.database), isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO counters VALUES ('theirs', 1)")
    with unavailable(within=2 * BUSY + 1):
        names(sqlite_file)
    with unavailable(within=2 * BUSY + 1):
        write(sqlite_file)
    other.execute("COMMIT")
    other.close()
    write(sqlite_file)
    assert names(sqlite_file) == ["n", "theirs"]


@pytest.mark.sqlite
@pytest.mark.catalogue(105)
def test_a_full_disk_is_unavailable_and_leaves_nothing(sqlite_database_url: str) -> None:
    database = Database(sqlite_database_url, pool_size=1)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")  # SQLite sets it to the present size: full
    with unavailable(within=2), database.transaction() as session:
        session.execute(sa.insert(COUNTER).values(name="a", value=1))
        session.execute(sa.insert(COUNTER).values(name="x" * 500_000, value=1))
    assert names(database) == []
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    write(database, "x" * 500_000)
    assert len(names(database)) == 1
    database.dispose()


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def kill(server: PostgreSQL, pid: int) -> None:
    with server.connect() as connection:
        connection.autocommit = True
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])  # waits until it is gone


@pytest.mark.postgresql
@pytest.mark.catalogue(106)
def test_a_backend_killed_in_a_transaction_is_unavailable_and_the_next_one_works(
    postgresql: Database, postgresql_server: PostgreSQL
) -> None:
    with unavailable(within=2), postgresql.transaction() as session:
        session.execute(sa.insert(COUNTER).values(name="n", value=1))
        kill(postgresql_server, session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        session.execute(sa.insert(COUNTER).values(name="m", value=1))
    postgresql.require_no_transaction()
    write(postgresql)
    assert names(postgresql) == ["n"]


@pytest.mark.postgresql
@pytest.mark.catalogue(106)
def test_a_backend_killed_before_the_commit_is_unavailable_and_left_nothing(
    postgresql: Database, postgresql_server: PostgreSQL
) -> None:
    with unavailable(within=2), postgresql.transaction() as session:
        session.execute(sa.insert(COUNTER).values(name="n", value=1))
        kill(postgresql_server, session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
    assert names(postgresql) == []


@pytest.mark.postgresql
@pytest.mark.catalogue(106)
def test_a_backend_killed_while_it_commits_is_unavailable_and_left_nothing(postgresql: Database) -> None:
    with postgresql.transaction() as session:
        session.execute(
            sa.text(
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
            )
        )
        session.execute(
            sa.text(
                "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON counters DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION die()"
            )
        )
    with unavailable(within=2):
        write(postgresql)
    assert names(postgresql) == []


@pytest.mark.postgresql
@pytest.mark.catalogue(106)
def test_connections_that_died_in_the_pool_are_noticed(postgresql: Database, postgresql_server: PostgreSQL) -> None:
    together = threading.Barrier(4)

    def pid(_: int) -> int:
        with postgresql.read() as session:
            together.wait(10)
            found: int = session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            return found

    with ThreadPoolExecutor(4) as pool:
        for one in set(pool.map(pid, range(4))):
            kill(postgresql_server, one)
    refused = 0
    for number in range(4):
        try:
            write(postgresql, str(number))
        except StoreUnavailable:
            refused += 1
    assert refused <= 1 and len(names(postgresql)) == 4 - refused


@pytest.mark.postgresql
def test_a_server_that_is_not_there_is_unavailable() -> None:
    database = Database("postgresql://nobody@/none?host=/tmp/there-is-no-such-socket", busy_seconds=BUSY)
    with unavailable(within=2):
        write(database)
    with unavailable(within=2):
        names(database)


@pytest.mark.postgresql
def test_a_deadlock_is_unavailable_to_one_and_kept_by_the_other(postgresql: Database) -> None:
    write(postgresql, "a")
    write(postgresql, "b")
    together = threading.Barrier(2)

    def lock(order: str) -> str:
        try:
            with postgresql.transaction() as session:
                session.execute(sa.text("SET LOCAL deadlock_timeout = '20ms'"))
                session.execute(sa.update(COUNTER).where(COUNTER.c.name == order[0]).values(value=2))
                together.wait(10)
                session.execute(sa.update(COUNTER).where(COUNTER.c.name == order[1]).values(value=2))
        except StoreUnavailable:
            return "unavailable"
        return "kept"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lock, ["ab", "ba"])) == ["kept", "unavailable"]


# --- both -------------------------------------------------------------------------------------------------------------


def test_a_pool_that_is_used_up_is_unavailable_within_the_busy_time(database_url: str) -> None:
    database = Database(database_url, pool_size=1, busy_seconds=BUSY)
    with database.read() as session, ThreadPoolExecutor(1) as pool:
        session.execute(sa.text("SELECT 1"))
        with unavailable(within=BUSY + 1):
            pool.submit(write, database).result(10)
    write(database)
    assert names(database) == ["n"]
    database.dispose()
