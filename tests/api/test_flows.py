"""Longer ways through the API: repeats, lists, refunds, cancelling, saved cards, staff."""

import hashlib
import hmac
import json
import time

import pytest

from tests.api.conftest import Api
from tests.clinic import ADMIN, MANAGER, OTHER_PATIENT, PATIENT, WEBHOOK_SECRET

PAY = "/api/billing/payments/"
METHODS = "/api/billing/payment-methods/"


@pytest.mark.catalogue(1)
def test_a_repeat_with_the_same_key_is_the_same_bytes(api: Api) -> None:
    first = api.pay_by_http(status=201, headers={"Idempotency-Key": "k"})
    again = api.pay_by_http(status=201, headers={"Idempotency-Key": '"k"'})
    assert again.body == first.body
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.books()["charges"]) == 1


@pytest.mark.catalogue(3)
def test_the_same_key_for_something_else(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    api.pay_by_http(status=201, headers=key)
    assert api.pay_by_http(status=422, headers=key, amount="180.0").json["code"] == "idempotency_key_reuse"
    other_order = {
        "payment_method_id": "pm_card_visa",
        "payment_method": "card",
        "amount": "180.00",
        "appointment_id": 123,
    }
    text = json.dumps(other_order, indent=4).encode()
    assert api.post(PAY, text, headers=key, status=201).headers["Idempotent-Replayed"] == "true"


@pytest.mark.catalogue(4)
def test_keys_are_each_users_own(api: Api) -> None:
    api.appointment(124, OTHER_PATIENT)
    key = {"Idempotency-Key": "k"}
    mine = api.pay_by_http(status=201, headers=key)
    theirs = api.pay_by_http(status=201, headers=key, appointment_id=124, as_user=OTHER_PATIENT)
    assert mine.json["id"] != theirs.json["id"]
    assert "Idempotent-Replayed" not in theirs.headers


@pytest.mark.catalogue(8)
def test_a_decline_is_repeated_without_asking_again(api: Api) -> None:
    declined = {"payment_method_id": "pm_card_visa_chargeDeclined", "headers": {"Idempotency-Key": "k"}}
    first, again = (api.pay_by_http(status=402, **declined) for _ in range(2))
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
    assert len(api.books()["payment_intents"]) == 1
    assert api.pay_by_http(status=201, headers={"Idempotency-Key": "k2"}).json["status"] == "succeeded"


def test_paid_is_paid(api: Api) -> None:
    api.pay_by_http(status=201)
    assert api.pay_by_http(status=409).json["code"] == "already_paid"


@pytest.mark.catalogue(27)
def test_a_provider_that_cannot_be_reached(quiet_api: Api) -> None:
    answer = quiet_api.pay_by_http(status=503)
    assert answer.json["code"] == "service_unavailable"
    assert int(answer.headers["Retry-After"]) >= 1
    assert [tuple(row) for row in quiet_api.rows("SELECT state, reason FROM payments")] == [("failed", "not_sent")]


def test_lists(api: Api) -> None:
    for number in range(200, 205):
        api.appointment(number)
        api.pay_by_http(appointment_id=number, status=201)
    api.appointment(300, OTHER_PATIENT)
    api.pay_by_http(appointment_id=300, as_user=OTHER_PATIENT, status=201)
    seen, path, pages = [], f"{PAY}?limit=2&status=succeeded", 0
    while path:
        page = api.get(path, status=200).json
        seen += [payment["appointment_id"] for payment in page["payments"]]
        path, pages = page["next"], pages + 1
    assert (seen, pages) == ([204, 203, 202, 201, 200], 3)
    assert api.get(f"{PAY}?appointment_id=202").json["payments"][0]["appointment_id"] == 202
    assert api.get(f"{PAY}?status=failed").json == {"payments": [], "next": None}
    assert api.get(f"{PAY}?patient_id={OTHER_PATIENT}").json["payments"] == []
    assert len(api.get(PAY, as_user=MANAGER).json["payments"]) == 6
    assert len(api.get(f"{PAY}?patient_id={OTHER_PATIENT}", as_user=ADMIN).json["payments"]) == 1
    assert api.get(f"{PAY}1/", as_user=OTHER_PATIENT, status=404)


@pytest.mark.catalogue(51)
def test_a_refund_in_two_parts(api: Api) -> None:
    paid = api.pay_by_http(status=201).json["id"]
    path = f"{PAY}{paid}/refund/"
    first = api.post(path, {"amount": "80.00", "reason": "late"}, as_user=MANAGER, status=201).json
    assert (first["amount"], first["status"], first["payment"]["status"]) == ("80.00", "succeeded", "succeeded")
    assert api.get(f"{PAY}{paid}/").json["amount_refunded"] == "80.00"
    assert api.post(path, {"amount": "100.01"}, as_user=MANAGER).json["code"] in (
        "refund_exceeds_balance",
        "validation_error",
    )
    rest = api.post(path, {}, as_user=MANAGER, status=201, headers={"Idempotency-Key": "r"})
    assert (rest.json["amount"], rest.json["payment"]["status"]) == ("100.00", "refunded")
    again = api.post(path, {}, as_user=MANAGER, status=201, headers={"Idempotency-Key": "r"})
    assert (again.body, again.headers["Idempotent-Replayed"]) == (rest.body, "true")
    shown = api.get(f"{PAY}{paid}/").json
    assert (shown["status"], [refund["amount"] for refund in shown["refunds"]]) == ("refunded", ["80.00", "100.00"])
    assert "late" not in json.dumps(shown)
    assert "late" in json.dumps(api.get(f"{PAY}{paid}/", as_user=MANAGER).json)


@pytest.mark.catalogue(53)
def test_refunds_that_cannot_be(api: Api) -> None:
    api.pay_by_http(payment_method_id="pm_card_visa_chargeDeclined", status=402)
    assert api.post(f"{PAY}1/refund/", {}, as_user=MANAGER, status=409).json["code"] == "not_payable"
    for amount in ("0", "-1"):
        assert api.post(f"{PAY}1/refund/", {"amount": amount}, as_user=MANAGER, status=400)
    paid = api.pay_by_http(status=201).json["id"]
    assert api.post(f"{PAY}{paid}/refund/", {"amount": "1.005"}, as_user=MANAGER, status=400)
    assert api.post(f"{PAY}1/refund/", {"reason": "x" * 501}, as_user=MANAGER, status=400)
    assert api.post(f"{PAY}1/refund/", {}, as_user=PATIENT, status=403)
    assert api.post(f"{PAY}99/refund/", {}, as_user=MANAGER, status=404)


def test_cancelling_what_waits_for_the_patient(api: Api) -> None:
    waiting = api.pay_by_http(payment_method_id="pm_card_threeDSecureRequired", status=201).json
    assert api.post(f"{PAY}{waiting['id']}/cancel/", as_user=OTHER_PATIENT, status=404)
    cancelled = api.post(f"{PAY}{waiting['id']}/cancel/", status=200).json
    assert (cancelled["status"], cancelled["failure"]) == ("failed", {"code": "canceled"})
    assert api.post(f"{PAY}{waiting['id']}/cancel/", {}, status=409).json["code"] == "not_payable"
    assert api.pay_by_http(status=201).json["status"] == "succeeded"


def test_a_saved_card_is_used_by_either_id_made_default_and_removed(api: Api) -> None:
    saved = api.post(METHODS, {"payment_method_id": "pm_card_visa"}, status=201).json
    other = api.post(METHODS, {"payment_method_id": "pm_card_mastercard"}, status=201).json
    assert (saved["is_default"], other["is_default"]) == (True, False)
    for number, method_id in enumerate((saved["id"], str(saved["id"]), saved["payment_method_id"]), start=500):
        api.appointment(number)
        assert api.pay_by_http(appointment_id=number, payment_method_id=method_id).status_code == 201
    assert api.post(f"{METHODS}{other['id']}/default/", status=200).json["is_default"] is True
    assert api.call("DELETE", f"{METHODS}{saved['id']}/", as_user=OTHER_PATIENT, status=404)
    assert api.call("DELETE", f"{METHODS}{saved['id']}/", status=204).body == b""
    assert [one["id"] for one in api.get(METHODS).json["payment_methods"]] == [other["id"]]
    assert api.pay_by_http(payment_method_id=saved["id"], status=404)


@pytest.mark.catalogue(65)
def test_another_patients_card(api: Api) -> None:
    theirs = api.post(METHODS, {"payment_method_id": "pm_card_visa"}, as_user=OTHER_PATIENT, status=201).json
    for method_id in (theirs["id"], theirs["payment_method_id"]):
        assert api.pay_by_http(payment_method_id=method_id, status=404)
    assert api.post(METHODS, {"payment_method_id": theirs["payment_method_id"]}, status=404)
    assert api.books()["charges"] == []


def test_staff_charge_a_saved_card_for_an_invoice(api: Api) -> None:
    saved = api.post(METHODS, {"payment_method_id": "pm_card_visa"}, status=201).json
    invoice = api.invoice()
    body = {"payment_method": "card", "payment_method_id": saved["id"]}
    answer = api.post(f"/api/billing/invoices/{invoice.id}/pay/", body, as_user=MANAGER, status=200).json
    assert (answer["invoice"]["status"], answer["payment"]["created_by"]) == ("paid", f"user:{MANAGER}")


@pytest.mark.catalogue(55)
def test_an_invoice_in_three_parts(api: Api) -> None:
    invoice = api.invoice()
    path = f"/api/billing/invoices/{invoice.id}/pay/"
    body = {"payment_method": "card", "payment_method_id": "pm_card_visa", "amount": "60.00"}
    statuses = [api.post(path, body, status=200).json["invoice"]["status"] for _ in range(3)]
    assert statuses == ["partially_paid", "partially_paid", "paid"]
    assert api.post(path, body, status=409).json["code"] == "already_paid"


def test_providers_for_a_frontend(api: Api) -> None:
    (stripe,) = api.get("/api/billing/providers/", status=200).json["providers"]
    assert (stripe["method"], stripe["provider"], stripe["capabilities"]["browser"]) == ("card", "stripe", True)
    assert "AUD" in stripe["currencies"]
    assert [parameter["name"] for parameter in stripe["parameters"]] == ["payment_method_types", "return_url"]
    assert "sk_test" not in json.dumps(stripe)
    assert "whsec" not in json.dumps(stripe)
    assert stripe["settings"] == {"publishable_key": "pk_test_clinic"}


def _signed(body: bytes, secret: str = WEBHOOK_SECRET, age: int = 0) -> dict[str, str]:
    moment = int(time.time()) - age
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={signature}"}


@pytest.mark.catalogue(36)
@pytest.mark.catalogue(47)
def test_webhooks_are_believed_by_their_signature_alone(api: Api) -> None:
    path = "/api/webhooks/stripe/"
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "charge.updated",
        "livemode": False,
        "created": 1,
        "data": {"object": {}},
    }
    body = json.dumps(event).encode()
    assert api.post(path, body, as_user=None, headers=_signed(body), status=200).json == {"received": True}
    assert api.post(path, body, as_user=None, headers=_signed(body) | {"Authorization": "Bearer x"}, status=200)
    for headers in ({}, _signed(body, "whsec_other"), _signed(body + b" "), _signed(body, age=301)):
        for as_user in (None, PATIENT):
            assert (
                api.post(path, body, as_user=as_user, headers=headers, status=400).json["code"] == "invalid_signature"
            )
    for nonsense in (b"", b"[]", b"\xff", b"[" * 100_000, b"{"):
        assert api.post(path, nonsense, as_user=None, headers=_signed(nonsense)).status_code == 400
    assert len(api.rows("SELECT id FROM inbox_events")) == 1
