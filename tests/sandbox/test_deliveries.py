"""Events, and how they reach a webhook endpoint."""

import json

import pytest
import stripe

from sandbox.stripe import StripeSandbox
from tests.sandbox.helpers import RETURN, Raw, Receiver, client, eventually, paid


def event_types(api: stripe.StripeClient) -> list[str]:
    return [one.type for one in api.v1.events.list({"limit": 100}).data][::-1]


def test_the_events_of_a_payment(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    intent = paid(api, customer=customer.id, setup_future_usage="off_session", capture_method="manual")
    api.v1.payment_intents.capture(intent.id)
    api.v1.refunds.create({"payment_intent": intent.id})
    api.v1.payment_intents.cancel(api.v1.payment_intents.create({"amount": 100, "currency": "aud"}).id)
    with pytest.raises(stripe.CardError):
        paid(api, "pm_card_chargeDeclined")
    paid(api, "pm_card_threeDSecureRequired")
    api.v1.setup_intents.create({"payment_method": "pm_card_visa", "confirm": True, **RETURN})
    assert event_types(api) == [
        "customer.created",
        "payment_intent.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
        "payment_intent.created",
        "payment_intent.canceled",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "payment_intent.created",
        "payment_intent.requires_action",
        "setup_intent.created",
        "setup_intent.succeeded",
    ]


def test_an_event_tells_its_cause_and_holds_a_snapshot(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.create({"amount": 5000, "currency": "aud"}, {"idempotency_key": "k1"})
    api.v1.payment_intents.cancel(intent.id)
    event = api.v1.events.list({"type": "payment_intent.created"}).data[0]
    assert event.request.idempotency_key == "k1"
    assert event.request.id == intent.last_response.request_id
    assert (event.api_version, event.data.object["status"]) == ("2026-10-28.endive", "requires_payment_method")
    assert event.data.object["latest_charge"] is None
    assert api.v1.events.retrieve(event.id).id == event.id
    names = ["payment_intent.created", "payment_intent.canceled"]
    assert [one.type for one in api.v1.events.list({"types": names, "limit": 1}).auto_paging_iter()] == names[::-1]


def test_signed_delivery(api: stripe.StripeClient, receiver: Receiver) -> None:
    endpoint = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in api.v1.webhook_endpoints.retrieve(endpoint.id)
    intent = paid(api)
    payload, header = receiver.next()
    event = stripe.Webhook.construct_event(payload, header, endpoint.secret)
    assert (event.type, event.data.object.id, event.pending_webhooks) == ("payment_intent.succeeded", intent.id, 1)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(payload.decode(), header, "whsec_other")
    assert eventually(lambda: api.v1.events.retrieve(event.id).pending_webhooks == 0)
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    paid(api)
    api.v1.webhook_endpoints.delete(endpoint.id)
    assert api.v1.webhook_endpoints.list().data == []
    assert receiver.got.empty()


def test_two_signatures_while_a_secret_is_rolled(receiver: Receiver) -> None:
    with StripeSandbox(deliver_to=receiver.url, webhook_secrets=("whsec_new", "whsec_old")) as sandbox:
        client(sandbox.url).v1.customers.create({})
        payload, header = receiver.next()
    assert header.count("v1=") == 2
    for secret in ("whsec_new", "whsec_old"):
        assert stripe.WebhookSignature.verify_header(payload.decode(), header, secret, tolerance=60)


def test_retries_until_it_is_taken() -> None:
    receiver = Receiver(500, 503)
    with StripeSandbox(deliver_to=receiver.url, delivery_backoff=(0.01, 0.02, 0.01)) as sandbox:
        client(sandbox.url).v1.customers.create({})
        assert receiver.types(3) == ["customer.created"] * 3
        raw = Raw(sandbox.url)
        done = eventually(lambda: (got := raw.control("GET", "deliveries"))["pending"] == 0 and got)["deliveries"][0]
    receiver.close()
    assert (done["state"], [one["status"] for one in done["attempts"]]) == ("delivered", [500, 503, 200])


def test_it_gives_up_in_the_end(api: stripe.StripeClient, raw: Raw) -> None:
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:1/closed", "enabled_events": ["*"]})
    api.v1.customers.create({})
    done = eventually(lambda: (got := raw.control("GET", "deliveries")["deliveries"][0])["state"] == "failed" and got)
    assert len(done["attempts"]) == 4
    assert "ConnectionRefusedError" in done["attempts"][0]["error"]


def test_hold_send_resend(api: stripe.StripeClient, raw: Raw, receiver: Receiver) -> None:
    api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.created"]})
    raw.control("POST", "deliveries", {"mode": "hold"})
    customer = api.v1.customers.create({})
    assert raw.control("GET", "deliveries")["pending"] == 1
    assert receiver.got.empty()
    raw.control("POST", "deliveries", {"mode": "send"})
    first, _ = receiver.next()
    event = json.loads(first)
    assert event["data"]["object"]["id"] == customer.id
    raw.control("POST", "deliveries/resend", {"event": event["id"], "times": 3})
    assert [json.loads(receiver.next()[0])["id"] for _ in range(3)] == [event["id"]] * 3
