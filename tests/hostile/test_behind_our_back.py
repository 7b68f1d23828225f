"""Plugins with a connection of their own to our database: what they lock we do not wait for long, and what they leave
open is theirs."""

from __future__ import annotations

import pytest

from tests.clinic import MANAGER
from tests.hostile.conftest import PAY, Hostile

LOCKING = """
import sqlalchemy as sa
HELD = []

def lock(url, statement):
    engine = sa.create_engine(url)
    connection = engine.connect()
    HELD.append((engine, connection))
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.text("SELECT pg_advisory_lock(1), pg_advisory_lock(2)"))
    connection.execute(sa.text(statement))

def release():
    while HELD:
        engine, connection = HELD.pop()
        connection.rollback()
        connection.close()
        engine.dispose()

def execute(self, order, reference=None):
    for _ in range(CONNECTIONS):
        lock(self.settings["plain"], STATEMENT.format(id=order.id))
    return Outcome(OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id)

def fetch(self, order, reference=None):
    return Outcome(OutcomeState.SUCCEEDED, order.id, order.amount, order.currency, evidence=order.id)

CONNECTIONS = 1
STATEMENT = "UPDATE payments SET description = 'mine' WHERE uuid = '{id}'"
Acme.execute, Acme.fetch = execute, fetch
Acme.manifest = manifest(capabilities=Capabilities(fetch=True))
"""


@pytest.mark.catalogue(100)
def test_a_row_that_a_plugin_has_locked_is_its_own_payments(hostile: Hostile, database_url: str) -> None:
    """It locks the row of its own payment and keeps it: the payer is told `pending` in time, others pay (on PostgreSQL
    at once; on SQLite, with its one writer, they are refused in time until it lets go), and then all is found out."""
    victim = hostile(LOCKING, **{"acme.plain": database_url, "database_busy_seconds": "0.3"})
    body = victim.pay_acme(status=201).json
    assert body["status"] == "pending"
    on_sqlite = victim.database.engine.dialect.name == "sqlite"
    owed = 9999 if on_sqlite else victim.owe()
    if on_sqlite:
        refused = victim.pay_by_http(appointment_id=owed)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
    else:
        assert victim.pay_by_http(appointment_id=owed, status=201).json["status"] == "succeeded"
    victim.get(PAY, status=200)
    victim.plugin.release()
    victim.pass_time()
    victim.gateway.recovery.sweep()
    assert victim.get(f"{PAY}{body['id']}/", as_user=MANAGER, status=200).json["status"] == "succeeded"
    assert [entry.amount for entry in victim.entries(body["id"])] == [18000]


@pytest.mark.catalogue(100)
def test_the_whole_table_locked_is_waited_for_no_longer(hostile: Hostile, database_url: str) -> None:
    victim = hostile(LOCKING, **{"acme.plain": database_url, "database_busy_seconds": "0.3"})
    victim.plugin.STATEMENT = "UPDATE payables SET amount_paid = amount_paid"  # type: ignore[attr-defined]
    owed = victim.owe()
    body = victim.pay_acme(status=201).json
    assert body["status"] == "pending"
    assert victim.pay_by_http(appointment_id=owed).status_code == 503
    victim.get(f"{PAY}{body['id']}/", status=200)
    victim.plugin.release()
    assert victim.pay_by_http(appointment_id=owed, status=201).json["status"] == "succeeded"


@pytest.mark.catalogue(100)
def test_what_a_plugin_writes_into_the_books_the_books_refuse(hostile: Hostile, database_url: str) -> None:
    """The ledger is append-only for whoever has a connection. What a plugin can do with one all the same is told in
    docs/providers.md: it has our rights."""
    victim = hostile(LOCKING, **{"acme.plain": database_url, "database_busy_seconds": "0.3"})
    paid = victim.pay_by_http(appointment_id=victim.owe(), status=201).json
    before = victim.entries(paid["id"])
    for statement in ("UPDATE ledger_entries SET amount = 1", "DELETE FROM ledger_entries", "DELETE FROM transitions"):
        victim.plugin.STATEMENT = statement  # type: ignore[attr-defined]
        assert victim.pay_acme(status=201).json["status"] in ("pending", "succeeded")
        victim.plugin.release()
    assert victim.get(f"{PAY}{paid['id']}/", status=200).json["status"] == "succeeded"
    assert set(before) <= set(victim.entries(paid["id"])), "and a fee that was heard of since"
