"""Medicare as the frontend and staff see it: over HTTP, with tokens, in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import MANAGER, OTHER_PATIENT, sandbox
from tests.invariants import read_store
from tests.invariants_of_claims import claims_agree
from tests.medicare.conftest import BENEFIT, CARD, Surgery, bulk_bill, consent, settings_for

PAY = "/api/billing/payments/"


class Desk(Api, Surgery):
    """An application in front of the surgery."""

    def __init__(self, database_url: str, sandbox_url: str, medicare: str, **more: str) -> None:
        self.medicare, self.more = medicare, settings_for(medicare) | more
        Api.__init__(self, database_url, sandbox_url, **self.more)


@pytest.fixture
def desk(database_url: str, stripe_sandbox: StripeSandbox, medicare_sandbox: str) -> Iterator[Desk]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Desk(database_url, stripe_sandbox.url, medicare_sandbox)
    made.ask("reset", {})
    made.open()
    made.session()
    yield made
    problems = claims_agree(read_store(made.database.engine), made.there())
    made.close()
    assert not problems, problems


def bill(desk: Desk, status: int = 201, **more: Any) -> dict[str, Any]:
    body = {"appointment_id": 123, "amount": "180.00", "payment_method": "medicare", **bulk_bill(**more)}
    answer: dict[str, Any] = desk.post(PAY, body, status=status).json
    return answer


def test_a_bulk_bill_as_the_patient_sees_it(desk: Desk) -> None:
    desk.rule("benefit", benefit=BENEFIT)
    lodged = bill(desk)
    assert (lodged["status"], lodged["claim"]["state"]) == ("pending", "with_medicare")
    assert lodged["claim"]["card"] == "**** ***70 1" and lodged["claim"]["items"] == ["80110"]
    desk.nights(2)
    paid = desk.get(f"{PAY}{lodged['id']}/", status=200).json
    assert (paid["status"], paid["amount"], paid["amount_requested"]) == ("succeeded", "101.55", "180.00")
    assert (paid["claim"]["state"], paid["claim"]["benefit"]) == ("paid", "101.55")
    listed = desk.get(PAY, status=200).json["payments"]
    assert [one["claim"]["state"] for one in listed] == ["paid"]
    assert "warnings" not in paid and desk.get(f"{PAY}{lodged['id']}/", as_user=MANAGER).json["warnings"]
    for text in (str(lodged), str(paid), str(listed)):
        assert CARD not in text and "Canary" not in text


def test_an_invoice_is_paid_in_full_by_the_benefit(desk: Desk) -> None:
    desk.rule("benefit", benefit=BENEFIT)
    invoice = desk.invoice(18000, appointment_id=123)
    path, body = f"/api/billing/invoices/{invoice.id}/pay/", {"payment_method": "medicare", **bulk_bill()}
    answer = desk.post(path, body, as_user=MANAGER, status=200).json
    assert (answer["payment"]["status"], answer["invoice"]["status"]) == ("pending", "pending")
    desk.nights(2)
    rows = desk.rows("SELECT status FROM invoices")
    assert [row.status for row in rows] == ["paid"]


def test_a_rejection_is_a_refusal_that_leads_to_its_reason(desk: Desk) -> None:
    desk.rule("refuse", code="9628", text="In Medicare's own words")
    refused = bill(desk, status=409)
    assert refused["code"] == "not_payable"
    payment = desk.get(f"{PAY}{refused['payment_id']}/", status=200).json
    assert (payment["claim"]["code"], payment["claim"]["text"]) == ("9628", "In Medicare's own words")


def test_wrong_fields_answer_in_the_one_shape(desk: Desk) -> None:
    asked = bulk_bill()
    patient = asked["patient"] | {"medicare_number": "2123456711", "colour": "blue"}
    refused = bill(desk, status=400, patient=patient, item="80110x")
    assert refused["code"] == "validation_error"
    assert set(refused["details"]) == {"patient", "item"} and set(refused["details"]["patient"]) == {
        "medicare_number",
        "colour",
    }
    assert "2123456711" not in str(refused)


def test_the_consent_is_given_to_staff(desk: Desk) -> None:
    waiting = bill(desk, consent=None)
    assert waiting["next_action"] == {"type": "medicare_consent"} and "consent" in waiting["message"]
    path = f"{PAY}{waiting['id']}/evidence/"
    assert desk.post(path, {"consent": consent()}, status=403).json["code"] == "permission_denied"
    given = desk.post(path, {"consent": consent()}, as_user=MANAGER, status=200).json
    assert given["claim"]["state"] == "with_medicare" and given["claim"]["consent_kept_until"]
    again = desk.post(path, {"decision": "accept"}, as_user=MANAGER, status=409).json
    assert again["code"] == "not_payable"
    both = {"decision": "accept", "result": "paid"}
    assert desk.post(path, both, as_user=MANAGER, status=400).json["details"] == {
        "result": ["Not together with a decision"]
    }


def test_what_can_be_offered_says_what_it_wants_to_know(desk: Desk) -> None:
    providers = desk.get("/api/billing/providers/", status=200).json["providers"]
    [medicare] = [one for one in providers if one["method"] == "medicare"]
    named = {parameter["name"]: parameter for parameter in medicare["parameters"]}
    assert {"item", "patient", "referral", "consent"} <= set(named)
    assert {field["name"] for field in named["patient"]["fields"]} >= {"medicare_number", "irn"}


def test_the_patients_own_claim(desk: Desk) -> None:
    paid = desk.pay_by_http(status=201).json
    path = f"{PAY}{paid['id']}/medicare-claim/"
    assert desk.get(path, status=404).json["code"] == "not_found"
    asked = bulk_bill(consent=None)
    lodged = desk.post(path, asked, headers={"Idempotency-Key": "k1"}, status=201)
    assert (lodged.json["state"], lodged.json["claim"]["benefit"]) == ("lodged", "153.00")
    again = desk.post(path, asked, headers={"Idempotency-Key": "k1"}, status=201)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (lodged.body, "true")
    assert desk.get(path, status=200).json == lodged.json
    for method in ("GET", "DELETE"):
        assert desk.call(method, path, as_user=OTHER_PATIENT).status_code == 404
    assert desk.call("DELETE", path, status=200).json["state"] == "deleted"
    assert desk.post(f"{PAY}{paid['id']}/stripe-claim/", asked, status=404).json["code"] == "not_found"
    assert CARD not in lodged.text
