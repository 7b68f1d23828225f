"""What a second try, a second worker or a second provider may not do to the first. Each test stands for a way in which
money was once taken twice, or a patient was once locked out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.clinic import Clinic, Key, _text, patient, refused, sandbox
from tests.invariants import check_invariants
from tests.services.test_charge import finish_in_browser
from tests.services.test_inbox_and_outbox import events, receive, sandbox_client
from tests.services.test_recovery import CREATE, forget_payments, settle_down
from tp_gateway.contract import Capabilities, Flow, Health, Order, Outcome, OutcomeState, Reason

A = Key(user_id=45, route="pay_invoice", key="a", body_hash="h")
B = replace(A, key="b")


def complete_challenge(clinic: Clinic, reference: str) -> None:
    sandbox(clinic.sandbox_url, "POST", f"challenge/{reference}", {"outcome": "complete"})
    clinic.pass_time()
    clinic.work()


def test_a_key_that_was_answered_with_the_open_attempt_belongs_to_it(clinic: Clinic) -> None:
    invoice = clinic.invoice(18000)
    part: dict[str, Any] = {"invoice_id": invoice.id, "amount": Decimal("60.00")}
    part["method_id"] = "pm_card_authenticationRequired"
    first = clinic.pay(key=A, **part)
    assert clinic.pay(key=B, **part).id == first.id
    complete_challenge(clinic, first.body["reference"])
    again = clinic.pay(key=B, **part)
    assert (again.id, again.replayed, again.body["status"]) == (first.id, True, "succeeded")
    assert len(clinic.books()["payment_intents"]) == 1


def test_a_worker_that_wakes_up_late_leaves_the_key_of_its_successor_alone(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.appointment()
    charge = clinic.gateway.payments._charge
    stalled, wake = threading.Event(), threading.Event()
    prepare = charge._prepare

    def stall_once(*arguments: Any) -> Any:
        if not stalled.is_set():
            stalled.set()
            wake.wait(30)
        return prepare(*arguments)

    monkeypatch.setattr(charge, "_prepare", stall_once)
    zombie = threading.Thread(target=lambda: clinic.pay(key=A))
    zombie.start()
    assert stalled.wait(10)
    clinic.pass_time()
    clinic.fault(CREATE, "refuse", times=None)
    assert clinic.pay(key=A).body["state"] == "failed", "taken over, and given up: the key is free"
    sandbox(clinic.sandbox_url, "DELETE", "faults")
    paid = clinic.pay(key=A)
    clinic.fault(CREATE, "refuse", times=None)
    wake.set()
    zombie.join(30)
    sandbox(clinic.sandbox_url, "DELETE", "faults")
    again = clinic.pay(key=A)
    assert (again.id, again.replayed, paid.body["status"]) == (paid.id, True, "succeeded")
    check_invariants(clinic.database.engine, clinic.books())


def test_news_of_a_webhook_do_not_take_a_live_charge_away(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """`payment_intent.created` comes for every intent, while the bank is still thinking."""
    clinic.appointment()
    charge = clinic.gateway.payments._charge
    execute = charge._execute

    def meanwhile(*arguments: Any) -> Outcome:
        receive(clinic, next(event for event in events(clinic) if event["type"] == "payment_intent.created"))
        clinic.gateway.inbox.work()
        clinic.fault("GET /v1/payment_intents/*", "error_before")
        clinic.gateway.inbox.work()
        sandbox(clinic.sandbox_url, "DELETE", "faults")
        row = clinic.rows("SELECT state, epoch, next_check_at FROM payments")[0]
        assert (row.state, row.epoch) == ("submitting", 1)
        assert clinic.gateway.recovery.sweep() == 0
        return execute(*arguments)

    monkeypatch.setattr(charge, "_execute", meanwhile)
    assert clinic.pay().body["status"] == "succeeded"
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["succeeded"]


def test_a_finished_key_is_answered_even_while_the_provider_is_away(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.appointment()
    first = clinic.pay(key=A)
    provider = clinic.gateway.registry.by_slug("stripe")
    for _ in range(1000):
        provider._breaker.record(False)
    assert refused(clinic.pay, key=B).code == "service_unavailable"
    again = clinic.pay(key=A)
    assert (again.text, again.replayed) == (first.text, True)


def test_a_customer_that_was_deleted_at_the_provider_is_made_anew(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(save_method=True)
    customer = clinic.books()["customers"][0]["id"]
    sandbox_client(clinic).raw_request("delete", f"/v1/customers/{customer}")
    clinic.appointment(124)
    told = clinic.pay(appointment_id=124)
    assert (told.body["status"], told.body["reason"]) == ("failed", "no_such_payer")
    assert clinic.pay(appointment_id=124, save_method=True).body["status"] == "succeeded"
    assert len({c["id"] for c in clinic.books()["customers"] if not c.get("deleted")} - {customer}) == 1


def test_refunds_of_an_adopted_payment_come_with_it(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    reference = clinic.payment(paid.id).reference
    sandbox(clinic.sandbox_url, "POST", "refund", {"payment_intent": reference, "amount": 5000})
    forget_payments(clinic)
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    (adopted,) = clinic.gateway.payments.list(patient)
    assert (adopted.captured, adopted.refunded) == (18000, 5000)
    check_invariants(clinic.database.engine, clinic.books())


def test_money_is_never_adopted_for_another_payable(clinic: Clinic) -> None:
    """After a restored backup ids are given out anew; the provider's object names its payable by uuid."""
    clinic.appointment(123)
    clinic.pay()
    forget_payments(clinic)
    with clinic.database.transaction() as session:
        session.execute(_text("DELETE FROM payables"))
        session.execute(_text("DELETE FROM appointments"))
    clinic.appointment(200, 46)
    clinic.appointment(123)
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    rows = clinic.rows("SELECT appointment_id, amount_paid FROM payables ORDER BY appointment_id")
    assert [tuple(row) for row in rows] == [(123, 18000), (200, 0)]


