"""The only door to the store. Each trap behind its shape is sprung here without the guard, and then with it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
import transaction
import zope.sqlalchemy
from sqlalchemy import orm

from tests.store.conftest import COUNTER
from tp_gateway.database import Database, StoreUnavailable
from tp_gateway.models import Counter

SET = {
    "Core": lambda session, value: session.execute(sa.update(COUNTER).values(value=value)),
    "text": lambda session, value: session.execute(sa.text("UPDATE counters SET value = :v"), {"v": value}),
    "the connection": lambda session, value: session.connection().execute(sa.update(COUNTER).values(value=value)),
    "ORM statement": lambda session, value: session.execute(sa.update(Counter).values(value=value)),
    "ORM attribute": lambda session, value: setattr(session.get(Counter, "n"), "value", value),
}
Value = Callable[[], int]


def unguarded(database: Database, **how: Any) -> tuple[transaction.TransactionManager, orm.Session]:
    """A session registered as the documentation of zope.sqlalchemy has it."""
    manager, session = transaction.TransactionManager(explicit=True), orm.Session(database.engine)
    zope.sqlalchemy.register(session, transaction_manager=manager, **how)
    return manager, session


# --- what is written is kept ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["Core", "text", "the connection"])
def test_a_session_that_is_not_marked_changed_loses_core_and_text_writes(
    database: Database, counter: Value, how: str
) -> None:
    manager, session = unguarded(database)
    manager.begin()
    SET[how](session, 1)
    manager.commit()
    assert counter() == 0


@pytest.mark.parametrize("how", SET)
def test_every_kind_of_write_is_kept(database: Database, counter: Value, how: str) -> None:
    with database.transaction() as session:
        SET[how](session, 1)
    assert counter() == 1


def test_a_session_reused_over_phases_loses_a_change_made_between_them(database: Database, counter: Value) -> None:
    manager, session = unguarded(database)
    manager.begin()
    row = session.get_one(Counter, "n")
    row.value = 1
    manager.commit()
    row.value = 2
    manager.begin()
    session.flush()
    manager.commit()
    assert counter() == 1


def test_each_transaction_has_a_session_of_its_own_and_leaves_no_row_attached(database: Database) -> None:
    with database.transaction() as first:
        first.add(Counter(name="n", value=1))
    with database.transaction() as second:
        row = second.get_one(Counter, "n")
    with database.read() as third:
        seen = third.get_one(Counter, "n")
    assert len({id(session) for session in (first, second, third)}) == 3
    assert sa.inspect(row).detached and sa.inspect(seen).detached and row.value == 1
    assert not first.in_transaction() and not second.in_transaction() and not third.in_transaction()


# --- nothing stays open -----------------------------------------------------------------------------------------------


def test_a_kept_session_leaves_a_read_only_transaction_open(database: Database, counter: Value) -> None:
    manager, session = unguarded(database, keep_session=True)
    manager.begin()
    session.execute(sa.select(COUNTER)).all()
    manager.commit()
    assert session.in_transaction() and database.engine.pool.checkedout() == 1
    session.close()


def test_a_transaction_that_only_read_does_not_stay_open(database: Database, counter: Value) -> None:
    with database.transaction() as session:
        session.execute(sa.select(COUNTER)).all()
    with database.read() as session:
        session.execute(sa.select(COUNTER)).all()
    assert database.engine.pool.checkedout() == 0
    other = Database(database.engine.url.render_as_string(False), busy_seconds=0.2)
    with other.transaction() as session:
        SET["Core"](session, 7)
    other.dispose()
    assert counter() == 7


# --- a failing commit -------------------------------------------------------------------------------------------------


def refuse_at_commit(session: orm.Session) -> None:
    """Something that the database refuses only at COMMIT."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
    else:
        session.execute(
            sa.text("ALTER TABLE provider_customers ALTER CONSTRAINT fk_provider_customers_user_id_users DEFERRABLE")
        )
        session.execute(sa.text("SET CONSTRAINTS ALL DEFERRED"))
    session.execute(
        sa.text("INSERT INTO provider_customers (id, user_id, provider, key) VALUES (1, 999, 'stripe', 'k')")
    )


def test_a_failing_commit_leaves_a_plain_manager_in_the_middle(database: Database, counter: Value) -> None:
    manager, session = unguarded(database, initial_state=zope.sqlalchemy.datamanager.STATUS_CHANGED)
    with pytest.raises(sa.exc.IntegrityError), manager:
        refuse_at_commit(session)
    with pytest.raises(transaction.interfaces.AlreadyInTransaction):
        manager.begin()
    manager.abort()
    session.close()


def test_a_failing_commit_aborts_and_is_raised_and_the_next_transaction_works(
    database: Database, counter: Value
) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        SET["Core"](session, 1)
        refuse_at_commit(session)
    other = Database(database.engine.url.render_as_string(False), busy_seconds=0.2)
    with other.transaction() as session:  # nobody is locked out by what the pool has got back
        assert session.execute(sa.select(COUNTER.c.value)).scalar_one() == 0
        SET["Core"](session, 3)
    other.dispose()
    assert counter() == 3 and database.engine.pool.checkedout() == 0
    with database.transaction() as session:
        assert session.execute(sa.text("SELECT count(*) FROM provider_customers")).scalar_one() == 0
        SET["Core"](session, 2)
    assert counter() == 2


class NotAnException(BaseException):
    """Like KeyboardInterrupt, SystemExit, GeneratorExit."""


@pytest.mark.parametrize("error", [ValueError, StoreUnavailable, KeyboardInterrupt, NotAnException])
@pytest.mark.parametrize("how", ["Core", "ORM attribute"])
def test_any_exception_rolls_back(database: Database, counter: Value, error: type[BaseException], how: str) -> None:
    with pytest.raises(error), database.transaction() as session:
        SET[how](session, 1)
        session.flush()
        raise error
    assert counter() == 0 and database.engine.pool.checkedout() == 0
    database.require_no_transaction()


