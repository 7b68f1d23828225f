"""Staff decide what a line of a bank statement is for, and take it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.conftest import LINES, Bank
from tests.banking import cba
from tests.clinic import MANAGER, OTHER_PATIENT, PATIENT

PAY = "/api/billing/payments/"


@pytest.mark.catalogue(96)
def test_a_deposit_for_two_invoices_is_split(bank: Bank) -> None:
    first, second = bank.promise(), bank.invoice()
    bank.upload(cba([(36000, "Transfer from J DOE")]))
    line = bank.line()
    wanted = {"payment_id": first["id"], "amount": "180.00"}, {"invoice_id": second.id, "amount": "180.00"}
    told = bank.match(line["id"], *wanted)
    assert (told["state"], told["amount_left"]) == ("matched", "0.00")
    assert [one["by"] for one in told["matches"]] == ["staff", "staff"]
    assert (bank.due(first["invoice_id"]), bank.due(second.id)) == (0, 0)
    assert (
        bank.match(line["id"], {"payment_id": first["id"], "amount": "0.01"}, status=400)["code"] == "validation_error"
    )


def test_a_part_of_a_line_is_matched_and_the_rest_waits(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(20000, "Transfer")]))
    line = bank.line()
    told = bank.match(line["id"], {"payment_id": made["id"], "amount": "150.00"})
    assert (told["state"], told["amount_left"], told["why"]) == ("unmatched", "50.00", "50.00 of it is not matched")
    told = bank.match(line["id"], {"payment_id": made["id"], "amount": "30.00"}, {"patient_id": PATIENT, "amount": 20})
    assert (told["state"], bank.due(made["invoice_id"]), bank.credit()) == ("matched", 0, 2000)


def test_credit_without_an_invoice(bank: Bank) -> None:
    bank.upload(cba([(5000, "Thank you")]))
    line = bank.line()
    told = bank.match(line["id"], {"patient_id": OTHER_PATIENT, "amount": "50.00"})
    assert bank.credit(OTHER_PATIENT) == 5000
    paid = bank.shown(told["matches"][0]["payment_id"])
    assert (paid["status"], paid["amount"], paid["invoice_id"]) == ("succeeded", "50.00", None)
    bank.unmatch(line["id"])
    assert bank.credit(OTHER_PATIENT) == 0
    assert bank.shown(paid["id"])["status"] == "failed", "nobody was ever told to transfer it"


def test_the_transfer_that_was_promised_for_an_invoice_is_used(bank: Bank) -> None:
    invoice = bank.invoice()
    first, wanted = bank.promise_for(invoice.id, "100.00"), bank.promise_for(invoice.id, "80.00")
    bank.promise_for(invoice.id, "50.00")
    bank.upload(cba([(8000, "Transfer")]))
    told = bank.match(bank.line()["id"], {"invoice_id": invoice.id, "amount": "80.00"})
    assert told["matches"][0]["payment_id"] == wanted["id"] and bank.shown(first["id"])["status"] == "pending"


def test_what_staff_say_is_checked(bank: Bank) -> None:
    made, paid = bank.promise(), bank.invoice()
    card = bank.post(
        f"/api/billing/invoices/{paid.id}/pay/", {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    ).json["payment"]
    void = bank.invoice()
    with bank.database.transaction() as session:
        session.execute(sa.text("UPDATE invoices SET status = 'void' WHERE id = :id").bindparams(id=void.id))
        session.execute(sa.text("UPDATE payables SET invoice_id = NULL WHERE invoice_id = :id").bindparams(id=void.id))
    bank.upload(cba([(18000, "Transfer"), (-100, "Fee")]))
    fee, line = bank.lines()
    good = {"payment_id": made["id"], "amount": "180.00"}
    refused: list[tuple[list[Any], int, str]] = [
        ([good | {"amount": "180.01"}], 400, "validation_error"),
        ([good, {"patient_id": PATIENT, "amount": "0.01"}], 400, "validation_error"),
        ([good | {"amount": "1.005"}], 400, "validation_error"),
        ([good | {"amount": "0"}], 400, "validation_error"),
        ([good | {"invoice_id": paid.id}], 400, "validation_error"),
        ([{"amount": "1.00"}], 400, "validation_error"),
        ([], 400, "validation_error"),
        ([good | {"x": 1}], 400, "validation_error"),
        ([{"payment_id": 999, "amount": "1.00"}], 400, "validation_error"),
        ([{"payment_id": card["id"], "amount": "1.00"}], 400, "validation_error"),
        ([{"invoice_id": 999, "amount": "1.00"}], 400, "validation_error"),
        ([{"patient_id": MANAGER, "amount": "1.00"}], 400, "validation_error"),
        ([{"invoice_id": void.id, "amount": "1.00"}], 409, "not_payable"),
        ([{"invoice_id": paid.id, "amount": "1.00"}], 409, "already_paid"),
    ]
    for allocations, status, code in refused:
        assert bank.match(line["id"], *allocations, status=status)["code"] == code, allocations
    assert bank.match(fee["id"], good | {"amount": "1.00"}, status=409)["code"] == "not_payable"
    assert bank.match(999, good, status=404)["code"] == "not_found"
    assert bank.unmatch(999, status=404)["code"] == "not_found"
    assert bank.unmatch(line["id"], status=409)["code"] == "not_payable"
    assert not bank.rows("SELECT id FROM statement_matches") and bank.shown(made["id"])["status"] == "pending"


def test_a_repeated_match_is_one_match(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, "Transfer")]))
    line, key = bank.line(), {"Idempotency-Key": "k1"}
    wanted = {"payment_id": made["id"], "amount": "90.00"}
    first = bank.post(
        f"{LINES}{line['id']}/match/", {"allocations": [wanted]}, as_user=MANAGER, headers=key, status=200
    )
    again = bank.post(
        f"{LINES}{line['id']}/match/", {"allocations": [wanted]}, as_user=MANAGER, headers=key, status=200
    )
    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    assert (
        bank.match(line["id"], wanted | {"amount": "80.00"}, headers=key, status=422)["code"] == "idempotency_key_reuse"
    )
    assert bank.due(made["invoice_id"]) == 9000


# --- and take it back -------------------------------------------------------------------------------------------------


def test_an_unmatched_payment_waits_again_and_a_match_settles_it_again(bank: Bank) -> None:
    made, other = bank.promise(), bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    line = bank.line()
    told = bank.unmatch(line["id"])
    assert (told["state"], told["amount_left"], told["why"]) == ("unmatched", "180.00", "Un-matched by staff")
    assert told["matches"][0]["undone_by"] == f"user:{MANAGER}"
    assert bank.due(made["invoice_id"]) == 18000
    assert bank.rows("SELECT status FROM invoices ORDER BY id")[0].status == "pending"
    shown = bank.get(f"{PAY}{made['id']}/", status=200).json
    assert (shown["status"], shown["state"]) == ("pending", "awaiting_customer")
    assert shown["next_action"]["reference"] == made["payment_intent_id"]
    bank.match(line["id"], {"payment_id": other["id"], "amount": "180.00"})
    bank.unmatch(line["id"])
    again = bank.match(line["id"], {"payment_id": made["id"], "amount": "180.00"})
    assert [one["undone_at"] is None for one in again["matches"]] == [False, False, True]
    assert bank.due(made["invoice_id"]) == 0 and bank.due(other["invoice_id"]) == 18000
    entries = bank.rows("SELECT kind, evidence FROM ledger_entries ORDER BY id")
    assert [entry.kind for entry in entries] == ["charge", "unmatch", "charge", "unmatch", "charge"]
    assert len({entry.evidence for entry in entries}) == 3
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    assert bank.due(made["invoice_id"]) == 0 and bank.credit() == 0


def test_one_that_is_too_late_ends(bank: Bank) -> None:
    made = bank.promise()
    with bank.database.transaction() as session:
        session.execute(
            sa.text("UPDATE payments SET created_at = :old"), {"old": bank.gateway.clock() - timedelta(days=60)}
        ) if bank.database.engine.dialect.name == "postgresql" else session.execute(
            sa.text("UPDATE payments SET created_at = datetime('now', '-60 days')")
        )
        session.execute(sa.text("UPDATE invoices SET due_date = '2025-01-01'"))
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    bank.unmatch(bank.line()["id"])
    for _ in range(2):
        bank.gateway.recovery.sweep()
    assert bank.shown(made["id"])["failure"] == {"code": "expired"}


def test_money_of_other_lines_stays(bank: Bank) -> None:
    """Two lines, one of them for somebody else: what is left pays what is due, not the patient's credit."""
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"]), (18000, made["payment_intent_id"])]))
    second, first = bank.lines()
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 18000)
    ids = {bank.shown(made["id"])["transaction_id"]}
    bank.unmatch(second["id"])
    ids.add(bank.shown(made["id"])["transaction_id"])
    bank.match(second["id"], {"payment_id": made["id"], "amount": "180.00"})
    assert len(ids) == 2, "what is shown is a line that counts"
    bank.unmatch(first["id"])
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 0)
    assert bank.shown(made["id"])["status"] == "succeeded" and bank.shown(made["id"])["amount"] == "180.00"
    bank.unmatch(second["id"])
    assert (bank.due(made["invoice_id"]), bank.credit()) == (18000, 0)
    taken = bank.get("/api/billing/takings/", as_user=MANAGER).json["takings"]
    assert [(one["payment_method"], one["payments"], one["taken"]) for one in taken] == [("bank_transfer", 0, "0.00")]


