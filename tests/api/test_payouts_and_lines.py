"""Lines that are no patient's payment: what Stripe paid out, files of refunds that the bank paid, refunds that came
back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Api
from tests.api.test_refund_files import ABA, FILES, TO, build, make, refund
from tests.banking import cba
from tests.clinic import MANAGER, PATIENT, _text, sandbox
from tests.invariants import check_invariants

STATEMENTS = "/api/billing/statements/"


@pytest.fixture
def bank(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Api]:
    made = build(database_url, stripe_sandbox, **ABA)
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def imported(bank: Api, lines: list[tuple[int, str]], day: date | None = None) -> Any:
    csv = cba(lines, day=day or datetime.now(UTC).date())
    headers = {"Content-Type": "text/csv"}
    return bank.post(f"{STATEMENTS}?filename=a.csv", csv, headers=headers, as_user=MANAGER, status=201).json


def lines(bank: Api) -> Any:
    return bank.get(f"{STATEMENTS}lines/", as_user=MANAGER, status=200).json["lines"]


def line(bank: Api) -> Any:
    [found] = lines(bank)
    return found


def paid_out(bank: Api) -> Any:
    """Two cards are charged, and Stripe pays out what is left of them."""
    for appointment_id in (301, 302):
        bank.appointment(appointment_id)
        bank.pay_by_http(appointment_id=appointment_id, payment_method_id="pm_card_bypassPending", status=201)
    sandbox(bank.sandbox_url, "POST", "payouts", {})
    bank.gateway.remittances.sweep()
    [found] = bank.get("/api/billing/remittances/", as_user=MANAGER, status=200).json["remittances"]
    return found


@pytest.mark.parametrize("line_first", [False, True])
def test_a_payout_is_found_on_the_statement_to_the_cent(bank: Api, line_first: bool) -> None:
    told = paid_out(bank)
    cents = round(float(told["amount"]) * 100)
    day = date.fromisoformat(told["arrives_on"])
    with bank.database.transaction() as session:
        if line_first:  # the statement is here before Stripe was asked
            session.execute(_text("UPDATE remittances SET state = 'failed'"))
    answer = imported(bank, [(cents, "STRIPE PAYMENTS 7F3K")], day)
    assert (answer["explained"], answer["unmatched"]) == ((0, 1) if line_first else (1, 0))
    if line_first:
        with bank.database.transaction() as session:
            session.execute(_text("UPDATE remittances SET state = 'paid'"))
        assert bank.gateway.statements.payouts.work() == 1
    seen = line(bank)
    assert (seen["state"], seen["why"]) == ("explained", f"stripe paid out {told['reference']}")
    shown = bank.get(f"/api/billing/remittances/{told['id']}/", as_user=MANAGER, status=200).json
    assert shown["statement_line_id"] == seen["id"] and shown["explained"]
    totals = shown["totals"]
    assert (totals["gross"], totals["difference"]) == ("360.00", "0.00")
    assert totals["net"] == seen["amount"] == told["amount"]
    allocations = {"allocations": [{"patient_id": 45, "amount": "1.00"}]}
    refused = bank.post(f"{STATEMENTS}lines/{seen['id']}/match/", allocations, as_user=MANAGER, status=409).json
    assert "is explained" in refused["details"]


def test_another_amount_is_no_payout(bank: Api) -> None:
    told = paid_out(bank)
    cents = round(float(told["amount"]) * 100)
    assert imported(bank, [(cents + 1, "STRIPE PAYMENTS")], date.fromisoformat(told["arrives_on"]))["explained"] == 0


def test_two_lines_that_fit_equally_well_are_left_to_a_person(bank: Api) -> None:
    told = paid_out(bank)
    cents, day = round(float(told["amount"]) * 100), date.fromisoformat(told["arrives_on"])
    assert imported(bank, [(cents, "DEPOSIT"), (cents, "DEPOSIT")], day)["unmatched"] == 2


def transferred(bank: Api, appointment_id: int) -> int:
    """A transfer whose money came by a statement of yesterday."""
    bank.appointment(appointment_id)
    body = {"appointment_id": appointment_id, "amount": "180.00", "currency": "AUD", "payment_method": "bank_transfer"}
    made = bank.post("/api/billing/payments/", body, status=201).json
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert imported(bank, [(18000, f"Transfer {made['payment_intent_id']}")], yesterday)["matched"] == 1
    return int(made["id"])


def test_a_file_of_refunds_is_confirmed_by_the_banks_line_and_one_comes_back(bank: Api) -> None:
    first, second = transferred(bank, 401), transferred(bank, 402)
    refund(bank, first, amount="60.00", bank_account=TO)
    refund(bank, second, amount="20.00", bank_account=TO)
    file = make(bank)
    assert imported(bank, [(-8000, "DIRECT ENTRY SAMPLE CLINIC")])["explained"] == 0, "any debit of that sum"
    assert imported(bank, [(-8000, f"DIRECT ENTRY {file['title']}")])["explained"] == 1
    [shown] = bank.get(FILES, as_user=MANAGER, status=200).json["refund_files"]
    assert shown["confirmed_by"] == "import"
    [reference] = [row.reference for row in bank.rows("SELECT reference FROM refunds WHERE amount = 6000")]
    assert imported(bank, [(6000, f"RETURNED {reference} ACCOUNT CLOSED")])["explained"] == 1
    assert [row.state for row in bank.rows("SELECT state FROM refunds ORDER BY amount")] == ["succeeded", "failed"]
    assert bank.get(f"/api/billing/payments/{first}/", status=200).json["amount_refunded"] == "0.00"
    for _ in range(2):
        assert bank.gateway.statements.payouts.work() == 0


def test_what_seems_to_be_a_patients_money_is_no_payout_by_its_amount_alone(bank: Api) -> None:
    told = paid_out(bank)
    cents, day = round(float(told["amount"]) * 100), date.fromisoformat(told["arrives_on"])
    bank.push_users([{**bank.user(PATIENT, "patient"), "name": "Jane Doe"}])
    bank.invoice(cents)
    assert imported(bank, [(cents, "TRANSFER FROM J DOE")], day)["suggested"] == 1
    assert imported(bank, [(cents, "STRIPE PAYMENTS 7F3K"), (1, "Interest")], day)["explained"] == 1
    assert bank.gateway.statements.payouts.work() == 0
    states = {one["description"]: one["state"] for one in lines(bank)}
    assert states == {"TRANSFER FROM J DOE": "suggested", "STRIPE PAYMENTS 7F3K": "explained", "Interest": "unmatched"}


def test_what_is_matched_in_part_is_no_payout(bank: Api) -> None:
    told = paid_out(bank)
    cents, day = round(float(told["amount"]) * 100), date.fromisoformat(told["arrives_on"])
    with bank.database.transaction() as session:
        session.execute(_text("UPDATE remittances SET state = 'failed'"))
    imported(bank, [(cents, "DEPOSIT")], day)
    allocations = {"allocations": [{"patient_id": PATIENT, "amount": "1.00"}]}
    bank.post(f"{STATEMENTS}lines/{line(bank)['id']}/match/", allocations, as_user=MANAGER, status=200)
    with bank.database.transaction() as session:
        session.execute(_text("UPDATE remittances SET state = 'paid'"))
    assert bank.gateway.statements.payouts.work() == 0 and line(bank)["state"] == "unmatched"


def test_a_refund_that_staff_have_said_to_be_back_explains_its_line(bank: Api) -> None:
    """Otherwise the line would wait for somebody who gives its money to the patient a second time."""
    made = refund(bank, transferred(bank, 401), amount="60.00", bank_account=TO)
    file = make(bank)
    bank.post(f"{FILES}{file['id']}/confirm/", as_user=MANAGER, status=200)
    path = f"/api/billing/refunds/{made['id']}/confirm/"
    bank.post(path, {"outcome": "returned", "note": "letter"}, as_user=MANAGER, status=200)
    [reference] = [row.reference for row in bank.rows("SELECT reference FROM refunds")]
    assert imported(bank, [(6000, f"RETURNED {reference} ACCOUNT CLOSED")])["explained"] == 1
    assert [row.provider_code for row in bank.rows("SELECT provider_code FROM refunds")] == ["letter"]


def test_a_refund_that_was_returned_before_its_file_was_confirmed_holds_nobody_up(
    bank: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = transferred(bank, 401), transferred(bank, 402)
    made = [refund(bank, one, amount="20.00", bank_account=TO) for one in (first, second)]
    file, files = make(bank), bank.gateway.refund_files
    confirm = files.confirm

    def returned_meanwhile(actor: str, refund_id: int, *, paid: bool, note: str = "") -> Any:
        if paid and refund_id == made[0]["id"]:
            confirm("user:8", refund_id, paid=False)
        return confirm(actor, refund_id, paid=paid, note=note)

    monkeypatch.setattr(files, "confirm", returned_meanwhile)
    assert imported(bank, [(-4000, f"DIRECT ENTRY {file['title']}")])["explained"] == 1
    assert [row.state for row in bank.rows("SELECT state FROM refunds ORDER BY id")] == ["failed", "succeeded"]


def test_a_file_that_staff_confirmed_first_explains_its_line_too(bank: Api) -> None:
    refund(bank, transferred(bank, 401), amount="60.00", bank_account=TO)
    file = make(bank)
    bank.post(f"{FILES}{file['id']}/confirm/", as_user=MANAGER, status=200)
    assert imported(bank, [(-6000, f"DIRECT ENTRY {file['title']}")])["explained"] == 1


def test_a_refund_in_a_file_is_withdrawn_only_with_the_file(bank: Api) -> None:
    """Otherwise the bank would pay what could be ordered a second time."""
    first, second = transferred(bank, 401), transferred(bank, 402)
    wrong = refund(bank, first, amount="60.00", bank_account=TO)
    refund(bank, second, amount="20.00", bank_account=TO)
    file = make(bank)
    withdrawn = {"outcome": "returned", "note": "not to be paid after all"}
    path = f"/api/billing/refunds/{wrong['id']}/confirm/"
    refused = bank.post(path, withdrawn, as_user=MANAGER, status=409).json
    assert f"file {file['id']}" in refused["details"] and "void it" in refused["details"]
    void = f"{FILES}{file['id']}/void/"
    told = bank.post(void, as_user=MANAGER, status=200).json
    assert told["voided_by"] == f"user:{MANAGER}" and bank.post(void, as_user=MANAGER, status=200).json == told
    for what in ("content", "confirm"):
        ask = bank.get if what == "content" else bank.post
        assert "voided" in ask(f"{FILES}{file['id']}/{what}/", as_user=MANAGER, status=409).json["details"]
    bank.post(path, withdrawn, as_user=MANAGER, status=200)
    again = make(bank)
    assert (again["refunds"], again["total"]) == (1, "20.00"), "the other one still waits"
    bank.post(f"{FILES}{again['id']}/confirm/", as_user=MANAGER, status=200)
    assert "has paid" in bank.post(f"{FILES}{again['id']}/void/", as_user=MANAGER, status=409).json["details"]


def test_a_voided_file_that_the_bank_pays_is_shown_to_staff(bank: Api) -> None:
    refund(bank, transferred(bank, 401), amount="60.00", bank_account=TO)
    file = make(bank)
    bank.post(f"{FILES}{file['id']}/void/", as_user=MANAGER, status=200)
    assert imported(bank, [(-6000, f"DIRECT ENTRY {file['title']}")])["unmatched"] == 1
    [shown] = bank.get(f"{STATEMENTS}lines/?state=unmatched", as_user=MANAGER, status=200).json["lines"]
    assert "must not be paid again" in shown["why"]
    assert [row.state for row in bank.rows("SELECT state FROM refunds")] == ["pending"]


def test_a_confirmation_that_died_in_the_middle_is_finished(bank: Api) -> None:
    refund(bank, transferred(bank, 401), amount="60.00", bank_account=TO)
    file = make(bank)
    with bank.database.transaction() as session:
        session.execute(_text("UPDATE refund_files SET confirmed_by = 'user:8', confirmed_at = made_at"))
    bank.gateway.statements.payouts.work()
    assert [row.state for row in bank.rows("SELECT state FROM refunds")] == ["succeeded"]
    [seen] = bank.get(FILES, as_user=MANAGER, status=200).json["refund_files"]
    assert (seen["id"], seen["confirmed_by"]) == (file["id"], "user:8")
