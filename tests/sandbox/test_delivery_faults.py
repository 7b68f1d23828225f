"""Deliveries that go wrong when told to, and only those."""

import json
import time

import pytest
import stripe

from sandbox.stripe.delivery_faults import QUEUED, SENT, DeliveryFault, DeliveryFaults
from tests.sandbox.helpers import Raw, Receiver, eventually

SECRET_OF_OTHERS = "whsec_of_somebody_else"


@pytest.fixture
def secret(api: stripe.StripeClient, receiver: Receiver) -> str:
    return api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]}).secret


def order(raw: Raw, kind: str, **more: object) -> None:
    raw.control("POST", "deliveries/faults", {"kind": kind, **more})


def idle(raw: Raw) -> bool:
    found = raw.control("GET", "deliveries")
    return found["pending"] == 0 and found["idle"]


def test_late(api: stripe.StripeClient, raw: Raw, receiver: Receiver, secret: str) -> None:
    order(raw, "late", match="customer.created", seconds=3600)
    customer = api.v1.customers.create({})
    api.v1.customers.update(customer.id, {"name": "A"})
    assert receiver.types(1) == ["customer.updated"]
    raw.control("POST", "clock", {"advance": 3600})
    payload, header = receiver.next()
    assert json.loads(payload)["type"] == "customer.created"
    sent_at = int(header.split(",")[0].removeprefix("t="))
    assert abs(sent_at - 3600 - time.time()) < 60  # signed when it is sent, not when it happened


def test_doubled(api: stripe.StripeClient, raw: Raw, receiver: Receiver, secret: str) -> None:
    order(raw, "doubled")
    api.v1.customers.create({})
    api.v1.customers.create({})
    ids = [json.loads(receiver.next()[0])["id"] for _ in range(3)]
    assert len(set(ids)) == 2
    assert eventually(lambda: idle(raw))
    assert receiver.got.empty()


def test_reordered(api: stripe.StripeClient, raw: Raw, receiver: Receiver, secret: str) -> None:
    order(raw, "reordered", times=None, seconds=3600, seed=3)
    made = [api.v1.customers.create({}).id for _ in range(6)]
    got = []
    for _ in range(60):  # the clock is moved minute by minute, so that each is sent in its own turn
        raw.control("POST", "clock", {"advance": 60})
        assert eventually(lambda: raw.control("GET", "deliveries")["idle"])
        while not receiver.got.empty():
            got.append(json.loads(receiver.next()[0])["data"]["object"]["id"])
    assert sorted(got) == sorted(made)
    assert got != made


@pytest.mark.parametrize("kind", sorted(SENT))
def test_badly_signed(api: stripe.StripeClient, raw: Raw, receiver: Receiver, secret: str, kind: str) -> None:
    order(raw, kind, seconds=600)
    made = api.v1.customers.create({}).id
    payload, header = receiver.next()
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, header, secret)
        # The library looks at the past only.
        if int(header.split(",")[0].removeprefix("t=")) > time.time() + 300:
            raise stripe.SignatureVerificationError("from the future", header)
    assert json.loads(payload)["data"]["object"]["id"] == made  # still an event that can be read
    if kind in ("old", "future"):
        assert stripe.WebhookSignature.verify_header(payload.decode(), header, secret, tolerance=None)
    api.v1.customers.create({})
    assert stripe.Webhook.construct_event(*receiver.next(), secret)


def test_a_refused_one_comes_again_in_order(api: stripe.StripeClient, raw: Raw) -> None:
    refusing = Receiver(400)
    secret = api.v1.webhook_endpoints.create({"url": refusing.url, "enabled_events": ["*"]}).secret
    order(raw, "secret")
    api.v1.customers.create({})
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*refusing.next(), secret)
    assert stripe.Webhook.construct_event(*refusing.next(), secret).type == "customer.created"
    refusing.close()


def test_chance_is_repeatable() -> None:
    def delays(seed: int) -> list[list[float]]:
        faults = DeliveryFaults()
        faults.add(match="charge.*", kind="late", times=None, probability=0.5, seed=seed, seconds=5)
        faults.add(match="*", kind="doubled", times=2)
        return [faults.delays("charge.updated") for _ in range(20)] + [faults.delays("customer.created")]

    assert delays(7) == delays(7)
    assert delays(7) != delays(8)
    assert delays(7).count([0.0, 0.0]) == 2


def test_what_there_is(raw: Raw) -> None:
    order(raw, "late", times=3)
    assert raw.control("GET", "deliveries/faults")["faults"][0]["times"] == 3
    assert raw.control("DELETE", "deliveries/faults") == {"faults": []}
    assert {"late", "doubled", "reordered", "body", "secret", "old", "future"} == QUEUED | SENT
    with pytest.raises(ValueError, match="unknown kind"):
        DeliveryFault(match="*", kind="stolen")
