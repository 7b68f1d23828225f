"""Documents on paper: an invoice, a credit note or a receipt as a frozen value becomes a PDF. Pure: it reads no
database, asks nobody and looks at no clock, so that the same value gives the same bytes.
"""

from tp_gateway.documents.press import Press
from tp_gateway.documents.values import (
    BankAccount,
    Clinic,
    CreditNote,
    Deduction,
    Invoice,
    Line,
    Patient,
    Practitioner,
    Receipt,
    ReceivedPayment,
    Standing,
)

__all__ = [
    "BankAccount",
    "Clinic",
    "CreditNote",
    "Deduction",
    "Invoice",
    "Line",
    "Patient",
    "Practitioner",
    "Press",
    "Receipt",
    "ReceivedPayment",
    "Standing",
]
