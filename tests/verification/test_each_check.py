"""Each check sees the damage that it is there for, and no other check cries out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from tests.medicare.conftest import Surgery
from tests.verification.damages import DAMAGES, Damage, damaged, without_trigger
from tp_gateway.services.verification import all_checks

CHECKS = all_checks(["medicare"])


def reported(session: orm.Session) -> dict[str, list[str]]:
    """Check -> what it says, of those that say something."""
    found = {one.name: one.run(session, 5) for one in CHECKS}
    assert all(bool(count) == bool(texts) for count, texts in found.values())
    return {name: texts for name, (count, texts) in found.items() if count}


@pytest.mark.parametrize("one", DAMAGES, ids=lambda one: one.check)
def test_a_damage_is_seen_by_its_check_alone(rich: Surgery, one: Damage) -> None:
    with damaged(rich.database.engine, one.does) as session:
        found = reported(session)
    assert found.keys() == {one.check, *one.others}, found


def test_no_check_is_without_a_damage() -> None:
    assert {one.name for one in CHECKS} - {one.check for one in DAMAGES} == {"triggers"}, "which has tests of its own"


@pytest.mark.parametrize("name", ["tr_ledger_entries_paid", "tr_payments_moved"])
def test_a_trigger_that_is_gone(rich: Surgery, name: str) -> None:
    engine = rich.database.engine
    table = name.removeprefix("tr_").rpartition("_")[0]
    with engine.connect() as connection:  # in a transaction that is never committed
        connection.exec_driver_sql(without_trigger(engine.dialect.name, name, table))
        found = reported(orm.Session(connection))
        connection.rollback()
    assert found == {"triggers": [f"trigger {name} is missing, or switched off"]}


def test_a_trigger_that_does_something_else(rich: Surgery) -> None:
    engine = rich.database.engine
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER tr_ledger_entries_no_delete")
            what = "CREATE TRIGGER tr_ledger_entries_no_delete BEFORE DELETE ON ledger_entries BEGIN SELECT 1; END"
            name = "tr_ledger_entries_no_delete"
        else:
            name = "tr_ledger_entries_paid"
            what = (
                "CREATE OR REPLACE FUNCTION ledger_entries_paid() RETURNS trigger LANGUAGE plpgsql"
                " AS $$ BEGIN RETURN NULL; END $$"
            )
        connection.exec_driver_sql(what)
        found = reported(orm.Session(connection))
        connection.rollback()
    assert found == {"triggers": [f"trigger {name} does something else than it should"]}


@pytest.mark.parametrize("limit", [1, 3])
def test_all_are_counted_and_the_first_are_told(rich: Surgery, limit: int) -> None:
    [check] = [one for one in CHECKS if one.name == "told-once"]
    with damaged(rich.database.engine, ("DELETE FROM outbox_messages WHERE topic = 'payment.succeeded'",)) as session:
        count, texts = check.run(session, limit)
        settled = "SELECT COUNT(*) FROM payments WHERE state IN ('succeeded', 'refunded')"
        assert count == session.execute(sa.text(settled)).scalar_one() > limit == len(texts)
