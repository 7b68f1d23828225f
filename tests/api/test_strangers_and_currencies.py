"""What belongs to others is not there, at every door; and an amount is one of its currency."""

from __future__ import annotations

import pytest

from tests.api.conftest import ORIGIN, Api
from tests.api.test_http import METHODS, any_answers
from tests.clinic import MANAGER, OTHER_PATIENT

PAY = "/api/billing/payments/"
CONFIRM = "/api/billing/stripe/confirm-payment/"


@pytest.mark.catalogue(63)
def test_what_exists_and_is_anothers_is_as_absent_as_what_does_not_exist(api: Api) -> None:
    """Their payment, finished and open, at each door of a payment; the same bytes as for what is not there."""
    theirs = api.pay_by_http(status=201).json
    api.appointment(124)
    asked = {"appointment_id": 124, "amount": 18000}
    waiting = api.post("/api/billing/stripe/create-payment-intent/", asked, status=200).json
    before = [tuple(row) for row in api.rows("SELECT * FROM payments")]
    stranger = {"as_user": OTHER_PATIENT}
    absent = api.get(f"{PAY}999/", **stranger, status=404)
    answers = [
        api.get(f"{PAY}{theirs['id']}/", **stranger),
        api.get(f"{PAY}{waiting['payment_id']}/", **stranger),
        api.post(f"{PAY}{waiting['payment_id']}/cancel/", **stranger),
        api.post(CONFIRM, {"payment_intent_id": theirs["payment_intent_id"]}, **stranger),
        api.post(CONFIRM, {"payment_intent_id": waiting["payment_intent_id"]}, **stranger),
        api.post(CONFIRM, {"payment_intent_id": waiting["payment_intent_id"], "appointment_id": 124}, **stranger),
        api.post(CONFIRM, {"payment_intent_id": "pi_nobodys"}, **stranger),
        api.pay_by_http(appointment_id=124, **stranger),
    ]
    assert {(one.status_code, one.body) for one in answers} == {(404, absent.body)}
    assert [tuple(row) for row in api.rows("SELECT * FROM payments")] == before
    assert api.get(PAY, **stranger).json["payments"] == []


@pytest.mark.catalogue(58)
@pytest.mark.parametrize(
    ("currency", "fee", "bad", "field"),
    [
        ("JPY", 18000, "180.50", "amount"),
        ("JPY", 18000, "18000.0", None),
        ("BHD", 18000, "18.000", "payment_method"),
        ("BHD", 18000, "18.0001", "amount"),
        ("AUD", 18000, "180.005", "amount"),
    ],
)
def test_an_amount_has_the_places_of_its_currency(
    quiet_api: Api, currency: str, fee: int, bad: str, field: str | None
) -> None:
    """Stripe is not asked to take BHD: its minor unit there is another (docs.stripe.com/currencies)."""
    quiet_api.appointment(124, currency=currency, fee=fee)
    answer = quiet_api.pay_by_http(appointment_id=124, amount=bad, currency=currency)
    if field is None:
        assert answer.status_code == 503, "accepted, and then nobody listened"
        return
    assert (answer.status_code, list(answer.json["details"])) == (400, [field])
    assert not quiet_api.rows("SELECT id FROM payments")


@pytest.mark.catalogue(79)
def test_a_browser_may_read_every_kind_of_error(quiet_api: Api) -> None:
    send, seen = quiet_api.call, list[int]()

    def from_a_browser(*arguments: object, **more: object) -> object:
        headers = {"Origin": ORIGIN, **more.pop("headers", {})}  # type: ignore[dict-item]
        answer = send(*arguments, headers=headers, **more)  # type: ignore[arg-type]
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        seen.append(answer.status_code)
        return answer

    quiet_api.call = from_a_browser  # type: ignore[method-assign, assignment]
    any_answers(quiet_api)
    assert {200, 400, 401, 403, 404, 405, 413, 415, 500} == set(seen)


@pytest.mark.catalogue(88)
def test_a_list_of_methods_tells_what_may_be_shown_and_nothing_else(api: Api) -> None:
    api.post(METHODS, {"payment_method_id": "pm_card_visa"}, status=201)
    account = {"bank_name": "CBA", "account_name": "Casey", "bsb": "062-000", "account_number": "87654321"}
    api.post(METHODS, {"type": "bank_account", "bank_account": account}, status=201)
    bank, card = sorted(api.get(METHODS).json["payment_methods"], key=lambda one: str(one["type"]))
    assert set(card["card"]) == {"brand", "last4", "exp_month", "exp_year"}
    assert set(bank["bank_account"]) == {"bank_name", "account_name", "bsb", "account_number"}
    assert bank["bank_account"]["account_number"] == "****4321"
    (customer,) = api.books()["customers"]
    shown = api.get(METHODS)
    assert customer["id"] not in shown.text and "87654321" not in shown.text
    assert api.get(METHODS, as_user=OTHER_PATIENT).json == {"payment_methods": []}
    assert api.get(METHODS, as_user=MANAGER).status_code == 403
