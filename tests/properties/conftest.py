"""`fresh` makes a migrated database for every example, not only for every test: a copy of a file, or a PostgreSQL
database that was emptied."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ENGINES
from tests.databases import PostgreSQL, PostgreSQLDatabases, sqlite_url
from tp_gateway.database import Database

# The asserts of the state machine explain themselves as those of a test do.
pytest.register_assert_rewrite(*(f"tests.properties.{name}" for name in ("machine", "people", "witness")))

Fresh = Callable[[], AbstractContextManager[str]]
Rewinding = Callable[[Database], Callable[[], None]]


@pytest.fixture(params=ENGINES)
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """`with fresh() as url:` a migrated database without rows; once on SQLite, once on PostgreSQL."""
    if request.param == "postgresql":
        databases: PostgreSQLDatabases = request.getfixturevalue("postgresql_databases")
        return databases.database
    template: Path = request.getfixturevalue("sqlite_template")
    numbers = itertools.count()

    @contextmanager
    def copy() -> Iterator[str]:
        folder = tmp_path / f"example-{next(numbers)}"
        folder.mkdir()
        try:
            yield sqlite_url(Path(shutil.copyfile(template, folder / "gateway.sqlite")))
        finally:
            shutil.rmtree(folder)

    return copy


@pytest.fixture
def rewinding(request: pytest.FixtureRequest) -> Rewinding:
    """`rewinding(database)` remembers what is in a database now; what it returns puts that back, as often as needed."""

    def remember(database: Database) -> Callable[[], None]:
        url = database.engine.url
        database.dispose()
        if url.get_backend_name() == "sqlite":
            path, kept = Path(str(url.database)), Path(f"{url.database}.kept")
            shutil.copyfile(path, kept)

            def put_back() -> None:
                database.dispose()
                for ending in ("-wal", "-shm"):
                    path.with_name(path.name + ending).unlink(missing_ok=True)
                shutil.copyfile(kept, path)

            return put_back
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        name, kept_name = str(url.database), f"{url.database}_kept"
        server.cut_connections(name)
        server.execute("CREATE DATABASE {} TEMPLATE {}", kept_name, name)
        request.addfinalizer(lambda: server.execute("DROP DATABASE {} WITH (FORCE)", kept_name))

        def copy_back() -> None:
            database.dispose()
            server.execute("DROP DATABASE {} WITH (FORCE)", name)
            server.execute("CREATE DATABASE {} TEMPLATE {}", name, kept_name)

        return copy_back

    return remember
