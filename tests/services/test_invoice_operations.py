"""What staff do to invoices: what is due after it, the patient's credit and the books, one by one and at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from sandbox.stripe import StripeSandbox
from tests.banking import ACCOUNT
from tests.clinic import OTHER_PATIENT, PATIENT, Clinic, manager, refused, render_invoice, sandbox
from tests.invariants import check_invariants
from tests.verified import assert_verified
from tp_gateway.errors import GatewayError
from tp_gateway.services.facts import InvoiceFacts
from tp_gateway.services.invoices import Asked, InvoiceDetail, Item, Wish

BANK = {"tp_gateway.providers": "stripe bank_transfer"} | ACCOUNT


class Desk:
    """Staff at work. What they do is answered as `tests.clinic.render_invoice` says it."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self._does = clinic, clinic.gateway.invoice_operations

    def credit(self, invoice: InvoiceFacts, amount: str | None = None, **more: Any) -> dict[str, Any]:
        asked = Asked(Decimal(amount) if amount else None, **more)
        return _body(self._does.credit(manager, invoice.id, asked, "shorter", render_invoice, None))

    def write_off(self, invoice: InvoiceFacts, amount: str | None = None) -> dict[str, Any]:
        asked = Decimal(amount) if amount else None
        return _body(self._does.write_off(manager, invoice.id, asked, "hardship", render_invoice, None))

    def apply(self, invoice: InvoiceFacts, amount: str | None = None) -> dict[str, Any]:
        asked = Decimal(amount) if amount else None
        return _body(self._does.apply_credit(manager, invoice.id, asked, render_invoice, None))

    def give_back(self, invoice: InvoiceFacts) -> dict[str, Any]:
        return _body(self._does.return_credit(manager, invoice.id, "", render_invoice, None))

    def detail(self, invoice: InvoiceFacts) -> InvoiceDetail:
        return self.clinic.gateway.invoices.detail(manager, invoice.id)

    def credit_left(self, patient_id: int = PATIENT) -> int:
        credit = self.clinic.gateway.invoices.find(manager, Wish(limit=1, patient_id=patient_id)).credit
        assert credit is not None
        return credit

    def paid(self, amount: int = 18_000) -> InvoiceFacts:
        invoice = self.clinic.invoice(amount)
        self.clinic.pay(invoice_id=invoice.id, amount=None)
        return invoice


def _body(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer.text))


@pytest.fixture
def desk(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Desk]:
    sandbox(stripe_sandbox.url, "POST", "reset")
    made = Clinic(database_url, stripe_sandbox.url, **BANK).open()
    yield Desk(made)
    check_invariants(made.database.engine, made.books())
    if made.database.engine.dialect.name == "sqlite":  # that it sees the same on both is tests/verification's
        assert_verified(made.database)
    made.close()


def test_a_credit_note_takes_off_what_is_due(desk: Desk) -> None:
    invoice = desk.clinic.invoice()
    found = desk.credit(invoice, "60.00")
    assert (found["due"], found["credited"], found["status"], found["refunds"]) == (12_000, 6_000, "partially_paid", [])
    assert refused(desk.clinic.pay, invoice_id=invoice.id, amount=Decimal("120.01")).code == "validation_error"
    desk.clinic.pay(invoice_id=invoice.id, amount=None)
    after = desk.detail(invoice)
    assert (after.status, after.money_paid, after.facts.amount_due) == ("paid", 12_000, 0)
    assert desk.credit_left() == 0


def test_what_was_paid_of_it_becomes_credit_and_goes_back_by_a_refund(desk: Desk) -> None:
    invoice = desk.clinic.invoice()
    first, second = (desk.clinic.pay(invoice_id=invoice.id, amount=Decimal("90.00")).id for _ in range(2))
    found = desk.credit(invoice, "120.00")
    assert found["refunds"] == [[second, 9_000], [first, 3_000]], "the newest first"
    assert (found["money_paid"], found["credited"], found["due"], desk.credit_left()) == (6_000, 12_000, 0, 12_000)
    desk.clinic.refund(second, "90.00")
    assert desk.credit_left() == 3_000
    assert (desk.detail(invoice).money_paid, desk.detail(invoice).given_up) == (6_000, 0)
    assert desk.credit(invoice)["refunds"] == [[first, 6_000]], "the rest of it"
    assert refused(desk.credit, invoice).code == "not_payable"


