"""Held amounts: captured wholly or in part, let go; lost answers, two at once, and the provider's own doings."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.clinic import Clinic, Key, Paid, _text, manager, patient, refused, render, sandbox
from tests.invariants import check_invariants
from tests.services.test_charge import finish_in_browser
from tests.services.test_recovery import settle_down
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.services import reverse_sweep

CAPTURE = "POST /v1/payment_intents/*/capture"
CANCEL = "POST /v1/payment_intents/*/cancel"
RETRIEVE = "GET /v1/payment_intents/*"
KEY = Key(user_id=8, route="capture", key="c1", body_hash="a")
WEEK = 7 * 86400


def hold(clinic: Clinic, **more: Any) -> int:
    clinic.appointment()
    paid = clinic.pay(manual_capture=True, **more)
    assert (paid.body["status"], paid.body["state"]) == ("pending", "authorized")
    return paid.id


def capture(clinic: Clinic, payment_id: int, amount: str | None = None, key: Key | None = None) -> Paid:
    asked = Decimal(amount) if amount else None
    return Paid(clinic.gateway.capturing.capture(manager, payment_id, asked, render, key))


def void(clinic: Clinic, payment_id: int) -> str:
    return clinic.gateway.capturing.void(manager, payment_id).state


def moves(clinic: Clinic) -> list[tuple[str | None, str]]:
    rows = clinic.rows("SELECT from_state, to_state FROM transitions ORDER BY id")
    return [(row.from_state, row.to_state) for row in rows]


def captured(clinic: Clinic) -> list[int]:
    return [charge["amount_captured"] for charge in clinic.books()["charges"]]


def test_a_hold_takes_nothing_and_reserves_the_amount(clinic: Clinic) -> None:
    payment = clinic.payment(hold(clinic))
    assert payment.capture_before is not None and payment.captured == 0
    assert captured(clinic) == [0]
    assert not clinic.rows("SELECT id FROM ledger_entries")
    assert refused(clinic.pay).code == "payment_in_progress"
    assert refused(clinic.gateway.payments.cancel, patient, payment.id).code == "payment_in_progress"
    assert refused(clinic.refund, payment.id).code == "not_payable"
    clinic.gateway.outbox.relay()
    assert [row.topic for row in clinic.rows("SELECT topic FROM outbox_messages")] == ["payment.authorized"]


def test_capture_takes_it(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    taken = capture(clinic, payment_id)
    assert taken.body["state"] == "succeeded" and captured(clinic) == [18000]
    assert moves(clinic)[2:] == [
        ("submitting", "authorized"),
        ("authorized", "submitting"),
        ("submitting", "succeeded"),
    ]
    [order] = clinic.rows("SELECT actor, reason FROM transitions WHERE from_state = 'authorized'")
    assert tuple(order) == ("user:8", "capture 180.00")
    assert refused(capture, clinic, payment_id).code == "already_paid"
    assert refused(void, clinic, payment_id).code == "already_paid"
    assert refused(clinic.pay).code == "already_paid"
    check_invariants(clinic.database.engine, clinic.books())


def test_a_part_can_be_captured_and_the_rest_is_let_go(clinic: Clinic) -> None:
    invoice = clinic.invoice()
    payment_id = hold(clinic, invoice_id=invoice.id)
    assert capture(clinic, payment_id, "100.00").body["state"] == "succeeded"
    payment = clinic.payment(payment_id)
    assert (payment.amount, payment.captured, captured(clinic)) == (18000, 10000, [10000])
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["partially_paid"]
    [told] = clinic.rows("SELECT data FROM outbox_messages WHERE topic = 'payment.succeeded'")
    data = json.loads(told.data) if isinstance(told.data, str) else told.data
    assert (data["amount"], data["amount_captured"]) == ("180.00", "100.00")
    assert clinic.pay(invoice_id=invoice.id, amount=Decimal("80.00")).body["status"] == "succeeded"
    assert [row.status for row in clinic.rows("SELECT status FROM invoices")] == ["paid"]
    assert clinic.refund(payment_id).body["amount_refunded"] == 10000
    check_invariants(clinic.database.engine, clinic.books())


@pytest.mark.parametrize("amount", ["180.01", "1.005", "99999999.99"])
def test_more_than_is_held_is_refused(clinic: Clinic, amount: str) -> None:
    payment_id = hold(clinic)
    assert refused(capture, clinic, payment_id, amount).code == "validation_error"
    assert clinic.payment(payment_id).state == "authorized"


def test_never_more_than_is_due(clinic: Clinic) -> None:
    """The fee was lowered while the first price was held."""
    payment_id = hold(clinic)
    clinic.appointment(fee=15000)
    assert refused(capture, clinic, payment_id, "150.01").code == "validation_error"
    assert capture(clinic, payment_id).body["state"] == "succeeded"
    assert captured(clinic) == [15000]
    check_invariants(clinic.database.engine, clinic.books())


def test_void_lets_it_go_and_another_can_be_paid(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    assert void(clinic, payment_id) == "failed"
    payment = clinic.payment(payment_id)
    assert (payment.reason, captured(clinic)) == ("canceled", [0])
    assert refused(capture, clinic, payment_id).code == "not_payable"
    assert refused(void, clinic, payment_id).code == "not_payable"
    assert clinic.pay().body["status"] == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


def test_what_is_not_held_cannot_be_captured(clinic: Clinic) -> None:
    clinic.appointment()
    failed = clinic.pay(method_id="pm_card_visa_chargeDeclined", manual_capture=True)
    assert refused(capture, clinic, failed.id).code == "not_payable"
    waits = clinic.pay(method_id="pm_card_authenticationRequired", manual_capture=True)
    assert waits.body["state"] == "awaiting_customer"
    assert refused(capture, clinic, waits.id).code == "payment_in_progress"
    assert refused(void, clinic, waits.id).code == "payment_in_progress"
    assert refused(capture, clinic, 9999).code == "not_found"


def test_a_hold_after_3d_secure_and_one_from_the_browser(clinic: Clinic) -> None:
    clinic.appointment()
    waits = clinic.pay(method_id="pm_card_authenticationRequired", manual_capture=True)
    sandbox(clinic.sandbox_url, "POST", f"challenge/{waits.body['reference']}", {"outcome": "complete"})
    look = clinic.gateway.payments.confirm
    assert Paid(look(patient, "stripe", waits.body["reference"], None, render)).body["state"] == "authorized"
    clinic.appointment(124)
    form = clinic.pay(appointment_id=124, flow=Flow.BROWSER, amount=18000, manual_capture=True)
    finish_in_browser(clinic, form.body)
    assert Paid(look(patient, "stripe", form.body["reference"], None, render)).body["state"] == "authorized"
    assert clinic.payment(form.id).action == {}, "nothing is left for the customer to do"
    for payment_id in (waits.id, form.id):
        assert capture(clinic, payment_id).body["state"] == "succeeded"
    check_invariants(clinic.database.engine, clinic.books())


# --- answers that are lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lost", "error_after", "empty", "html"])
def test_an_answer_lost_after_the_money_moved_is_looked_up(clinic: Clinic, kind: str) -> None:
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, kind, **({"done": True} if kind in ("empty", "html") else {}))
    assert capture(clinic, payment_id, "100.00").body["state"] == "succeeded"
    assert captured(clinic) == [10000]
    check_invariants(clinic.database.engine, clinic.books())


def test_while_the_provider_is_silent_it_is_unknown_and_then_succeeded(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, "lost")
    clinic.fault(RETRIEVE, "error_before", times=None)
    unclear = capture(clinic, payment_id, "100.00", KEY)
    assert (unclear.body["status"], unclear.body["state"]) == ("pending", "unknown")
    assert refused(capture, clinic, payment_id).code == "payment_in_progress"
    assert refused(void, clinic, payment_id).code == "payment_in_progress"
    settle_down(clinic)
    again = capture(clinic, payment_id, "100.00", KEY)
    assert again.replayed and again.body["state"] == "succeeded" and captured(clinic) == [10000]


def test_a_capture_that_did_nothing_leaves_it_held_and_is_not_sent_again_by_the_sweep(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, "error_before")
    assert capture(clinic, payment_id, key=KEY).body["state"] == "authorized"
    settle_down(clinic)
    assert (clinic.payment(payment_id).state, captured(clinic)) == ("authorized", [0])
    assert capture(clinic, payment_id, key=KEY).body["state"] == "succeeded", "the same order again"
    assert capture(clinic, payment_id, key=KEY).replayed
    assert captured(clinic) == [18000]


@pytest.mark.parametrize("kind", ["rate_limit", "refuse"])
def test_what_was_not_sent_is_told_and_the_key_is_free(clinic: Clinic, kind: str) -> None:
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, kind)
    if kind == "rate_limit":
        assert refused(capture, clinic, payment_id, None, KEY).code == "service_unavailable"
    else:
        assert capture(clinic, payment_id, None, KEY).body["state"] == "authorized"
    assert clinic.payment(payment_id).state == "authorized"
    assert capture(clinic, payment_id, key=KEY).body["state"] == "succeeded"


def test_a_late_capture_is_found(clinic: Clinic) -> None:
    """The request was slow, we said that it is still held, and then it was carried out."""
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, "late", seconds=0.3)
    assert capture(clinic, payment_id).body["status"] == "pending"
    deadline = time.monotonic() + 20
    while captured(clinic) != [18000]:
        assert time.monotonic() < deadline
    settle_down(clinic)
    assert clinic.payment(payment_id).state == "succeeded"


@pytest.mark.parametrize("kind", ["lost", "error_after", "error_before"])
def test_a_void_whose_answer_is_lost(clinic: Clinic, kind: str) -> None:
    payment_id = hold(clinic)
    clinic.fault(CANCEL, kind)
    if kind == "error_before":
        assert refused(void, clinic, payment_id).code == "payment_in_progress"
        assert clinic.payment(payment_id).state == "authorized"
    assert void(clinic, payment_id) == "failed"
    check_invariants(clinic.database.engine, clinic.books())


# --- at once ----------------------------------------------------------------------------------------------------------


def together(*works: Any) -> Counter[str]:
    start = threading.Barrier(len(works))

    def one(work: Any) -> str:
        start.wait()
        try:
            answer = work()
            return str(answer.body["state"] if isinstance(answer, Paid) else answer)
        except GatewayError as error:
            return error.code

    with ThreadPoolExecutor(len(works)) as pool:
        return Counter(pool.map(one, works))


def test_two_captures_at_once_are_one(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    clinic.fault(CAPTURE, "slow", seconds=0.3)
    told = together(*[lambda: capture(clinic, payment_id, "100.00")] * 4)
    assert told.pop("succeeded") == 1 and set(told) <= {"payment_in_progress", "already_paid"}
    requests = sandbox(clinic.sandbox_url, "GET", "requests")["requests"]
    assert len([one for one in requests if one["path"].endswith("/capture")]) == 1
    assert captured(clinic) == [10000]
    check_invariants(clinic.database.engine, clinic.books())


def test_capture_and_void_at_once_end_in_one_truth(clinic: Clinic) -> None:
    for number in range(6):
        clinic.appointment(500 + number)
        payment_id = clinic.pay(appointment_id=500 + number, manual_capture=True).id
        works = [partial(capture, clinic, payment_id), partial(void, clinic, payment_id)]
        told = together(*works[:: 1 if number % 2 else -1])
        for _ in range(2):
            clinic.pass_time()
            clinic.gateway.recovery.sweep()
        final = clinic.payment(payment_id).state
        assert final in ("succeeded", "failed")
        assert told[final] >= 1, "the one that was faster was told so"
        assert told["succeeded"] + told["failed"] == told[final], "and nobody was told otherwise"
    check_invariants(clinic.database.engine, clinic.books())


def test_an_event_in_the_middle_of_a_capture_changes_nothing(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event says that it is held, which the one who captures it knows; another capture must not begin."""
    payment_id = hold(clinic)
    provider = clinic.gateway.registry.by_slug("stripe")
    send, seen = provider.capture, []

    def meanwhile(order: Any) -> Any:
        clinic.gateway.recovery.look(clinic.payment(payment_id), "provider:stripe")
        seen.append(clinic.payment(payment_id).state)
        seen.append(refused(capture, clinic, payment_id).code)
        seen.append(refused(void, clinic, payment_id).code)
        return send(order)

    monkeypatch.setattr(provider, "capture", meanwhile)
    assert capture(clinic, payment_id).body["state"] == "succeeded"
    assert seen == ["submitting", "payment_in_progress", "payment_in_progress"]


