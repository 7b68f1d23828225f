"""Customers, whose a payment method is, and setup intents."""

import pytest
import stripe

from tests.sandbox.helpers import RETURN, Raw, paid


def test_customers(api: stripe.StripeClient) -> None:
    made = api.v1.customers.create(
        {"email": "kim@clinic.example", "name": "Kim", "metadata": {"patient": "1"}, "address": {"city": "Fitzroy"}}
    )
    assert made.id.startswith("cus_")
    changed = api.v1.customers.update(made.id, {"name": "Kim L.", "metadata": {"since": "2026"}})
    assert (changed.name, changed.address.city) == ("Kim L.", "Fitzroy")
    assert changed.metadata.to_dict() == {"patient": "1", "since": "2026"}
    other = api.v1.customers.create({})
    assert [one.id for one in api.v1.customers.list({"email": "kim@clinic.example"}).data] == [made.id]
    assert [one.id for one in api.v1.customers.list().data] == [other.id, made.id]
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": made.id})
    assert api.v1.customers.delete(made.id).deleted
    assert api.v1.customers.retrieve(made.id).deleted
    assert api.v1.payment_methods.retrieve(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.update(made.id, {"name": "Nobody"})
    assert caught.value.http_status == 404


def test_attach_list_detach(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    card = {"type": "card", "card": {"token": "tok_mastercard"}, "billing_details": {"name": "Kim"}}
    loose = api.v1.payment_methods.create(card)
    assert (loose.customer, loose.card.brand, loose.billing_details.name) == (None, "mastercard", "Kim")
    api.v1.payment_methods.attach(loose.id, {"customer": customer.id})
    assert [one.id for one in api.v1.customers.payment_methods.list(customer.id).data] == [loose.id]
    assert api.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data[0].id == loose.id
    assert api.v1.customers.payment_methods.retrieve(customer.id, loose.id).id == loose.id
    changed = api.v1.payment_methods.update(loose.id, {"metadata": {"a": "b"}, "card": {"exp_month": 3}})
    assert changed.card.exp_month == 3
    assert api.v1.payment_methods.detach(loose.id).customer is None
    for call in (
        lambda: api.v1.payment_methods.attach(loose.id, {"customer": customer.id}),
        lambda: api.v1.payment_methods.detach(loose.id),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            call()


def test_raw_card_numbers_are_refused(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="unsafe"):
        api.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2031, "cvc": "123"}}
        )


def test_a_payment_method_works_with_its_customer_only(api: stripe.StripeClient) -> None:
    kim, lee = api.v1.customers.create({}), api.v1.customers.create({})
    method = api.v1.payment_methods.attach("pm_card_visa", {"customer": kim.id})
    assert paid(api, method.id, customer=kim.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match=f"belongs to the Customer {kim.id}"):
        paid(api, method.id)
    with pytest.raises(stripe.InvalidRequestError, match=f"does not belong to the Customer you supplied {lee.id}"):
        paid(api, method.id, customer=lee.id)
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        api.v1.payment_methods.attach(method.id, {"customer": lee.id})
    assert len(api.v1.payment_intents.list().data) == 1


def test_one_used_without_a_customer_is_spent(api: stripe.StripeClient) -> None:
    method = api.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert paid(api, method.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="previously used"):
        paid(api, method.id)


def test_saved_during_payment(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    intent = paid(api, customer=customer.id, setup_future_usage="off_session")
    assert api.v1.payment_methods.retrieve(intent.payment_method).customer == customer.id
    assert paid(api, intent.payment_method, customer=customer.id, off_session=True).status == "succeeded"


def test_setup_intents(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    intent = api.v1.setup_intents.create({"customer": customer.id})
    assert (intent.status, intent.usage) == ("requires_payment_method", "off_session")
    intent = api.v1.setup_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", **RETURN, "expand": ["latest_attempt", "payment_method"]}
    )
    assert (intent.status, intent.latest_attempt.status) == ("succeeded", "succeeded")
    assert intent.payment_method.customer == customer.id
    for call in (api.v1.setup_intents.confirm, api.v1.setup_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call(intent.id)
        assert caught.value.code == "setup_intent_unexpected_state"
    canceled = api.v1.setup_intents.cancel(api.v1.setup_intents.create({}).id)
    assert canceled.status == "canceled"
    assert [one.id for one in api.v1.setup_intents.list({"customer": customer.id}).data] == [intent.id]
    attempts = api.v1.setup_attempts.list({"setup_intent": intent.id}).data
    assert [one.status for one in attempts] == ["succeeded"]


def test_setup_with_3d_secure(api: stripe.StripeClient, raw: Raw) -> None:
    customer = api.v1.customers.create({})
    token = "pm_card_authenticationRequiredOnSetup"
    order = {"customer": customer.id, "payment_method": token, "confirm": True, **RETURN}
    failed = api.v1.setup_intents.create(order)
    assert failed.status == "requires_action"
    raw.control("POST", f"challenge/{failed.id}", {"outcome": "fail"})
    failed = api.v1.setup_intents.retrieve(failed.id)
    assert (failed.status, failed.last_setup_error.code) == (
        "requires_payment_method",
        "setup_intent_authentication_failure",
    )
    done = api.v1.setup_intents.create(order)
    raw.control("POST", f"challenge/{done.id}", {"outcome": "complete"})
    done = api.v1.setup_intents.retrieve(done.id)
    assert done.status == "succeeded"
    assert paid(api, done.payment_method, customer=customer.id, off_session=True).status == "succeeded"


def test_setup_declined(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        api.v1.setup_intents.create({"payment_method": "pm_card_visa_chargeDeclined", "confirm": True, **RETURN})
    assert caught.value.error.setup_intent.status == "requires_payment_method"
