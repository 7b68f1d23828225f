"""From the first schema to disputes and capture, and back: no row is lost, and the books stay append-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.rows import APPEND_ONLY, ROWS, TABLES, contents, fill, insert
from tests.store.test_migrations import schema, url
from tp_gateway.database import Database
from tp_gateway.schema import downgrade, upgrade

FIRST = "0001"
NEW_COLUMNS = {"manual_capture", "authorized_at", "capture_before", "disputed", "dispute_id"}
NEW_COLUMNS |= {"account_sealed", "parameters_sealed", "provider_number", "ahpra_number"}
NEW_COLUMNS |= {"actual_minutes", "rating", "gst_treatment", "gst_rate", "gst", "service_date", "item_number"}
NEW_COLUMNS |= {"practitioner_id", "operation_id", "invoice_id"}
LATER = ("disputes", "rebate_claims", "refund_files", "refund_file_items", "remittances", "remittance_items")
LATER += ("settings_changes", "progress_notes", "availability")
LATER += ("invoice_words", "invoice_operations", "credit_note_lines")
LATER += ("analytics_basis", "analytics_sums", "analytics_changes", "analytics_entries")
LATER += ("outbox_deliveries", "invoice_reminders")
STATEMENTS = ("statements", "statement_lines", "statement_matches")
OLD_TABLES = [name for name in ROWS if name not in (*LATER, *STATEMENTS)]


@pytest.fixture
def database(unmigrated_url: str) -> Iterator[Database]:
    made = Database(unmigrated_url)
    yield made
    made.dispose()


def old_rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables that the first schema has, in its columns, as the database has them."""
    with database.engine.connect() as connection:
        found = {}
        for name in OLD_TABLES:
            rows = connection.execute(sa.text(f"SELECT * FROM {name}"))
            found[name] = [
                {key: value for key, value in row.items() if key not in NEW_COLUMNS} for row in rows.mappings()
            ]
        return found


def fill_first_schema(database: Database) -> None:
    """Rows as the version before wrote them, without the new columns; the defaults of the others are as they were."""
    metadata = sa.MetaData()
    metadata.reflect(database.engine)
    with database.transaction() as session:
        for name in OLD_TABLES:
            model = TABLES[name]
            values = {
                c.name: ROWS[name].get(c.name, default_of(c))
                for c in model.columns
                if c.name in metadata.tables[name].c and (c.name in ROWS[name] or c.server_default is None)
            }
            session.execute(sa.insert(metadata.tables[name]).values(bound(model, values)))
        paid = "INSERT INTO allocations (payable_id, payment_id, kind, amount, currency, actor, at)"
        same = "payable_id, payment_id, kind, amount, currency, actor, at"
        session.execute(sa.text(f"{paid} SELECT {same} FROM ledger_entries"))


def default_of(column: sa.Column[Any]) -> Any:
    return column.default.arg if column.default is not None and column.default.is_scalar else None


def bound(model: sa.Table, values: dict[str, Any]) -> dict[str, Any]:
    """With the present types, so that moments and JSON are written as the service writes them."""
    return {name: sa.bindparam(None, value, type_=model.c[name].type) for name, value in values.items()}


@pytest.mark.catalogue(103)
def test_rows_of_the_first_schema_stay_as_they_are(database: Database) -> None:
    upgrade(url(database), FIRST)
    first = schema(database)
    fill_first_schema(database)
    before = old_rows(database)
    assert all(before.values())
    upgrade(url(database))
    assert old_rows(database) == before
    with database.read() as session:
        [payment] = contents(session)["payments"]
    assert (payment["manual_capture"], payment["disputed"], payment["capture_before"]) == (False, False, None)
    downgrade(url(database), FIRST)
    assert old_rows(database) == before
    assert words(schema(database)) == words(first)


def words(found: dict[str, Any]) -> Any:
    """A schema without white space and quotes, which a rebuilt table's text may have otherwise."""
    return {name: sorted(word(row) for row in rows) for name, rows in found.items()}


def word(row: tuple[Any, ...]) -> str:
    return "".join(" ".join(map(str, row)).replace('"', "").split())


@pytest.mark.catalogue(103)
def test_new_rows_survive_the_way_back_and_up_again(database: Database) -> None:
    upgrade(url(database))
    head = schema(database)
    with database.transaction() as session:
        fill(session)
        insert(
            session, "payments", id=2, uuid="2", reference="pi_2", state="authorized", captured=0, manual_capture=True
        )
        insert(session, "ledger_entries", id=2, kind="dispute", debit="disputed", evidence="txn_1", dispute_id=1)
    downgrade(url(database), FIRST)
    with database.engine.connect() as connection:
        states = connection.execute(sa.text("SELECT state FROM payments ORDER BY id")).scalars().all()
        assert connection.execute(sa.text("SELECT count(*) FROM ledger_entries")).scalar_one() == 2
    assert states == ["succeeded", "processing"]
    upgrade(url(database))
    assert words(schema(database)) == words(head)
    database.check()


def test_a_rebuilt_table_is_still_guarded(database: Database) -> None:
    """Triggers, foreign keys and the one open payment of a payable."""
    upgrade(url(database), FIRST)
    fill_first_schema(database)
    upgrade(url(database))
    for table in set(APPEND_ONLY) - set(LATER):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.transaction() as session:
            session.execute(sa.text(f"DELETE FROM {table}"))
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        insert(session, "ledger_entries", id=2, evidence="other", dispute_id=999)
    held = {"reference": None, "captured": 0}
    with pytest.raises(sa.exc.IntegrityError), database.transaction() as session:
        insert(session, "payments", id=2, uuid="2", state="authorized", **held)
        insert(session, "payments", id=3, uuid="3", state="created", **held)
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection:
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"
