"""Each thing that the tax office, Medicare and the health funds want stands on the document, and nothing that would be
untrue of it. Sources: the modules' own."""

from dataclasses import replace
from datetime import date, time

import pytest

from tests.documents.samples import (
    ACCOUNT,
    CLINIC,
    credit_note,
    invoice,
    receipt,
    received,
    report,
    session,
    text,
)
from tp_gateway.documents import Clinic, Deduction, Line, Patient, Practitioner, Press, Standing


def test_a_tax_invoice_tells_all_seven_things_and_who_buys(press: Press) -> None:
    lines = (session(), Line("Supervision", 2, 55000, 110000, 10000, taxable=True))
    said = text(press.print(invoice(*lines)))
    assert "Tax invoice" in said
    assert "Sample Psychology" in said and "Suite 4, 21 Harbour Lane Fitzroy VIC 3065" in said
    assert "ABN 51 824 753 556" in said
    assert "Date of issue" in said and "23 November 2026" in said
    assert "Individual session 1" in said and "Supervision" in said and "2 $550.00" in said
    assert "GST included $100.00" in said and "Total (AUD, including GST) $1,280.00" in said
    assert "GST-free $180.00" in said and "Taxable, including GST $1,100.00" in said
    assert "1 $180.00 GST-free $180.00" in said and "$550.00 $100.00 $1,100.00" in said  # of each line
    assert "Patient and account holder Sample Patient" in said


def test_treatment_alone_is_an_invoice_and_no_tax_invoice(press: Press) -> None:
    said = text(press.print(invoice()))
    assert "Invoice" in said and "tax invoice" not in said.lower()
    assert "Total (AUD, GST-free) $180.00" in said and "Amount due $180.00" in said
    assert "$16.36" not in said


@pytest.mark.parametrize(
    "of, why",
    [
        ({"clinic": replace(CLINIC, abn="")}, "the clinic's ABN is not known"),
        ({"patient": Patient(45)}, "the name of who is billed is not known"),
    ],
)
def test_what_cannot_be_a_tax_invoice_does_not_call_itself_one(press: Press, of: dict[str, object], why: str) -> None:
    said = text(press.print(invoice(report(100000), **of)))
    assert "Tax invoice" not in said and f"This is not a tax invoice: {why}." in said
    assert "GST included $90.90" in said  # what was charged is told all the same


def test_below_a_thousand_dollars_the_buyer_needs_no_name(press: Press) -> None:
    said = text(press.print(invoice(report(99999), patient=Patient(45))))
    assert "Tax invoice" in said and "Patient 45" in said and "not a tax invoice" not in said


@pytest.mark.parametrize("document", [invoice(), receipt()], ids=["invoice", "receipt"])
def test_medicare_and_the_funds_find_what_a_claim_needs(press: Press, document: object) -> None:
    said = text(press.print(document))  # type: ignore[arg-type]
    assert "Sample Patient" in said
    assert "2 Feb 2026 2:30 pm Individual session 1 Sample Practitioner \N{MIDDLE DOT} 50 minutes 80110 $180.00" in said
    assert "Sample Practitioner 2447781L PSY0001234567" in said
    assert "03 9555 0142" in said and "Fitzroy VIC 3065" in said and "ABN 51 824 753 556" in said


def test_two_attendances_on_one_day_are_told_apart_by_their_time(press: Press) -> None:
    day = {"service_date": date(2026, 11, 3)}
    early, late = session(service_time=time(0, 5), **day), session(service_time=time(12, 0), **day)
    said = text(press.print(invoice(early, late)))
    assert "3 Nov 2026 12:05 am" in said and "3 Nov 2026 12:00 pm" in said


def test_each_practitioner_stands_there_once_with_their_own_number(press: Press) -> None:
    other = Practitioner("Another Practitioner", "2426591T")
    lines = (session(1), session(2, practitioner=other), session(3))
    said = text(
        press.print(invoice(*lines, clinic=replace(CLINIC, provider_number="4000002B", ahpra_number="PSY0009999999")))
    )
    assert said.count("2447781L") == said.count("2426591T") == 1
    assert "4000002B" not in said and "PSY0009999999" not in said


def test_the_practices_own_provider_number_stands_in_where_nobody_has_one(press: Press) -> None:
    unnumbered = session(practitioner=Practitioner("Sample Practitioner"))
    said = text(
        press.print(
            receipt(unnumbered, clinic=replace(CLINIC, provider_number="4000002B", ahpra_number="PSY0009999999"))
        )
    )
    assert (
        "Provider number 4000002B AHPRA registration PSY0009999999" in said
        and "Sample Practitioner \N{MIDDLE DOT} 50 minutes" in said
    )


