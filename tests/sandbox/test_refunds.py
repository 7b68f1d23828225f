"""Refunds, fees and balance transactions: where the money goes."""

import pytest
import stripe

from sandbox.stripe.money import processing_fee
from tests.sandbox.helpers import Raw, eventually, paid


@pytest.mark.parametrize(
    ("amount", "fee"),
    [
        (50, 31),
        (10_000, 200),
        (12_345, 240),
        (14_500, 277),
        (99_999_999, 1_700_030),
    ],
)
def test_the_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    assert processing_fee(amount) == fee


def test_balance_transactions(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api, amount=12_345, expand=["latest_charge.balance_transaction"])
    moved = intent.latest_charge.balance_transaction
    assert (moved.amount, moved.fee, moved.net) == (12_345, 240, 12_105)
    assert (moved.type, moved.reporting_category, moved.status) == ("charge", "charge", "pending")
    assert (moved.fee_details[0].type, moved.fee_details[0].amount) == ("stripe_fee", 240)
    assert moved.source == intent.latest_charge.id

    refund = api.v1.refunds.create({"payment_intent": intent.id, "amount": 345, "expand": ["balance_transaction"]})
    back = refund.balance_transaction
    assert (back.amount, back.fee, back.net, back.reporting_category) == (-345, 0, -345, "refund")
    assert api.v1.balance.retrieve().pending[0].amount == 12_105
    raw.control("POST", "settings", {"payouts": "manual"})  # else it would be paid out by then
    raw.control("POST", "clock", {"advance": 3 * 86400})
    assert api.v1.balance.retrieve().available[0].amount == 12_105 - 345
    assert api.v1.balance_transactions.retrieve(moved.id).status == "available"


def test_cards_from_abroad_cost_more_when_asked_for(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "settings", {"pricing": "by_card"})
    expand = ["latest_charge.balance_transaction"]
    assert paid(api, "pm_card_visa", expand=expand).latest_charge.balance_transaction.fee == 380
    assert paid(api, "pm_card_au", expand=expand).latest_charge.balance_transaction.fee == 200


def test_funds_can_be_available_at_once(api: stripe.StripeClient) -> None:
    intent = paid(api, "pm_card_bypassPending", expand=["latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.status == "available"


def test_a_balance_transaction_can_be_late(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "balance", {"late_seconds": 60})
    first = paid(api)
    assert api.v1.charges.retrieve(first.latest_charge).balance_transaction is None
    raw.control("POST", "clock", {"advance": 60})
    assert api.v1.charges.retrieve(first.latest_charge).balance_transaction
    assert api.v1.events.list({"type": "charge.updated"}).data[0].data.object["id"] == first.latest_charge

    raw.control("POST", "balance", {"late_seconds": None})
    second = paid(api)
    raw.control("POST", "clock", {"advance": 86400})
    assert api.v1.charges.retrieve(second.latest_charge).balance_transaction is None
    assert raw.control("POST", "balance", {"post": True})["posted"] == 1
    assert api.v1.charges.retrieve(second.latest_charge).balance_transaction


def test_in_parts_until_nothing_is_left(api: stripe.StripeClient) -> None:
    intent = paid(api)
    first = api.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 4000, "reason": "requested_by_customer", "metadata": {"ticket": "7"}}
    )
    assert (first.status, first.amount, first.reason) == ("succeeded", 4000, "requested_by_customer")
    assert (first.payment_intent, first.charge) == (intent.id, intent.latest_charge)
    assert first.payment_method == intent.payment_method
    charge = api.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (4000, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as caught:
        api.v1.refunds.create({"payment_intent": intent.id, "amount": 6001})
    assert caught.value.param == "amount"
    api.v1.refunds.create({"charge": intent.latest_charge})
    charge = api.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (10_000, True)
    assert [one.amount for one in charge.refunds.data] == [6000, 4000]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    assert len(api.v1.refunds.list({"payment_intent": intent.id}).data) == 2
    assert api.v1.refunds.update(first.id, {"metadata": {"ticket": ""}}).metadata.to_dict() == {}
    with pytest.raises(stripe.InvalidRequestError, match="cannot cancel this Refund"):
        api.v1.refunds.cancel(first.id)


@pytest.mark.parametrize("order", [{"reason": "whim"}, {"amount": 0}, {"amount": -5}, {}])
def test_what_is_refused(api: stripe.StripeClient, order: dict) -> None:
    intent = paid(api)
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.refunds.create({**order, **({"payment_intent": intent.id} if order else {})})
    assert api.v1.refunds.list().data == []
    unpaid = api.v1.payment_intents.create({"amount": 5000, "currency": "aud"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        api.v1.refunds.create({"payment_intent": unpaid.id})


def test_pending_then_succeeded(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "settings", {"refund_seconds": 600})
    refund = api.v1.refunds.create({"payment_intent": paid(api, "pm_card_pendingRefund").id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    raw.control("POST", "clock", {"advance": 600})
    assert api.v1.refunds.retrieve(refund.id).status == "succeeded"
    events = api.v1.events.list({"types": ["refund.updated", "refund.failed"]}).data
    assert [one.type for one in events] == ["refund.updated"]


def test_succeeded_then_failed_by_itself(api: stripe.StripeClient, raw: Raw) -> None:
    raw.control("POST", "settings", {"refund_seconds": 0.02})
    intent = paid(api, "pm_card_refundFail")
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    books = eventually(lambda: (got := raw.control("GET", "books"))["refunds"][0]["status"] == "failed" and got)
    assert books["refunds"][0]["failure_reason"]
    assert books["charges"][0]["amount_refunded"] == 0
    assert sum(one["net"] for one in books["balance_transactions"]) == 9800
    assert api.v1.events.list({"type": "refund.failed"}).data[0].data.object["id"] == refund.id


def test_a_refund_made_in_the_dashboard(api: stripe.StripeClient, raw: Raw) -> None:
    intent = paid(api)
    made = raw.control("POST", "refund", {"payment_intent": intent.id, "amount": 2500})
    event = api.v1.events.list({"type": "refund.created"}).data[0]
    assert (event.data.object["id"], event.request.id) == (made["id"], None)
    assert api.v1.charges.retrieve(intent.latest_charge).amount_refunded == 2500
