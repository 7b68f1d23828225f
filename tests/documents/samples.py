"""Documents of a made-up practice, and what stands in a PDF."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pypdfium2 as pdfium

from tp_gateway.documents import (
    BankAccount,
    Clinic,
    CreditNote,
    Invoice,
    Line,
    Patient,
    Practitioner,
    Receipt,
    ReceivedPayment,
    Standing,
)

CLINIC = Clinic(
    name="Sample Psychology",
    address="Suite 4, 21 Harbour Lane\nFitzroy VIC 3065",
    phone="03 9555 0142",
    email="accounts@clinic.example",
    website="https://clinic.example",
    abn="51824753556",
)
PRACTITIONER = Practitioner("Sample Practitioner", "2447781L", "PSY0001234567")
PATIENT = Patient(45, "Sample Patient")
ACCOUNT = BankAccount("Sample Psychology Pty Ltd", "062-000", "12345678", "TP7K2M9QX")


def session(number: int = 1, **more: Any) -> Line:
    """A GST-free hour for $180.00."""
    values: dict[str, Any] = {
        "description": f"Individual session {number}",
        "quantity": 1,
        "unit_price": 18000,
        "total": 18000,
        "service_date": date(2026, 1 + number % 12, 1 + number % 28),
        "service_time": time(14, 30),
        "minutes": 50,
        "item_number": "80110",
        "practitioner": PRACTITIONER,
    }
    return Line(**values | more)


def report(price: int = 55000, **more: Any) -> Line:
    """A taxable report; the price includes GST of one eleventh."""
    return Line("Report for an insurer", 1, price, price, price // 11, taxable=True, **more)


def invoice(*lines: Line, **more: Any) -> Invoice:
    lines = lines or (session(),)
    values: dict[str, Any] = {
        "clinic": CLINIC,
        "number": "INV-2026-014",
        "currency": "AUD",
        "issued_on": date(2026, 11, 23),
        "due_on": date(2026, 12, 23),
        "standing": Standing.OPEN,
        "patient": PATIENT,
        "lines": lines,
        "paid": sum(payment.counted for payment in more.get("payments", ())),
        "amount_due": sum(line.total for line in lines),
    }
    return Invoice(**values | more)


def received(amount: int, counted: int | None = None, refunded: int = 0) -> ReceivedPayment:
    return ReceivedPayment(
        date(2026, 11, 24), "Card", "txn_3MrVHGJDf7K2", amount, refunded, amount if counted is None else counted
    )


def receipt(*lines: Line, **more: Any) -> Receipt:
    lines = lines or (session(),)
    total = sum(line.total for line in lines)
    values: dict[str, Any] = {
        "clinic": CLINIC,
        "number": "1042",
        "currency": "AUD",
        "received_on": date(2026, 11, 24),
        "method": "Card",
        "reference": "txn_3MrVHGJDf7K2",
        "patient": PATIENT,
        "amount": total,
        "refunded": 0,
        "counted": total,
        "lines": lines,
        "paid_otherwise": 0,
        "deducted": 0,
        "amount_owing": 0,
    }
    return Receipt(**values | more)


def credit_note(*lines: Line, **more: Any) -> CreditNote:
    values: dict[str, Any] = {
        "clinic": CLINIC,
        "number": "CN-2026-003",
        "currency": "AUD",
        "issued_on": date(2026, 11, 25),
        "invoice_number": "INV-2026-014",
        "invoice_issued_on": date(2026, 11, 23),
        "invoice_total": 55000,
        "patient": PATIENT,
        "reason": "The report was shorter than agreed",
        "lines": lines or (report(11000),),
    }
    return CreditNote(**values | more)


def pages(made: bytes) -> list[str]:
    """The text of each page, in reading order; lines that were broken to fit are joined."""
    document = pdfium.PdfDocument(made)
    return [" ".join(page.get_textpage().get_text_range().replace("\u200b", "").split()) for page in document]


def text(made: bytes) -> str:
    return " ".join(pages(made))


def letters(made: bytes) -> str:
    """All text without any white space: what was broken over lines is whole again."""
    return text(made).replace(" ", "")
