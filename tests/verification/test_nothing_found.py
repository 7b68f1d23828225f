"""A store in which everything has happened adds up; and so does an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.medicare.conftest import Surgery
from tests.verification.story import facts
from tests.verified import assert_verified
from tp_gateway import schema
from tp_gateway.database import Database
from tp_gateway.models.ledger import MOVES
from tp_gateway.services.verification import all_checks, rules

MUST_HAVE = {
    *("charge", "overpayment", "fee", "write_off", "suspense", "refund", "refund_credit", "refund_reversal"),
    *("adjustment", "adjustment_reversal", "unmatch", "unmatch_credit", "dispute", "dispute_reversal", "dispute_fee"),
    *("chargeback", "chargeback_reopened"),
    *("stripe succeeded", "stripe refunded", "stripe failed", "stripe unknown", "stripe awaiting_customer"),
    *("bank_transfer succeeded", "bank_transfer refunded", "bank_transfer failed"),
    *("in_person succeeded", "medicare succeeded", "medicare failed"),
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


def test_a_rich_history_has_no_contradiction(rich: Surgery) -> None:
    happened = facts(rich)
    assert not MUST_HAVE - happened.keys(), "the story has lost something"
    assert_verified(rich.database, rich.gateway.registry.sole_payers)


def test_an_empty_store_has_none(database: Database) -> None:
    assert_verified(database)


def test_each_trigger_has_its_meaning_written_down(database: Database) -> None:
    """Whoever changes a trigger by a migration says so in `rules`."""
    with database.read() as session:
        dialect, there = session.connection().dialect.name, rules.definitions(session)
    meant = rules._MEANT[dialect]
    assert meant.keys() == schema._TRIGGERS[dialect] and {name: there[name] for name in meant} == meant


def test_checks_are_told_apart_and_explained() -> None:
    checks = all_checks(())
    assert len({one.name for one in checks}) == len(checks)
    assert all(one.promise.endswith(".") and one.looks for one in checks)


def test_every_kind_of_entry_moves_between_two_accounts() -> None:
    assert all(debit != credit for debit, credit in MOVES.values())
    for kind, (debit, credit) in MOVES.items():
        if f"{kind}_reversal" in MOVES:
            assert MOVES[f"{kind}_reversal"] == (credit, debit), kind
