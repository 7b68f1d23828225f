"""An invoice in full, as a frozen value: all that a document about it, or a person who asks, needs. Amounts are minor
units of the invoice's currency, days are of the clinic's calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tp_gateway.services.facts import InvoiceFacts


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """`total` is `quantity` times `unit_price` and includes `gst`, which is 0 for a `gst_free` line. `gst_rate` is a
    part of 1, as it was when the invoice was made. `credited` of the total was taken back by credit notes."""

    id: int
    position: int
    description: str
    quantity: int
    unit_price: int
    total: int
    gst_treatment: str
    gst_rate: Decimal
    gst: int
    credited: int
    service_date: date | None
    item_number: str | None
    practitioner_id: int | None
    practitioner_name: str | None


@dataclass(frozen=True, slots=True)
class ReceivedPayment:
    """A payment that has brought money: `amount` in all, of which `refunded` went back, and `counted` is what it counts
    towards this invoice now. `from_credit`: it was over-paid for something else, and its credit has paid here."""

    payment_id: int
    method: str
    provider: str
    amount: int
    refunded: int
    counted: int
    from_credit: bool
    received_on: date
    transaction_id: str | None


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """`amount` of a line was taken back, `gst` is what it includes of it."""

    position: int
    description: str
    amount: int
    gst: int


@dataclass(frozen=True, slots=True)
class CreditNote:
    """`amount` includes `gst`."""

    id: int
    number: str
    amount: int
    gst: int
    reason: str
    issued_on: date
    created_at: datetime
    lines: Sequence[CreditedLine]


@dataclass(frozen=True, slots=True)
class InvoiceDetail:
    """`facts.amount_paid` is everything that was taken off what is due: `money_paid` (payments less refunds, and credit
    that was used), `credited` by credit notes, `written_off` by staff, and `given_up` (the rest of a bulk bill, refunds
    after which nothing became due again). `status` is the public one, which knows `overdue`.

    `gst` is what `facts.amount` includes of it, `gst_credited` what credit notes have taken back of that. It is a tax
    invoice if any line is taxable."""

    facts: InvoiceFacts
    status: str
    issued_on: date
    patient_name: str | None
    lines: Sequence[InvoiceLine]
    payments: Sequence[ReceivedPayment]
    credit_notes: Sequence[CreditNote]
    money_paid: int
    credited: int
    written_off: int
    given_up: int
    appointment_starts_at: datetime | None = None
    appointment_minutes: int | None = None

    @property
    def gst(self) -> int:
        return sum(line.gst for line in self.lines)

    @property
    def gst_credited(self) -> int:
        return sum(note.gst for note in self.credit_notes)

    @property
    def is_tax_invoice(self) -> bool:
        return any(line.gst_treatment == "taxable" for line in self.lines)
