"""Money of a promise that came before a bulk bill, and arrives after it: no charge of a bulk-billed service."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.banking import as_file, cba
from tests.clinic import PATIENT, manager, refused
from tests.medicare.conftest import Surgery
from tests.medicare.test_patient_claims import decide, lodge, paid
from tp_gateway.services.facts import Answer
from tp_gateway.services.rebates import Decision
from tp_gateway.services.statements.facts import Allocation, LineFacts

TRANSFER = {"method": "bank_transfer", "method_id": None}


def match(surgery: Surgery, line_id: int, **to: int) -> Answer:
    def shown(facts: LineFacts) -> Answer:
        return Answer(200, facts.state)

    wanted = [Allocation(Decimal("180.00"), **to)]
    return surgery.gateway.statements.allocating.match(manager, line_id, wanted, shown, None)


@pytest.mark.parametrize("nights", [0, 2])
def test_a_late_transfer_does_not_pay_what_is_bulk_billed(surgery: Surgery, nights: int) -> None:
    invoice = surgery.invoice(18000, appointment_id=surgery.session())
    promise = surgery.pay(appointment_id=123, invoice_id=invoice.id, **TRANSFER).id
    lodged = surgery.bulk_bill()
    surgery.nights(nights)
    statement = cba([(18000, f"J DOE {surgery.payment(promise).reference}")])
    surgery.gateway.statements.importing.run(as_file(statement), "a.csv", manager.actor)
    [line] = surgery.gateway.statements.reading.lines()
    assert line.state == "suggested" and f"payment {lodged['id']}" in line.why
    for to in ({"payment_id": promise}, {"invoice_id": invoice.id}):
        refusal = refused(match, surgery, line.id, **to)
        assert refusal.code == "not_payable" and "credit" in str(refusal.details), refusal
    assert match(surgery, line.id, patient_id=PATIENT).text == "matched"
    surgery.nights(2)
    assert surgery.state(lodged["id"]) == ("succeeded", "paid")
    assert surgery.entries(promise) == {}


def test_a_bulk_bill_that_came_to_nothing_is_not_in_the_way(surgery: Surgery) -> None:
    surgery.session()
    promise = surgery.pay(appointment_id=123, **TRANSFER).id
    surgery.rule("refuse", code="9202")
    surgery.bulk_bill()
    statement = cba([(18000, f"J DOE {surgery.payment(promise).reference}")])
    surgery.gateway.statements.importing.run(as_file(statement), "a.csv", manager.actor)
    [line] = surgery.gateway.statements.reading.lines()
    assert line.state == "matched" and surgery.entries(promise) == {"charge": 18000}


def test_a_service_has_a_rebate_claim_or_a_bulk_bill(surgery: Surgery) -> None:
    """The payment behind the patient's own claim went back, and the claim still stands."""
    payment_id = paid(surgery)
    surgery.rule("pendable", function="patient_claim")
    assert lodge(surgery, payment_id)["state"] == "pendable"
    surgery.clear_rules()
    surgery.refund(payment_id, reopen=True)
    refusal = refused(surgery.bulk_bill)
    assert refusal.code == "not_payable" and "claim" in str(refusal.details)
    assert not surgery.lodgements()
    assert refused(decide, surgery, payment_id, Decision.ACCEPT).code == "not_payable", "nothing is paid any more"
    decide(surgery, payment_id, Decision.LET_GO)
    assert surgery.bulk_bill()["status"] == "pending"
