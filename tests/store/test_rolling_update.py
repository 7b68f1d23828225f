"""A rolling update: the schema goes first. What the old code wrote and still writes fits the new schema, and payments
that it opened end under the new code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import alembic.script
import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, sandbox
from tests.invariants import check_invariants
from tests.services.test_recovery import CONFIRM, RETRIEVE, settle_down
from tests.store.rows import FILLED_BY_TRIGGERS, ROWS, TABLES, contents
from tests.store.test_migrations import schema
from tp_gateway import schema as store
from tp_gateway.contract import Flow
from tp_gateway.database import Database
from tp_gateway.schema import downgrade, upgrade

ANALYTICS = ("analytics_basis", "analytics_sums", "analytics_changes", "analytics_entries")
"""They follow from the rest: what a version without them has not noted, the worker counts anew."""
_SCRIPTS = alembic.script.ScriptDirectory.from_config(store._alembic())
_ALL = [script.revision for script in reversed(list(_SCRIPTS.walk_revisions()))]
_NEAR = (_ALL[0], *_ALL[-4:])
REVISIONS = [pytest.param(one, marks=() if one in _NEAR else pytest.mark.soak) for one in _ALL]
"""An update is from the last version or the one before; the others, which are many, by `make soak`."""


@pytest.fixture
def database(unmigrated_url: str) -> Iterator[Database]:
    made = Database(unmigrated_url)
    yield made
    made.dispose()


def url(database: Database) -> str:
    return database.engine.url.render_as_string(False)


def columns(database: Database) -> dict[str, dict[str, Any]]:
    inspector = sa.inspect(database.engine)
    return {
        table: {column["name"]: column for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


@pytest.mark.catalogue(104)
@pytest.mark.parametrize("revision", REVISIONS)
def test_what_the_old_code_writes_fits_the_new_schema(database: Database, revision: str) -> None:
    """Its columns are all still there, those it does not know may be left out, and its rows are taken as they were."""
    upgrade(url(database), revision)
    old = columns(database)
    upgrade(url(database))
    new = columns(database)
    for table, known in old.items():
        assert set(known) <= set(new[table]), f"{table} has lost a column"
        unknown = [column for name, column in new[table].items() if name not in known]
        assert all(column["nullable"] or column["default"] is not None for column in unknown), unknown
    kept = sa.MetaData()
    kept.reflect(database.engine)
    with database.transaction() as session:
        for table, row in ROWS.items():
            if table in old and table not in FILLED_BY_TRIGGERS:
                known_row = {name: value for name, value in _written(table, row).items() if name in old[table]}
                session.execute(sa.insert(_typed(table, kept)).values(known_row))
    with database.read() as session:
        counts = {
            table: session.execute(sa.select(sa.func.count()).select_from(kept.tables[table])).scalar() for table in old
        }
    by_triggers = {"transitions": 3, "analytics_entries": 1}  # a row, the moves of the payment and of the refund
    assert counts == {table: by_triggers.get(table, int(table in ROWS)) for table in old}


def everything(clinic: Clinic) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each row of each table but those of analytics, and the schema in the database's own words."""
    with clinic.database.read() as session:
        rows = {table: there for table, there in contents(session).items() if table not in ANALYTICS}
        return rows, schema(clinic.database)


def _written(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with what the models fill in by themselves."""
    filled = {column.name: column.default.arg for column in TABLES[table].columns if column.default is not None}
    return filled | row


def _typed(table: str, reflected: sa.MetaData) -> sa.Table:
    """The columns of the store with the types of the models, and none of the models' defaults."""
    types = {column.name: column.type for column in TABLES[table].columns}
    named = [sa.Column(column.name, types.get(column.name, column.type)) for column in reflected.tables[table].columns]
    return sa.Table(table, sa.MetaData(), *named)


@pytest.mark.catalogue(103)
@pytest.mark.catalogue(104)
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_payment_that_the_old_version_opened_ends_under_the_new(
    database_url: str, stripe_sandbox: StripeSandbox, revision: str
) -> None:
    """Opened, then the store is brought back to what the old version had, and up again."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url).open()
    clinic.fault(CONFIRM, "lost")
    clinic.fault(RETRIEVE, "error_before")
    unclear = clinic.pay(appointment_id=clinic.appointment(1))
    waiting = clinic.pay(appointment_id=clinic.appointment(2), flow=Flow.BROWSER, amount=18000)
    paid = clinic.pay(appointment_id=clinic.appointment(3))
    states = [row.state for row in clinic.rows("SELECT state FROM payments ORDER BY id")]
    assert states == ["unknown", "awaiting_customer", "succeeded"]
    before = everything(clinic)
    clinic.close()
    downgrade(database_url, revision)
    upgrade(database_url)
    clinic = Clinic(database_url, stripe_sandbox.url)
    try:
        assert everything(clinic) == before
        settle_down(clinic)
        assert clinic.payment(unclear.id).state == "succeeded"
        assert clinic.payment(waiting.id).state == "awaiting_customer"
        assert clinic.pay(appointment_id=2).body["status"] == "succeeded", "the card form gives way"
        assert clinic.refund(paid.id).body["status"] == "succeeded"
        check_invariants(clinic.database.engine, clinic.books())
    finally:
        clinic.close()
