"""Pages, filters and expansion."""

import pytest
import stripe

from tests.sandbox.helpers import Raw, paid


def test_pages(api: stripe.StripeClient) -> None:
    made = [api.v1.payment_intents.create({"amount": 100 + number, "currency": "aud"}).id for number in range(7)][::-1]
    first = api.v1.payment_intents.list({"limit": 3})
    assert ([one.id for one in first.data], first.has_more, first.url) == (made[:3], True, "/v1/payment_intents")
    second = api.v1.payment_intents.list({"limit": 3, "starting_after": made[2]})
    assert [one.id for one in second.data] == made[3:6]
    back = api.v1.payment_intents.list({"limit": 2, "ending_before": made[4]})
    assert ([one.id for one in back.data], back.has_more) == (made[2:4], True)
    assert [one.id for one in api.v1.payment_intents.list({"limit": 2}).auto_paging_iter()] == made
    for wrong in (
        {"limit": 0},
        {"limit": 101},
        {"starting_after": "pi_nobody"},
        {"starting_after": made[0], "ending_before": made[1]},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.payment_intents.list(wrong)


def test_filters(api: stripe.StripeClient, raw: Raw) -> None:
    customer = api.v1.customers.create({})
    old = paid(api, customer=customer.id)
    raw.control("POST", "clock", {"advance": 1000})
    new = paid(api)
    intents = api.v1.payment_intents
    assert [one.id for one in intents.list({"customer": customer.id}).data] == [old.id]
    assert [one.id for one in intents.list({"created": {"gt": old.created}}).data] == [new.id]
    assert [one.id for one in intents.list({"created": {"gte": old.created, "lt": new.created}}).data] == [old.id]
    assert [one.id for one in intents.list({"created": new.created}).data] == [new.id]
    assert [one.id for one in api.v1.charges.list({"payment_intent": new.id}).data] == [new.latest_charge]


def test_ids_stand_unless_expansion_is_asked_for(api: stripe.StripeClient) -> None:
    customer = api.v1.customers.create({})
    plain = paid(api, customer=customer.id)
    assert plain.latest_charge.startswith("ch_")
    assert (plain.customer, plain.payment_method[:3]) == (customer.id, "pm_")
    whole = api.v1.payment_intents.retrieve(
        plain.id,
        {"expand": ["customer", "payment_method", "latest_charge.balance_transaction", "latest_charge.payment_intent"]},
    )
    assert (whole.customer.object, whole.payment_method.object) == ("customer", "payment_method")
    assert whole.latest_charge.balance_transaction.source == whole.latest_charge.id
    assert whole.latest_charge.payment_intent.id == plain.id
    listed = api.v1.payment_intents.list({"expand": ["data.latest_charge", "data.customer"]}).data[0]
    assert (listed.latest_charge.object, listed.customer.object) == ("charge", "customer")
    moved = api.v1.balance_transactions.list({"expand": ["data.source"]}).data[0]
    assert moved.source.object == "charge"
    assert api.v1.payment_intents.retrieve(plain.id).latest_charge == plain.latest_charge  # the books are as before


@pytest.mark.parametrize("wrong", ["colour", "latest_charge.colour", "data.customer", "amount"])
def test_what_cannot_be_expanded(api: stripe.StripeClient, wrong: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.v1.payment_intents.create({"amount": 5000, "currency": "aud", "expand": [wrong]})
    assert api.v1.payment_intents.list().data == []


def test_account_and_balance(api: stripe.StripeClient) -> None:
    assert api.v1.accounts.retrieve_current().country == "AU"
    assert api.v1.balance.retrieve().available[0].currency == "aud"
