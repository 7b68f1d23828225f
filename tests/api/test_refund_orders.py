"""Who may order a refund of what; and what the history says of it."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api
from tests.clinic import ADMIN, MANAGER, OTHER_PATIENT, PATIENT, PSYCHOLOGIST

PAY = "/api/billing/payments/"


@pytest.mark.catalogue(53)
def test_only_what_was_taken_can_be_given_back(api: Api) -> None:
    pending = api.pay_by_http(status=201, payment_method_id="pm_card_threeDSecureRequired").json
    api.appointment(124)
    failed = api.pay_by_http(status=402, appointment_id=124, payment_method_id="pm_card_visa_chargeDeclined").json
    for payment_id in (pending["id"], failed["payment_id"]):
        refused = api.post(f"{PAY}{payment_id}/refund/", {}, as_user=MANAGER, status=409)
        assert refused.json["code"] == "not_payable"
    api.appointment(125)
    paid = api.pay_by_http(status=201, appointment_id=125).json
    for amount in ("0", "0.00", "-1", "180.01", "1.005", "NaN"):
        refused = api.post(f"{PAY}{paid['id']}/refund/", {"amount": amount}, as_user=MANAGER, status=400)
        assert list(refused.json["details"]) == ["amount"], amount
    assert not api.rows("SELECT id FROM refunds") and not api.books()["refunds"]


@pytest.mark.catalogue(54)
def test_refunds_are_staffs_and_the_history_says_whose_and_why(api: Api) -> None:
    paid = api.pay_by_http(status=201).json
    path = f"{PAY}{paid['id']}/refund/"
    for nobody in (PATIENT, OTHER_PATIENT, PSYCHOLOGIST):
        assert api.post(path, {}, as_user=nobody, status=403).json["code"] == "permission_denied"
    assert api.post(path, {}, as_user=None, status=401)
    api.post(path, {"amount": "80.00", "reason": "came too late"}, as_user=MANAGER, status=201)
    api.post(path, {"amount": "20.00", "reason": "as agreed"}, as_user=ADMIN, status=201)
    ordered = api.rows("SELECT amount, created_by, reason FROM refunds ORDER BY id")
    assert [tuple(row) for row in ordered] == [
        (8000, f"user:{MANAGER}", "came too late"),
        (2000, f"user:{ADMIN}", "as agreed"),
    ]
    history = api.rows(
        "SELECT DISTINCT actor, reason FROM transitions WHERE refund_id IS NOT NULL AND from_state IS NULL"
    )
    assert {tuple(row) for row in history} == {(f"user:{MANAGER}", "came too late"), (f"user:{ADMIN}", "as agreed")}
