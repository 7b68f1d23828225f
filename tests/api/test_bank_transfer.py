"""A promise to pay by bank transfer: what the patient is told, how long it is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.clinic import MANAGER, sandbox
from tests.invariants import check_invariants
from tp_gateway.providers.bank_transfer import references
from tp_gateway.services.charge import Charge

ACCOUNT = {
    "tp_gateway.providers": "stripe bank_transfer",
    "tp_gateway.bank_transfer.account_name": "Sample Clinic",
    "tp_gateway.bank_transfer.bsb": "062000",
    "tp_gateway.bank_transfer.account_number": "12345678",
    "tp_gateway.bank_transfer.payid": "pay@clinic.example",
    "tp_gateway.bank_transfer.bpay_biller_code": "123456",
}
PAY = "/api/billing/payments/"
TRANSFER = {"appointment_id": 123, "amount": "180.00", "currency": "AUD", "payment_method": "bank_transfer"}


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Api(database_url, stripe_sandbox.url, **ACCOUNT)
    made.open()
    made.appointment()
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def promise(bank: Api, **more: Any) -> Any:
    return bank.post(PAY, {**TRANSFER, **more}, status=201).json


def test_the_patient_is_told_where_to_transfer_to(bank: Api) -> None:
    made = promise(bank)
    told = made["next_action"]
    assert (made["status"], made["amount"], made["payment_method"]) == ("pending", "180.00", "bank_transfer")
    assert "reference" in made["message"]
    assert references.is_valid("TP", told["reference"]) and made["payment_intent_id"] == told["reference"]
    account = (told["account_name"], told["bsb"], told["account_number"], told["payid"], told["amount"])
    assert account == ("Sample Clinic", "062-000", "12345678", "pay@clinic.example", "180.00")
    assert told["bpay"]["biller_code"] == "123456" and told["bpay"]["crn"].startswith(told["reference"][2:])
    assert told["due_date"] == (bank.gateway.today() + timedelta(days=14)).isoformat()
    seen = bank.get(f"{PAY}{made['id']}/", status=200).json
    assert seen["next_action"] == told
    assert bank.get(f"{PAY}{made['id']}/", as_user=MANAGER, status=200).json["next_action"] == told


def test_an_invoice_says_when_it_is_due(bank: Api) -> None:
    invoice = bank.invoice()
    path = f"/api/billing/invoices/{invoice.id}/pay/"
    answer = bank.post(path, {"payment_method": "bank_transfer", "amount": "80.00"}, status=200).json
    told = answer["payment"]["next_action"]
    assert (told["amount"], told["due_date"]) == ("80.00", invoice.due_date.isoformat())
    assert answer["invoice"]["status"] == "pending" and answer["invoice"]["amount_due"] == "180.00"


def test_a_promise_blocks_nobody(bank: Api) -> None:
    """It is no money yet: the patient may still pay by card, or promise again."""
    first, second = promise(bank), promise(bank)
    assert first["payment_intent_id"] != second["payment_intent_id"]
    paid = bank.pay_by_http(status=201).json
    assert paid["status"] == "succeeded"
    assert bank.post(PAY, TRANSFER, status=409).json["code"] == "already_paid"


def test_a_promise_can_be_withdrawn(bank: Api) -> None:
    made = promise(bank)
    assert bank.post(f"{PAY}{made['id']}/cancel/", status=200).json["status"] == "failed"
    row = bank.rows("SELECT state, reason FROM payments")[0]
    assert (row.state, row.reason) == ("failed", "canceled")


def test_it_is_waited_for_until_the_grace_is_over(bank: Api) -> None:
    made = promise(bank)
    row = bank.rows("SELECT expires_at, next_check_at FROM payments")[0]
    assert row.expires_at == row.next_check_at
    bank.pass_time()  # somebody looks early
    bank.gateway.recovery.sweep()
    assert bank.get(f"{PAY}{made['id']}/").json["status"] == "pending"
    with bank.database.transaction() as session:
        session.execute(sa.text("UPDATE payments SET expires_at = created_at, next_check_at = created_at"))
    bank.gateway.recovery.sweep()
    seen = bank.get(f"{PAY}{made['id']}/").json
    assert (seen["status"], seen["failure"]) == ("failed", {"code": "expired"})
    told = bank.rows("SELECT topic FROM outbox_messages ORDER BY id")
    assert [one.topic for one in told] == ["payment.failed"]


def test_the_last_day_is_the_clinics(bank: Api) -> None:
    promise(bank)
    row = bank.rows("SELECT expires_at FROM payments")[0]
    moment = row.expires_at if isinstance(row.expires_at, datetime) else datetime.fromisoformat(row.expires_at)
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(
        bank.gateway.practice_settings.read().system.zone
    )
    last = bank.gateway.today() + timedelta(days=28)
    assert (local.date(), local.hour, local.minute) == (last + timedelta(days=1), 0, 0)


def test_a_process_that_died_before_it_answered(bank: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was told to anybody: the promise is made when somebody looks."""

    def die(*_: Any) -> Any:
        raise RuntimeError("as if the process had been killed")

    with monkeypatch.context() as patched:
        patched.setattr(Charge, "_execute", die)
        bank.post(PAY, TRANSFER, status=500)
    assert [row.state for row in bank.rows("SELECT state FROM payments")] == ["submitting"]
    bank.pass_time()
    bank.gateway.recovery.sweep()
    seen = bank.get(f"{PAY}1/").json
    assert seen["status"] == "pending" and references.is_valid("TP", seen["next_action"]["reference"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bsb", "06200"),
        ("account_number", "12"),
        ("account_name", ""),
        ("reference_prefix", "TT"),
        ("bpay_rule", "LUHN"),
        ("bpay_biller_code", "12a"),
        ("grace_days", "soon"),
    ],
)
def test_settings_that_cannot_work_do_not_start(sqlite_database_url: str, name: str, value: str) -> None:
    from tp_gateway.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match=name) as refused:
        Api(sqlite_database_url, "http://127.0.0.1:1", **{**ACCOUNT, f"tp_gateway.bank_transfer.{name}": value})
    assert not value or value not in str(refused.value).replace(name, "")


def test_a_promise_whose_invoice_is_paid_asks_for_nothing_more(bank: Api) -> None:
    """Money that comes for it all the same is still taken, as credit."""
    made = promise(bank)
    bank.pay_by_http(appointment_id=made["appointment_id"], status=201)
    seen = bank.get(f"{PAY}{made['id']}/").json
    assert (seen["status"], seen["message"]) == (
        "pending",
        "This has been paid another way. Please do not pay it again.",
    )
    assert "next_action" not in seen
