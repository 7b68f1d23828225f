"""Every test token: the succeeding ones succeed, the declining ones decline with Stripe's codes."""

import pytest
import stripe

from sandbox.stripe.cards import CARDS, NEVER, card
from sandbox.stripe.declines import DECLINES
from tests.sandbox.helpers import RETURN, paid

DECLINING = sorted(name for name, one in CARDS.items() if one.decline and one.authentication == NEVER)
SUCCEEDING = sorted(
    name for name, one in CARDS.items() if not one.decline and one.authentication == NEVER and not one.dispute
)


@pytest.mark.parametrize("name", SUCCEEDING)
def test_success(api: stripe.StripeClient, name: str) -> None:
    intent = paid(api, f"pm_card_{name}", expand=["payment_method"])
    assert intent.status == "succeeded"
    assert intent.payment_method.card.last4 == CARDS[name].last4


@pytest.mark.parametrize("name", DECLINING)
def test_decline(api: stripe.StripeClient, name: str) -> None:
    decline_code = CARDS[name].decline
    with pytest.raises(stripe.CardError) as caught:
        paid(api, f"pm_card_{name}")
    error = caught.value.error
    assert (caught.value.http_status, error.type) == (402, "card_error")
    assert (error.code, error.decline_code) == (DECLINES[decline_code].code, decline_code)
    assert error.message == DECLINES[decline_code].message
    intent = api.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.decline_code == decline_code
    assert intent.last_payment_error.payment_method.card.last4 == CARDS[name].last4
    charge = intent.latest_charge
    assert (charge.id, charge.status, charge.paid, charge.failure_code) == (error.charge, "failed", False, error.code)
    assert charge.balance_transaction is None

    # The same intent takes another card.
    again = api.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_mastercard", **RETURN})
    assert (again.status, again.last_payment_error) == ("succeeded", None)
    assert len(api.v1.charges.list({"payment_intent": intent.id}).data) == 2


def test_names_are_taken_with_and_without_the_brand() -> None:
    assert card("pm_card_chargeDeclined") is card("pm_card_visa_chargeDeclined")
    assert card("tok_visa_chargeDeclinedExpiredCard") is card("tok_chargeDeclinedExpiredCard")
    assert card("pm_card_nonsense") is None


def test_a_token_makes_a_new_payment_method_each_time(api: stripe.StripeClient) -> None:
    first, second = paid(api, expand=["payment_method"]), paid(api, expand=["payment_method"])
    assert first.payment_method.id != second.payment_method.id
    assert first.payment_method.card.fingerprint == second.payment_method.card.fingerprint


def test_some_cards_decline_only_once_attached(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    method = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    with pytest.raises(stripe.CardError):
        paid(api, method.id, customer=customer.id, off_session=True)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_methods.attach("pm_card_chargeDeclinedInsufficientFunds", {"customer": customer.id})
    assert caught.value.error.decline_code == "insufficient_funds"
