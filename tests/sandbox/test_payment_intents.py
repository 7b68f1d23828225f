"""The state machine of payment intents, as the real library sees it."""

import pytest
import stripe

from tests.sandbox.helpers import RETURN, Raw, eventually, paid


def create(api: stripe.StripeClient, **more: object) -> stripe.PaymentIntent:
    return api.v1.payment_intents.create({"amount": 5000, "currency": "aud", **more})


def test_the_usual_way(api: stripe.StripeClient) -> None:
    intent = create(api, description="Consultation", metadata={"invoice": "42"}, receipt_email="a@b.example")
    assert intent.status == "requires_payment_method"
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.capture_method == "automatic_async"

    intent = api.v1.payment_intents.update(intent.id, {"payment_method": "pm_card_visa", "metadata": {"room": "3"}})
    assert intent.status == "requires_confirmation"
    assert intent.metadata.to_dict() == {"invoice": "42", "room": "3"}
    assert intent.payment_method.startswith("pm_1")

    intent = api.v1.payment_intents.confirm(intent.id, {**RETURN, "expand": ["latest_charge"]})
    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    charge = intent.latest_charge
    assert (charge.status, charge.captured, charge.amount, charge.currency) == ("succeeded", True, 5000, "aud")
    assert charge.receipt_url.startswith("https://pay.stripe.com/receipts/")
    assert charge.payment_method_details.card.last4 == "4242"
    assert charge.metadata.to_dict() == {"invoice": "42", "room": "3"}


def test_a_succeeded_one_cannot_be_confirmed_canceled_or_changed(api: stripe.StripeClient) -> None:
    intent = paid(api)
    calls = (
        lambda: api.v1.payment_intents.confirm(intent.id, RETURN),
        lambda: api.v1.payment_intents.cancel(intent.id),
        lambda: api.v1.payment_intents.capture(intent.id),
        lambda: api.v1.payment_intents.update(intent.id, {"amount": 7000}),
    )
    for call in calls:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call()
        assert caught.value.code == "payment_intent_unexpected_state"
        assert caught.value.error.payment_intent.id == intent.id
        assert caught.value.error.payment_intent.status == "succeeded"
    assert api.v1.payment_intents.update(intent.id, {"description": "late"}).description == "late"


def test_cancel(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.cancel(create(api).id, {"cancellation_reason": "abandoned"})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "abandoned")
    assert intent.canceled_at
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", **RETURN})


def test_confirmation_needs_a_payment_method(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        api.v1.payment_intents.confirm(create(api).id, RETURN)


def test_confirmation_needs_a_return_url_unless_redirects_are_off(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        create(api, payment_method="pm_card_visa", confirm=True)
    assert api.v1.payment_intents.list().data == []  # nothing is left of the refused one
    never = {"enabled": True, "allow_redirects": "never"}
    for more in ({"automatic_payment_methods": never}, {"allowed_payment_method_types": ["card"]}):
        assert create(api, payment_method="pm_card_visa", confirm=True, **more).status == "succeeded"


def test_processing_when_asked_for(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "settings", {"processing_seconds": 3600})
    intent = paid(api)
    assert (intent.status, intent.processing.type) == ("processing", "card")
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        api.v1.payment_intents.cancel(intent.id)
    raw.control("POST", "clock", {"advance": 3600})
    assert eventually(lambda: api.v1.payment_intents.retrieve(intent.id).status == "succeeded")


@pytest.mark.parametrize(
    ("order", "code", "param"),
    [
        ({"amount": 49, "currency": "aud"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "aud"}, "amount_too_large", "amount"),
        ({"currency": "aud"}, "parameter_missing", "amount"),
        ({"amount": "many", "currency": "aud"}, "parameter_invalid_integer", "amount"),
        ({"amount": 5000, "currency": "aud", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 5000, "currency": "aud", "payment_method_options": {"card": {"pin": "1"}}},
            "parameter_unknown",
            "payment_method_options[card][pin]",
        ),
        (
            {"amount": 5000, "currency": "aud", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            {"amount": 5000, "currency": "aud", "statement_descriptor_suffix": "x" * 23},
            "parameter_invalid_string_too_long",
            "statement_descriptor_suffix",
        ),
        ({"amount": 5000, "currency": "xyz"}, None, "currency"),
        ({"amount": 5000, "currency": "aud", "off_session": True}, None, "off_session"),
        ({"amount": 5000, "currency": "aud", "customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": 5000, "currency": "aud", "payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ],
)
def test_what_is_refused(api: stripe.StripeClient, order: dict, code: str | None, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.create(order)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.error.request_log_url.endswith(caught.value.request_id)
    assert caught.value.http_status == (404 if code == "resource_missing" else 400)


def test_what_is_missing(api: stripe.StripeClient, raw: Raw) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.retrieve("pi_nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    status, headers, _ = raw.call("GET", "/v1/nonsense")
    assert status == 404
    assert headers["request-id"].startswith("req_")