def test_the_webhook_comes_before_our_own_answer(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured, and an event settles it before the capture's answer does."""
    payment_id = hold(clinic)
    provider = clinic.gateway.registry.by_slug("stripe")
    send = provider.capture

    def first(order: Any) -> Any:
        outcome = send(order)
        assert clinic.gateway.recovery.look(clinic.payment(payment_id), "provider:stripe").state == "succeeded"
        return outcome

    monkeypatch.setattr(provider, "capture", first)
    assert capture(clinic, payment_id, "100.00", KEY).body["state"] == "succeeded"
    assert capture(clinic, payment_id, "100.00", KEY).replayed
    booked = clinic.rows("SELECT amount FROM ledger_entries WHERE kind = 'charge'")
    assert [row.amount for row in booked] == [10000]
    told = clinic.rows("SELECT id FROM outbox_messages WHERE topic = 'payment.succeeded'")
    assert len(told) == 1
    check_invariants(clinic.database.engine, clinic.books())


# --- the provider's own doings ----------------------------------------------------------------------------------------


def at_stripe(clinic: Clinic, payment_id: int, what: str, **more: Any) -> None:
    """Somebody does it in the provider's dashboard."""
    client = clinic.gateway.registry.by_slug("stripe")._provider._client
    reference = clinic.payment(payment_id).reference
    client.post(f"/v1/payment_intents/{reference}/{what}", time.monotonic() + 5, more)


def test_a_capture_in_the_dashboard_is_booked_as_it_was(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    at_stripe(clinic, payment_id, "capture", amount_to_capture=5000)
    settle_down(clinic)
    payment = clinic.payment(payment_id)
    assert (payment.state, payment.captured) == ("succeeded", 5000)


def test_a_capture_meets_one_from_the_dashboard(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    at_stripe(clinic, payment_id, "capture", amount_to_capture=5000)
    assert capture(clinic, payment_id).body["state"] == "succeeded"
    assert clinic.payment(payment_id).captured == 5000
    check_invariants(clinic.database.engine, clinic.books())


def test_a_void_meets_a_capture_from_the_dashboard(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    at_stripe(clinic, payment_id, "capture")
    assert refused(void, clinic, payment_id).code == "already_paid"
    assert clinic.payment(payment_id).captured == 18000
    check_invariants(clinic.database.engine, clinic.books())


def test_a_capture_meets_a_void_from_the_dashboard(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    at_stripe(clinic, payment_id, "cancel")
    assert capture(clinic, payment_id, key=KEY).body["state"] == "failed"
    assert capture(clinic, payment_id, key=KEY).replayed
    check_invariants(clinic.database.engine, clinic.books())


def test_a_hold_that_expires_is_closed_by_the_sweep(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    sandbox(clinic.sandbox_url, "POST", "clock", {"advance": WEEK})
    clinic.books()
    settle_down(clinic)
    payment = clinic.payment(payment_id)
    assert (payment.state, payment.reason) == ("failed", "expired")
    assert clinic.pay().body["status"] == "succeeded"


def test_a_hold_that_nobody_here_knows_is_let_go(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store was restored from before the payment."""
    hold(clinic)
    with clinic.database.transaction() as session:
        session.execute(_text("UPDATE payments SET reference = 'pi_other', uuid = 'other'"))
    monkeypatch.setattr(reverse_sweep, "ORPHAN_AGE", timedelta(seconds=-5))
    clinic.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    assert [intent["status"] for intent in clinic.books()["payment_intents"]] == ["canceled"]


def test_a_method_that_cannot_hold_refuses(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = clinic.gateway.registry.by_slug("stripe")
    able = replace(provider.manifest.capabilities, capture=False)
    monkeypatch.setattr(provider, "manifest", replace(provider.manifest, capabilities=able))
    clinic.appointment()
    refusal = refused(clinic.pay, manual_capture=True)
    assert (refusal.code, list(refusal.details)) == ("validation_error", ["capture"])
    assert not clinic.rows("SELECT id FROM payments") and not clinic.books()["payment_intents"]


def test_a_hold_that_nobody_asked_for_needs_a_person(clinic: Clinic) -> None:
    payment_id = hold(clinic)
    with clinic.database.transaction() as session:
        session.execute(_text("UPDATE payments SET manual_capture = :no", no=False))
    clinic.pass_time()
    clinic.gateway.recovery.sweep()
    assert (clinic.payment(payment_id).state, clinic.payment(payment_id).needs_review) == ("unknown", True)


@pytest.mark.parametrize("held", [17999, 18001])
def test_another_amount_than_was_asked_needs_a_person(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    payment_id = hold(clinic)
    provider = clinic.gateway.registry.by_slug("stripe")
    fetch = provider.fetch
    monkeypatch.setattr(provider, "fetch", lambda *asked: replace(fetch(*asked), authorized=held))
    clinic.pass_time()
    clinic.gateway.recovery.sweep()
    payment = clinic.payment(payment_id)
    assert (payment.state, payment.needs_review) == ("unknown", True)
    assert refused(capture, clinic, payment_id).code == "payment_in_progress"
