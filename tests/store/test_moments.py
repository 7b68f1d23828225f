"""Moments go in aware, and come out aware, in UTC, and the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.rows import contents, fill
from tp_gateway.database import Database
from tp_gateway.models import Cursor

CURSOR = Cursor.__table__
MELBOURNE = timezone(timedelta(hours=11))


@pytest.fixture
def both(sqlite_database_url: str, postgresql_database_url: str) -> Iterator[list[Database]]:
    databases = [Database(sqlite_database_url), Database(postgresql_database_url)]
    yield databases
    for database in databases:
        database.dispose()


def stored(database: Database, moment: datetime) -> datetime:
    with database.transaction() as session:
        session.execute(sa.delete(CURSOR))
        session.execute(sa.insert(CURSOR).values(name="a", next_run_at=moment))
    with database.read() as session:
        found: datetime = session.execute(sa.select(CURSOR.c.next_run_at)).scalar_one()
        assert session.get_one(Cursor, "a").next_run_at == found
        return found


@pytest.mark.catalogue(91)
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2025, 1, 1, 0, 30, tzinfo=MELBOURNE),
        datetime(2025, 4, 6, 2, 30, tzinfo=timezone(timedelta(hours=10))),  # the hour that Melbourne has twice
        datetime(2025, 1, 19, 10, 30, 15, 123456, UTC),
        datetime(2025, 1, 19, 10, 30, tzinfo=timezone(timedelta(minutes=-570))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2199, 12, 31, 23, 59, 59, 999999, UTC),
    ],
)
def test_a_moment_comes_back_aware_in_utc_and_equal_on_both(both: list[Database], moment: datetime) -> None:
    for database in both:
        found = stored(database, moment)
        assert found == moment and found.tzinfo is UTC


@pytest.mark.catalogue(91)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moment=st.datetimes(
        min_value=datetime(1900, 1, 2),
        max_value=datetime(2200, 1, 1),
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_any_moment_is_kept_to_the_microsecond(both: list[Database], moment: datetime) -> None:
    assert [stored(database, moment) for database in both] == [moment, moment]


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a time zone"), database.transaction() as session:
        session.execute(sa.insert(CURSOR).values(name="a", next_run_at=datetime(2025, 1, 19)))
    with pytest.raises(sa.exc.StatementError, match="without a time zone"), database.read() as session:
        session.execute(sa.select(CURSOR).where(CURSOR.c.next_run_at < datetime(2025, 1, 19)))


def test_moments_are_compared_as_moments(database: Database) -> None:
    """SQLite compares texts: a zone that was kept as written would sort by the wall clock."""
    with database.transaction() as session:
        session.execute(
            sa.insert(CURSOR),
            [
                {"name": "first", "next_run_at": datetime(2025, 1, 19, 20, 0, tzinfo=MELBOURNE)},
                {"name": "second", "next_run_at": datetime(2025, 1, 19, 9, 0, 0, 1, UTC)},
                {"name": "third", "next_run_at": datetime(2025, 1, 18, 23, 30, tzinfo=timezone(timedelta(hours=-10)))},
            ],
        )
        order = sa.select(CURSOR.c.name).order_by(CURSOR.c.next_run_at)
        assert session.execute(order).scalars().all() == ["first", "second", "third"]
        until = datetime(2025, 1, 19, 20, 0, tzinfo=MELBOURNE)
        assert session.execute(order.where(CURSOR.c.next_run_at <= until)).scalars().all() == ["first"]


def test_every_row_reads_the_same_on_both(both: list[Database]) -> None:
    found = []
    for database in both:
        with database.transaction() as session:
            fill(session)
        with database.read() as session:
            found.append(contents(session))
    assert found[0] == found[1] and all(found[0].values())
