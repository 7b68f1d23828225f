"""Events from the provider are hints, applied once, in any order, after any crash."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.clinic import PATIENT, WEBHOOK_SECRET, Clinic, refused, sandbox
from tests.invariants import check_invariants
from tp_gateway.contract import Flow
from tp_gateway.services.payers import find_payer, forget_payer


def events(clinic: Clinic) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clinic.books()["events"]
    return found


def signed(
    event: dict[str, Any], *, secret: str = WEBHOOK_SECRET, at: float | None = None
) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(event).encode()
    stamp = int(time.time() if at is None else at)
    signature = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return body, {"stripe-signature": f"t={stamp},v1={signature}"}


def receive(clinic: Clinic, event: dict[str, Any]) -> None:
    clinic.gateway.inbox.receive("stripe", *signed(event))


@pytest.mark.catalogue(38)
def test_the_same_event_a_hundred_times_at_once_is_one(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay()
    event = next(event for event in events(clinic) if event["type"] == "payment_intent.succeeded")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: receive(clinic, event), range(100)))
    assert len(clinic.rows("SELECT 1 FROM inbox_events")) == 1


@pytest.mark.postgresql
def test_an_event_that_is_being_written_holds_up_no_other(
    postgresql_database_url: str, stripe_sandbox: StripeSandbox
) -> None:
    """Who holds one row and waits for the next, while another goes the other way, ends in a deadlock."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    clinic = Clinic(postgresql_database_url, stripe_sandbox.url).open()
    try:
        clinic.appointment()
        clinic.pay()
        for event in events(clinic):
            receive(clinic, event)
        held, *others = clinic.rows("SELECT id FROM inbox_events ORDER BY id")
        assert others
        with clinic.database.engine.begin() as elsewhere:
            elsewhere.exec_driver_sql(f"SELECT 1 FROM inbox_events WHERE id = {held.id} FOR UPDATE")
            clinic.gateway.inbox.work()
            waiting = clinic.rows("SELECT id FROM inbox_events WHERE next_attempt_at IS NOT NULL AND attempts = 0")
            assert waiting == [held]
        clinic.gateway.inbox.work()
        assert clinic.rows("SELECT id FROM inbox_events WHERE attempts = 0") == []
    finally:
        clinic.close()


@pytest.mark.catalogue(36)
@pytest.mark.catalogue(37)
def test_what_is_not_signed_by_the_provider_is_refused_and_not_kept(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay()
    event = events(clinic)[0]
    body, headers = signed(event)
    forged = [
        (body, {}),
        (body + b" ", headers),
        signed(event, secret="whsec_other"),
        # The edges are in providers/stripe/test_webhooks.py, by a clock that stands.
        signed(event, at=time.time() - 301),
        signed(event, at=time.time() + 3600),
        (body, {"stripe-signature": headers["stripe-signature"].replace("v1=", "v0=")}),
        (b"\xff\xfe", headers),
    ]
    for forged_body, forged_headers in forged:
        assert refused(clinic.gateway.inbox.receive, "stripe", forged_body, forged_headers).code == "invalid_signature"
    assert refused(clinic.gateway.inbox.receive, "nobody", body, headers).code == "not_found"
    assert not clinic.rows("SELECT 1 FROM inbox_events")


@pytest.mark.catalogue(48)
def test_a_body_is_not_believed(clinic: Clinic) -> None:
    clinic.appointment()
    waiting = clinic.pay(flow=Flow.BROWSER, amount=18000)
    event = next(event for event in events(clinic) if event["type"] == "payment_intent.created")
    lie = event | {"id": "evt_lie", "type": "payment_intent.succeeded"}
    lie["data"] = {"object": event["data"]["object"] | {"status": "succeeded", "amount_received": 18000}}
    receive(clinic, lie)
    clinic.gateway.inbox.work()
    assert clinic.payment(waiting.id).state == "awaiting_customer"


@pytest.mark.catalogue(41)
def test_an_event_for_an_unknown_payment_waits_for_it(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay()
    event = next(event for event in events(clinic) if event["type"] == "payment_intent.succeeded")
    stranger = json.loads(json.dumps(event).replace(event["data"]["object"]["id"], "pi_stranger"))
    stranger["id"] = "evt_stranger"
    stranger["data"]["object"]["metadata"]["tp_gateway_payment"] = "unknown"
    receive(clinic, stranger)
    clinic.gateway.inbox.work()
    assert [row.state for row in clinic.rows("SELECT state FROM inbox_events")] == ["unmatched"]


@pytest.mark.catalogue(43)
@pytest.mark.catalogue(47)
def test_events_of_others_and_unknown_events_are_kept_and_ignored(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay()
    event = events(clinic)[0]
    for number, change in enumerate(({"livemode": True}, {"type": "radar.early_fraud_warning.created"})):
        receive(clinic, event | {"id": f"evt_{number}"} | change)
    assert {row.state for row in clinic.rows("SELECT state FROM inbox_events")} == {"ignored"}


def test_a_refund_event_is_found_out_even_if_the_provider_is_silent_at_first(clinic: Clinic) -> None:
    clinic.appointment()
    paid = clinic.pay()
    sandbox(clinic.sandbox_url, "POST", "refund", {"payment_intent": clinic.payment(paid.id).reference, "amount": 5000})
    event = next(event for event in events(clinic) if event["type"].startswith("charge.refund"))
    clinic.fault("GET /v1/payment_intents/*", "error_before")
    receive(clinic, event)
    clinic.gateway.inbox.work()
    assert clinic.payment(paid.id).refunded == 0
    clinic.pass_time()
    clinic.gateway.inbox.work()
    assert clinic.payment(paid.id).refunded == 5000
    check_invariants(clinic.database.engine, clinic.books())


def test_the_saved_cards_follow_the_providers_events(clinic: Clinic) -> None:
    clinic.appointment()
    clinic.pay(save_method=True)
    saved = clinic.gateway.payment_methods.list(45)[0]
    sandbox_client(clinic).raw_request("post", f"/v1/payment_methods/{saved.reference}/detach")
    receive(clinic, next(event for event in events(clinic) if event["type"] == "payment_method.detached"))
    clinic.gateway.inbox.work()
    assert not clinic.gateway.payment_methods.list(45)


def sandbox_client(clinic: Clinic) -> Any:
    import stripe

    return stripe.StripeClient("sk_test_clinic", base_addresses={"api": clinic.sandbox_url})


def test_a_late_look_does_not_bring_back_what_was_removed(clinic: Clinic) -> None:
    """The card that its owner removed, and the customer that Stripe no longer knows."""
    clinic.appointment()
    payment_id = clinic.pay(save_method=True).id
    [saved] = clinic.gateway.payment_methods.list(PATIENT)
    clinic.gateway.payment_methods.remove(PATIENT, saved.id)
    with clinic.database.transaction() as session:
        forget_payer(session, "stripe", PATIENT)  # as settling does when the provider says so
    clinic.gateway.recovery.look(clinic.payment(payment_id), "provider:stripe")
    assert clinic.gateway.payment_methods.list(PATIENT) == []
    with clinic.database.read() as session:
        assert find_payer(session, "stripe", PATIENT).reference is None
