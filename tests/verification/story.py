"""A few months of a clinic in which everything has happened: every way to pay, to give back and to be wrong."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.banking import as_file, cba
from tests.clinic import PATIENT, Key, Paid, manager, patient, render, render_invoice, render_refund, sandbox
from tests.medicare.conftest import BENEFIT, YESTERDAY, Surgery
from tests.services.test_disputes import at_bank, hear
from tests.services.test_recovery import CONFIRM, RETRIEVE
from tp_gateway.contract import Flow
from tp_gateway.services.facts import Answer
from tp_gateway.services.invoices import Asked, Item
from tp_gateway.services.statements.facts import Allocation

FEE = 18_000
ACCOUNT = {"name": "Jo Doe", "bsb": "062111", "account_number": "987654321"}


def tell(surgery: Surgery) -> None:
    sandbox(surgery.sandbox_url, "POST", "settings", {"settlement_days": 0, "payouts": "manual"})
    _cards(surgery)
    _disputes(surgery)
    _transfers(surgery)
    _desk_and_medicare(surgery)
    _invoices(surgery)
    _payouts(surgery)
    surgery.work()
    surgery.nights(2)
    _lies(surgery)


def _cards(surgery: Surgery) -> None:
    keys = (Key(user_id=PATIENT, route="payments", key=f"k{number}", body_hash="a") for number in range(9))
    surgery.pay(key=next(keys), appointment_id=surgery.appointment(301))
    assert surgery.pay(appointment_id=surgery.appointment(302), method_id="pm_card_chargeDeclined").body["reason"]
    surgery.pay(appointment_id=302, key=next(keys))
    invoice = surgery.invoice(FEE)
    halves = [surgery.pay(invoice_id=invoice.id, amount=Decimal("90.00")).id for _ in range(2)]
    surgery.refund(halves[0], "30.00", key=Key(user_id=8, route="refund", key="r", body_hash="a"))
    surgery.refund(halves[1], "90.00", reopen=True)
    surgery.refund(surgery.pay(invoice_id=surgery.invoice(FEE).id).id)  # all of it, and given up
    failing = surgery.pay(appointment_id=surgery.appointment(303), method_id="pm_card_refundFail").id
    surgery.refund(failing)
    part = surgery.pay(appointment_id=surgery.appointment(304), manual_capture=True).id
    surgery.gateway.capturing.capture(manager, part, Decimal("120.00"), render, None)
    let_go = surgery.pay(appointment_id=surgery.appointment(305), manual_capture=True).id
    surgery.gateway.capturing.void(manager, let_go)
    surgery.pay(appointment_id=surgery.appointment(306), flow=Flow.BROWSER, amount=FEE)
    surgery.pay(appointment_id=surgery.appointment(307), flow=Flow.BROWSER, amount=FEE)
    surgery.void(surgery.invoice(5000).id)
    surgery.invoice(7000)
    surgery.appointment(308)


def _disputes(surgery: Surgery) -> None:
    for number, decided in enumerate(("", "won", "lost", "lost"), 310):
        payment = surgery.pay(appointment_id=surgery.appointment(number)).id
        at_bank(surgery, payment)
        if decided:
            at_bank(surgery, payment, close=decided)
    hear(surgery)
    lost = [one for one in surgery.gateway.disputes.list() if one.status == "lost"]
    surgery.gateway.disputes.reopen(manager, lost[0].id)


def _transfers(surgery: Surgery) -> None:
    promises = [promise(surgery, surgery.invoice(FEE).id) for _ in range(6)]
    references = [surgery.payment(one.id).reference or "" for one in promises]
    sums = (FEE, 20_500, 9_000, FEE, FEE)
    lines = [(cents, f"Transfer {reference}") for cents, reference in zip(sums, references, strict=False)]
    upload(surgery, [*lines, (36_000, "Transfer from J DOE"), (5_000, "Thank you"), (-990, "Account fee")])
    both, thanks = (line(surgery, cents) for cents in (36_000, 5_000))
    match(surgery, both, Allocation(Decimal("180.00"), invoice_id=surgery.invoice(FEE).id))
    match(surgery, both, Allocation(Decimal("180.00"), payment_id=promises[5].id))
    match(surgery, thanks, Allocation(Decimal("50.00"), patient_id=PATIENT))
    surgery.gateway.statements.undoing.unmatch(manager, both)
    match(surgery, both, Allocation(Decimal("300.00"), payment_id=promises[5].id))
    surgery.gateway.statements.undoing.unmatch(manager, thanks)
    surgery.gateway.statements.explaining.explain(manager, thanks, "A gift")
    for one in promises[3:5]:
        surgery.gateway.refunds.request(manager, one.id, None, "moved", False, render_refund, None, ACCOUNT)
    file = surgery.gateway.refund_files.make(manager, None)
    surgery.gateway.refund_files.confirm_file(manager.actor, file.id)
    sent_back = surgery.gateway.refunds.of_payment(promises[4].id)[0]
    surgery.gateway.refund_files.confirm(manager.actor, sent_back.id, paid=False, note="account closed")
    for asked in (Decimal("5.00"), Decimal("20.00")):
        surgery.gateway.refunds.request(manager, promises[1].id, asked, "too much", False, render_refund, None, ACCOUNT)
    first, _waits = surgery.gateway.refunds.of_payment(promises[1].id)
    surgery.gateway.refund_files.confirm(manager.actor, first.id, paid=True)


def _desk_and_medicare(surgery: Surgery) -> None:
    for kind in ("cash", "eftpos"):
        slip = {"slip": "0042"} if kind == "eftpos" else {}
        wanted = {"method": "in_person", "method_id": None, "permission": "pay_invoice", "amount": Decimal("80.00")}
        taken = surgery.pay(manager, invoice_id=surgery.invoice(FEE).id, parameters={"kind": kind, **slip}, **wanted)
    surgery.refund(taken.id, "20.00")
    surgery.rule("benefit", benefit=BENEFIT)
    surgery.invoice(FEE, appointment_id=surgery.session(201))
    surgery.bulk_bill(201)
    surgery.rule("refuse", code="9202", text="Not this one")
    surgery.session(202)
    assert surgery.bulk_bill(202)["status"] == "failed"


def _invoices(surgery: Surgery) -> None:
    """What staff do to invoices: credited after it was paid, paid with that credit, returned, written off, in parts."""
    operations, nothing = surgery.gateway.invoice_operations, render_invoice
    paid = surgery.invoice(FEE)
    surgery.pay(invoice_id=paid.id)
    operations.credit(manager, paid.id, Asked(Decimal("60.00")), "shorter", nothing, None)
    for amount in (5_000, 3_000):
        other = surgery.invoice(amount)
        operations.apply_credit(manager, other.id, None, nothing, None)
    operations.return_credit(manager, other.id, "not this one", nothing, None)
    owed = surgery.invoice(10_000)
    operations.write_off(manager, owed.id, Decimal("40.00"), "hardship", nothing, None)
    lines = [Item("Report", 3, 3_333), Item("Session", 1, FEE, gst_treatment="gst_free")]
    mixed = surgery.gateway.invoices.create(manager, PATIENT, lines, currency="AUD")
    for part in ("10.00", "7.77"):
        operations.credit(manager, mixed.id, Asked(lines={1: Decimal(part)}), "too long", nothing, None)


def _payouts(surgery: Surgery) -> None:
    sandbox(surgery.sandbox_url, "POST", "payouts", {})
    surgery.gateway.remittances.sweep()
    [paid_out] = surgery.gateway.remittances.list()
    upload(surgery, [(paid_out.amount, "STRIPE PAYMENTS")], datetime.combine(paid_out.arrives_on, datetime.min.time()))


def _lies(surgery: Surgery) -> None:
    """A provider that says another sum than was asked: one waits for a person, one was refused by one."""
    for call in (CONFIRM, RETRIEVE):
        surgery.fault(call, "wrong_amount", times=None)
    waits, refused = (surgery.pay(appointment_id=surgery.appointment(number)).id for number in (320, 321))
    surgery.gateway.review.decide(manager, refused, False, "no such sum", render, None)
    sandbox(surgery.sandbox_url, "DELETE", "faults")
    assert surgery.rows("SELECT needs_review FROM payments WHERE id = :id", id=waits)[0].needs_review


def promise(surgery: Surgery, invoice_id: int) -> Paid:
    return surgery.pay(patient, method="bank_transfer", method_id=None, amount=None, invoice_id=invoice_id)


def upload(surgery: Surgery, lines: list[tuple[int, str]], day: datetime = YESTERDAY) -> None:
    data = as_file(cba(lines, day=day.date()))
    surgery.gateway.statements.importing.run(data, f"{day.date()}.csv", manager.actor)


def line(surgery: Surgery, cents: int) -> int:
    [found] = surgery.rows("SELECT id FROM statement_lines WHERE amount = :cents", cents=cents)
    return int(found.id)


def match(surgery: Surgery, line_id: int, *parts: Allocation) -> None:
    surgery.gateway.statements.allocating.match(manager, line_id, parts, lambda _line: Answer(200, "{}"), None)


def facts(surgery: Surgery) -> dict[str, Any]:
    """How often each kind of thing has happened: what a story must have."""
    kinds = surgery.rows("SELECT kind, COUNT(*) AS times FROM ledger_entries GROUP BY kind")
    states = surgery.rows("SELECT provider || ' ' || state AS kind, COUNT(*) AS times FROM payments GROUP BY 1")
    return {row.kind: row.times for row in (*kinds, *states)}
