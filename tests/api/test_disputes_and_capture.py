"""Holding, capturing, letting go, and disputes, as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.clinic import ADMIN, MANAGER, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, sandbox

PAYMENTS, DISPUTES = "/api/billing/payments/", "/api/billing/disputes/"


def hold(api: Api, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.pay_by_http(status=201, capture="manual", **more).json
    assert (answer["status"], answer["state"], answer["capture"]) == ("pending", "authorized", "manual")
    return answer


def dispute(api: Api, payment: dict[str, Any], **more: Any) -> dict[str, Any]:
    """At the bank, and heard of."""
    order = {"payment_intent": payment["payment_intent_id"], **more}
    made = sandbox(api.sandbox_url, "POST", "dispute", order)
    api.gateway.reverse_sweep.run(since=datetime.now(UTC) - timedelta(hours=1))
    api.gateway.inbox.work()
    return made


def test_a_hold_and_its_capture(api: Api) -> None:
    held = hold(api)
    assert held["amount_captured"] == "0.00" and held["capture_before"].endswith("Z")
    assert held["message"] == "The amount is reserved. It is taken when the clinic confirms it."
    assert "next_action" not in held
    path = f"{PAYMENTS}{held['id']}/capture/"
    taken = api.post(path, {"amount": "100.00"}, as_user=MANAGER, status=200).json
    assert (taken["status"], taken["amount"], taken["amount_captured"]) == ("succeeded", "180.00", "100.00")
    assert taken["transaction_id"].startswith("txn_")
    assert api.post(path, as_user=MANAGER, status=409).json["code"] == "already_paid"
    assert api.get(f"{PAYMENTS}{held['id']}/").json["amount_captured"] == "100.00"


def test_all_of_it_without_a_body_and_a_repeat_is_the_same_bytes(api: Api) -> None:
    path, key = f"{PAYMENTS}{hold(api)['id']}/capture/", {"Idempotency-Key": "k"}
    first = api.post(path, as_user=ADMIN, headers=key, status=200)
    assert first.json["amount_captured"] == "180.00"
    again = api.post(path, as_user=ADMIN, headers=key, status=200)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (first.body, "true")
    assert api.post(path, {"amount": "1.00"}, as_user=ADMIN, headers=key, status=422).json["code"] == (
        "idempotency_key_reuse"
    )


def test_letting_go(api: Api) -> None:
    held = hold(api)
    gone = api.post(f"{PAYMENTS}{held['id']}/void/", as_user=MANAGER, status=200).json
    assert (gone["status"], gone["failure"]) == ("failed", {"code": "canceled"})
    assert gone["message"] == "The payment was cancelled. No money was taken."
    assert api.post(f"{PAYMENTS}{held['id']}/capture/", as_user=MANAGER, status=409).json["code"] == "not_payable"
    assert api.pay_by_http(status=201).json["status"] == "succeeded"


def test_a_patient_does_not_let_go_what_the_clinic_holds(api: Api) -> None:
    held = hold(api)
    assert api.post(f"{PAYMENTS}{held['id']}/cancel/", status=409).json["code"] == "payment_in_progress"
    for what in ("capture", "void"):
        assert api.post(f"{PAYMENTS}{held['id']}/{what}/", status=403).json["code"] == "permission_denied"
    assert api.get(f"{PAYMENTS}{held['id']}/").json["state"] == "authorized"


def test_holding_by_the_card_form_and_by_staff(api: Api) -> None:
    body = {"amount": 18000, "appointment_id": 123, "capture": "manual"}
    intent = api.post("/api/billing/stripe/create-payment-intent/", body, status=200).json
    api.finish_in_browser(intent["payment_intent_id"])
    confirm = {"payment_intent_id": intent["payment_intent_id"]}
    assert api.post("/api/billing/stripe/confirm-payment/", confirm, status=200).json["state"] == "authorized"
    invoice = api.invoice()
    order = {"payment_method": "card", "payment_method_id": "pm_card_visa", "capture": "manual"}
    answer = api.post(f"/api/billing/invoices/{invoice.id}/pay/", order, as_user=MANAGER, status=200).json
    assert (answer["payment"]["state"], answer["invoice"]["status"]) == ("authorized", "pending")


@pytest.mark.parametrize("capture", ["Manual", "", "later", True, 1, ["manual"]])
def test_capture_is_one_of_two_words(quiet_api: Api, capture: Any) -> None:
    answer = quiet_api.pay_by_http(capture=capture, status=400).json
    assert (answer["code"], list(answer["details"])) == ("validation_error", ["capture"])


@pytest.mark.parametrize("amount", ["0.00", "-1", "NaN", True, "1e2", "99999999999.00"])
def test_bad_amounts_to_capture(quiet_api: Api, amount: Any) -> None:
    answer = quiet_api.post(f"{PAYMENTS}1/capture/", {"amount": amount}, as_user=MANAGER, status=400).json
    assert (answer["code"], list(answer["details"])) == ("validation_error", ["amount"])


@pytest.mark.parametrize("path", [f"{PAYMENTS}999/capture/", f"{PAYMENTS}999/void/", f"{DISPUTES}999/reopen/"])
def test_what_does_not_exist(quiet_api: Api, path: str) -> None:
    assert quiet_api.post(path, as_user=MANAGER, status=404).json["code"] == "not_found"
    assert quiet_api.post(path, {"other": 1}, as_user=MANAGER, status=400).json["code"] == "validation_error"


def test_the_capability_is_told(api: Api) -> None:
    [stripe] = api.get("/api/billing/providers/").json["providers"]
    assert stripe["capabilities"]["manual_capture"] is True


def test_an_ordinary_payment_says_nothing_of_holds(api: Api) -> None:
    answer = api.pay_by_http(status=201).json
    assert answer["disputed"] is False
    assert not {"capture", "amount_captured", "capture_before"} & set(answer)


# --- disputes ---------------------------------------------------------------------------------------------------------


def test_staff_see_disputes_and_the_patient_that_there_is_one(api: Api) -> None:
    payment = api.pay_by_http(status=201).json
    made = dispute(api, payment, reason="duplicate")
    answer = api.get(DISPUTES, as_user=MANAGER, status=200).json
    [shown] = answer["disputes"]
    due = datetime.fromtimestamp(made["evidence_details"]["due_by"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    opened = shown.pop("opened_at")
    assert opened.endswith("Z") and answer["next"] is None
    assert shown == {
        "id": shown["id"],
        "payment_id": payment["id"],
        "patient_id": PATIENT,
        "appointment_id": 123,
        "invoice_id": None,
        "provider": "stripe",
        "reference": made["id"],
        "payment_intent_id": payment["payment_intent_id"],
        "amount": "180.00",
        "currency": "AUD",
        "status": "needs_response",
        "reason": "duplicate",
        "evidence_due_by": due,
        "amount_withdrawn": "180.00",
        "fee": "25.00",
        "amount_reopened": "0.00",
        "refundable": False,
        "needs_review": False,
        "review_note": "",
        "closed_at": None,
    }
    mine = api.get(f"{PAYMENTS}{payment['id']}/").json
    assert (mine["status"], mine["disputed"]) == ("succeeded", True)
    refusal = api.post(f"{PAYMENTS}{payment['id']}/refund/", {}, as_user=MANAGER, status=409).json
    assert (refusal["code"], refusal["payment_id"]) == ("payment_disputed", payment["id"])


@pytest.mark.parametrize("user", [PATIENT, OTHER_PATIENT, PSYCHOLOGIST])
def test_disputes_are_for_staff(quiet_api: Api, user: int) -> None:
    assert quiet_api.get(DISPUTES, as_user=user, status=403).json["code"] == "permission_denied"
    assert quiet_api.post(f"{DISPUTES}1/reopen/", as_user=user, status=403).json["code"] == "permission_denied"
    assert quiet_api.get(DISPUTES, as_user=None, status=401).json["code"] == "not_authenticated"


def test_filters_and_pages(api: Api) -> None:
    api.appointment(300, OTHER_PATIENT)
    payments = [api.pay_by_http(appointment_id=300, as_user=OTHER_PATIENT, status=201).json]
    for number in range(301, 304):
        api.appointment(number)
        payments.append(api.pay_by_http(appointment_id=number, status=201).json)
    for payment in payments:
        dispute(api, payment)
    dispute(api, payments[1], close="lost")

    def found(query: str) -> list[int]:
        answer = api.get(f"{DISPUTES}?{query}", as_user=ADMIN, status=200).json
        return [one["payment_id"] for one in answer["disputes"]]

    newest_first = [payment["id"] for payment in reversed(payments)]
    assert found("") == newest_first
    assert found("status=lost") == [payments[1]["id"]]
    assert found(f"patient_id={OTHER_PATIENT}") == [payments[0]["id"]]
    assert found(f"payment_id={payments[2]['id']}&status=needs_response") == [payments[2]["id"]]
    seen, path = [], f"{DISPUTES}?limit=2&status=needs_response"
    while path:
        page = api.get(path, as_user=ADMIN, status=200).json
        seen += [one["payment_id"] for one in page["disputes"]]
        path = page["next"]
    assert seen == [number for number in newest_first if number != payments[1]["id"]]
    for wrong in ("status=open", "limit=0", "limit=101", "payment_id=x", "other=1"):
        assert api.get(f"{DISPUTES}?{wrong}", as_user=ADMIN, status=400).json["code"] == "validation_error"


def test_a_lost_amount_is_due_again_when_staff_say_so(api: Api) -> None:
    payment = api.pay_by_http(status=201).json
    dispute(api, payment)
    dispute(api, payment, close="lost")
    assert api.pay_by_http(status=409).json["code"] == "already_paid"
    [lost] = api.get(f"{DISPUTES}?status=lost", as_user=MANAGER).json["disputes"]
    reopened = api.post(f"{DISPUTES}{lost['id']}/reopen/", as_user=MANAGER, status=200).json
    assert (reopened["amount_reopened"], reopened["status"]) == ("180.00", "lost")
    assert api.post(f"{DISPUTES}{lost['id']}/reopen/", as_user=MANAGER, status=409).json["code"] == "not_payable"
    assert api.pay_by_http(status=201).json["status"] == "succeeded"
