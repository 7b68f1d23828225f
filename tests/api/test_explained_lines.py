"""Lines that staff explain in their own words, and explanations that are taken back."""

# ruff: noqa: F811 - the fixture `bank` is another file's

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import text as sa_text

from tests.api.conftest import Api
from tests.api.test_payouts_and_lines import STATEMENTS, bank, imported, line, paid_out, transferred  # noqa: F401
from tests.api.test_refund_files import TO, make, refund
from tests.clinic import MANAGER, PATIENT, sandbox
from tests.services.test_remittances import look


def ask(bank: Api, line_id: int, what: str, body: Any = None, status: int = 200) -> Any:
    return bank.post(f"{STATEMENTS}lines/{line_id}/{what}/", body or {}, as_user=MANAGER, status=status).json


def test_staff_set_a_line_aside_in_their_own_words(bank: Api) -> None:
    imported(bank, [(1234, "CREDIT INTEREST")])
    seen = line(bank)
    assert (seen["state"], seen["decided_by"]) == ("unmatched", None)
    told = ask(bank, seen["id"], "explain", {"why": "Interest for March"})
    assert (told["state"], told["why"], told["decided_by"]) == ("explained", "Interest for March", f"user:{MANAGER}")
    assert ask(bank, seen["id"], "explain", {"why": "Interest"})["why"] == "Interest"
    to_credit = {"allocations": [{"patient_id": PATIENT, "amount": "1.00"}]}
    assert "is explained" in ask(bank, seen["id"], "match", to_credit, 409)["details"]
    back = ask(bank, seen["id"], "unmatch")
    assert (back["state"], back["decided_by"]) == ("unmatched", f"user:{MANAGER}")
    assert ask(bank, seen["id"], "match", to_credit)["state"] == "unmatched", "a part of it"
    assert "Un-match it first" in ask(bank, seen["id"], "explain", {"why": "Interest"}, 409)["details"]


def test_money_that_went_out_is_explained_and_ignored_again(bank: Api) -> None:
    imported(bank, [(-990, "BANK FEE")])
    assert ask(bank, line(bank)["id"], "explain", {"why": "Account fee"})["state"] == "explained"
    assert ask(bank, line(bank)["id"], "unmatch")["state"] == "ignored"


def test_words_are_needed_and_a_line(bank: Api) -> None:
    imported(bank, [(1234, "CREDIT INTEREST")])
    assert "why" in ask(bank, line(bank)["id"], "explain", {}, 400)["details"]
    assert "why" in ask(bank, line(bank)["id"], "explain", {"why": "x" * 201}, 400)["details"]
    ask(bank, 999, "explain", {"why": "Interest"}, 404)


def test_a_payout_is_taken_from_its_line_and_does_not_come_back_by_itself(bank: Api) -> None:
    told = paid_out(bank)
    day = date.fromisoformat(told["arrives_on"])
    imported(bank, [(round(float(told["amount"]) * 100), "FROM A FRIEND")], day)
    seen = line(bank)
    assert "paid out" in ask(bank, seen["id"], "explain", {"why": "A loan"}, 409)["details"]
    assert ask(bank, seen["id"], "unmatch")["state"] == "unmatched"
    assert bank.gateway.statements.payouts.work() == 0
    shown = bank.get(f"/api/billing/remittances/{told['id']}/", as_user=MANAGER, status=200).json
    assert shown["statement_line_id"] is None
    imported(bank, [(round(float(told["amount"]) * 100), "STRIPE PAYMENTS")], day + timedelta(days=1))
    shown = bank.get(f"/api/billing/remittances/{told['id']}/", as_user=MANAGER, status=200).json
    assert shown["statement_line_id"] not in (None, seen["id"])


def test_a_payout_that_fails_later_frees_its_line(bank: Api) -> None:
    told = paid_out(bank)
    cents, day = round(float(told["amount"]) * 100), date.fromisoformat(told["arrives_on"])
    imported(bank, [(cents, "STRIPE PAYMENTS")], day)
    sandbox(bank.sandbox_url, "POST", "payouts", {"payout": told["reference"], "status": "failed"})
    look(bank)
    seen = line(bank)
    assert (seen["state"], seen["decided_by"]) == ("unmatched", None) and "failed after that" in seen["why"]
    shown = bank.get(f"/api/billing/remittances/{told['id']}/", as_user=MANAGER, status=200).json
    assert (shown["state"], shown["statement_line_id"]) == ("failed", None)


def test_refunds_that_were_settled_by_a_line_are_corrected_themselves(bank: Api) -> None:
    paid = transferred(bank, 401)
    refund(bank, paid, amount="60.00", bank_account=TO)
    file = make(bank)
    imported(bank, [(-6000, f"DIRECT ENTRY {file['title']}")])
    lines = bank.get(f"{STATEMENTS}lines/?state=explained", as_user=MANAGER, status=200).json["lines"]
    assert "Correct the refunds" in ask(bank, lines[0]["id"], "unmatch", status=409)["details"]


def test_a_line_that_has_paid_a_part_is_no_payout(bank: Api) -> None:
    """Not even of its whole sum: a cent can only be one thing."""
    told = paid_out(bank)
    with bank.database.transaction() as session:
        session.execute(sa_text("UPDATE remittances SET state = 'failed'"))
    imported(bank, [(round(float(told["amount"]) * 100), "DEPOSIT")], date.fromisoformat(told["arrives_on"]))
    to_credit = {"allocations": [{"patient_id": PATIENT, "amount": "1.00"}]}
    assert ask(bank, line(bank)["id"], "match", to_credit)["state"] == "unmatched"
    with bank.database.transaction() as session:
        session.execute(sa_text("UPDATE remittances SET state = 'paid'"))
    assert bank.gateway.statements.payouts.work() == 0
