"""A `Database` on the test's own store, on both engines; and a counter, the smallest thing that can be lost."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from tp_gateway.database import Database
from tp_gateway.models import Counter

COUNTER = Counter.__table__


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url, busy_seconds=5)
    yield made
    made.dispose()


@pytest.fixture
def counter(database: Database) -> Callable[[], int]:
    """A row `counters.n` = 0. Returns how to read it, past all sessions of the test."""
    with database.engine.begin() as connection:
        connection.execute(sa.insert(COUNTER).values(name="n", value=0))

    def value() -> int:
        with database.engine.connect() as connection:
            found: int = connection.execute(sa.select(COUNTER.c.value)).scalar_one()
            return found

    return value
