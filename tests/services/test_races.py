"""Two doors at once: staff and patient, two providers, and everything together on five payables."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, manager, refused, sandbox
from tests.invariants import check_invariants
from tests.registry.plugins import PROVIDER, installer
from tests.services.test_inbox_and_outbox import events, receive
from tests.services.test_recovery import settle_down
from tp_gateway.contract import Outcome
from tp_gateway.database import StoreUnavailable
from tp_gateway.errors import GatewayError
from tp_gateway.registry import GuardedProvider


def ended(call: Callable[[], Any]) -> str:
    """ "done", or the code of the refusal, with what the database said if it was the database."""
    try:
        call()
    except StoreUnavailable as error:
        return f"{error.code}: {error.__cause__!r}"
    except GatewayError as error:
        return error.code
    return "done"


def void(clinic: Clinic, invoice_id: int) -> str:
    return ended(lambda: clinic.void(invoice_id))


@pytest.mark.catalogue(13)
def test_staff_cannot_void_what_is_being_paid(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = clinic.invoice()
    execute, answers = GuardedProvider.execute, list[str]()

    def meanwhile(provider: GuardedProvider, order: Any, reference: str | None) -> Outcome:
        answers.append(void(clinic, invoice.id))
        return execute(provider, order, reference)

    monkeypatch.setattr(GuardedProvider, "execute", meanwhile)
    assert clinic.pay(invoice_id=invoice.id).body["status"] == "succeeded"
    assert answers == ["payment_in_progress"]
    assert void(clinic, invoice.id) == "not_payable"


@pytest.mark.catalogue(13)
def test_what_is_void_is_not_paid(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    assert void(clinic, invoice.id) == "done"
    assert refused(clinic.pay, invoice_id=invoice.id).code == "not_payable"
    assert not clinic.books()["payment_intents"]


@pytest.mark.catalogue(13)
def test_pay_and_void_at_once_one_of_them_wins(clinic: Clinic) -> None:
    invoices = [clinic.invoice().id for _ in range(12)]
    outcomes = Counter[tuple[str, str]]()
    with ThreadPoolExecutor(2) as pool:
        for number, invoice_id in enumerate(invoices):
            together = threading.Barrier(2)

            def pay(invoice_id: int = invoice_id, together: threading.Barrier = together) -> str:
                together.wait(10)
                return ended(lambda: clinic.pay(invoice_id=invoice_id))

            def undo(invoice_id: int = invoice_id, together: threading.Barrier = together) -> str:
                together.wait(10)
                return void(clinic, invoice_id)

            first, second = (pay, undo) if number % 2 else (undo, pay)
            one, other = pool.submit(first), pool.submit(second)
            paid, voided = (one, other) if number % 2 else (other, one)
            outcomes[(paid.result(), voided.result())] += 1
    assert set(outcomes) <= {("done", "payment_in_progress"), ("done", "not_payable"), ("not_payable", "done")}
    rows = clinic.rows("SELECT status, count(*) AS times FROM invoices GROUP BY status")
    paid_ones = sum(times for (pay, _), times in outcomes.items() if pay == "done")
    assert {row.status: row.times for row in rows}.get("paid", 0) == paid_ones
    assert len(clinic.books()["charges"]) == paid_ones
    check_invariants(clinic.database.engine, clinic.books())


@pytest.fixture
def two_providers(
    database_url: str, stripe_sandbox: StripeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinic]:
    """Cards by Stripe, and Acme, which takes whatever it is asked for."""
    installer(tmp_path, monkeypatch)("acme", PROVIDER)
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url, **{"tp_gateway.providers": "stripe acme"}).open()
    yield clinic
    clinic.close()


@pytest.mark.catalogue(14)
@pytest.mark.parametrize("first", ["card", "acme_pay"])
def test_one_open_payment_of_a_payable_whatever_the_provider(
    two_providers: Clinic, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """While one of patient and manager is at his provider, the other tries his."""
    clinic = two_providers
    invoice = clinic.invoice(appointment_id=clinic.appointment())

    def by_card() -> Any:
        return clinic.pay(appointment_id=123)

    def by_manager() -> Any:
        wanted = {"invoice_id": invoice.id, "permission": "pay_invoice", "amount": None, "method_id": None}
        return clinic.pay(manager, method="acme_pay", **wanted)

    execute, codes = GuardedProvider.execute, list[str]()
    winner, loser = (by_card, by_manager) if first == "card" else (by_manager, by_card)

    def meanwhile(provider: GuardedProvider, order: Any, reference: str | None) -> Outcome:
        codes.append(refused(loser).code)
        return execute(provider, order, reference)

    monkeypatch.setattr(GuardedProvider, "execute", meanwhile)
    assert winner().body["status"] == "succeeded"
    assert codes == ["payment_in_progress"]
    assert refused(loser).code == "already_paid"
    assert [row.amount_paid for row in clinic.rows("SELECT amount_paid FROM payables")] == [18000]


# --- deadlocks --------------------------------------------------------------------------------------------------------

EXPECTED = {"done", "payment_in_progress", "already_paid", "not_payable", "validation_error", "refund_exceeds_balance"}


@pytest.mark.postgresql
@pytest.mark.catalogue(15)
@pytest.mark.parametrize("seconds", [pytest.param(4, id="short"), pytest.param(60, id="full", marks=pytest.mark.soak)])
def test_everything_at_once_on_five_payables_never_deadlocks(
    postgresql_database_url: str, stripe_sandbox: StripeSandbox, seconds: int
) -> None:
    """Pay, refund, webhook, sweep, void from twenty workers. A deadlock would show as `service_unavailable`."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    more = {"tp_gateway.database_pool": "32", "tp_gateway.database_busy_seconds": "30"}
    clinic = Clinic(postgresql_database_url, stripe_sandbox.url, **more).open()
    invoices = [clinic.invoice(1_000_000).id for _ in range(5)]
    for invoice_id in invoices:
        clinic.pay(invoice_id=invoice_id, amount=Decimal("1.00"))  # so that none of them can be voided
    a_day_later, until = threading.Lock(), time.monotonic() + seconds

    def pay(dice: random.Random) -> None:
        clinic.pay(invoice_id=dice.choice(invoices), amount=Decimal("1.00"))

    def refund(dice: random.Random) -> None:
        paid = clinic.rows("SELECT id FROM payments WHERE state = 'succeeded'")
        if paid:
            clinic.refund(dice.choice(paid).id, "0.40")

    def webhook(dice: random.Random) -> None:
        seen = [event for event in events(clinic) if not event["type"].startswith("payment_method")]
        for event in dice.sample(seen, min(3, len(seen))):
            receive(clinic, event)
        clinic.gateway.inbox.work(limit=3)

    def sweep(_dice: random.Random) -> None:
        if a_day_later.acquire(blocking=False):
            clinic.pass_time()
            a_day_later.release()
        clinic.gateway.recovery.sweep(limit=3)
        clinic.gateway.refund_sending.sweep(limit=3)

    def cancel(dice: random.Random) -> None:
        fresh = clinic.invoice().id
        clinic.void(dice.choice([*invoices, fresh]))

    work = [pay, refund, webhook, sweep, cancel]

    def worker(number: int) -> Counter[str]:
        dice, found = random.Random(number), Counter[str]()
        while time.monotonic() < until:
            one = work[(number + dice.randrange(2)) % len(work)]
            found[f"{one.__name__}: {ended(lambda one=one: one(dice))}"] += 1  # type: ignore[misc]
        return found

    try:
        with ThreadPoolExecutor(20) as pool:
            found = sum(pool.map(worker, range(20)), Counter[str]())
        assert {name.partition(": ")[2] for name in found} <= EXPECTED, found
        assert all(any(name.startswith(one.__name__) for name in found) for one in work), found
        deadlocks = clinic.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert [row.deadlocks for row in deadlocks] == [0]
        # Time that passed in the middle of a charge lets a sweep end it before its object is there.
        clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
        settle_down(clinic)
    finally:
        clinic.close()
