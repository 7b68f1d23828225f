"""Overdue invoices are reminded of: by the clinic's calendar, once for each rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import PATIENT, Clinic, admin, manager, sandbox
from tp_gateway.services.invoices import Item
from tp_gateway.services.notices import Reminders

NOON = datetime(2025, 3, 31, 1, tzinfo=UTC)
"""Noon in Melbourne on 31 March."""
TODAY = date(2025, 3, 31)


@pytest.fixture
def clinic(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    yield made
    made.close()


@pytest.fixture
def remind(clinic: Clinic) -> Callable[..., list[tuple[int, int]]]:
    """A run at a moment: (invoice, days) of what it told."""

    def run(at: datetime = NOON, rules: tuple[int, ...] = (7, 21), limit: int = 100) -> list[tuple[int, int]]:
        before = len(told(clinic))
        store = clinic.gateway.practice_settings
        count = Reminders(clinic.database, store, rules, lambda: at).run(limit)
        after = told(clinic)[before:]
        assert count == len(after)
        return after

    return run


def told(clinic: Clinic) -> list[tuple[int, int]]:
    from tp_gateway.models import OutboxMessage, table

    messages = table(OutboxMessage)
    query = messages.select().where(messages.c.topic == "invoice.overdue").order_by(messages.c.id)
    with clinic.database.read() as session:
        data = [row.data for row in session.execute(query)]
    assert all(one["status"] in ("pending", "partially_paid") and "service" not in one for one in data)
    return [(one["invoice_id"], one["days_overdue"]) for one in data]


def due(clinic: Clinic, days_ago: int, **more: Any) -> int:
    items, day = [Item("Session", 1, 18000)], TODAY - timedelta(days=days_ago)
    return clinic.gateway.invoices.create(manager, PATIENT, items, currency="AUD", due_date=day, **more).id


def test_each_rule_fires_once(clinic: Clinic, remind: Callable[..., Any]) -> None:
    invoice = due(clinic, 6)
    assert remind() == []
    assert remind(NOON + timedelta(days=1)) == [(invoice, 7)]
    assert remind(NOON + timedelta(days=1)) == [] == remind(NOON + timedelta(days=14))
    assert remind(NOON + timedelta(days=15)) == [(invoice, 21)]
    assert remind(NOON + timedelta(days=16)) == [] == remind(NOON + timedelta(days=400))


def test_only_what_is_due(clinic: Clinic, remind: Callable[..., Any]) -> None:
    paid, void, part = due(clinic, 8), due(clinic, 8), due(clinic, 8)
    clinic.pay(invoice_id=paid)
    clinic.void(void)
    from decimal import Decimal

    clinic.pay(invoice_id=part, amount=Decimal("80.00"))
    assert remind() == [(part, 7)]


def test_what_was_missed_is_not_caught_up(clinic: Clinic, remind: Callable[..., Any]) -> None:
    """Whoever switches this on has old invoices; and of two rules that were missed, one is enough."""
    due(clinic, 400), due(clinic, 28), due(clinic, 14)
    lately = [due(clinic, 27), due(clinic, 13)]
    assert remind() == [(lately[1], 7), (lately[0], 21)]
    both = due(clinic, 4)
    assert remind(rules=(1, 3)) == [(both, 3)]
    assert remind(rules=()) == []


@pytest.mark.parametrize(("zone", "reminded"), [("Australia/Melbourne", True), ("Pacific/Honolulu", False)])
def test_a_day_is_one_of_the_clinics_calendar(
    clinic: Clinic, remind: Callable[..., Any], zone: str, reminded: bool
) -> None:
    """It is 31 March in Melbourne, and 30 March still in Honolulu."""
    clinic.gateway.practice_settings.update(admin, {"system": {"timezone": zone}})
    due(clinic, 7)
    assert bool(remind()) is reminded


def test_many_at_once_remind_once(clinic: Clinic) -> None:
    for _ in range(12):
        due(clinic, 7)
    store = clinic.gateway.practice_settings

    def run(_: int) -> int:
        return Reminders(clinic.database, store, (7,), lambda: NOON).run(limit=5)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 12
    assert len(set(told(clinic))) == 12 == len(told(clinic))


def test_the_search_reads_no_more_than_what_is_unpaid(clinic: Clinic) -> None:
    """Whatever there is of old invoices: an index leads there."""
    from tp_gateway.services.notices.reminders import _due

    query = _due(TODAY, 7, 14).compile(clinic.database.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN " if clinic.database.engine.dialect.name == "sqlite" else "EXPLAIN "
    plan = " ".join(str(row) for row in clinic.rows(explain + str(query)))
    assert re.search(r"ix_invoices_(unpaid|status)_due_date_id", plan) and "Seq Scan" not in plan
