"""The only door to the store. `Database.transaction()` is one transaction on one new session, and nothing else opens
one.

Values, not rows, pass between two transactions, and no transaction is open while a provider is called.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
import transaction
import zope.sqlalchemy
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite
from zope.sqlalchemy.datamanager import STATUS_CHANGED

from tp_gateway import schema
from tp_gateway.errors import ConfigurationError, GatewayError

_READ_ONLY = "tp_gateway_read_only"
_AWAY = ("08", "0A", "25006", "40", "53", "57")
"""PostgreSQL's SQLSTATEs of a server that cannot do it now: connection lost, standby, read-only, deadlock, no
resources, shut down (PostgreSQL documentation, appendix A)."""
_UNAVAILABLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


class StoreUnavailable(GatewayError):
    """The database did not do it, or did not say whether it did (a lost COMMIT answer). Re-read before acting on it."""

    def __init__(self) -> None:
        super().__init__("service_unavailable", retry_after=5)


class _Manager(transaction.ThreadTransactionManager):
    """One for each thread; explicit, so that nothing joins a transaction that nobody began."""

    def __init__(self) -> None:  # runs once in each thread (threading.local)
        super().__init__()
        self.manager.explicit = True


class _Connected:
    """A session's connection, once it has one. functools.cached_property would hold a lock for all sessions together,
    before Python 3.12, while one of them waits for its turn to write."""

    def __get__(self, session: orm.Session, _owner: type) -> sa.Connection:
        return cast(sa.Connection, session.__dict__.setdefault("on", session.connection()))


class _Session(orm.Session):
    """Takes part in the zope transaction, and hands Core statements straight to its connection: the ORM's way there
    costs a payment some twentieth of its instructions, for nothing."""

    on = _Connected()

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        if options or statement._propagate_attrs.get("compile_state_plugin") == "orm":
            return super().execute(statement, params, **options)
        return self.on.execute(statement, params)


class Database:
    """One engine. SQLite file or PostgreSQL, by URL; `busy_seconds` is how long SQLite waits for another writer."""

    def __init__(self, url: str, *, pool_size: int = 8, busy_seconds: float = 5.0) -> None:
        self.engine = make_engine(url, pool_size=pool_size, busy_seconds=busy_seconds)
        self._manager = _Manager()
        self._write = orm.sessionmaker(self.engine, class_=_Session, expire_on_commit=False)
        # STATUS_CHANGED: without it zope.sqlalchemy throws away Core and text statements at commit. Registered once for
        # all sessions: the listeners of a session of its own cost more than its statements.
        zope.sqlalchemy.register(self._write, initial_state=STATUS_CHANGED, transaction_manager=self._manager)
        self._reader = self.engine.execution_options(**{_READ_ONLY: True}, **_read_only_options(self.engine))
        self._read = orm.sessionmaker(self._reader, class_=_Session, expire_on_commit=False)
        self._one_moment = orm.sessionmaker(
            self._reader.execution_options(**_snapshot_options(self.engine)), class_=_Session, expire_on_commit=False
        )
        self._alone = self.engine.execution_options(**_alone_options(self.engine))
        self._here = threading.local()

    @contextmanager
    def transaction(self) -> Iterator[orm.Session]:
        """Commits at the end; on any exception, a failing commit included, aborts and re-raises. Refuses to nest."""
        self._enter()
        try:
            session = self._write()
            self._manager.begin()
            try:
                yield session
                self._manager.commit()  # which closes the session
            except BaseException:
                self._manager.abort()
                session.close()
                raise
        except sa.exc.SQLAlchemyError as error:
            if _is_away(error):
                raise StoreUnavailable from error
            raise
        finally:
            self._here.open = False

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[orm.Session]:
        """A read-only look: does not wait for writers on SQLite, and cannot write on either database. `snapshot`: all
        that is read in it is of one moment, as it always is on SQLite."""
        self._enter()
        try:
            with (self._one_moment if snapshot else self._read)() as session:
                yield session
        except sa.exc.SQLAlchemyError as error:
            if _is_away(error):
                raise StoreUnavailable from error
            raise
        finally:
            self._here.open = False

    def change(self, statement: sa.Update, parameters: Mapping[str, Any]) -> int:
        """One conditional UPDATE, a transaction by itself; how many rows met its condition. On PostgreSQL it goes there
        and back once, without a BEGIN and a COMMIT."""
        self._enter()
        try:
            with self._alone.begin() as connection:
                return connection.execute(statement, parameters).rowcount
        except sa.exc.SQLAlchemyError as error:
            if _is_away(error):
                raise StoreUnavailable from error
            raise
        finally:
            self._here.open = False

    def require_no_transaction(self) -> None:
        """Raises when this thread has one open: a provider is about to be called (commit, call, commit)."""
        if getattr(self._here, "open", False):
            raise RuntimeError("a provider must not be called while a database transaction is open")

    def _enter(self) -> None:
        if getattr(self._here, "open", False):
            raise RuntimeError("transactions do not nest: finish the first, and pass values on")
        self._here.open = True

    def check(self) -> None:
        """Start-up: the store answers, its schema is this code's, and SQLite's safety switches took."""
        with self.read() as session:
            connection = session.connection()
            if connection.dialect.name == "sqlite":
                _check_pragmas(connection)
            schema.check(connection)

    def dispose(self) -> None:
        self.engine.dispose()


_POSTGRESQL_TIMEOUTS = {"connect_timeout": 5, "tcp_user_timeout": 30_000}
"""Seconds to connect, and milliseconds until an unanswered packet ends the connection: a host that says nothing must
not hold a thread."""


def make_engine(url: str, *, pool_size: int = 8, busy_seconds: float = 5.0) -> sa.Engine:
    """An engine whose transactions mean the same on both databases."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # whose texts may hold a piece of the password
        raise ConfigurationError("tp_gateway.database_url is not a URL") from None
    # hide_parameters: an unexpected error must not carry people's data into the log.
    pool = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": busy_seconds, "hide_parameters": True}
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")  # whichever driver the URL was written for
        # A row that somebody else has locked is waited for no longer than SQLite waits for another writer.
        # And a plan that was made while a table was empty must not read it from end to end once it is full.
        settings = f"-c lock_timeout={round(busy_seconds * 1000)} -c enable_seqscan=off"
        options = f"{parsed.query.get('options', '')} {settings}".strip()
        connect = {**_POSTGRESQL_TIMEOUTS, "options": options}
        return sa.create_engine(parsed, isolation_level="READ COMMITTED", connect_args=connect, **pool)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigurationError("tp_gateway.database_url must be a PostgreSQL URL or a SQLite file (sqlite:///path)")
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"isolation_level": None, "timeout": busy_seconds}, **pool)
    sa.event.listen(engine, "connect", _set_pragmas)
    sa.event.listen(engine, "begin", _begin_sqlite)
    sa.event.listen(engine, "checkin", _end_sqlite)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    # recursive_triggers: without it INSERT OR REPLACE deletes rows behind the back of the append-only triggers.
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _check_pragmas(connection: sa.Connection) -> None:
    switches = {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "recursive_triggers": 1}
    for pragma, wanted in switches.items():
        found = connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()
        if found != wanted:
            raise ConfigurationError(f"SQLite refused PRAGMA {pragma} = {wanted}: use a local disk that supports it")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred BEGIN fails with "database is locked" when two writers upgrade; IMMEDIATE makes them wait their turn.
    reading = connection.get_execution_options().get(_READ_ONLY, False)
    connection.connection.cursor().execute(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _read_only_options(engine: sa.Engine) -> dict[str, Any]:
    return {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}


def _snapshot_options(engine: sa.Engine) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def _alone_options(engine: sa.Engine) -> dict[str, Any]:
    return {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}


def _end_sqlite(connection: Any, _record: Any) -> None:
    # A failed COMMIT leaves SQLite's transaction open and locks everybody else out; SQLAlchemy takes it for ended.
    if connection is not None and connection.in_transaction:
        connection.rollback()


def _is_away(error: sa.exc.SQLAlchemyError) -> bool:
    """Is it the server that cannot do it now, and not the statement that is wrong?"""
    if isinstance(error, _UNAVAILABLE):
        return True
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "").startswith(_AWAY)


