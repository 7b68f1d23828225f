"""The fences one by one, each where nothing else would stop it: who was overtaken writes nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import Clinic, refused, sandbox
from tests.invariants import check_invariants
from tests.services.test_recovery import settle_down
from tp_gateway.contract import Flow, Outcome, OutcomeState, Reason
from tp_gateway.registry import GuardedProvider


def overtake(clinic: Clinic) -> None:
    """Another worker takes the only open payment over, as after a lease: its epoch is one higher."""
    clinic.pass_time()
    (row,) = clinic.rows("SELECT id FROM payments")
    assert clinic.gateway.recovery._take(row.id) is not None


def test_who_was_overtaken_before_t2_sends_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.appointment()
    prepare = GuardedProvider.prepare

    def overtaken(provider: GuardedProvider, order: Any) -> Any:
        prepared = prepare(provider, order)
        overtake(clinic)
        return prepared

    monkeypatch.setattr(GuardedProvider, "prepare", overtaken)
    paid = clinic.pay()
    assert (paid.body["state"], paid.body["reference"]) == ("created", None)
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["requires_confirmation"]
    monkeypatch.undo()
    settle_down(clinic)
    assert clinic.payment(paid.id).state == "failed" and not clinic.books()["charges"]
    assert clinic.pay().body["status"] == "succeeded"


def test_an_outcome_of_one_who_was_overtaken_changes_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.appointment()
    columns = "SELECT state, epoch, next_check_at, reason, provider_code, updated_at FROM payments"
    seen: list[Any] = []

    def overtaken(_provider: GuardedProvider, _order: Any, _reference: str | None) -> Outcome:
        overtake(clinic)
        seen.extend(clinic.rows(columns))
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)

    monkeypatch.setattr(GuardedProvider, "execute", overtaken)
    monkeypatch.setattr(GuardedProvider, "fetch", lambda *_: Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR))
    paid = clinic.pay()
    assert paid.body["status"] == "pending"
    assert [tuple(row) for row in clinic.rows(columns)] == [tuple(row) for row in seen]
    assert (seen[0].state, seen[0].epoch) == ("submitting", 2)
    monkeypatch.undo()
    settle_down(clinic)
    assert clinic.payment(paid.id).state == "failed"


def test_an_older_look_does_not_undo_a_newer_one(clinic: Clinic) -> None:
    """Two looks at once: the one that began first is the last to be written."""
    clinic.appointment()
    waiting = clinic.payment(clinic.pay(flow=Flow.BROWSER, amount=18000).id)
    now = datetime.now(UTC)
    later = Outcome(OutcomeState.PENDING, waiting.reference)
    earlier = Outcome(OutcomeState.NEEDS_ACTION, waiting.reference, action={"status": "requires_payment_method"})

    def after(outcome: Outcome, began: datetime) -> str:
        clinic.gateway.recovery.apply(waiting, outcome, began, "provider:stripe")
        (row,) = clinic.rows("SELECT state FROM payments")
        return str(row.state)

    assert after(later, now) == "processing"
    assert after(earlier, now - timedelta(seconds=1)) == "processing"
    assert after(earlier, now + timedelta(seconds=1)) == "awaiting_customer", "a newer look may"


@pytest.fixture
def lied_to(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Clinic]:
    """A clinic whose books are not compared: its provider's answers are changed on their way."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url).open()
    yield made
    made.close()


@pytest.mark.catalogue(32)
@pytest.mark.parametrize(
    ("what", "change"),
    [("amount", {"settled": 1}), ("currency", {"currency": "USD"}), ("reference", {"reference": "pi_another"})],
    ids=["amount", "currency", "reference"],
)
def test_money_that_was_settled_otherwise_is_not_success(
    lied_to: Clinic, monkeypatch: pytest.MonkeyPatch, what: str, change: dict[str, Any]
) -> None:
    """For each door: the request's own answer, and a later look (confirm, webhook, sweep)."""
    clinic = lied_to
    clinic.appointment()
    execute, fetch = GuardedProvider.execute, GuardedProvider.fetch
    monkeypatch.setattr(GuardedProvider, "execute", lambda *asked: replace(execute(*asked), **change))
    monkeypatch.setattr(GuardedProvider, "fetch", lambda *asked: replace(fetch(*asked), **change))
    paid = clinic.pay()
    clinic.pass_time()
    clinic.work()
    payment = clinic.payment(paid.id)
    assert (paid.body["status"], payment.state, payment.needs_review) == ("pending", "unknown", True)
    assert payment.captured == 0
    entries = clinic.rows("SELECT kind, credit, amount, currency FROM ledger_entries")
    taken = {"amount": (1, "AUD"), "currency": (18000, "USD"), "reference": (18000, "AUD")}[what]
    assert [tuple(entry) for entry in entries] == [("suspense", "suspense", *taken)]
    assert [row.amount_paid for row in clinic.rows("SELECT amount_paid FROM payables")] == [0]
    assert refused(clinic.pay).code == "payment_in_progress", "nobody pays again before a person has looked"


def test_a_refund_that_is_not_decided_yet_is_reserved(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    clinic.fault("POST /v1/refunds", "error_before")
    assert clinic.refund(paid.id, "100.00").body["status"] == "pending"
    error = refused(clinic.refund, paid.id, "100.00")
    assert error.code == "refund_exceeds_balance" and "80.00" in str(error.details)
    assert clinic.refund(paid.id, "80.00").body["status"] == "succeeded"
    settle_down(clinic)
    assert clinic.payment(paid.id).state == "refunded"
    check_invariants(clinic.database.engine, clinic.books())
