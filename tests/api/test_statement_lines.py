"""What a line of a bank statement pays by itself, and what it leaves to a person."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.api.conftest import LINES, Bank
from tests.banking import anz, cba
from tests.clinic import MANAGER, PATIENT

PAY = "/api/billing/payments/"


def test_too_little_leaves_the_rest_to_come(bank: Bank) -> None:
    made = bank.promise()
    reference = made["payment_intent_id"]
    bank.upload(cba([(10000, reference)]))
    shown = bank.shown(made["id"])
    assert (shown["status"], shown["amount"], shown["amount_requested"]) == ("succeeded", "100.00", "180.00")
    assert bank.due(made["invoice_id"]) == 8000 and "80.00 is still to come" in bank.line()["why"]
    bank.upload(cba([(8000, reference)], start=10000))
    assert bank.due(made["invoice_id"]) == 0 and bank.shown(made["id"])["amount"] == "180.00"
    status = bank.rows("SELECT status FROM invoices")[0].status
    assert (status, bank.credit()) == ("paid", 0)


def test_too_much_is_credit(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18500, made["payment_intent_id"])]))
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 500)
    assert "5.00 more than was due is the patient's credit" in bank.line()["why"]


def test_an_invoice_paid_twice_is_credit_the_second_time(bank: Bank) -> None:
    """Two lines that are the same but for the balance."""
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"]), (18000, made["payment_intent_id"])]))
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 18000)
    assert [line["state"] for line in bank.lines()] == ["matched", "matched"]


@pytest.mark.parametrize("end", ["expired", "canceled"])
def test_money_after_the_end_still_counts(bank: Bank, end: str) -> None:
    """What is too much by then stays credit: a transfer cannot be given back by itself."""
    made = bank.promise()
    if end == "canceled":
        bank.post(f"{PAY}{made['id']}/cancel/", status=200)
    else:
        with bank.database.transaction() as session:
            session.execute(sa.text("UPDATE payments SET expires_at = created_at, next_check_at = created_at"))
        bank.gateway.recovery.sweep()
    assert bank.shown(made["id"])["failure"] == {"code": end}
    card = {"payment_method": "card", "payment_method_id": "pm_card_visa"}
    bank.post(f"/api/billing/invoices/{made['invoice_id']}/pay/", card | {"amount": "100.00"}, status=200)
    bank.upload(cba([(18000, made["payment_intent_id"])]))
    assert bank.shown(made["id"])["status"] == "succeeded" and "had ended" in bank.line()["why"]
    assert (bank.due(made["invoice_id"]), bank.credit()) == (0, 10000)
    assert not bank.rows("SELECT id FROM refunds")


def test_a_wrong_currency_is_for_nobody(bank: Bank) -> None:
    made = bank.promise()
    ofx = (
        "OFXHEADER:100\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
        f"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260305<TRNAMT>180.00<FITID>1<MEMO>{made['payment_intent_id']}</STMTTRN>"
        "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )
    told = bank.upload(ofx.encode(), name="march.ofx")
    assert (told["format"], told["unmatched"]) == ("OFX", 1)
    line = bank.line()
    assert line["why"] == f"It came in USD, and payment {made['id']} is in AUD"
    assert bank.shown(made["id"])["status"] == "pending"


def test_a_bpay_number_pays_too(bank: Bank) -> None:
    made = bank.promise()
    number = made["next_action"]["bpay"]["crn"]
    bank.upload(anz([(18000, "BPAY", number, "")]))
    assert bank.line()["matches"][0]["by"] == "reference" and bank.due(made["invoice_id"]) == 0


def test_a_mistyped_reference_is_repaired_and_said(bank: Bank) -> None:
    made = bank.promise()
    written = made["payment_intent_id"].replace("T", "X", 1)
    bank.upload(cba([(18000, written)]))
    line = bank.line()
    assert line["state"] == "matched" and line["matches"][0]["by"] == "repaired" and written in line["why"]


@pytest.mark.catalogue(96)
@pytest.mark.parametrize("cents", [17999, 18001])
def test_a_mistyped_reference_and_another_amount_is_for_a_person(bank: Bank, cents: int) -> None:
    made = bank.promise()
    bank.upload(cba([(cents, made["payment_intent_id"].replace("T", "X", 1))]))
    line = bank.line()
    assert (line["state"], line["matches"]) == ("suggested", [])
    assert line["suggestions"][0]["payment_id"] == made["id"] and line["suggestions"][0]["because"] == "reference"
    assert bank.shown(made["id"])["status"] == "pending"


@pytest.mark.catalogue(96)
def test_a_line_never_chooses_between_two(bank: Bank) -> None:
    first, second = bank.promise(), bank.promise()
    bank.upload(cba([(18000, f"{first['payment_intent_id']} {second['payment_intent_id']}")]))
    assert bank.line()["state"] == "unmatched"
    assert {bank.shown(one["id"])["status"] for one in (first, second)} == {"pending"}


@pytest.mark.catalogue(96)
@pytest.mark.parametrize("said", ["J DOE", "DOE JANE", "MRS JANE DOE", "J & T DOE", "OSKO Jané Doe 123"])
def test_an_amount_and_a_name_are_a_guess(bank: Bank, said: str) -> None:
    bank.push_users([{**bank.user(PATIENT, "patient"), "name": "Jane Doe"}])
    first, second = bank.invoice(), bank.promise()
    bank.upload(cba([(18000, f"Transfer from {said}"), (17999, f"Transfer from {said}")]))
    off_by_a_cent, line = bank.lines()
    assert (line["state"], off_by_a_cent["state"]) == ("suggested", "unmatched")
    assert not off_by_a_cent["suggestions"]
    found = {(one["invoice_id"], one["payment_id"]) for one in line["suggestions"]}
    assert found == {(first.id, None), (second["invoice_id"], second["id"])}
    assert bank.shown(second["id"])["status"] == "pending"
    bank.match(line["id"], {"invoice_id": first.id, "amount": "180.00"})
    assert not bank.lines("?state=suggested")


@pytest.mark.parametrize("said", ["JOHN SMITH", "T DOE", "DOEJ", "DO E JANE", ""])
def test_another_name_is_no_guess(bank: Bank, said: str) -> None:
    bank.push_users([{**bank.user(PATIENT, "patient"), "name": "Jane Doe"}])
    bank.promise()
    bank.upload(cba([(18000, f"Transfer from {said}")]))
    assert bank.line()["state"] == "unmatched"


def test_a_page_after_a_line_that_is_not_there(bank: Bank) -> None:
    answer = bank.get(f"{LINES}?before_id=999", as_user=MANAGER, status=400).json
    assert answer["details"] == {"before_id": ["No such line"]}


def test_a_reversal_matches_nothing(bank: Bank) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, f"REVERSAL OF {made['payment_intent_id']}"), (-18000, made["payment_intent_id"])]))
    assert [line["state"] for line in bank.lines()] == ["unmatched", "unmatched"]
    assert bank.shown(made["id"])["status"] == "pending"


@pytest.mark.parametrize("said", ["{reference}", "REVERSAL", "Dishonoured Deposit", "OSKO RETURN 123"])
def test_money_that_the_bank_takes_back_is_for_a_person(bank: Bank, said: str) -> None:
    made = bank.promise()
    bank.upload(cba([(18000, made["payment_intent_id"]), (-18000, said.format(reference=made["payment_intent_id"]))]))
    taken, brought = bank.lines()
    assert (taken["state"], brought["state"]) == ("unmatched", "matched") and "taken money back" in taken["why"]
    bank.post(f"{LINES}{brought['id']}/unmatch/", as_user=MANAGER, status=200)
    assert (bank.shown(made["id"])["status"], bank.due(made["invoice_id"])) == ("pending", 18000)
    bank.post(f"{LINES}{taken['id']}/explain/", {"why": "Reversed by the bank"}, as_user=MANAGER, status=200)
    assert [line["state"] for line in bank.lines("?state=unmatched")] == ["unmatched"]