def rows_changed(
    session: orm.Session, statement: sa.Update | sa.Delete, parameters: Mapping[str, Any] | None = None
) -> int:
    """Run a conditional UPDATE or DELETE and say how many rows met its condition: the compare-and-set of the whole
    house."""
    return cast("sa.CursorResult[Any]", session.execute(statement, parameters)).rowcount


class InsertOnce:
    """An INSERT that a unique constraint may turn into nothing: built once for each dialect. `key` names the columns
    (and `where` the partial index) that may be taken already; `tells` the column that names a row that was new."""

    def __init__(self, table: sa.Table, key: list[str], where: Any = None, tells: Any = None) -> None:
        told = next(iter(table.primary_key)) if tells is None else tells
        self._statements = {
            name: make(table).on_conflict_do_nothing(index_elements=key, index_where=where).returning(told)
            for name, make in _INSERTS.items()
        }

    def new(self, session: orm.Session, values: Mapping[str, Any] | list[dict[str, Any]]) -> list[Any]:
        """What `tells` says of the rows that were new."""
        return list(session.execute(self._statements[cast(_Session, session).on.dialect.name], values).scalars())


_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def upsert(session: orm.Session, table: sa.Table, rows: list[dict[str, Any]], *, adding: str = "") -> None:
    """Put in `rows`, all with the same fields, or write them over those of the same primary key. The column `adding` is
    added to what stands there."""
    key = [column.name for column in table.primary_key]
    insert = _INSERTS[cast(_Session, session).on.dialect.name](table)
    values = {name: insert.excluded[name] for name in rows[0] if name not in key}
    if adding:
        values[adding] += table.c[adding]
    session.execute(insert.on_conflict_do_update(index_elements=key, set_=values), rows)
