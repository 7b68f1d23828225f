"""A bulk bill is payment in full: nothing else may be charged for the service, whichever came first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.clinic import manager, patient, refused, render, render_invoice
from tests.medicare.conftest import Surgery, bulk_bill
from tp_gateway.contract import Flow
from tp_gateway.errors import GatewayError
from tp_gateway.services.invoices import Asked

TRANSFER = {"method": "bank_transfer", "method_id": None}


def test_while_it_is_with_medicare_nothing_else_is_accepted(surgery: Surgery) -> None:
    lodged = surgery.bulk_bill(surgery.session())
    for other in ({}, TRANSFER):
        refusal = refused(surgery.pay, appointment_id=123, **other)
        assert (refusal.code, refusal.payment_id) == ("payment_in_progress", lodged["id"])
        assert "only payment" in str(refusal.details)
    assert len(surgery.rows("SELECT 1 FROM payments")) == 1


@pytest.mark.parametrize("other", [{}, TRANSFER], ids=["card", "transfer"])
def test_once_paid_the_service_is_paid(surgery: Surgery, other: dict[str, str]) -> None:
    surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    refusal = refused(surgery.pay, appointment_id=123, **other)
    assert refusal.code == "already_paid"


def test_an_invoice_that_asks_for_more_afterwards_cannot_be_paid_either(surgery: Surgery) -> None:
    surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    invoice = surgery.invoice(25000, appointment_id=123)
    refusal = refused(surgery.pay, invoice_id=invoice.id, amount=Decimal("70.00"))
    assert refusal.code == "already_paid" and "payment in full" in str(refusal.details)


def test_before_it_is_lodged_another_payment_cancels_it(surgery: Surgery) -> None:
    made = surgery.bulk_bill(surgery.session(), consent=None)
    assert surgery.pay(appointment_id=123).body["status"] == "succeeded"
    assert surgery.state(made["id"]) == ("failed", "withdrawn") and not surgery.lodgements()


def test_a_part_that_was_paid_rules_it_out(surgery: Surgery) -> None:
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    surgery.pay(invoice_id=invoice.id, amount=Decimal("50.00"))
    wanted = surgery.wanted(
        invoice_id=invoice.id, method="medicare", method_id=None, amount=None, parameters=bulk_bill()
    )
    refusal = refused(surgery.gateway.payments.pay, patient, wanted, render, None)
    assert refusal.code == "not_payable" and "only payment" in str(refusal.details)
    assert not surgery.lodgements()


def test_what_was_refunded_wholly_does_not_stand_in_the_way(surgery: Surgery) -> None:
    paid = surgery.pay(appointment_id=surgery.session())
    surgery.refund(paid.id, reopen=True)
    assert surgery.bulk_bill()["status"] == "pending"


def test_promises_and_card_forms_give_way(surgery: Surgery) -> None:
    surgery.session()
    promises = [surgery.pay(appointment_id=123, **TRANSFER).id for _ in range(2)]
    form = surgery.pay(appointment_id=123, flow=Flow.BROWSER, amount=18000).id
    lodged = surgery.bulk_bill()
    assert lodged["status"] == "pending"
    assert [surgery.gateway.payments.get(manager, one).state for one in (*promises, form)] == ["failed"] * 3


def test_a_card_payment_that_is_unclear_rules_it_out(surgery: Surgery) -> None:
    surgery.session()
    surgery.fault("POST /v1/payment_intents/*/confirm", "lost")
    surgery.fault("GET /v1/payment_intents/*", "error_before", times=None)
    surgery.pay(appointment_id=123)
    assert refused(surgery.bulk_bill).code == "payment_in_progress"


def test_of_two_at_once_one_is_lodged(surgery: Surgery) -> None:
    surgery.session()

    def one(number: int) -> str:
        try:
            return str(surgery.bulk_bill()["state"] if number % 2 else surgery.pay(appointment_id=123).body["state"])
        except GatewayError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(one, range(6)))
    alive = surgery.rows("SELECT 1 FROM payments WHERE state <> 'failed'")
    assert len(alive) == 1, results


def test_what_was_bulk_billed_is_neither_credited_nor_paid_with_credit(surgery: Surgery) -> None:
    over = surgery.invoice(5_000)
    surgery.pay(invoice_id=over.id, amount=None)
    operations = surgery.gateway.invoice_operations
    operations.credit(manager, over.id, Asked(), "", render_invoice, None)
    surgery.bulk_bill(surgery.session())
    surgery.nights(2)
    invoice = surgery.invoice(25_000, appointment_id=123)
    for call, arguments in ((operations.credit, (Asked(), "")), (operations.apply_credit, (None,))):
        refusal = refused(call, manager, invoice.id, *arguments, render_invoice, None)
        assert refusal.code == "not_payable" and "payment in full" in str(refusal.details)
    operations.write_off(manager, invoice.id, None, "asked by mistake", render_invoice, None)
    after = surgery.gateway.invoices.detail(manager, invoice.id)
    assert (after.status, after.written_off, after.facts.amount_due) == ("paid", 7_000, 0)