def test_a_payment_that_fails_after_processing_can_be_tried_again(clinic: Clinic) -> None:
    clinic.appointment()
    waiting = clinic.pay(flow=Flow.BROWSER, amount=18000)
    sandbox(clinic.sandbox_url, "POST", "settings", {"processing_seconds": 3600})
    finish_in_browser(clinic, waiting.body)
    clinic.pass_time()
    clinic.work()
    assert clinic.payment(waiting.id).state == "processing"
    back = Outcome(
        OutcomeState.NEEDS_ACTION, clinic.payment(waiting.id).reference, reason=Reason.CARD_DECLINED, provider_code="x"
    )
    later = datetime.now(UTC) + timedelta(seconds=1)  # also where the machine's clock was set back a little
    clinic.gateway.recovery.apply(clinic.payment(waiting.id), back, later, "provider:stripe")
    assert clinic.payment(waiting.id).state == "awaiting_customer"
    assert clinic.rows("SELECT 1 FROM transitions WHERE from_state = 'processing' AND to_state = 'awaiting_customer'")


def test_payments_of_a_provider_that_was_switched_off_are_left_alone(clinic: Clinic) -> None:
    clinic.appointment()
    waiting = clinic.pay(flow=Flow.BROWSER, amount=18000)
    clinic.gateway.registry._by_slug.clear()
    clinic.pass_time()
    assert clinic.gateway.recovery.sweep() == 0
    assert clinic.gateway.payments.get(patient, waiting.id).state == "awaiting_customer"
    assert refused(clinic.gateway.payments.cancel, patient, waiting.id).code == "payment_in_progress"


