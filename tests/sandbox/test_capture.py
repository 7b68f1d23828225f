"""Holds: captured wholly or in part, let go by hand or by the clock."""

import pytest
import stripe

from tests.sandbox.helpers import Raw, paid

DAY = 86400


def types(api: stripe.StripeClient) -> list[str]:
    return [one.type for one in api.v1.events.list({"limit": 100}).data][::-1]


def held(api: stripe.StripeClient, **more: object) -> stripe.PaymentIntent:
    return paid(api, capture_method="manual", amount=8000, expand=["latest_charge"], **more)


def test_a_hold_takes_no_money(api: stripe.StripeClient) -> None:
    intent = held(api)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 8000, 0)
    charge = intent.latest_charge
    assert (charge.captured, charge.amount_captured, charge.balance_transaction) == (False, 0, None)
    assert charge.payment_method_details.card.capture_before == charge.created + 7 * DAY
    assert types(api)[-2:] == ["charge.succeeded", "payment_intent.amount_capturable_updated"]
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        api.v1.refunds.create({"payment_intent": intent.id})


@pytest.mark.parametrize("amount", [None, 8000, 6000, 1])
def test_captured(api: stripe.StripeClient, amount: int | None) -> None:
    order = {"expand": ["latest_charge.balance_transaction"], "metadata": {"visit": "9"}}
    intent = api.v1.payment_intents.capture(held(api).id, order | ({"amount_to_capture": amount} if amount else {}))
    taken = amount or 8000
    assert (intent.status, intent.amount_received, intent.amount_capturable) == ("succeeded", taken, 0)
    charge = intent.latest_charge
    assert (charge.captured, charge.amount_captured, charge.balance_transaction.amount) == (True, taken, taken)
    assert intent.metadata.to_dict() == {"visit": "9"}
    assert types(api)[-2:] == ["charge.captured", "payment_intent.succeeded"]
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        api.v1.payment_intents.capture(intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        api.v1.refunds.create({"payment_intent": intent.id, "amount": taken + 1})
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == taken


@pytest.mark.parametrize("amount", [0, -1, 8001])
def test_what_cannot_be_captured(api: stripe.StripeClient, amount: int) -> None:
    intent = held(api)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.payment_intents.capture(intent.id, {"amount_to_capture": amount})
    assert caught.value.param == "amount_to_capture"
    assert api.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_let_go(api: stripe.StripeClient) -> None:
    intent = api.v1.payment_intents.cancel(held(api).id, {"cancellation_reason": "abandoned"})
    assert (intent.status, intent.amount_capturable, intent.cancellation_reason) == ("canceled", 0, "abandoned")
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert (charge.captured, charge.refunded, charge.amount_captured) == (False, True, 0)
    assert types(api)[-2:] == ["charge.refunded", "payment_intent.canceled"]
    assert api.v1.balance.retrieve().pending[0].amount == 0
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        api.v1.payment_intents.capture(intent.id)


def test_a_hold_ends_by_itself(api: stripe.StripeClient, raw: Raw) -> None:
    kept, forgotten = held(api), held(api)
    api.v1.payment_intents.capture(kept.id)
    raw.control("POST", "clock", {"advance": 7 * DAY})
    intent = api.v1.payment_intents.retrieve(forgotten.id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert types(api)[-2:] == ["charge.expired", "payment_intent.canceled"]
    assert api.v1.payment_intents.retrieve(kept.id).status == "succeeded"


def test_a_captured_charge_can_be_disputed(api: stripe.StripeClient) -> None:
    intent = paid(api, "pm_card_createDispute", capture_method="manual")
    assert api.v1.disputes.list({"payment_intent": intent.id}).data == []
    api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 3000})
    assert [one.amount for one in api.v1.disputes.list({"payment_intent": intent.id}).data] == [3000]