def test_no_more_is_credited_than_was_asked_for_and_is_not_given_up(desk: Desk) -> None:
    given_up, partly = desk.paid(), desk.clinic.invoice()
    payment = desk.detail(given_up).payments[0].payment_id
    desk.clinic.refund(payment, "80.00")
    assert refused(desk.credit, given_up, "100.01").details == {
        "amount": ["At most this can still be credited: 100.00"]
    }
    assert desk.credit(given_up)["credited"] == 10_000
    desk.write_off(partly, "30.00")
    assert refused(desk.credit, partly, "150.01").code == "validation_error"
    assert desk.credit(partly)["due"] == 0


def test_lines_are_credited_with_their_gst(desk: Desk) -> None:
    lines = [Item("Report", 3, 3_333), Item("Session", 1, 18_000, gst_treatment="gst_free")]
    invoice = desk.clinic.gateway.invoices.create(manager, PATIENT, lines, currency="AUD")
    assert refused(desk.credit, invoice, "10.00").details == {
        "lines": ["Required: some lines of this invoice have GST and some have not"]
    }
    wrong = {1: Decimal("99.99"), 2: Decimal("180.01"), 3: None}
    assert refused(desk.credit, invoice, lines=wrong).details == {
        "lines": {"2": ["At most this can still be credited: 180.00"], "3": ["This invoice has no such line"]}
    }
    desk.credit(invoice, lines={1: Decimal("33.33"), 2: Decimal("80.00")})
    desk.credit(invoice, lines={1: None})
    desk.credit(invoice)
    notes = desk.detail(invoice).credit_notes
    assert [(note.amount, note.gst, [line.position for line in note.lines]) for note in notes] == [
        (11_333, 303, [1, 2]),
        (6_666, 606, [1]),
        (10_000, 0, [2]),
    ]
    assert desk.detail(invoice).gst == desk.detail(invoice).gst_credited == 909


def test_a_write_off_gives_up_what_is_due(desk: Desk) -> None:
    invoice = desk.clinic.invoice()
    desk.clinic.pay(invoice_id=invoice.id, amount=Decimal("100.00"))
    assert refused(desk.write_off, invoice, "80.01").details == {"amount": ["Exceeds the amount due: 80.00"]}
    found = desk.write_off(invoice, "30.00")
    assert (found["status"], found["due"], found["written_off"]) == ("partially_paid", 5_000, 3_000)
    assert desk.write_off(invoice)["status"] == "paid"
    assert refused(desk.write_off, invoice).code == "already_paid"
    [*done] = desk.clinic.rows("SELECT kind, amount, reason, actor FROM invoice_operations ORDER BY id")
    assert [tuple(row) for row in done] == [
        ("write_off", 3_000, "hardship", manager.actor),
        ("write_off", 5_000, "hardship", manager.actor),
    ]


def test_credit_pays_the_oldest_first_and_comes_back(desk: Desk) -> None:
    lots = [desk.paid(amount) for amount in (4_000, 3_000)]
    for invoice in lots:
        desk.credit(invoice)
    other = desk.clinic.invoice(5_000)
    assert refused(desk.apply, other, "50.01").details == {"amount": ["Exceeds the amount due: 50.00"]}
    found = desk.apply(other)
    assert (found["status"], found["money_paid"], desk.credit_left()) == ("paid", 5_000, 2_000)
    used = [(one.counted, one.from_credit) for one in desk.detail(other).payments]
    assert used == [(4_000, True), (1_000, True)]
    assert refused(desk.clinic.void, other.id).code == "not_payable"
    assert (desk.give_back(other)["status"], desk.credit_left()) == ("pending", 7_000)
    assert refused(desk.give_back, other).code == "not_payable"
    desk.clinic.void(other.id)
    larger = desk.clinic.invoice(10_000)
    assert refused(desk.apply, larger, "70.01").details == {"amount": ["Exceeds the patient's credit: 70.00"]}
    assert (desk.apply(larger)["due"], desk.credit_left()) == (3_000, 0)
    assert refused(desk.apply, larger).details == "The patient has no credit"


def test_credit_that_paid_by_a_credit_note_goes_back_to_where_it_came_from(desk: Desk) -> None:
    desk.credit(desk.paid(4_000))
    other = desk.clinic.invoice(4_000)
    desk.apply(other)
    found = desk.credit(other, "15.00")
    assert (found["refunds"], found["money_paid"], desk.credit_left()) == ([], 2_500, 1_500)
    anothers = desk.clinic.invoice(5_000, OTHER_PATIENT)
    assert refused(desk.apply, anothers).code == "not_payable"
    assert (desk.credit_left(), desk.credit_left(OTHER_PATIENT)) == (1_500, 0), "it is one patient's own"


