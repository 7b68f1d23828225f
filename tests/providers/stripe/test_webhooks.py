"""Who sent an event, and what it is about. Bodies come from the sandbox's own events, signed here."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.providers.stripe.conftest import Control
from tests.providers.stripe.orders import ENVIRONMENT, SECRET, method_order, order, payer, refund_order, settings
from tests.providers.stripe.test_charges import paid
from tp_gateway.contract import Environment, InvalidSignature, Observation, SavedMethod, Subject
from tp_gateway.providers.stripe import StripeProvider

NOW = 1_800_000_000
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": NOW - 5,
    "livemode": False,
    "data": {
        "object": {
            "id": "pi_1",
            "object": "payment_intent",
            "metadata": {"tp_gateway_environment": "clinic-test", "tp_gateway_payment": "o1"},
        }
    },
}


def signed(body: bytes | str, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    text = body.decode() if isinstance(body, bytes) else body
    return {"stripe-signature": stripe.WebhookSignature.generate_signature_header(text, secret, at)}


def listening(now: float = NOW, environment: Environment = ENVIRONMENT, **changes: Any) -> StripeProvider:
    return StripeProvider(settings(**changes), environment, now=lambda: now)


def heard(event: dict[str, Any], provider: StripeProvider | None = None) -> Any:
    body = json.dumps(event)
    (observation,) = (provider or listening()).parse_webhook(body.encode(), signed(body))
    return observation


def event_about(kind: str, about: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**EVENT, "type": kind, "data": {"object": about, **more.pop("data", {})}, **more}


def test_a_payment_intent() -> None:
    observation = heard(EVENT)
    assert (observation.event_id, observation.kind) == ("evt_1", "payment_intent.succeeded")
    assert (observation.subject, observation.reference) == (Subject.PAYMENT, "pi_1")
    assert observation.labels == {"tp_gateway_environment": "clinic-test", "tp_gateway_payment": "o1"}
    assert observation.occurred_at.timestamp() == NOW - 5
    assert observation.evidence is None and observation.note == ""


@pytest.mark.catalogue(36)
@pytest.mark.parametrize(
    "forge",
    [
        lambda body, headers: (body, {}),
        lambda body, headers: (body, {"stripe-signature": ""}),
        lambda body, headers: (body, signed(body, "whsec_other")),
        lambda body, headers: (body.replace(b"succeeded", b"succeedeD"), headers),
        lambda body, headers: (body + b" ", headers),
        lambda body, headers: (body, {"stripe-signature": headers["stripe-signature"].replace("v1=", "v0=")}),
        lambda body, headers: (body, {"stripe-signature": headers["stripe-signature"].replace("t=", "x=")}),
        lambda body, headers: (body, {"stripe-signature": f"t={NOW},v1=ünicode"}),
        lambda body, headers: (body, {"stripe-signature": f"t={'9' * 5000},v1=00"}),
        lambda body, headers: (body, {"stripe-signature": f"t={NOW},v1=" + "0" * 64}),
        lambda body, headers: (body, {"stripe-signature": "t,v1"}),
        # Two timestamps: only the signed one, the first, may count.
        lambda body, headers: (body, {"stripe-signature": f"t={NOW - 9999}," + headers["stripe-signature"]}),
        lambda body, headers: (
            body,
            {"stripe-signature": signed(body, at=NOW - 9999)["stripe-signature"] + f",t={NOW}"},
        ),
        lambda body, headers: (b"\xff" + body, headers),
    ],
)
def test_forged(forge: Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]) -> None:
    body = json.dumps(EVENT).encode()
    assert listening().parse_webhook(body, signed(body))
    with pytest.raises(InvalidSignature) as refused:
        listening().parse_webhook(*forge(body, signed(body)))
    assert SECRET not in str(refused.value) and "evt_1" not in str(refused.value)


@pytest.mark.catalogue(37)
@pytest.mark.parametrize(
    ("age", "accepted"), [(299, True), (300, True), (301, False), (-299, True), (-301, False), (-31_536_000, False)]
)
def test_neither_stale_nor_from_the_future(age: int, accepted: bool) -> None:
    body = json.dumps(EVENT).encode()
    headers = signed(body, at=NOW - age)
    if accepted:
        assert listening().parse_webhook(body, headers)
    else:
        with pytest.raises(InvalidSignature):
            listening().parse_webhook(body, headers)


@pytest.mark.catalogue(42)
def test_two_secrets_while_one_is_rolled() -> None:
    body = json.dumps(EVENT).encode()
    both, new = listening(webhook_secret="whsec_old, whsec_new"), listening(webhook_secret="whsec_new")
    for secret in ("whsec_old", "whsec_new"):
        assert both.parse_webhook(body, signed(body, secret))
    assert new.parse_webhook(body, signed(body, "whsec_new"))
    for provider in (new, listening(webhook_secret="")):
        with pytest.raises(InvalidSignature):
            provider.parse_webhook(body, signed(body, "whsec_old"))


@pytest.mark.catalogue(44)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "7",
        '"x"',
        "{",
        "{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps({**EVENT, "data": {}}),
        json.dumps({**EVENT, "data": {"object": []}}),
        json.dumps({**EVENT, "data": None}),
        json.dumps({**EVENT, "object": "v2.core.event"}),
        json.dumps({**EVENT, "id": None}),
        json.dumps({**EVENT, "id": "e" * 300}),
        json.dumps({**EVENT, "type": 5}),
        json.dumps({**EVENT, "livemode": "no"}),
        json.dumps({**EVENT, "created": "today"}),
        json.dumps({**EVENT, "created": 10**30}),
        json.dumps({key: value for key, value in EVENT.items() if key != "livemode"}),
    ],
    ids=lambda body: body[:40],
)
def test_signed_but_malformed(body: str) -> None:
    with pytest.raises(InvalidSignature):
        listening().parse_webhook(body.encode(), signed(body))


@pytest.mark.catalogue(43)
@pytest.mark.parametrize(
    ("event", "note"),
    [
        ({**EVENT, "livemode": True}, "livemode"),
        ({**EVENT, "account": "acct_other"}, "account"),
        (
            event_about("payment_intent.succeeded", {"id": "pi_1", "metadata": {"tp_gateway_environment": "other"}}),
            "environment",
        ),
        (event_about("payment_intent.succeeded", {"id": "pi_1", "metadata": {}}), "not ours"),
        (
            event_about("charge.succeeded", {"id": "ch_1", "metadata": {"tp_gateway_environment": "other"}}),
            "environment",
        ),
        (event_about("charge.succeeded", {"id": "ch_1", "payment_intent": None}), "no payment intent"),
        (event_about("payout.paid", {"id": "po_1"}), "type"),
        (event_about("payment_method.attached", {"id": "pm_1", "customer": None}), "no customer"),
        (event_about("customer.created", {"id": "cus_1", "object": "customer"}), "type"),
    ],
)
def test_of_no_interest(event: dict[str, Any], note: str) -> None:
    observation = heard(event)
    assert (observation.subject, observation.note) == (Subject.NOTHING, note)
    assert observation.reference is None and observation.payer is None and observation.labels == {}


@pytest.mark.parametrize("kind", ["charge.refunded", "charge.updated", "refund.updated"])
def test_hints_about_a_payment_need_no_label(kind: str) -> None:
    observation = heard(event_about(kind, {"id": "x_1", "payment_intent": "pi_9", "metadata": {}}))
    assert (observation.subject, observation.reference) == (Subject.PAYMENT, "pi_9")


def test_hints_about_saved_cards() -> None:
    detached = event_about(
        "payment_method.detached",
        {"id": "pm_1", "object": "payment_method", "customer": None},
        data={"previous_attributes": {"customer": "cus_7"}},
    )
    for event in (
        detached,
        event_about("payment_method.automatically_updated", {"id": "pm_1", "customer": "cus_7"}),
        event_about("setup_intent.succeeded", {"id": "seti_1", "customer": "cus_7"}),
        event_about("customer.deleted", {"id": "cus_7", "object": "customer"}),
    ):
        observation = heard(event)
        assert (observation.subject, observation.payer) == (Subject.METHODS, "cus_7")


def test_every_event_of_a_life_at_stripe_is_understood(provider: StripeProvider, sandbox: Control, soon: float) -> None:
    outcome = paid(provider, order("pm_card_createDispute"))
    refunded = paid(provider, order())
    provider.refund(refund_order(str(refunded.reference)))
    paid(provider, order("pm_card_visa_chargeDeclined"))
    saved = provider.save_method(method_order("pm_card_visa", payer()))
    assert isinstance(saved, SavedMethod)
    provider.drop_method(saved.reference, soon)

    found: dict[str, list[Observation]] = {}
    for event in sandbox.books("events"):
        body = json.dumps(event)
        (observation,) = provider.parse_webhook(body.encode(), signed(body, at=int(time.time())))
        found.setdefault(event["type"], []).append(observation)
    for kind in ("payment_intent.succeeded", "charge.succeeded", "payment_intent.created"):
        assert {one.reference for one in found[kind]} >= {outcome.reference, refunded.reference}
        assert all(one.labels["tp_gateway_payment"] for one in found[kind])
    about = [(one.subject, one.reference) for one in found["charge.dispute.created"]]
    assert about == [(Subject.DISPUTE, dispute["id"]) for dispute in sandbox.books("disputes")] != []
    assert {one.reference for one in found["refund.created"]} == {refunded.reference}
    for kind in ("payment_method.attached", "payment_method.detached", "setup_intent.succeeded"):
        assert [one.payer for one in found[kind]] == [saved.payer]