def test_a_receipt_says_what_was_paid_when_how_and_what_is_owing(press: Press) -> None:
    said = text(press.print(receipt(amount=15000, counted=15000, amount_owing=3000, invoice_number="INV-2026-014")))
    assert "Receipt number 1042 Received on 24 November 2026 Paid by Card Amount received $150.00" in said
    assert "For invoice INV-2026-014. Confirmation number txn_3MrVHGJDf7K2." in said
    assert "Amount charged (AUD) $180.00 Paid by this payment \N{MINUS SIGN}$150.00 Amount owing $30.00" in said
    assert "PAID IN FULL" not in said and "proof of payment" in said


def test_a_receipt_of_a_payment_that_went_elsewhere_in_part_adds_up(press: Press) -> None:
    said = text(
        press.print(
            receipt(amount=20000, refunded=2000, counted=15000, paid_otherwise=2000, deducted=500, amount_owing=500)
        )
    )
    for part in ("Paid by other payments \N{MINUS SIGN}$20.00", "No longer charged \N{MINUS SIGN}$5.00"):
        assert part in said
    assert "Amount owing $5.00" in said and "refunded $20.00" in said and "kept for other services $30.00" in said


def test_a_receipt_of_a_refunded_payment_says_so(press: Press) -> None:
    said = text(press.print(receipt(refunded=18000, counted=0, amount_owing=18000)))
    assert "REFUNDED" in said and "PAID IN FULL" not in said and "refunded $180.00" in said


def test_a_bulk_bill_cannot_be_claimed_again(press: Press) -> None:
    said = text(press.print(receipt(amount=10155, counted=10155, deducted=7845, assigned=True)))
    assert "Nothing can be claimed" in said and "proof of payment" not in said and "PAID IN FULL" in said


def test_a_report_is_not_claimed_from_anybody(press: Press) -> None:
    assert "proof of payment" not in text(press.print(receipt(report())))
    assert "proof of payment" in text(press.print(receipt(report(), session())))


def test_an_adjustment_note_tells_what_it_takes_back_of_which_tax_invoice_and_why(press: Press) -> None:
    said = text(press.print(credit_note()))
    assert "Adjustment note" in said and "CN-2026-003" in said and "25 November 2026" in said
    assert "ABN 51 824 753 556" in said and "Sample Patient" in said
    assert "Reason: The report was shorter than agreed" in said
    assert "GST included $10.00 Credited in all (AUD, including GST) $110.00" in said
    assert "reduces what invoice INV-2026-014 of 23 November 2026 charges by $110.00" in said


def test_a_credit_without_gst_or_without_what_an_adjustment_note_needs_is_none(press: Press) -> None:
    unnamed = credit_note(invoice_total=100000, patient=Patient(45))
    for note in (credit_note(session()), credit_note(report(), clinic=Clinic("Sample Psychology")), unnamed):
        said = text(press.print(note))
        assert "Credit note" in said and "Adjustment note" not in said


def test_a_void_invoice_says_so_and_asks_for_nothing(press: Press) -> None:
    said = text(press.print(invoice(standing=Standing.VOID, amount_due=0, pay_to=ACCOUNT)))
    assert "VOID" in said and "This invoice is void. Please do not pay it." in said
    assert "12345678" not in said and "Amount due $0.00" in said


def test_a_paid_invoice_shows_its_payments_and_no_account_to_pay_to(press: Press) -> None:
    payments = (received(10000, 8000, 2000), received(12000, 10000))
    said = text(press.print(invoice(standing=Standing.PAID, amount_due=0, payments=payments, pay_to=ACCOUNT)))
    assert "PAID" in said and "12345678" not in said
    assert "24 Nov 2026 Card $100.00 received, $20.00 refunded txn_3MrVHGJDf7K2 $80.00" in said
    assert "$120.00 received, $20.00 not for this invoice" in said
    assert "Paid \N{MINUS SIGN}$180.00 Amount due $0.00" in said


def test_what_is_owed_is_asked_for_with_account_and_reference(press: Press) -> None:
    account = replace(ACCOUNT, payid="pay@clinic.example", bpay_biller_code="123456", bpay_reference="1234567897")
    deductions = (Deduction("Credit note CN-2026-003", 5000), Deduction("Written off", 1000))
    said = text(press.print(invoice(amount_due=12000, deductions=deductions, pay_to=account)))
    assert "Credit note CN-2026-003 \N{MINUS SIGN}$50.00 Written off \N{MINUS SIGN}$10.00 Amount due $120.00" in said
    assert "Please transfer $120.00 by 23 December 2026" in said
    for one in ("062-000", "12345678", "TP7K2M9QX", "pay@clinic.example", "Biller code 123456, reference 1234567897"):
        assert one in said
    late = text(press.print(invoice(standing=Standing.OVERDUE, pay_to=account)))
    assert "OVERDUE" in late and "Please transfer $180.00 now" in late


def test_another_currency_is_named_by_its_code(press: Press) -> None:
    said = text(press.print(invoice(session(unit_price=1234567, total=1234567), currency="JPY")))
    assert "Amount due JPY 1,234,567" in said and "$" not in said