def test_an_error_that_the_body_swallows_does_not_commit_half_of_it(database: Database, counter: Value) -> None:
    """PostgreSQL has given the transaction up by then; SQLite only the statement."""
    try:
        with database.transaction() as session:
            SET["Core"](session, 1)
            with contextlib.suppress(sa.exc.IntegrityError):
                session.execute(sa.text("INSERT INTO counters (name, value) VALUES ('n', 5)"))
            SET["Core"](session, 2)
    except sa.exc.InternalError:
        assert counter() == 0
    else:
        assert counter() == 2


# --- nesting, and the guard around providers --------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["transaction", "read"])
@pytest.mark.parametrize("outer", ["transaction", "read"])
def test_transactions_do_not_nest(database: Database, counter: Value, outer: str, inner: str) -> None:
    with getattr(database, outer)() as session:
        if outer == "transaction":
            SET["Core"](session, 1)
        with pytest.raises(RuntimeError, match="nest"), getattr(database, inner)():
            raise AssertionError("was let in")
        assert session.execute(sa.select(COUNTER.c.value)).scalar_one() == (outer == "transaction")
    assert counter() == (outer == "transaction")


def test_the_rule_is_for_one_thread(database: Database, counter: Value) -> None:
    def look() -> int:
        database.require_no_transaction()
        with database.read() as session:
            found: int = session.execute(sa.select(COUNTER.c.value)).scalar_one()
            return found

    with ThreadPoolExecutor(1) as pool, database.transaction() as session:
        SET["Core"](session, 1)
        assert pool.submit(look).result(10) == 0
    assert counter() == 1


@pytest.mark.parametrize("door", ["transaction", "read"])
def test_a_provider_is_not_called_while_a_transaction_is_open(database: Database, door: str) -> None:
    database.require_no_transaction()
    with getattr(database, door)(), pytest.raises(RuntimeError, match="provider"):
        database.require_no_transaction()
    database.require_no_transaction()
    with pytest.raises(ValueError), getattr(database, door)():
        raise ValueError
    database.require_no_transaction()


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", SET)
def test_a_read_cannot_write(database_url: str, how: str) -> None:
    database = Database(database_url, pool_size=1)  # so that the next transaction gets the same connection
    with database.transaction() as session:
        session.add(Counter(name="n", value=0))
    with pytest.raises((StoreUnavailable, sa.exc.InternalError)), database.read() as session:
        SET[how](session, 1)
        session.flush()
        session.commit()
    with database.transaction() as session:
        assert session.execute(sa.select(COUNTER.c.value)).scalar_one() == 0
        SET[how](session, 2)
    with database.read() as session:
        assert session.execute(sa.select(COUNTER.c.value)).scalar_one() == 2
    database.dispose()


def test_a_read_does_not_wait_for_a_writer(database_url: str) -> None:
    writer, reader = Database(database_url), Database(database_url, busy_seconds=0.001)
    with writer.transaction() as session:
        session.add(Counter(name="n", value=1))
        session.flush()
        with reader.read() as other:
            assert other.execute(sa.select(COUNTER)).all() == []
    writer.dispose()
    reader.dispose()


# --- many at once -----------------------------------------------------------------------------------------------------


def test_two_hundred_increments_by_eight_threads_are_two_hundred(database: Database, counter: Value) -> None:
    together = threading.Barrier(8)

    def count(_: int) -> None:
        together.wait(10)
        for _ in range(25):
            with database.transaction() as session:
                seen = session.execute(sa.select(COUNTER.c.value).with_for_update()).scalar_one()
                session.execute(sa.update(COUNTER).values(value=seen + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert counter() == 200


# --- a change that is a transaction by itself -------------------------------------------------------------------------

UP = sa.update(COUNTER).where(COUNTER.c.name == sa.bindparam("which")).values(value=COUNTER.c.value + 1)


@pytest.fixture
def single(database: Database, counter: Value) -> Iterator[Database]:
    """One connection for everybody: a change must leave it as the next transaction needs it."""
    made = Database(database.engine.url.render_as_string(False), pool_size=1, busy_seconds=1)
    yield made
    made.dispose()


def rolls_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        SET["Core"](session, 100)
        _ = 1 / 0


def test_the_connection_of_a_change_is_a_plain_one_again(single: Database, counter: Value) -> None:
    assert (single.change(UP, {"which": "n"}), single.change(UP, {"which": "no such"})) == (1, 0)
    rolls_back(single)
    single.change(UP, {"which": "n"})
    with pytest.raises(StoreUnavailable), single.read() as session:
        SET["Core"](session, 100)
    assert counter() == 2
    with pytest.raises(sa.exc.IntegrityError):
        single.change(sa.update(COUNTER).values(value=None), {})
    rolls_back(single)
    assert counter() == 2


def test_a_change_waits_for_another_writer_and_says_so(single: Database, database: Database, counter: Value) -> None:
    with database.transaction() as session:
        SET["Core"](session, 50)
        with ThreadPoolExecutor(1) as pool, pytest.raises(StoreUnavailable):
            pool.submit(single.change, UP, {"which": "n"}).result(timeout=20)
    single.require_no_transaction()
    assert single.change(UP, {"which": "n"}) == 1 and counter() == 51


def test_a_change_takes_part_in_the_rule_that_nothing_nests(single: Database, counter: Value) -> None:
    for door in (single.transaction, single.read):
        with door(), pytest.raises(RuntimeError, match="nest"):
            single.change(UP, {"which": "n"})
    assert single.change(UP, {"which": "n"}) == 1 and counter() == 1
