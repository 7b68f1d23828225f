"""The frontend's document, held word for word: its samples (samples/*.json), key by key, against live answers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from webtest import TestResponse

SAMPLES = Path(__file__).parent / "samples"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
# What the provider, the clock or the store chooses: held to a form instead of to the sample's value.
FORMS = {
    "created_at": MOMENT,
    "payment_intent_id": r"pi_\w+",
    "transaction_id": r"txn_\w+",
    "client_secret": r"pi_\w+_secret_\w+",
    "receipt_url": r"https://\S+",
}
NUMBERED = {"id", "invoice_id", "exp_year"}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """What of the sample is not in the answer. More keys are fine."""
    name = path.rpartition(".")[2]
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{path} is not an object"]
        missing = [f"{path}.{key} is missing" for key in expected if key not in found]
        shared = [key for key in expected if key in found]
        return missing + [line for key in shared for line in differences(expected[key], found[key], f"{path}.{key}")]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{path} is not a list of {len(expected)}"]
        return [line for one, other in zip(expected, found, strict=True) for line in differences(one, other, path)]
    if type(expected) is not type(found):
        return [f"{path} is {found!r}, not a {type(expected).__name__}"]
    if name in NUMBERED:
        return []
    if name in FORMS:
        return [] if re.fullmatch(FORMS[name], found) else [f"{path} is {found!r}"]
    return [] if expected == found else [f"{path} is {found!r}, not {expected!r}"]


def check(response: TestResponse, name: str) -> None:
    expected = sample(name)
    assert response.status_code == expected["status"], response.text
    assert differences(expected["response"], response.json) == []


def test_process_payment(api: Any) -> None:
    body = sample("process_payment")["request"] | {"payment_method_id": "pm_card_visa"}
    response = api.post("/api/billing/payments/", body)
    check(response, "process_payment")
    assert api.get(f"/api/billing/payments/{response.json['id']}/").json == response.json | {"refunds": []}


@pytest.mark.parametrize(
    ("card", "name"),
    [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined"),
        ("pm_card_chargeDeclinedFraudulent", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "card_declined"),
    ],
)
@pytest.mark.catalogue(33)
def test_declines(api: Any, card: str, name: str) -> None:
    response = api.pay_by_http(payment_method_id=card)
    check(response, name)
    assert "stolen" not in response.text
    assert "fraud" not in response.text
    kept = api.get(f"/api/billing/payments/{response.json['payment_id']}/").json
    assert (kept["status"], kept["amount"]) == ("failed", "180.00")


def test_create_payment_intent_and_confirm(api: Any) -> None:
    asked = sample("create_payment_intent")["request"]
    created = api.post("/api/billing/stripe/create-payment-intent/", asked)
    check(created, "create_payment_intent")
    intent = created.json["payment_intent_id"]
    confirm = sample("confirm_payment")["request"] | {"payment_intent_id": intent}
    early = api.post("/api/billing/stripe/confirm-payment/", confirm, status=200)
    assert early.json["status"] == "pending"
    api.finish_in_browser(intent)
    check(api.post("/api/billing/stripe/confirm-payment/", confirm), "confirm_payment")


@pytest.mark.catalogue(109)
def test_an_intent_asked_for_twice_is_the_same(api: Any) -> None:
    asked = sample("create_payment_intent")["request"]
    first, second = (api.post("/api/billing/stripe/create-payment-intent/", asked, status=200) for _ in range(2))
    assert first.json == second.json
    assert len(api.books()["payment_intents"]) == 1


def test_payment_methods(api: Any) -> None:
    assert api.get("/api/billing/payment-methods/", status=200).json == {"payment_methods": []}
    card = {"payment_method_id": "pm_card_visa", "payment_method": "card"}
    api.post("/api/billing/payment-methods/", card, status=201)
    account = {
        "bank_name": "Commonwealth Bank",
        "account_name": "John Doe",
        "bsb": "062000",
        "account_number": "12341234",
    }
    api.post("/api/billing/payment-methods/", {"type": "bank_account", "bank_account": account}, status=201)
    check(api.get("/api/billing/payment-methods/"), "payment_methods")


def test_pay_invoice(api: Any) -> None:
    invoice = api.invoice()
    body = sample("pay_invoice")["request"] | {"payment_method_id": "pm_card_visa"}
    response = api.post(f"/api/billing/invoices/{invoice.id}/pay/", body)
    check(response, "pay_invoice")
    assert response.json["invoice"]["id"] == response.json["payment"]["invoice_id"] == invoice.id


def test_an_invoice_is_paid_in_full_without_an_amount(api: Any) -> None:
    invoice = api.invoice(amount=12345)
    body = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    response = api.post(f"/api/billing/invoices/{invoice.id}/pay/", body, status=200)
    assert response.json["payment"]["amount"] == response.json["invoice"]["amount_paid"] == "123.45"


def test_three_d_secure_says_what_to_do(api: Any) -> None:
    response = api.pay_by_http(status=201, payment_method_id="pm_card_threeDSecureRequired")
    assert response.json["status"] == "pending"
    assert response.json["message"] == "Please complete the authentication requested by your bank."
    assert re.fullmatch(FORMS["client_secret"], response.json["next_action"]["client_secret"])
    assert response.json["next_action"]["type"]


@pytest.mark.catalogue(24)
def test_an_unclear_outcome_is_pending_and_says_not_to_pay_again(api: Any) -> None:
    api.fault("POST /v1/payment_intents/*/confirm", "lost")
    api.fault("GET /v1/payment_intents/*", "refuse", times=5)
    response = api.pay_by_http(status=201)
    assert response.json["status"] == "pending"
    assert response.json["message"] == "Your payment is being confirmed. Please do not pay again."
    sandbox_faults = api.books()
    assert len(sandbox_faults["charges"]) == 1
