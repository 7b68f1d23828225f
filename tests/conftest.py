"""Fixtures for every test. `database_url` runs a test twice: on SQLite and on a real PostgreSQL.

Under pytest-xdist each process has a server of its own: it starts in half a second, needs no locks between the
processes, and a test that harms its server harms nobody else's. Nothing starts before a test asks for it.
"""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import WEBHOOK_SECRET, Clinic, sandbox
from tests.databases import PostgreSQL, PostgreSQLDatabases, make_sqlite_template, sqlite_url
from tests.invariants import check_invariants

ENGINES = [
    pytest.param("sqlite", marks=pytest.mark.sqlite),
    pytest.param("postgresql", marks=pytest.mark.postgresql),
]


def pytest_collection_finish() -> None:
    """What was imported stays; a collector of garbage that goes through all of it again and again takes a fifth of the
    run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


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
