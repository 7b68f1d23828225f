"""Documents over HTTP: what stands in them is what the store knows, and only those whose they are get them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from webtest import TestResponse

from sandbox.stripe import StripeSandbox
from tests.api.conftest import Bank
from tests.banking import ACCOUNT, cba
from tests.clinic import ADMIN, MANAGER, OTHER_PATIENT, PATIENT, PSYCHOLOGIST, sandbox
from tests.documents.samples import text
from tests.invariants import check_invariants

CLINIC = {
    "clinic": {
        "name": "Sample Psychology",
        "address": "Suite 4, 21 Harbour Lane, Fitzroy VIC 3065",
        "phone": "+61 3 9555 0142",
        "email": "accounts@clinic.example",
        "abn": "51 824 753 556",
    },
    "system": {"medicare_provider_number": "2447781L"},
}
SESSION = {"description": "Individual session", "unit_price": "180.00", "gst_treatment": "gst_free"}
REPORT = {"description": "Report for an insurer", "unit_price": "550.00", "gst_treatment": "taxable"}


@pytest.fixture
def desk(database_url: str, stripe_sandbox: StripeSandbox) -> Iterator[Bank]:
    """A clinic that takes cards, transfers and cash, and says who it is."""
    sandbox(stripe_sandbox.url, "POST", "reset")
    ini = {**ACCOUNT, "tp_gateway.providers": "stripe bank_transfer in_person"}
    made = Bank(database_url, stripe_sandbox.url, **ini)
    made.open()
    own = {"provider_number": "2426591T", "ahpra_number": "PSY0001234567"}
    made.push_users([made.user(PATIENT, "patient") | {"name": "Zoë Nguyễn"}])
    made.push_users([made.user(PSYCHOLOGIST, "psychologist") | {"name": "Sample Practitioner"} | own])
    made.call("PUT", "/api/auth/admin/settings/", CLINIC, as_user=ADMIN, status=200)
    yield made
    try:
        check_invariants(made.database.engine, made.books(), at_rest=False)
    finally:
        made.close()


def made_invoice(desk: Bank, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"patient_id": PATIENT, **({"items": list(items)} if items else {}), **more}
    return dict(desk.post("/api/billing/create-invoice/", body, as_user=MANAGER, status=201).json)


def pdf(answer: TestResponse) -> str:
    """The text of a document that came as it should."""
    assert answer.content_type == "application/pdf" and answer.headers["Cache-Control"] == "no-store"
    name = re.fullmatch(r'attachment; filename="([A-Za-z0-9._-]+\.pdf)"', answer.headers["Content-Disposition"])
    assert name and answer.body.startswith(b"%PDF-")
    return text(answer.body)


def invoice_pdf(desk: Bank, invoice_id: int, as_user: int = PATIENT) -> str:
    return pdf(desk.get(f"/api/billing/invoices/{invoice_id}/pdf/", as_user=as_user, status=200))


def receipt(desk: Bank, payment: dict[str, Any], as_user: int = PATIENT) -> str:
    path = f"/api/billing/payments/{payment['id']}/receipt/"
    return pdf(desk.get(path, as_user=as_user, status=200))


def cash(desk: Bank, invoice_id: int, amount: str) -> dict[str, Any]:
    body = {"payment_method": "in_person", "kind": "cash", "amount": amount}
    return dict(
        desk.post(f"/api/billing/invoices/{invoice_id}/pay/", body, as_user=MANAGER, status=200).json["payment"]
    )


def test_an_invoice_of_an_appointment(desk: Bank) -> None:
    desk.appointment(starts_at=datetime(2025, 1, 20, 3, 30, tzinfo=UTC))
    found = made_invoice(desk, {**SESSION, "item_number": "80110"}, appointment_id=123, description="January")
    said = invoice_pdf(desk, found["id"])
    assert "Sample Psychology" in said and "ABN 51 824 753 556" in said and "2447781L" not in said
    assert "Sample Practitioner 2426591T PSY0001234567" in said
    assert "Patient and account holder Zoë Nguyễn" in said and f"Invoice number {found['invoice_number']}" in said
    session = "20 Jan 2025 2:30 pm Individual session Sample Practitioner \N{MIDDLE DOT} 50 minutes 80110 $180.00"
    assert session in said and "January" in said and "Tax invoice" not in said
    assert "OVERDUE" not in said and "How to pay" not in said
    assert invoice_pdf(desk, found["id"], as_user=MANAGER) == said


def test_an_invoice_that_is_late_and_one_that_is_void(desk: Bank) -> None:
    found = made_invoice(desk, SESSION, due_date="2025-01-01")
    assert "OVERDUE" in invoice_pdf(desk, found["id"])
    desk.post(f"/api/billing/invoices/{found['id']}/void/", as_user=MANAGER, status=200)
    said = invoice_pdf(desk, found["id"])
    assert "VOID" in said and "Please do not pay it." in said and "Amount due $0.00" in said


def test_a_tax_invoice_is_paid_in_parts_credited_and_written_off_and_its_sums_are_the_answers(desk: Bank) -> None:
    found = made_invoice(desk, SESSION, {**REPORT, "quantity": 2})
    path = f"/api/billing/invoices/{found['id']}/"
    cash(desk, found["id"], "200.00")
    body = {"lines": [{"line": 2, "amount": "110.00"}], "reason": "<b>Shorter</b> than agreed"}
    credited = desk.post(f"{path}credit/", body, as_user=MANAGER, status=201).json
    desk.post(f"{path}write-off/", {"amount": "70.00"}, as_user=MANAGER, status=200)
    now = desk.get(path, status=200).json
    said = invoice_pdf(desk, found["id"])
    assert "Tax invoice" in said and "Provider number 2447781L" in said and f"GST included ${now['gst']}" in said
    assert "Total (AUD, including GST) $1,280.00 Paid \N{MINUS SIGN}$200.00" in said
    assert f"Credit note {credited['credit_note']} \N{MINUS SIGN}$110.00 Written off \N{MINUS SIGN}$70.00" in said
    assert f"Amount due ${now['amount_due']}" in said and now["amount_due"] == "900.00"
    assert re.search(r"\d+ \w{3} \d{4} At the desk R\d{6}-\w{4} \$200\.00", said)
    document = f"/api/billing/credit-notes/{credited['credit_notes'][0]['id']}/pdf/"
    said = pdf(desk.get(document, status=200))
    assert (
        "Adjustment note" in said and credited["credit_note"] in said and "Reason: <b>Shorter</b> than agreed" in said
    )
    assert f"For invoice {found['invoice_number']}" in said and "GST included $10.00" in said
    other = desk.rows("SELECT id FROM invoice_operations WHERE kind = 'write_off'")[0].id
    desk.get(f"/api/billing/credit-notes/{other}/pdf/", as_user=MANAGER, status=404)
    absent = desk.get("/api/billing/credit-notes/999999/pdf/", as_user=OTHER_PATIENT, status=404)
    assert desk.get(document, as_user=OTHER_PATIENT, status=404).body == absent.body


def test_a_transfer_that_was_promised_is_asked_for_until_it_is_paid_and_has_no_receipt(desk: Bank) -> None:
    found = made_invoice(desk, SESSION)
    promise = desk.promise_for(found["id"])
    asked = promise["next_action"]
    said = invoice_pdf(desk, found["id"])
    for told in ("Please transfer $180.00", asked["bsb"], asked["account_number"], asked["reference"], asked["payid"]):
        assert told in said
    assert f"Biller code 123456, reference {asked['bpay']['crn']}" in said
    assert promise["receipt_url"] is None
    refused = desk.get(f"/api/billing/payments/{promise['id']}/receipt/", status=409).json
    assert refused["code"] == "not_payable" and refused["payment_id"] == promise["id"]
    desk.upload(cba([(18000, f"Transfer {asked['reference']}")]))
    paid = invoice_pdf(desk, found["id"])
    assert "5 Mar 2026 Bank transfer" in paid and "How to pay" not in paid and "PAID" in paid
    assert "Received on 5 March 2026 Paid by Bank transfer" in receipt(desk, promise)  # the day of the bank, not ours


def test_the_receipt_of_money_from_the_desk(desk: Bank) -> None:
    found = made_invoice(desk, SESSION)
    payment = cash(desk, found["id"], "100.00")
    assert payment["receipt_url"] == f"/api/billing/payments/{payment['id']}/receipt/"
    answer = desk.get(payment["receipt_url"], status=200)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{payment["id"]}.pdf"'
    said = pdf(answer)
    assert f"Receipt number {payment['id']}" in said and "Paid by At the desk Amount received $100.00" in said
    told = f"For invoice {found['invoice_number']}. Confirmation number {payment['transaction_id']}."
    assert told in said and "Amount owing $80.00" in said
    second = receipt(desk, cash(desk, found["id"], "80.00"))
    assert "Paid by other payments \N{MINUS SIGN}$100.00 Amount owing $0.00" in second and "PAID IN FULL" in second


def test_what_was_given_back_of_an_invoice_that_is_void_since_is_still_receipted(desk: Bank) -> None:
    desk.appointment()
    found = made_invoice(desk, appointment_id=123)
    payment = cash(desk, found["id"], "180.00")
    for path, mine in (("invoices/{}/pdf", found["id"]), ("payments/{}/receipt", payment["id"])):
        theirs = desk.get(f"/api/billing/{path.format(mine)}/", as_user=OTHER_PATIENT, status=404)
        absent = desk.get(f"/api/billing/{path.format(999_999)}/", as_user=OTHER_PATIENT, status=404)
        assert theirs.body == absent.body
    body = {"reopen": True}
    desk.post(f"/api/billing/payments/{payment['id']}/refund/", body, as_user=MANAGER, status=201)
    desk.post(f"/api/billing/invoices/{found['id']}/void/", as_user=MANAGER, status=200)
    made_invoice(desk, appointment_id=123)  # it is about this one that nothing was paid
    said = receipt(desk, payment)
    assert f"For invoice {found['invoice_number']}." in said
    assert "REFUNDED" in said and "Amount owing $0.00" in said and "Of this payment refunded $180.00" in said


def test_the_receipt_of_a_card_payment_for_an_appointment_without_an_invoice(desk: Bank) -> None:
    desk.appointment(starts_at=datetime(2025, 1, 20, 3, 30, tzinfo=UTC))
    payment = desk.pay_by_http(status=201).json
    assert payment["receipt_url"].startswith("https://")  # Stripe's own; ours is there besides
    said = receipt(desk, payment)
    assert "20 Jan 2025 2:30 pm Individual therapy Sample Practitioner \N{MIDDLE DOT} 50 minutes $180.00" in said
    assert "Zoë Nguyễn" in said and "2426591T" in said and "Paid by Card" in said and "Amount owing $0.00" in said
    desk.post(f"/api/billing/payments/{payment['id']}/refund/", {"amount": "30.00"}, as_user=MANAGER, status=201)
    again = receipt(desk, payment)
    assert "Amount received $180.00" in again and "Of this payment refunded $30.00" in again
    assert "Paid by this payment \N{MINUS SIGN}$150.00 No longer charged \N{MINUS SIGN}$30.00" in again
    found = made_invoice(desk, appointment_id=123)
    assert f"For invoice {found['invoice_number']}." in receipt(desk, payment)
