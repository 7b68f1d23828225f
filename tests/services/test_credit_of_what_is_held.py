"""What becomes credit is money that its payment still has: not what a refund or a dispute took from it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any

from tests.clinic import refused
from tests.services.test_disputes import at_bank, hear
from tests.services.test_invoice_operations import Desk, desk, together
from tests.services.test_recovery import settle_down
from tp_gateway.errors import GatewayError

__all__ = ["desk"]


def test_a_credit_note_frees_money_that_was_not_given_back(desk: Desk) -> None:
    """The newest payment was refunded: what becomes credit is the older one's, and a refund of that takes it."""
    invoice = desk.clinic.invoice(10_000)
    first, second = (desk.clinic.pay(invoice_id=invoice.id, amount=Decimal("50.00")).id for _ in range(2))
    desk.clinic.refund(second)
    found = desk.credit(invoice)
    assert (found["credited"], found["refunds"], desk.credit_left()) == (5_000, [[first, 5_000]], 5_000)
    desk.clinic.refund(first)
    assert desk.credit_left() == 0, "it went back once"


def test_a_credit_note_frees_no_money_that_a_refund_took_elsewhere(desk: Desk) -> None:
    """Credit has paid here, and its payment was given back wholly: what it has paid here was given up then."""
    first = desk.paid(12_000)
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first, "20.00")
    other = desk.clinic.invoice(2_000)
    desk.apply(other)
    desk.clinic.refund(payment)
    assert refused(desk.credit, other).code == "not_payable"
    assert refused(desk.give_back, other).code == "not_payable"
    assert desk.credit_left() == 0


def test_credit_that_is_on_its_way_back_pays_nothing(desk: Desk) -> None:
    first = desk.paid(5_000)
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first)
    other = desk.clinic.invoice(5_000)
    desk.clinic.fault("POST /v1/refunds", "error_before")
    desk.clinic.refund(payment, "30.00")
    assert desk.credit_left() == 2_000
    assert (desk.apply(other)["money_paid"], desk.credit_left()) == (2_000, 0)
    settle_down(desk.clinic)
    assert desk.credit_left() == 0
    assert not desk.clinic.rows("SELECT id FROM ledger_entries WHERE kind = 'adjustment'"), "nothing had to be given up"


def test_a_credit_note_frees_no_money_that_a_dispute_has_taken(desk: Desk) -> None:
    invoice = desk.clinic.invoice(10_000)
    first, second = (desk.clinic.pay(invoice_id=invoice.id, amount=Decimal("50.00")).id for _ in range(2))
    at_bank(desk.clinic, second)
    hear(desk.clinic)
    found = desk.credit(invoice)
    assert (found["credited"], found["refunds"], desk.credit_left()) == (5_000, [[first, 5_000]], 5_000)
    at_bank(desk.clinic, second, close="lost")
    hear(desk.clinic)
    assert desk.credit_left() == 5_000, "of the other payment"
    assert refused(desk.credit, invoice).code == "not_payable"


def test_credit_in_an_open_dispute_pays_nothing_until_it_is_won(desk: Desk) -> None:
    first, other = desk.paid(5_000), desk.clinic.invoice(5_000)
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first)
    at_bank(desk.clinic, payment)
    hear(desk.clinic)
    assert desk.credit_left() == 0
    assert refused(desk.apply, other).code == "not_payable"
    at_bank(desk.clinic, payment, close="won")
    hear(desk.clinic)
    assert desk.credit_left() == 5_000
    assert desk.apply(other)["status"] == "paid"


def test_a_refund_and_the_return_of_credit_at_once_leave_no_money_twice(desk: Desk) -> None:
    """Whoever comes second finds what the first has left."""
    first = desk.paid(5_000)
    payment = desk.detail(first).payments[0].payment_id
    desk.credit(first)
    other = desk.clinic.invoice(5_000)
    desk.apply(other)
    together(lambda: desk.clinic.refund(payment), lambda: desk.give_back(other))
    assert desk.credit_left() == 0
    given_up = desk.clinic.rows("SELECT id FROM ledger_entries WHERE kind = 'adjustment'")
    assert desk.detail(other).facts.amount_due == (0 if given_up else 5_000)


_CREDIT = """
    SELECT p.id, p.captured - p.refunded AS held,
           SUM(CASE WHEN credit = 'patient_credit' THEN l.amount
                    WHEN debit = 'patient_credit' THEN -l.amount ELSE 0 END) AS credit
    FROM payments p JOIN ledger_entries l ON l.payment_id = p.id GROUP BY p.id, p.captured, p.refunded"""


def test_no_payment_has_more_credit_than_money_whatever_staff_do(desk: Desk) -> None:
    chance = Random(10)  # the same walk each time
    invoices = [desk.clinic.invoice(6_000) for _ in range(4)]
    payments = [
        desk.clinic.pay(invoice_id=invoice.id, amount=Decimal(amount)).id
        for invoice in invoices[:3]
        for amount in ("20.00", "40.00")
    ]
    does: list[Callable[[], Any]] = [
        lambda: desk.credit(chance.choice(invoices), chance.choice([None, "15.00", "33.00"])),
        lambda: desk.clinic.refund(
            chance.choice(payments), chance.choice([None, "10.00"]), reopen=chance.random() < 0.5
        ),
        lambda: desk.apply(chance.choice(invoices)),
        lambda: desk.give_back(chance.choice(invoices)),
    ]
    for _ in range(60):
        with suppress(GatewayError):
            chance.choice(does)()
        assert not [tuple(row) for row in desk.clinic.rows(_CREDIT) if row.credit > row.held]
