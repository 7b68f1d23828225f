"""Refunds that the clinic's bank pays: queued, written into a file once, confirmed or sent back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.api.test_bank_transfer import ACCOUNT, TRANSFER
from tests.clinic import ADMIN, MANAGER, PATIENT, sandbox
from tests.invariants import check_invariants
from tp_gateway.contract import Outcome, OutcomeState

ABA = {"tp_gateway.bank_transfer.aba_bank": "CBA", "tp_gateway.bank_transfer.aba_user_id": "301500"}
TO = {"account_name": "Zoë Müller", "bsb": "062-111", "account_number": "987654321"}
FILES = "/api/billing/refund-files/"


def build(database_url: str, stripe_sandbox: StripeSandbox, **settings: str) -> Api:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Api(database_url, stripe_sandbox.url, **ACCOUNT, **settings)
    made.open()
    return made


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    made = build(database_url, stripe_sandbox, **ABA)
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def paid(bank: Api, appointment_id: int = 123, amount: int = 18000) -> int:
    """A transfer whose money has come."""
    bank.appointment(appointment_id)
    made = bank.post("/api/billing/payments/", {**TRANSFER, "appointment_id": appointment_id}, status=201).json
    arrived(bank, made["id"], amount)
    return int(made["id"])


def arrived(bank: Api, payment_id: int, amount: int) -> None:
    payment = bank.payment(payment_id)
    money = Outcome(
        OutcomeState.SUCCEEDED, payment.reference, settled=amount, currency="AUD", evidence=f"line:{payment_id}"
    )
    bank.gateway.recovery.apply(payment, money, datetime.now(UTC), "staff")


def refund(bank: Api, payment_id: int, status: int = 201, **body: Any) -> Any:
    return bank.post(f"/api/billing/payments/{payment_id}/refund/", body, as_user=MANAGER, status=status).json


def make(bank: Api, status: int = 201) -> Any:
    return bank.post(FILES, {}, as_user=MANAGER, status=status).json


def lines(bank: Api, file_id: int) -> list[str]:
    answer = bank.get(f"{FILES}{file_id}/content/", as_user=MANAGER, status=200)
    assert answer.content_type == "text/plain" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="RF')
    found = answer.body.decode("ascii").split("\r\n")
    assert found.pop() == "" and {len(line) for line in found} == {120}
    return found


def states(bank: Api) -> list[str]:
    return [row.state for row in bank.rows("SELECT state FROM refunds ORDER BY id")]


def test_from_the_queue_through_the_file_to_the_patient(bank: Api) -> None:
    first, second = paid(bank), paid(bank, 124)
    asked = refund(bank, first, amount="60.00", bank_account=TO)
    assert (asked["status"], asked["payment"]["status"]) == ("pending", "succeeded")
    refund(bank, second, bank_account=TO)
    queue = bank.get("/api/billing/refunds/?status=pending", as_user=MANAGER, status=200).json["refunds"]
    masked = {"name": "Zoë Müller", "bsb": "062-111", "account_number": "****321"}
    assert [(one["amount"], one["bank_account"]) for one in queue] == [("180.00", masked), ("60.00", masked)]

    file = make(bank)
    assert (file["refunds"], file["total"], file["currency"], file["confirmed_at"]) == (2, "240.00", "AUD", None)
    head, one, two, foot = lines(bank, file["id"])
    assert head[20:23] == "CBA" and head[30:56].rstrip() == "Sample Clinic" and file["title"] in head
    references = [row.reference for row in bank.rows("SELECT reference FROM refunds ORDER BY id")]
    for line, cents, reference in ((one, "0000006000", references[0]), (two, "0000018000", references[1])):
        assert (line[1:8], line[8:17], line[20:30], line[30:62].rstrip()) == (
            TO["bsb"],
            TO["account_number"],
            cents,
            "Zoe Muller",
        )
        assert line[62:80].rstrip() == reference and reference.startswith("RF")
    assert (foot[20:30], foot[30:40], foot[40:50], foot[74:80]) == ("0000024000", "0000024000", "0000000000", "000002")
    assert make(bank, 404)["details"] == "No refund waits for a file"

    done = bank.post(f"{FILES}{file['id']}/confirm/", as_user=ADMIN, status=200).json
    assert done["confirmed_by"] == f"user:{ADMIN}" and states(bank) == ["succeeded", "succeeded"]
    assert bank.post(f"{FILES}{file['id']}/confirm/", as_user=MANAGER, status=200).json == done
    shown = bank.get(f"/api/billing/payments/{first}/", status=200).json
    assert (shown["status"], shown["amount_refunded"]) == ("succeeded", "60.00")
    assert bank.get(f"/api/billing/payments/{second}/", status=200).json["status"] == "refunded"


def test_one_that_the_bank_sends_back_is_booked_back(bank: Api) -> None:
    payment_id = paid(bank)
    path = f"/api/billing/refunds/{refund(bank, payment_id, bank_account=TO)['id']}/confirm/"
    bank.post(path, {"outcome": "paid"}, as_user=MANAGER, status=200)
    assert bank.get(f"/api/billing/payments/{payment_id}/", status=200).json["status"] == "refunded"
    back = bank.post(path, {"outcome": "returned", "note": "account closed"}, as_user=MANAGER, status=200).json
    assert (back["status"], back["provider_code"]) == ("failed", "account closed")
    assert bank.get(f"/api/billing/payments/{payment_id}/", status=200).json["amount_refunded"] == "0.00"
    assert bank.post(path, {"outcome": "paid"}, as_user=MANAGER, status=409).json["code"] == "not_payable"
    assert refund(bank, payment_id, bank_account=TO)["status"] == "pending"


def test_to_an_account_that_the_patient_saved(bank: Api) -> None:
    body = {"type": "bank_account", "bank_account": {**TO, "bank_name": "Bank"}}
    saved = bank.post("/api/billing/payment-methods/", body, status=201).json
    refund(bank, paid(bank), payment_method_id=saved["id"])
    assert lines(bank, make(bank)["id"])[1][1:17] == "062-111987654321"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "bank_account"),
        ({"payment_method_id": 999}, "payment_method_id"),
        ({"payment_method_id": 1, "bank_account": TO}, "payment_method_id"),
        ({"bank_account": {**TO, "bsb": "62"}}, "bank_account.bsb"),
        ({"bank_account": {**TO, "account_number": "12"}}, "bank_account.account_number"),
        ({"bank_account": {"bsb": "062-111"}}, "bank_account.account_name"),
    ],
)
def test_where_to_is_checked(bank: Api, body: dict[str, Any], field: str) -> None:
    answer = refund(bank, paid(bank), 400, **body)
    found = answer["details"]
    for name in field.split("."):
        found = found[name]
    assert answer["code"] == "validation_error" and found
    assert states(bank) == []


@pytest.mark.parametrize("wrong", [{"account_number": "1234567890"}, {"account_name": "李"}])
def test_an_account_that_no_file_can_pay_stops_nobody_elses_refund(bank: Api, wrong: dict[str, str]) -> None:
    """An account number may have ten digits, and a file has room for nine."""
    refund(bank, paid(bank), bank_account=TO)
    other = paid(bank, 124)
    assert "account_cannot_be_paid" in refund(bank, other, 502, bank_account=TO | wrong)["details"]
    assert states(bank) == ["pending", "failed"]
    assert make(bank)["refunds"] == 1
    assert refund(bank, other, bank_account=TO)["status"] == "pending", "nothing of it was taken"


def test_another_patients_account_is_not_there(bank: Api) -> None:
    other = bank.gateway.payment_methods.add_bank_account(46, "Bank", "Other", "062-111", "12345678")
    assert "payment_method_id" in refund(bank, paid(bank), 400, payment_method_id=other.id)["details"]


def test_a_card_gives_money_back_the_way_it_came(bank: Api) -> None:
    bank.appointment()
    payment_id = bank.pay_by_http(status=201).json["id"]
    assert "bank_account" in refund(bank, payment_id, 400, bank_account=TO)["details"]
    path = f"/api/billing/refunds/{refund(bank, payment_id)['id']}/confirm/"
    assert bank.post(path, {"outcome": "returned"}, as_user=MANAGER, status=409).json["code"] == "not_payable"


def test_a_refund_stands_in_one_file_however_many_are_made_at_once(bank: Api) -> None:
    for appointment_id in range(200, 206):
        refund(bank, paid(bank, appointment_id), bank_account=TO)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: bank.post(FILES, {}, as_user=MANAGER), range(6)))
    assert {one.status_int for one in answers} <= {201, 404, 409, 503}
    made = [one.json for one in answers if one.status_int == 201]
    assert sum(one["refunds"] for one in made) == 6
    assert len(bank.rows("SELECT id FROM refund_file_items")) == 6
    assert len(bank.rows("SELECT id FROM refund_files")) == len(made)


def test_one_that_was_confirmed_by_hand_is_in_no_file(bank: Api) -> None:
    by_hand = refund(bank, paid(bank), bank_account=TO)["id"]
    refund(bank, paid(bank, 124), bank_account=TO)
    bank.post(f"/api/billing/refunds/{by_hand}/confirm/", {"outcome": "paid"}, as_user=MANAGER, status=200)
    assert make(bank)["refunds"] == 1


def test_account_numbers_are_encrypted_and_nowhere_else(bank: Api) -> None:
    payment_id = paid(bank)
    refund(bank, payment_id, bank_account=TO)
    make(bank)
    number = TO["account_number"]
    with bank.database.read() as session:
        for name in ("refunds", "refund_files", "payments", "transitions", "outbox_messages", "idempotency_records"):
            assert number not in str(session.execute(sa.text(f"SELECT * FROM {name}")).all())
    for path in ("/api/billing/refunds/", FILES, f"/api/billing/payments/{payment_id}/"):
        assert number not in bank.get(path, as_user=MANAGER, status=200).text
    assert number not in bank.log.getvalue()


def test_the_sweep_leaves_what_waits_for_the_bank(bank: Api) -> None:
    refund(bank, paid(bank), bank_account=TO)
    for _ in range(3):
        bank.pass_time()
        bank.work()
    assert states(bank) == ["pending"]
    assert [row.next_check_at for row in bank.rows("SELECT next_check_at FROM refunds")] == [None]


def test_without_the_banks_settings_staff_are_told(database_url: str, stripe_sandbox: StripeSandbox) -> None:
    bank = build(database_url, stripe_sandbox)
    try:
        refund(bank, paid(bank), bank_account=TO)
        assert make(bank, 400)["details"] == {"provider": ["tp_gateway.bank_transfer.aba_bank is not set"]}
        assert not bank.rows("SELECT id FROM refund_files")
    finally:
        bank.close()


def test_more_than_was_due_is_given_back_from_the_credit(bank: Api) -> None:
    payment_id = paid(bank, amount=20000)
    refund(bank, payment_id, amount="20.00", bank_account=TO)
    bank.post(f"{FILES}{make(bank)['id']}/confirm/", as_user=MANAGER, status=200)
    assert [row.kind for row in bank.rows("SELECT kind FROM ledger_entries ORDER BY id")][-1] == "refund_credit"
    assert (
        bank.get(f"/api/billing/payments/{payment_id}/", as_user=PATIENT, status=200).json["amount_refunded"] == "20.00"
    )