def test_one_item_that_cannot_be_worked_on_does_not_hold_up_the_others(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = clinic.pay(appointment_id=clinic.appointment(1), flow=Flow.BROWSER, amount=18000)
    second = clinic.pay(appointment_id=clinic.appointment(2), flow=Flow.BROWSER, amount=18000)
    for waiting in (first, second):
        finish_in_browser(clinic, waiting.body)
        for event in events(clinic):
            receive(clinic, event)
    charge = clinic.gateway.recovery._charge
    look = charge.look

    def poisoned(payment: Any) -> Any:
        if payment.id == first.id:
            raise ValueError("cannot be worked on")
        return look(payment)

    monkeypatch.setattr(charge, "look", poisoned)
    clinic.gateway.inbox.work()
    assert clinic.payment(second.id).state == "succeeded"
    monkeypatch.setattr(charge, "look", look)
    settle_down(clinic)
    assert clinic.payment(first.id).state == "succeeded"


class Wallet:
    """A one-step provider: `script` says what its next `execute` does."""

    def __init__(self, script: list[str]) -> None:
        self.script, self.taken, self.waiting = script, set[str](), set[str]()

    def check(self, deadline: float) -> Health:
        return Health(True)

    def execute(self, order: Order, reference: str | None) -> Outcome:
        what = self.script.pop(0)
        if what == "not sent":
            return Outcome(OutcomeState.NOT_SENT, reason=Reason.UNREACHABLE)
        if what == "lost":
            return Outcome(OutcomeState.UNKNOWN, reason=Reason.UNCLEAR)
        if what == "redirect":
            self.waiting.add(order.id)
        else:
            self.taken.add(order.id)
        return self.fetch(order, None)

    def fetch(self, order: Order, reference: str | None) -> Outcome:
        if order.id in self.taken:
            state, more = OutcomeState.SUCCEEDED, {"settled": order.amount, "currency": order.currency}
            return Outcome(state, f"w_{order.id}", evidence=f"e_{order.id}", transaction=f"t_{order.id}", **more)  # type: ignore[arg-type]
        if order.id in self.waiting:
            return Outcome(OutcomeState.NEEDS_ACTION, f"w_{order.id}", action={"type": "redirect"})
        return Outcome(OutcomeState.UNKNOWN, reason=Reason.NO_SUCH_OBJECT)


@pytest.fixture
def wallet(database_url: str, stripe_sandbox: Any) -> Any:
    """A clinic whose card payments are taken by a one-step provider. Not compared with the sandbox's books."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(database_url, stripe_sandbox.url).open()
    guarded = clinic.gateway.registry.by_slug("stripe")
    guarded.manifest = replace(guarded.manifest, capabilities=Capabilities(fetch=True, repeat_horizon=3600))

    def use(script: list[str]) -> tuple[Clinic, Wallet]:
        guarded._provider = Wallet(script)
        clinic.appointment()
        return clinic, guarded._provider

    yield use
    clinic.close()


Use = Callable[[list[str]], tuple[Clinic, Wallet]]


def test_what_a_one_step_provider_never_got_is_over(wallet: Use) -> None:
    clinic, _ = wallet(["not sent", "take"])
    first = clinic.pay()
    assert (first.body["state"], first.body["reason"]) == ("failed", "not_sent")
    assert clinic.pay().body["status"] == "succeeded"


def test_what_a_one_step_provider_does_not_know_is_over_after_its_horizon(wallet: Use) -> None:
    clinic, _ = wallet(["lost", "take"])
    lost = clinic.pay()
    assert lost.body["state"] == "unknown"
    clinic.pass_time()
    clinic.work()
    assert clinic.payment(lost.id).state == "unknown", "a late request may still reach it"
    with clinic.database.transaction() as session:
        session.execute(_text("UPDATE payments SET created_at = :old", old=datetime.now(UTC) - timedelta(hours=2)))
    clinic.pass_time()
    clinic.work()
    assert clinic.payment(lost.id).state == "failed"
    assert clinic.pay().body["status"] == "succeeded"


def test_what_a_one_step_provider_may_still_take_is_never_called_failed(wallet: Use) -> None:
    clinic, provider = wallet(["redirect"])
    waiting = clinic.pay()
    assert refused(clinic.pay, method_id="pm_another").code == "payment_in_progress"
    assert refused(clinic.gateway.payments.cancel, patient, waiting.id).code == "payment_in_progress"
    provider.taken.add(clinic.payment(waiting.id).uuid)
    clinic.pass_time()
    clinic.work()
    assert clinic.payment(waiting.id).state == "succeeded"
