"""What a document is made from. Amounts are minor units of the document's currency, days and times are of the clinic's
calendar, "" is unknown. Text is what people wrote: it is printed as it is and never read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Standing(StrEnum):
    """How an invoice stands, as it is stamped."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    REFUNDED = "refunded"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Clinic:
    """The one who issues. `provider_number` (Medicare's) and `ahpra_number` are the practice's own, for where the
    practitioners have none here; `address` may have several lines."""

    name: str
    address: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    abn: str = ""
    provider_number: str = ""
    ahpra_number: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The one who was treated and who is billed. `number` is the clinic's."""

    number: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Practitioner:
    name: str
    provider_number: str = ""
    ahpra_number: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A service. `total` is `quantity` times `unit_price` and includes `gst`; a line that is not `taxable` is GST-free.
    `item_number` is the MBS item."""

    description: str
    quantity: int
    unit_price: int
    total: int
    gst: int = 0
    taxable: bool = False
    service_date: date | None = None
    service_time: time | None = None
    minutes: int | None = None
    item_number: str = ""
    practitioner: Practitioner | None = None


@dataclass(frozen=True, slots=True)
class ReceivedPayment:
    """`counted` of `amount` counts towards the invoice; `refunded` went back. `reference` is the provider's: a receipt
    or confirmation number."""

    received_on: date
    method: str
    reference: str
    amount: int
    refunded: int
    counted: int


@dataclass(frozen=True, slots=True)
class Deduction:
    """What was taken off without money: a credit note, a write-off."""

    label: str
    amount: int


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where to transfer to. `reference` is the one that the payment is recognised by."""

    account_name: str
    bsb: str
    account_number: str
    reference: str
    payid: str = ""
    bpay_biller_code: str = ""
    bpay_reference: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """`amount_due` is the sum of `lines` less `paid` (what `payments` count) and `deductions`, and never below zero; it
    is zero on a void one."""

    clinic: Clinic
    number: str
    currency: str
    issued_on: date
    due_on: date
    standing: Standing
    patient: Patient
    lines: Sequence[Line]
    paid: int
    amount_due: int
    description: str = ""
    payments: Sequence[ReceivedPayment] = ()
    deductions: Sequence[Deduction] = ()
    pay_to: BankAccount | None = None


@dataclass(frozen=True, slots=True)
class CreditNote:
    """Each line's `total` is what is taken back of it; `invoice_total` is what the invoice asked for."""

    clinic: Clinic
    number: str
    currency: str
    issued_on: date
    invoice_number: str
    invoice_issued_on: date
    invoice_total: int
    patient: Patient
    reason: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Receipt:
    """For one payment. `lines` are all that it is for; their sum is `counted` (what of this payment counts towards it),
    `paid_otherwise`, `deducted` (what needs no payment) and `amount_owing` together. `assigned`: Medicare paid it as a
    bulk bill, so nobody can claim it again."""

    clinic: Clinic
    number: str
    currency: str
    received_on: date
    method: str
    reference: str
    patient: Patient
    amount: int
    refunded: int
    counted: int
    lines: Sequence[Line]
    paid_otherwise: int
    deducted: int
    amount_owing: int
    invoice_number: str = ""
    assigned: bool = False
