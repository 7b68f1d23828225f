"""BECS direct debit: processing for days, then money, a failure, or a dispute."""

from typing import Any

import pytest
import stripe

from sandbox.stripe.banks import ACCOUNTS, FAILURES
from tests.sandbox.helpers import Raw

MANDATE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "192.0.2.7", "user_agent": "a browser"}}}


@pytest.fixture(autouse=True)
def slow_bank(raw: Raw) -> None:
    raw.control("POST", "settings", {"debit_seconds": 3600})


def account(api: stripe.StripeClient, number: str = "000123456", **more: Any) -> Any:
    order: dict[str, Any] = {
        "type": "au_becs_debit",
        "au_becs_debit": {"bsb_number": "000-000", "account_number": number},
        "billing_details": {"name": "A Patient", "email": "patient@clinic.example"},
    }
    return api.v1.payment_methods.create({**order, **more})


def debited(api: stripe.StripeClient, number: str = "000123456", **more: Any) -> Any:
    order = {
        "amount": 10_000,
        "currency": "aud",
        "allowed_payment_method_types": ["au_becs_debit"],
        "payment_method": account(api, number).id,
        "mandate_data": MANDATE,
        "confirm": True,
    }
    return api.v1.payment_intents.create({**order, **more})


def types(api: stripe.StripeClient) -> list[str]:
    return [one.type for one in api.v1.events.list({"limit": 100}).data][::-1]


def test_a_bank_account(api: stripe.StripeClient) -> None:
    method = account(api)
    assert (method.type, method.au_becs_debit.bsb_number, method.au_becs_debit.last4) == (
        "au_becs_debit",
        "000000",
        "3456",
    )
    assert "card" not in method
    assert api.v1.payment_methods.retrieve(method.id).id == method.id


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"billing_details": {"name": "A Patient"}}, "billing_details[email]"),
        ({"au_becs_debit": {"bsb_number": "000000"}}, "au_becs_debit[account_number]"),
        ({"au_becs_debit": {"bsb_number": "062000", "account_number": "000123456"}}, "au_becs_debit[bsb_number]"),
        ({"au_becs_debit": {"bsb_number": "000000", "account_number": "12345678"}}, "au_becs_debit[account_number]"),
    ],
)
def test_what_is_no_account(api: stripe.StripeClient, more: dict, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        account(api, **more)
    assert caught.value.param == param


@pytest.mark.parametrize("number", ["000123456", "900123456"])
def test_processing_then_succeeded(api: stripe.StripeClient, raw: Raw, number: str) -> None:
    intent = debited(api, number, expand=["latest_charge"])
    assert (intent.status, intent.amount_received, intent.payment_method_types) == ("processing", 0, ["au_becs_debit"])
    charge = intent.latest_charge
    assert (charge.status, charge.paid, charge.balance_transaction) == ("pending", False, None)
    assert charge.id.startswith("py_")
    mandate = api.v1.mandates.retrieve(charge.payment_method_details.au_becs_debit.mandate)
    assert (mandate.status, mandate.type, mandate.single_use.amount) == ("active", "single_use", 10_000)
    with pytest.raises(stripe.InvalidRequestError, match=r"has not been captured|successful charge"):
        api.v1.refunds.create({"payment_intent": intent.id})
    raw.control("POST", "clock", {"advance": 3600})
    if ACCOUNTS[number].delayed:
        assert api.v1.payment_intents.retrieve(intent.id).status == "processing"
        raw.control("POST", "clock", {"advance": 180})
    done = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (done.status, done.amount_received, done.latest_charge.paid) == ("succeeded", 10_000, True)
    assert done.latest_charge.balance_transaction.fee == 130
    assert types(api) == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_the_fee_is_capped(api: stripe.StripeClient, raw: Raw) -> None:
    debited(api, amount=500_000)
    raw.control("POST", "clock", {"advance": 3600})
    assert api.v1.balance_transactions.list().data[0].fee == 350


@pytest.mark.parametrize("number", [number for number, one in ACCOUNTS.items() if one.failure and not one.declined])
def test_processing_then_failed(api: stripe.StripeClient, raw: Raw, number: str) -> None:
    intent = debited(api, number, expand=["latest_charge"])
    assert intent.status == "processing"
    raw.control("POST", "clock", {"advance": 3600 + 180})
    done = api.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (done.status, done.last_payment_error.code) == ("requires_payment_method", ACCOUNTS[number].failure)
    assert (done.latest_charge.status, done.latest_charge.failure_message) == (
        "failed",
        FAILURES[done.last_payment_error.code],
    )
    mandate = api.v1.mandates.retrieve(intent.latest_charge.payment_method_details.au_becs_debit.mandate)
    assert mandate.status == ("inactive" if ACCOUNTS[number].mandate_ends else "active")
    assert api.v1.balance_transactions.list().data == []
    assert "payment_intent.payment_failed" in types(api)


@pytest.mark.parametrize("number", [number for number, one in ACCOUNTS.items() if one.declined])
def test_refused_at_once(api: stripe.StripeClient, number: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        debited(api, number)
    assert caught.value.code == ACCOUNTS[number].failure
    assert caught.value.error.payment_intent.status == "requires_payment_method"
    assert types(api)[-1] == "payment_intent.payment_failed"


def test_disputed(api: stripe.StripeClient, raw: Raw) -> None:
    intent = debited(api, "666666660")
    raw.control("POST", "clock", {"advance": 3600})
    dispute = api.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.reason) == ("lost", "debit_not_authorized")


def test_a_mandate_is_needed_and_kept(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="requires a mandate"):
        debited(api, mandate_data="")
    customer = api.v1.customers.create({}).id
    first = debited(
        api, customer=customer, setup_future_usage="off_session", expand=["payment_method", "latest_charge"]
    )
    assert first.payment_method.customer == customer
    again = debited(
        api, customer=customer, payment_method=first.payment_method.id, mandate_data="", expand=["latest_charge"]
    )
    used = [one.latest_charge.payment_method_details.au_becs_debit.mandate for one in (first, again)]
    assert used[0] == used[1]
    assert api.v1.mandates.retrieve(used[0]).type == "multi_use"


def test_the_type_must_have_been_asked_for(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="not allowed for this PaymentIntent"):
        debited(api, allowed_payment_method_types=["card"])
    with pytest.raises(stripe.InvalidRequestError, match="not allowed for this PaymentIntent"):
        debited(api, payment_method="pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="support aud"):
        debited(api, currency="usd")
    with pytest.raises(stripe.InvalidRequestError, match="is invalid"):
        debited(api, allowed_payment_method_types=["au_becs_debit", "cowries"])


def test_refunded_in_days(api: stripe.StripeClient, raw: Raw) -> None:
    intent = debited(api)
    raw.control("POST", "clock", {"advance": 3600})
    raw.control("POST", "settings", {"refund_seconds": 86400})
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    raw.control("POST", "clock", {"advance": 86400})
    assert api.v1.refunds.retrieve(refund.id).status == "succeeded"
