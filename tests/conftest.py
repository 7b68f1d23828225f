"""Fixtures for every test. `database_url` runs a test twice: on SQLite and on a real PostgreSQL.

Under pytest-xdist each process has a server of its own: it starts in half a second, needs no locks between the
processes, and a test that harms its server harms nobody else's. Nothing starts before a test asks for it.
"""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.util import LRUCache

from sandbox.stripe import StripeSandbox
from tests.clinic import WEBHOOK_SECRET, Clinic, sandbox
from tests.databases import PostgreSQL, PostgreSQLDatabases, make_sqlite_template, sqlite_url
from tests.invariants import check_invariants
from tp_gateway import database

ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.sqlite),
    pytest.param("postgresql", marks=pytest.mark.postgresql),
]
SHORT = ENGINES[1:]
"""For the short form of what `make soak` does at length on both: PostgreSQL refuses values that SQLite takes."""
SQLITE_IN_SOAK = [pytest.param("sqlite", marks=[pytest.mark.sqlite, pytest.mark.soak]), *SHORT]
"""For what takes long and hardly leans on the database."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes the long tests go first, so that at the end nobody waits for one. pytest-xdist cuts the
    list into a piece for each process, and gives who is done half of what somebody else has left."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [one for one in items if one.get_closest_marker("long")]
    short = [one for one in items if not one.get_closest_marker("long")]
    left = len(items)
    items.clear()
    for turn in range(workers):
        first, size = long[turn::workers], left // (workers - turn)
        left -= size
        items += first + short[: size - len(first)]
        del short[: size - len(first)]


def pytest_collection_finish() -> None:
    """What takes a good part of the run and shows nothing is done once, or not at all."""
    # What was imported stays: to go through all of it again and again takes a fifth of the run.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    compile_statements_once()
    look_for_plugins_once()
    # Until a test configures it as the product does. Tracebacks in colours take a second each.
    structlog.configure([structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])


def compile_statements_once() -> None:
    """Thousands of engines are made, for databases that are alike, and each would compile the same statements. Those
    for one kind of database share what any of them has compiled, which SQLAlchemy keeps by its dialect."""
    make_engine = database.make_engine
    kinds: dict[str, sa.Engine] = {}
    compiled: LRUCache[Any, Any] = LRUCache(2000)

    def make_alike(url: str, **options: Any) -> sa.Engine:
        engine = make_engine(url, **options)
        like = kinds.setdefault(engine.dialect.name, engine)
        if like.dialect.server_version_info:  # it has connected: from now on its dialect stays as it is
            engine.dialect, engine._compiled_cache = like.dialect, compiled
        return engine

    vars(database)["make_engine"] = make_alike


def look_for_plugins_once() -> None:
    """Every gateway goes through all installed packages. A test that brings a plugin puts its folder on `sys.path`."""
    look, path = metadata.entry_points, list(sys.path)
    found = look(group="tp_gateway")

    def entry_points(**wanted: Any) -> Any:
        return found if sys.path == path and wanted == {"group": "tp_gateway"} else look(**wanted)

    vars(metadata)["entry_points"] = entry_points


def migrate(url: str) -> None:
    from tp_gateway.schema import upgrade

    upgrade(url)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: PostgreSQL) -> str:
    """The server's own database: empty, without our tables, shared by the tests of one process."""
    return postgresql_server.url()


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: PostgreSQL) -> PostgreSQLDatabases:
    return PostgreSQLDatabases(postgresql_server, migrate)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    make_sqlite_template(path, migrate)
    return path


@pytest.fixture
def sqlite_database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file without rows, the test's own."""
    return sqlite_url(Path(shutil.copyfile(sqlite_template, tmp_path / "gateway.sqlite")))


@pytest.fixture
def postgresql_database_url(postgresql_databases: PostgreSQLDatabases) -> Iterator[str]:
    """A migrated PostgreSQL database without rows, the test's own."""
    with postgresql_databases.database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database without rows, the test's own: once on SQLite, once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_database_url")
    return url


@pytest.fixture(params=ENGINES)
def unmigrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database without our tables, for the tests of the migrations: once on each engine."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "unmigrated.sqlite")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    server.execute("CREATE DATABASE {}", "unmigrated")
    yield server.url("unmigrated")
    server.execute("DROP DATABASE {} WITH (FORCE)", "unmigrated")


@pytest.fixture(scope="session")
def stripe_sandbox() -> Iterator[StripeSandbox]:
    """Held to Stripe's own document: whatever passed between the gateway and it in the whole run was right."""
    with StripeSandbox(port=0, webhook_secrets=(WEBHOOK_SECRET,), check_contract=True) as running:
        yield running
        seen = sandbox(running.url, "GET", "violations")
        assert seen["checking"] and not seen["violations"], str(seen)


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    """A gateway on the test's own database; after the test the sandbox's books and ours are compared."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()