def test_a_refund_gives_up_what_its_credit_has_paid_elsewhere(desk: Desk) -> None:
    first = desk.paid()
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first, "60.00")
    other = desk.clinic.invoice(4_000)
    desk.apply(other)
    desk.clinic.refund(payment, reopen=True)
    assert (desk.detail(first).facts.amount_due, desk.detail(other).status) == (12_000, "paid")
    assert desk.credit_left() == 0


def test_nothing_is_done_to_what_is_void_absent_or_being_paid(desk: Desk) -> None:
    absent, void, open_one = desk.clinic.invoice(), desk.clinic.invoice(), desk.clinic.invoice()
    desk.clinic.void(void.id)
    desk.clinic.pay(invoice_id=open_one.id, method_id="pm_card_authenticationRequired", amount=None)
    missing = InvoiceFacts(**{name: getattr(absent, name) for name in InvoiceFacts.__slots__} | {"id": 999})
    for work in (desk.credit, desk.write_off, desk.apply, desk.give_back):
        assert refused(work, missing).code == "not_found"
        assert refused(work, void).code == "not_payable"
        assert refused(work, open_one).code == "payment_in_progress"


def test_a_promise_does_not_hinder_and_its_money_is_credit_where_nothing_is_due(desk: Desk) -> None:
    """Covered to the cent: what a transfer brings after the invoice was credited is the patient's."""
    invoice = desk.clinic.invoice()
    desk.clinic.pay(method="bank_transfer", method_id=None, amount=None, invoice_id=invoice.id)
    assert desk.credit(invoice)["status"] == "paid"


# --- at once ----------------------------------------------------------------------------------------------------------


def together(*calls: Callable[[], Any]) -> list[str]:
    """ "done", or the code of the refusal, of each."""

    def ended(call: Callable[[], Any]) -> str:
        try:
            call()
        except GatewayError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(ended, calls))


def test_credit_is_used_once_by_many_invoices_at_once(desk: Desk) -> None:
    for _ in range(2):
        desk.credit(desk.paid(5_000))
    invoices = [desk.clinic.invoice(3_000) for _ in range(6)]
    together(*(lambda invoice=invoice: desk.apply(invoice) for invoice in invoices))  # type: ignore[misc]
    assert sum(desk.detail(invoice).money_paid for invoice in invoices) == 10_000
    assert desk.credit_left() == 0


def test_credit_is_used_or_given_back_but_not_both(desk: Desk) -> None:
    first = desk.paid(5_000)
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first)
    other = desk.clinic.invoice(5_000)
    together(lambda: desk.apply(other), lambda: desk.clinic.refund(payment))
    used = desk.detail(other).money_paid
    assert desk.credit_left() == 0 and used in (0, 5_000)
    [row] = desk.clinic.rows("SELECT refunded FROM payments WHERE id = :id", id=payment)
    [given] = desk.clinic.rows("SELECT COALESCE(SUM(amount), 0) AS up FROM ledger_entries WHERE kind = 'adjustment'")
    assert row.refunded == 5_000 and given.up == used, "what had paid elsewhere was given up, and nothing else"


@pytest.mark.catalogue(13)
def test_only_one_of_many_gives_up_or_pays_the_same_money(desk: Desk) -> None:
    invoice = desk.clinic.invoice()
    codes = together(
        lambda: desk.credit(invoice),
        lambda: desk.write_off(invoice),
        lambda: desk.clinic.void(invoice.id),
        lambda: desk.clinic.pay(invoice_id=invoice.id, amount=None),
    )
    after = desk.detail(invoice)
    assert codes.count("done") >= 1 and set(codes) <= {"done", "not_payable", "payment_in_progress", "already_paid"}
    assert after.facts.amount_due == 0 and after.status in ("paid", "void")


def test_two_patients_hands_on_two_invoices_do_not_wait_in_a_circle(desk: Desk) -> None:
    """Each pays the other's source: the locks are taken in one order."""
    for _ in range(4):
        desk.credit(desk.paid(1_000), "5.00")
    invoices = [desk.clinic.invoice(500) for _ in range(4)]
    calls = [lambda invoice=invoice: desk.apply(invoice, "1.00") for invoice in invoices] * 2  # type: ignore[misc]
    calls += [lambda invoice=invoice: desk.give_back(invoice) for invoice in invoices]  # type: ignore[misc]
    assert set(together(*calls)) <= {"done", "not_payable"}
