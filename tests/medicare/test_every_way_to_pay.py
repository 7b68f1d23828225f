"""One clinic whose invoices are paid in every way: together, in part, too much, by Medicare, after a refusal, too late.
What each owes is worked out anew from the entries of the ledger alone."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tests.banking import as_file, cba
from tests.clinic import manager, patient, render
from tests.medicare.conftest import BENEFIT, YESTERDAY, Surgery
from tests.verified import assert_verified
from tp_gateway.services.facts import InvoiceFacts

FEE = 18_000
STATED_ON = YESTERDAY.date()


def test_every_way_to_pay_adds_up(surgery: Surgery) -> None:
    halves, too_much, at_the_desk, late = (surgery.invoice(FEE) for _ in range(4))
    bulk_billed, rejected = (surgery.invoice(FEE, appointment_id=surgery.session(number)) for number in (201, 202))

    # Half by card, half by transfer; and one transfer too large.
    pay(surgery, halves, method="card", method_id="pm_card_visa", amount="90.00")
    promises = [pay(surgery, halves, method="bank_transfer"), pay(surgery, too_much, method="bank_transfer")]
    # Cash and a card terminal; the card was written down wrongly and is handed back.
    in_cash = pay(surgery, at_the_desk, manager, "in_person", parameters={"kind": "cash"}, amount="100.00")
    by_terminal = {"kind": "eftpos", "slip": "0042"}
    wrong = pay(surgery, at_the_desk, manager, "in_person", parameters=by_terminal, amount="80.00")
    assert surgery.refund(wrong["id"], reopen=True).body["status"] == "succeeded"
    # Medicare pays one session; the other it refuses, and the patient pays by card.
    surgery.rule("benefit", benefit=BENEFIT)
    lodged = surgery.bulk_bill(201)
    surgery.rule("refuse", code="9202", text="Not this one")
    assert surgery.bulk_bill(202)["status"] == "failed"
    pay(surgery, rejected, method="card", method_id="pm_card_visa")
    # A promise runs out, and the money comes after all.
    promised = pay(surgery, late, method="bank_transfer")
    run_out(surgery, promised["id"])
    assert surgery.payment(promised["id"]).state == "failed"
    brought = zip((9000, 20_500, FEE), (*promises, promised), strict=True)
    counts = upload(surgery, [(cents, surgery.payment(one["id"]).reference or "") for cents, one in brought])
    assert counts["matched"] == 3
    surgery.nights(2)

    assert surgery.state(lodged["id"]) == ("succeeded", "paid")
    assert due(surgery, at_the_desk) == 8000
    assert [due(surgery, one) for one in (halves, too_much, late, bulk_billed, rejected)] == [0] * 5
    statuses = {row.id: row.status for row in surgery.rows("SELECT id, status FROM invoices")}
    assert statuses.pop(at_the_desk.id) == "partially_paid" and set(statuses.values()) == {"paid"}

    accounts = balances(surgery)
    assert accounts["patient_credit"] == -2500, "what came too much is owed to the patient"
    assert accounts["adjustments"] == FEE - BENEFIT, "what Medicare leaves of the fee is given up"
    assert accounts["clearing:stripe"] + accounts["fees:stripe"] == 9000 + FEE
    assert accounts["clearing:bank_transfer"] == 9000 + 20_500 + FEE
    assert accounts["clearing:medicare"] == BENEFIT
    assert accounts["clearing:in_person"] == 10_000 and in_cash["status"] == "succeeded"
    assert accounts["receivable"] == -(5 * FEE + 10_000), "all that was paid or given up, and nothing else"
    assert sum(accounts.values()) == 0
    assert_verified(surgery.database, surgery.gateway.registry.sole_payers)


def pay(surgery: Surgery, invoice: InvoiceFacts, who: Any = patient, method: str = "card", **more: Any) -> Any:
    """The rest of the invoice, unless an amount in dollars is said."""
    if isinstance(more.get("amount"), str):
        more["amount"] = Decimal(more["amount"])
    more = {"amount": None, "method_id": None, **more}
    permission = "pay" if who is patient else "pay_invoice"
    wanted = surgery.wanted(invoice_id=invoice.id, method=method, permission=permission, **more)
    return json.loads(surgery.gateway.payments.pay(who, wanted, render, None).text)


def upload(surgery: Surgery, lines: list[tuple[int, str]]) -> dict[str, int]:
    found = surgery.gateway.statements.importing.run(as_file(cba(lines, day=STATED_ON)), "a.csv", manager.actor)
    return found.counts


def run_out(surgery: Surgery, payment_id: int) -> None:
    with surgery.database.transaction() as session:
        past = "UPDATE payments SET expires_at = created_at, next_check_at = created_at WHERE id = :id"
        session.execute(sa.text(past), {"id": payment_id})
    surgery.gateway.recovery.sweep()


def balances(surgery: Surgery) -> dict[str, int]:
    """Account -> debits less credits, in cents."""
    found: defaultdict[str, int] = defaultdict(int)
    for row in surgery.rows("SELECT debit, credit, amount FROM ledger_entries"):
        found[row.debit] += row.amount
        found[row.credit] -= row.amount
    return dict(found)


def due(surgery: Surgery, invoice: InvoiceFacts) -> int:
    """The invoice's items less what the entries of its payable have taken from the receivable; held against what the
    gateway says."""
    query = """SELECT v.amount, y.id AS payable, y.amount - y.amount_paid AS told
               FROM invoices v JOIN payables y ON y.invoice_id = v.id WHERE v.id = :id"""
    [row] = surgery.rows(query, id=invoice.id)
    entries = surgery.rows("SELECT debit, credit, amount FROM ledger_entries WHERE payable_id = :id", id=row.payable)
    taken = sum(one.amount * ((one.credit == "receivable") - (one.debit == "receivable")) for one in entries)
    assert row.told == row.amount - taken
    return int(row.amount - taken)