def test_a_payment_that_was_made_for_a_line_ends_with_it(bank: Bank) -> None:
    invoice = bank.invoice()
    bank.upload(cba([(18000, "Transfer")]))
    line = bank.line()
    told = bank.match(line["id"], {"invoice_id": invoice.id, "amount": "180.00"})
    payment_id = told["matches"][0]["payment_id"]
    assert bank.shown(payment_id)["status"] == "succeeded" and bank.due(invoice.id) == 0
    bank.unmatch(line["id"])
    assert (bank.shown(payment_id)["status"], bank.due(invoice.id)) == ("failed", 18000)


def test_what_was_given_back_is_not_unmatched(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    with bank.database.transaction() as session:
        session.execute(
            sa.text(
                "INSERT INTO refunds (uuid, payment_id, provider, amount, currency, state, epoch, checks, reopen,"
                " reason, provider_code, created_by, created_at, updated_at, moved_by)"
                " SELECT 'u', id, provider, 1, currency, 'pending', 1, 0, reopen, '', '', 'user:8', created_at,"
                " created_at, 'user:8'"
                " FROM payments CROSS JOIN (SELECT :no AS reopen) r"
            ).bindparams(sa.bindparam("no", False, type_=sa.Boolean()))
        )
    refused = bank.unmatch(bank.line()["id"], status=409)
    assert (refused["code"], refused["payment_id"]) == ("not_payable", made["id"])
    assert bank.due(made["invoice_id"]) == 0
