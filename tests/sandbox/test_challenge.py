"""3-D Secure: asked for, completed, failed, impossible off session."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from tests.sandbox.helpers import RETURN, Raw, paid

NEVER = {"enabled": True, "allow_redirects": "never"}


def decide(raw: Raw, intent_id: str, outcome: str) -> None:
    raw.control("POST", f"challenge/{intent_id}", {"outcome": outcome})


def test_complete(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api, "pm_card_threeDSecure2Required")
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    page = urlsplit(intent.next_action.redirect_to_url.url)
    status, _, html = raw.call("GET", page.path)
    assert status == 200
    assert b"Complete" in html
    assert b"Fail" in html
    status, headers, _ = raw.call("POST", page.path, "outcome=complete")
    back = urlsplit(headers["location"])
    assert (status, back.netloc) == (303, "clinic.example")
    assert parse_qs(back.query) == {
        "payment_intent": [intent.id],
        "redirect_status": ["succeeded"],
        "payment_intent_client_secret": [intent.client_secret],
    }
    intent = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.next_action) == ("succeeded", None)
    assert intent.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    status, _, text = raw.call("POST", page.path, json.dumps({"outcome": "complete"}), Content_Type="application/json")
    assert status == 409, text  # over is over


def test_fail(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api, "pm_card_threeDSecure2Required")
    decide(raw, intent.id, "fail")
    intent = api.v1.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.payment_method, intent.latest_charge) == ("requires_payment_method", None, None)
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"


def test_declined_afterwards(api: stripe.StripeClient, raw: Raw) -> None:
    for token, code in (("threeDSecureRequiredChargeDeclined", "generic_decline"),):
        intent = paid(api, f"pm_card_{token}")
        assert intent.status == "requires_action"
        decide(raw, intent.id, "complete")
        intent = api.v1.payment_intents.retrieve(intent.id)
        assert (intent.status, intent.last_payment_error.decline_code) == ("requires_payment_method", code)
    with pytest.raises(stripe.CardError):
        paid(api, "pm_card_threeDSecureRequiredProcessingError")


def test_without_a_return_url_the_library_of_the_browser_is_told(api: stripe.StripeClient) -> None:
    order = {
        "amount": 5000,
        "currency": "aud",
        "payment_method": "pm_card_threeDSecureRequired",
        "confirm": True,
        "automatic_payment_methods": NEVER,
    }
    intent = api.v1.payment_intents.create(order)
    assert intent.next_action.type == "use_stripe_sdk"
    assert intent.next_action.use_stripe_sdk["type"] == "three_d_secure_redirect"
    assert intent.next_action.use_stripe_sdk["stripe_js"].endswith(f"/_sandbox/challenge/{intent.id}")


def test_off_session_it_is_a_decline(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    with pytest.raises(stripe.CardError) as caught:
        paid(api, "pm_card_authenticationRequired", customer=customer.id, off_session=True)
    error = caught.value.error
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent.status == "requires_payment_method"
    # docs.stripe.com/payments/save-and-reuse: the customer comes back and confirms the same intent on session.
    order = {"payment_method": error.payment_method.id, **RETURN}
    again = api.v1.payment_intents.confirm(error.payment_intent.id, order)
    assert again.status == "requires_action"


def test_it_can_be_refused_in_advance(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        paid(api, "pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert caught.value.code == "authentication_required"


def test_a_card_that_was_set_up_is_not_asked_again_off_session(api: stripe.StripeClient, raw: Raw) -> None:
    customer = api.v1.customers.create({})
    intent = paid(api, "pm_card_authenticationRequiredOnSetup", customer=customer.id, setup_future_usage="off_session")
    method = intent.payment_method
    assert intent.status == "requires_action"
    decide(raw, intent.id, "complete")
    assert api.v1.payment_methods.retrieve(method).customer == customer.id
    assert paid(api, method, customer=customer.id, off_session=True).status == "succeeded"
    assert paid(api, method, customer=customer.id).status == "requires_action"


def test_cards_that_are_set_up_from_the_start(api: stripe.StripeClient) -> None:
    assert paid(api, "pm_card_authenticationRequiredSetupForOffSession", off_session=True).status == "succeeded"
    with pytest.raises(stripe.CardError) as caught:
        paid(api, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", off_session=True)
    assert caught.value.error.decline_code == "insufficient_funds"


def test_optional_unless_asked_for(api: stripe.StripeClient) -> None:
    assert paid(api, "pm_card_threeDSecureOptional").status == "succeeded"
    asked = {"card": {"request_three_d_secure": "any"}}
    assert paid(api, "pm_card_threeDSecureOptional", payment_method_options=asked).status == "requires_action"
